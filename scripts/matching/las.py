"""Computed comparator LAs for a pilot without an explicit list (study-design section 4.1).

What enters: a profile of every LA before the pilot's embedding (level and trend of the outcome, LA covariates). What
leaves: the nearest LAs that are no pilots, by Mahalanobis distance. Method: Rubin (1980); the covariance is that of the
pilot and its candidates, inverted by pseudo-inverse because LAs are few and profiles collinear.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

# Distances closer than this are ties, decided by LA code, so that rounding cannot choose a comparator.
TIE_DECIMALS = 9
# With fewer LAs than this for each variable a covariance matrix is not estimated but imagined.
LAS_PER_VARIABLE = 2
# A profile variable known for fewer LAs than this share says more about who reports than about who resembles whom.
MIN_KNOWN_SHARE = 0.5


@dataclass(frozen=True)
class LaMatching:
    """How many comparators a pilot gets, and the profile variables of the distance."""

    n_comparators: int
    profile: tuple[str, ...]


def la_matching(settings: dict[str, Any]) -> LaMatching:
    """The settings' `matching.las` block."""
    return LaMatching(settings["matching"]["las"]["n_comparators"], tuple(settings["matching"]["las"]["profile"]))


def outcome_profile(summary: pl.DataFrame, before_year: int) -> pl.DataFrame:
    """Level and trend of the outcome in each LA over the financial years before `before_year`.

    Parameters
    ----------
    summary : la_code, financial_year, n (index events), mean (of the outcome).
    before_year : the financial year in which embedding starts; it and later years are left out.

    Returns
    -------
    la_code, outcome_level (mean weighted by n), outcome_trend (slope per year of the least-squares line weighted by n;
    null with fewer than two years), sorted by la_code.
    """
    past = summary.filter((pl.col("financial_year") < before_year) & (pl.col("n") > 0)).drop_nulls("mean")
    rows = []
    for (la_code,), years in past.sort("la_code", "financial_year").group_by("la_code", maintain_order=True):
        n, year, mean = (years[name].cast(pl.Float64).to_numpy() for name in ("n", "financial_year", "mean"))
        level, centred = np.average(mean, weights=n), year - np.average(year, weights=n)
        spread = (n * centred**2).sum()
        trend = float((n * centred * mean).sum() / spread) if spread > 0 else None
        rows.append({"la_code": la_code, "outcome_level": float(level), "outcome_trend": trend})
    return pl.DataFrame(rows, schema={"la_code": pl.String, "outcome_level": pl.Float64, "outcome_trend": pl.Float64})


def computed_comparators(profiles: pl.DataFrame, pilot: str, pilots: list[str], matching: LaMatching) -> pl.DataFrame:
    """The pilot's nearest LAs.

    Parameters
    ----------
    profiles : one row per LA: la_code and the profile columns (missing ones are taken as unknown for every LA).
    pilot, pilots : the pilot's code, and the codes of all pilots, which are never comparators.

    Returns
    -------
    la_code, distance, rank (1 is nearest): at most `n_comparators` rows, fewer if there are fewer candidates, none if
    the pilot has no profile.
    """
    used = profiles.filter((pl.col("la_code") == pilot) | ~pl.col("la_code").is_in(pilots)).sort("la_code")
    codes = used["la_code"].to_list()
    if pilot not in codes or len(codes) < 2:
        return pl.DataFrame(schema={"la_code": pl.String, "distance": pl.Float64, "rank": pl.Int64})
    distance = _mahalanobis(_filled(used, matching.profile), codes.index(pilot))
    nearest = (
        pl.DataFrame({"la_code": codes, "distance": np.round(distance, TIE_DECIMALS)})
        .filter(pl.col("la_code") != pilot)
        .sort("distance", "la_code")
        .head(matching.n_comparators)
    )
    return nearest.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


def _filled(profiles: pl.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """Profile values (LAs, variables): variables mostly unknown leave, other gaps take the mean of the known LAs."""
    present = [name for name in names if name in profiles.columns]
    values = profiles.select(pl.col(present).cast(pl.Float64)).to_numpy().reshape(profiles.height, len(present))
    known = ~np.isnan(values)
    kept = known.mean(axis=0) >= MIN_KNOWN_SHARE
    values, known = values[:, kept], known[:, kept]
    means = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return np.where(known, values, means)


def _mahalanobis(values: np.ndarray, centre: int) -> np.ndarray:
    """Mahalanobis distance of every row from row `centre`, shape (n,); Euclidean in units of spread if rows are few."""
    spread = values.std(axis=0, ddof=1)
    # Scaling first keeps the pseudo-inverse's cut-off from depending on the units of the variables.
    scaled = values[:, spread > 0] / spread[spread > 0]
    if not scaled.shape[1]:
        return np.zeros(len(values))
    gaps = scaled - scaled[centre]
    if len(scaled) <= LAS_PER_VARIABLE * scaled.shape[1]:
        # With as many variables as LAs every LA is equally far from every other; unit variances still tell them apart.
        return np.sqrt((gaps**2).sum(axis=1))
    inverse = np.linalg.pinv(np.atleast_2d(np.cov(scaled, rowvar=False)), rcond=1e-10, hermitian=True)
    return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", gaps, inverse, gaps), 0.0))
