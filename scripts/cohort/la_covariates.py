"""LA x financial year covariates: one CSV for all LAs, any value of which may be blank; gaps filled within an LA.

In: the CSV and the cohort's LA-years. Out: the cohort with a column per covariate. Gaps are filled from the LA's whole
series, not only from the years in which the cohort has rows: `linear` by straight lines between known years and the
nearest known value beyond them, `last` by the last known value, then the first one backwards (study-design section 3).
"""

from pathlib import Path

import numpy as np
import polars as pl

from schemas.patterns import LA_PATTERN
from scripts.errors import StudyError
from scripts.integrity.records import verified

KEY = {"la_code": pl.String, "financial_year": pl.Int32}


def read_la_covariates(path: str | None, names: list[str]) -> pl.DataFrame:
    """la_code, financial_year (the year it starts in) and the named covariates as Float64; no rows without a file.

    Raises
    ------
    StudyError : LA_COVARIATES, naming the column, if one is missing or unreadable, an LA code is not three
    digits (trap T-23), or an LA-year occurs twice.
    """
    schema = KEY | dict.fromkeys(names, pl.Float64)
    if path is None:
        return pl.DataFrame(schema=schema)
    text = pl.read_csv(verified(path), infer_schema=False)
    absent = [name for name in schema if name not in text.columns]
    if absent:
        raise _error(path, f"columns {absent}", "missing", "Add them, or take them out of covariates.la in the config")
    trimmed = text.select(pl.col(name).str.strip_chars().replace("", None) for name in schema)
    typed = trimmed.select(pl.col(name).cast(dtype, strict=False) for name, dtype in schema.items())
    for name in schema:
        if name not in KEY:
            typed = typed.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name))
        unreadable = typed[name].null_count() - (0 if name in KEY else trimmed[name].null_count())
        if unreadable:
            raise _error(
                path, f"column {name}", f"{unreadable} values are no {schema[name]}", "Correct them or leave them blank"
            )
    unfit = typed.filter(~pl.col("la_code").str.contains(LA_PATTERN)).height
    if unfit:
        remedy = "Use three-digit codes; a nine-character code can change while the LA does not"
        raise _error(path, "column la_code", f"{unfit} values are no three-digit LA codes", remedy)
    repeated = typed.height - typed.select("la_code", "financial_year").n_unique()
    if repeated:
        raise _error(
            path, "columns la_code, financial_year", f"{repeated} LA-years occur twice", "Keep one row for each"
        )
    return typed.sort("la_code", "financial_year")


def _error(path: str, place: str, problem: str, remedy: str) -> StudyError:
    return StudyError("LA_COVARIATES", f"{Path(path).name}, {place}", problem, remedy)


def join_la_covariates(
    cohort: pl.DataFrame, covariates: pl.DataFrame, fills: dict[str, str], max_missing_share: float
) -> pl.DataFrame:
    """Add LA x financial year covariates, Float64, with gaps within an LA filled; null for an LA without any value.

    Parameters
    ----------
    fills : covariate -> linear or last.
    max_missing_share : a covariate missing in more of the cohort's LA-years before filling is all null, and so leaves.
    """
    if not fills:
        return cohort
    needed = cohort.select("la_code", "financial_year").unique()
    known = pl.concat([needed, covariates.select("la_code", "financial_year")]).unique()
    panel = known.join(covariates, on=["la_code", "financial_year"], how="left").sort("la_code", "financial_year")
    missing = needed.join(covariates, on=["la_code", "financial_year"], how="left")
    filled = [
        pl.Series(name, fill_panel(panel, name, fill), nan_to_null=True)
        if needed.is_empty() or missing[name].null_count() <= max_missing_share * needed.height
        else pl.Series(name, [None] * panel.height, dtype=pl.Float64)
        for name, fill in fills.items()
    ]
    joined = panel.select("la_code", "financial_year").with_columns(filled)
    return cohort.join(joined, on=["la_code", "financial_year"], how="left", maintain_order="left")


def fill_panel(panel: pl.DataFrame, name: str, fill: str) -> np.ndarray:
    """One covariate of a panel sorted by LA and year, gaps filled within each LA; NaN where an LA has no value."""
    values = panel[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    years = panel["financial_year"].to_numpy()
    filled = values.copy()
    for rows in panel.with_row_index("row").group_by("la_code", maintain_order=True).agg("row")["row"]:
        inside = rows.to_numpy()
        known = inside[~np.isnan(values[inside])]
        if not len(known):
            continue
        if fill == "linear":
            filled[inside] = np.interp(years[inside], years[known], values[known])
        else:
            last = np.searchsorted(known, inside, side="right") - 1
            filled[inside] = values[known[np.maximum(last, 0)]]
    return filled
