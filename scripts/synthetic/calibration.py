"""Generated against published figures.

In: the figures of every LA (`figures.la_figures`) and the measures of `schemas/calibration.yaml`. Out: one row per
measure with columns measure, unit, target, generated, ratio, tolerance, within (1 if |ratio - 1| <= tolerance),
source.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from scripts.synthetic.figures import Figures
from scripts.synthetic.parameters import Study, calibration, published

SCHEMA = {
    "measure": pl.String,
    "unit": pl.String,
    "target": pl.Float64,
    "generated": pl.Float64,
    "ratio": pl.Float64,
    "tolerance": pl.Float64,
    "within": pl.Int64,
    "source": pl.String,
}
Row = tuple[str, float, float]


def compare(figures: list[Figures], study: Study) -> pl.DataFrame:
    """The calibration table; measures of years the data do not reach are left out, a figure without cases is null."""
    total: Figures = {}
    for local in figures:
        for name, count in local.items():
            total[name] = total.get(name, 0.0) + count
    rows = []
    for entry in calibration()["measures"]:
        for measure, target, generated in KINDS[entry["kind"]](entry, total, figures, study):
            value = None if np.isnan(generated) else float(generated)
            ratio = None if value is None else value / target
            within = int(ratio is not None and abs(ratio - 1) <= entry["tolerance"])
            rows.append(
                (measure, entry["unit"], float(target), value, ratio, entry["tolerance"], within, entry["source"])
            )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _ratio(figures: Figures, numerator: str, denominator: str) -> float:
    """Quotient of two counts, NaN without cases."""
    below = figures.get(denominator, 0.0)
    return figures.get(numerator, 0.0) / below if below else np.nan


def _quantile(values: list[float], q: float) -> float:
    """Quantile of the finite values, NaN if there are none."""
    finite = [value for value in values if not np.isnan(value)]
    return float(np.quantile(finite, q)) if finite else np.nan


def _label(entry: dict[str, Any], year: int) -> str:
    return f"{entry['measure']}, {year}/{(year + 1) % 100:02d}"


def _ratio_rows(entry: dict[str, Any], total: Figures, figures: list[Figures], study: Study) -> Iterator[Row]:
    yield entry["measure"], entry["target"], _ratio(total, entry["numerator"], entry["denominator"])


def _by_year(entry: dict[str, Any], total: Figures, figures: list[Figures], study: Study) -> Iterator[Row]:
    for year, target in entry["targets"].items():
        if year in study.years:
            yield (
                _label(entry, year),
                target,
                _ratio(total, f"{entry['numerator']}:{year}", f"{entry['denominator']}:{year}"),
            )


def _year_shares(entry: dict[str, Any], total: Figures, figures: list[Figures], study: Study) -> Iterator[Row]:
    targets = {year: target for year, target in entry["targets"].items() if year in study.years}
    counted = sum(total.get(f"{entry['numerator']}:{year}", 0.0) for year in targets)
    for year, target in targets.items():
        share = total.get(f"{entry['numerator']}:{year}", 0.0) / counted if counted else np.nan
        yield _label(entry, year), target / sum(targets.values()), share


def _la_quantiles(entry: dict[str, Any], total: Figures, figures: list[Figures], study: Study) -> Iterator[Row]:
    values = [_ratio(local, entry["numerator"], entry["denominator"]) for local in figures]
    for q, target in entry["targets"].items():
        yield f"{entry['measure']}, percentile {100 * q:.0f}", target, _quantile(values, q)


def _days(figures: Figures, year: int) -> np.ndarray:
    """Assessments of a year by working days."""
    prefix = f"days:{year}:"
    counts = {int(name.removeprefix(prefix)): count for name, count in figures.items() if name.startswith(prefix)}
    return np.array([counts.get(day, 0.0) for day in range(max(counts, default=0) + 1)])


def _day_quantile(days: np.ndarray, q: float) -> float:
    """Quantile of a histogram of whole days."""
    return float(np.searchsorted(np.cumsum(days), q * days.sum())) if days.sum() else np.nan


def _la_medians(entry: dict[str, Any], total: Figures, figures: list[Figures], study: Study) -> Iterator[Row]:
    medians = [_day_quantile(_days(local, entry["year"]), 0.5) for local in figures]
    for q, target in entry["targets"].items():
        yield f"{entry['measure']}, percentile {100 * q:.0f}", target, _quantile(medians, q)


def _duration_quantiles(entry: dict[str, Any], total: Figures, figures: list[Figures], study: Study) -> Iterator[Row]:
    for year, targets in entry["years"].items():
        if year in study.years:
            days = _days(total, year)
            for q, target in targets.items():
                yield f"{_label(entry, year)}, percentile {100 * q:.0f}", target, _day_quantile(days, q)


def _duration_bins(entry: dict[str, Any], total: Figures, figures: list[Figures], study: Study) -> Iterator[Row]:
    days = _days(total, entry["year"])
    targets = np.array(published("durations")[entry["year"]], dtype=float)
    for (low, high), target in zip(published("duration_bins"), targets / targets.sum(), strict=True):
        share = days[low : high + 1].sum() / days.sum() if days.sum() else np.nan
        yield f"{entry['measure']} {low} to {high} days, {entry['year']}/{(entry['year'] + 1) % 100:02d}", target, share


KINDS = {
    "ratio": _ratio_rows,
    "by_year": _by_year,
    "year_share": _year_shares,
    "la_quantile": _la_quantiles,
    "la_median_quantile": _la_medians,
    "duration_quantile": _duration_quantiles,
    "duration_bins": _duration_bins,
}
