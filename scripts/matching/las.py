"""How near each candidate LA is to a pilot, and which of them become its comparators (study-design section 4.1).

What enters: a profile of every LA before the pilot's embedding (level and trend of the outcome, LA covariates). What
leaves: every candidate with its distance, and the chosen ones: the nearest, or the first of a published list. Method:
Mahalanobis distance with calipers (Rubin 1980; Rosenbaum and Rubin 1985); the covariance is that of the pilot and its
candidates, inverted by pseudo-inverse because LAs are few and profiles collinear.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

# Distances closer than this are ties, decided by LA code, so that rounding cannot choose a comparator.
TIE_DECIMALS = 9
MAHALANOBIS, EUCLIDEAN, NEIGHBOURS = "mahalanobis", "euclidean", "neighbours"
OUTCOME_PROFILE = ("outcome_level", "outcome_trend")
CANDIDATES = {
    "la_code": pl.String,
    "distance": pl.Float64,
    "distance_kind": pl.String,
    "rank": pl.Int64,
    "within": pl.Boolean,
}


@dataclass(frozen=True)
class LaMatching:
    """How comparators are computed.

    Parameters
    ----------
    n_comparators : how many a pilot is to get.
    method : mahalanobis or neighbours.
    profile : variables of the distance.
    caliper : largest distance of a candidate; None: any.
    variable_calipers : (variable, largest difference from the pilot in standard deviations).
    min_known_share : a variable known for a smaller share of the LAs leaves the distance.
    min_las_per_variable : with no more LAs than this for each variable the distance is Euclidean.
    """

    n_comparators: int
    method: str
    profile: tuple[str, ...]
    caliper: float | None
    variable_calipers: tuple[tuple[str, float], ...]
    min_known_share: float
    min_las_per_variable: int


def la_matching(settings: dict[str, Any]) -> LaMatching:
    """The settings' `matching.las` block."""
    block = settings["matching"]["las"]
    return LaMatching(
        block["n_comparators"],
        block["method"],
        tuple(block["profile"]),
        block["caliper"],
        tuple(sorted(block["variable_calipers"].items())),
        block["min_known_share"],
        block["min_las_per_variable"],
    )


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
    return pl.DataFrame(rows, schema={"la_code": pl.String} | dict.fromkeys(OUTCOME_PROFILE, pl.Float64))


def candidates(profiles: pl.DataFrame, pilot: str, pilots: list[str], matching: LaMatching) -> pl.DataFrame:
    """Every LA with a profile that is no pilot, nearest first.

    Parameters
    ----------
    profiles : one row per LA: la_code and the profile columns (missing ones are taken as unknown for every LA).
    pilot, pilots : the pilot's code, and the codes of all pilots, which are never comparators.

    Returns
    -------
    la_code, distance from the pilot, distance_kind (mahalanobis or euclidean), rank (1 is nearest; ties by LA code),
    within (all calipers); sorted by rank. If no distance can be had, because the pilot has no profile or no profile
    variable is known, distance, kind and rank are null and none is within; then sorted by la_code.
    """
    used = profiles.filter((pl.col("la_code") == pilot) | ~pl.col("la_code").is_in(pilots)).sort("la_code")
    codes = used["la_code"].to_list()
    values = _filled(used, matching)
    if pilot not in codes or not values.shape[1]:
        others = pl.DataFrame({"la_code": [code for code in codes if code != pilot]}, schema={"la_code": pl.String})
        unknown = (pl.lit(None, CANDIDATES[name]).alias(name) for name in ("distance", "distance_kind", "rank"))
        return others.with_columns(*unknown, within=pl.lit(False)).select(*CANDIDATES)
    centre = codes.index(pilot)
    distance, kind = _distances(values, centre, matching.min_las_per_variable)
    distance = np.round(distance, TIE_DECIMALS)
    found = pl.DataFrame({"la_code": codes, "distance": distance, "within": _within(used, centre, distance, matching)})
    nearest = found.filter(pl.col("la_code") != pilot).sort("distance", "la_code")
    ranked = nearest.with_columns(pl.lit(kind).alias("distance_kind"), pl.int_range(1, pl.len() + 1).alias("rank"))
    return ranked.select(pl.col(name).cast(dtype) for name, dtype in CANDIDATES.items())


def chosen(found: pl.DataFrame, neighbours: pl.DataFrame | None, n_comparators: int) -> pl.DataFrame:
    """The comparators among the candidates within the calipers, in the order of choice.

    Parameters
    ----------
    found : as `candidates` returns them.
    neighbours : la_code, neighbour_rank of the pilot's published neighbours, which then decide; None: the distance.

    Returns
    -------
    The columns of `found` and neighbour_rank: at most `n_comparators` rows, fewer if there are fewer.
    """
    within = found.filter("within")
    if neighbours is None:
        return within.with_columns(pl.lit(None, pl.Int64).alias("neighbour_rank")).head(n_comparators)
    return within.join(neighbours, on="la_code").sort("neighbour_rank").head(n_comparators)


def _within(used: pl.DataFrame, centre: int, distance: np.ndarray, matching: LaMatching) -> np.ndarray:
    """Whether each LA is within every caliper of row `centre`, shape (n,); one whose value is unknown is not."""
    inside = np.ones(used.height, dtype=bool) if matching.caliper is None else distance <= matching.caliper
    for name, limit in matching.variable_calipers:
        values = _values(used, (name,))
        known = values[~np.isnan(values)]
        spread = known.std(ddof=1) if len(known) > 1 else 0.0
        gap = np.abs(values - values[centre])[:, 0] if values.shape[1] else np.full(used.height, np.nan)
        # Without spread all known values are equal, and so within any caliper.
        inside &= np.round(gap / spread if spread > 0 else gap, TIE_DECIMALS) <= limit
    return inside


def _values(profiles: pl.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """Profile values, NaN where unknown, shape (LAs, variables that the profiles have)."""
    present = [name for name in names if name in profiles.columns]
    return profiles.select(pl.col(present).cast(pl.Float64)).to_numpy().reshape(profiles.height, len(present))


def _filled(profiles: pl.DataFrame, matching: LaMatching) -> np.ndarray:
    """Profile values (LAs, variables): variables mostly unknown leave, other gaps take the mean of the known LAs."""
    values = _values(profiles, matching.profile)
    known = ~np.isnan(values)
    kept = (known.sum(axis=0) >= max(matching.min_known_share * profiles.height, 1)) & bool(profiles.height)
    values, known = values[:, kept], known[:, kept]
    means = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return np.where(known, values, means)


def _distances(values: np.ndarray, centre: int, min_las_per_variable: int) -> tuple[np.ndarray, str]:
    """Distance of every row from row `centre`, shape (n,), and its kind."""
    # A single row has no spread, and no row to be far from.
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
    # Scaling first keeps the pseudo-inverse's cut-off from depending on the units of the variables.
    scaled = values[:, spread > 0] / spread[spread > 0]
    if not scaled.shape[1]:
        return np.zeros(len(values)), MAHALANOBIS
    gaps = scaled - scaled[centre]
    if len(scaled) <= min_las_per_variable * scaled.shape[1]:
        # With as many variables as LAs every LA is equally far from every other; unit variances still tell them apart.
        return np.sqrt((gaps**2).sum(axis=1)), EUCLIDEAN
    inverse = np.linalg.pinv(np.atleast_2d(np.cov(scaled, rowvar=False)), rcond=1e-10, hermitian=True)
    return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", gaps, inverse, gaps), 0.0)), MAHALANOBIS
