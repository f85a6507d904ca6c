"""Balance of pilots and other LAs, before and after comparators are chosen.

What enters: the matched groups and the profiles they were chosen from. What leaves: a row per variable with the means
of pilots, of all candidates (before) and of the chosen comparators (after), and Hedges' g of both differences with the
category of the What Works Clearinghouse (WWC). Method, from the WWC's handbook: g = (1 - 3 / (4 N - 9)) x difference /
pooled sd, N = units of both sides, each difference by its own pooled sd. Only known values count; no gap is filled.
Units: pilots by their own profile; a candidate once, by the mean of its profiles before the date of each group; a
comparator once in each group it serves, before that group's date.
"""

from typing import Any

import numpy as np
import polars as pl

FINE, ADJUST, FAILS = "fine", "adjust", "fails"
COLUMNS = (
    {"variable": pl.String, "in_profile": pl.Int64}
    | dict.fromkeys(("mean_pilots", "mean_candidates", "mean_matched_pilots", "mean_comparators"), pl.Float64)
    | {"g_before": pl.Float64, "category_before": pl.String, "g_after": pl.Float64, "category_after": pl.String}
    | dict.fromkeys(("n_pilots", "n_candidates", "n_matched_pilots", "n_comparators", "n_comparator_las"), pl.Int64)
)


def la_balance(
    groups: pl.DataFrame,
    profiles: dict[str, pl.DataFrame],
    all_pilots: list[str],
    variables: tuple[str, ...],
    in_profile: tuple[str, ...],
    thresholds: tuple[float, float],
) -> pl.DataFrame:
    """Results table `la_balance` but its outcome.

    Parameters
    ----------
    groups : group, la_code, role (pilot or comparator).
    profiles : pilot -> a row per LA: la_code and the variables (absent ones are unknown).
    all_pilots : LA codes that are no candidates.
    variables, in_profile : the variables to show, and those that the distance is made of.
    thresholds : |g| up to the first is fine, up to the second needs adjustment, beyond it fails.
    """
    stacked = _stacked(profiles, variables)
    members = groups.select("group", "la_code", "role").join(stacked, on=["group", "la_code"], how="left")
    pilots, comparators = members.filter(role="pilot"), members.filter(role="comparator")
    matched = pilots.filter(pl.col("group").is_in(comparators["group"].unique().to_list()))
    others = stacked.filter(~pl.col("la_code").is_in(all_pilots)).sort("la_code", "group")
    once = others.group_by("la_code", maintain_order=True).agg(pl.col(variables).mean())
    rows = []
    for name in variables:
        sides = {
            "pilots": _known(pilots, name),
            "candidates": _known(once, name),
            "matched_pilots": _known(matched, name),
            "comparators": _known(comparators, name),
        }
        before = hedges_g(sides["pilots"], sides["candidates"])
        after = hedges_g(sides["matched_pilots"], sides["comparators"])
        rows.append(
            {"variable": name, "in_profile": int(name in in_profile)}
            | {f"mean_{side}": float(values.mean()) if len(values) else None for side, values in sides.items()}
            | {f"n_{side}": len(values) for side, values in sides.items()}
            | {"n_comparator_las": comparators.drop_nulls(name)["la_code"].n_unique()}
            | {"g_before": before, "category_before": wwc_category(before, thresholds)}
            | {"g_after": after, "category_after": wwc_category(after, thresholds)}
        )
    return pl.DataFrame(rows, schema=COLUMNS)


def hedges_g(first: np.ndarray, second: np.ndarray) -> float | None:
    """Hedges' g of first minus second; None if a side is empty, units are fewer than three, or nothing varies."""
    n_first, n_second = len(first), len(second)
    if not n_first or not n_second or n_first + n_second < 3:
        return None
    difference = float(first.mean() - second.mean())
    squares = ((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum()
    pooled = float(np.sqrt(squares / (n_first + n_second - 2)))
    if pooled == 0:
        return 0.0 if difference == 0 else None
    return (1 - 3 / (4 * (n_first + n_second) - 9)) * difference / pooled


def wwc_category(g: float | None, thresholds: tuple[float, float]) -> str | None:
    """The category of a standardised difference; None if there is none."""
    if g is None:
        return None
    fine, adjust = thresholds
    return FINE if abs(g) <= fine else ADJUST if abs(g) <= adjust else FAILS


def _stacked(profiles: dict[str, pl.DataFrame], variables: tuple[str, ...]) -> pl.DataFrame:
    """group, la_code and the variables: the profiles before each group's date, one below the other."""
    schema: dict[str, Any] = {"group": pl.String, "la_code": pl.String} | dict.fromkeys(variables, pl.Float64)
    frames = [
        frame.with_columns(
            pl.lit(group).alias("group"),
            *(pl.lit(None, pl.Float64).alias(name) for name in variables if name not in frame.columns),
        ).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        for group, frame in profiles.items()
    ]
    return pl.concat([pl.DataFrame(schema=schema), *frames])


def _known(frame: pl.DataFrame, name: str) -> np.ndarray:
    """The known values of a variable."""
    return frame[name].drop_nulls().to_numpy()
