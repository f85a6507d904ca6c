"""Raw means over time: what pilots and comparators recorded by financial year, before anything is dropped or matched.

In: index events of the LAs of matched groups, and the groups. Out: results table `trends`, a row per matched group (and
for all of them together), arm and year. Nothing is weighted: a record counts once, also in "all" where its LA serves
several groups. The error of a mean is that over LAs, because years of one LA move together.
"""

import numpy as np
import polars as pl

from scripts.contributions import largest_two, shares_of_largest

EVERY_GROUP = "all"
ARM_OF = {1: "pilot", 0: "comparator"}
KEYS = ["group", "treated", "financial_year"]
COLUMNS = (
    {"group": pl.String, "arm": pl.String, "financial_year": pl.Int64}
    | dict.fromkeys(("mean", "std_error"), pl.Float64)
    | dict.fromkeys(("n_rows", "n_children", "n_las", "n_children_with", "n_children_without"), pl.Int64)
    | dict.fromkeys(("share_largest", "share_two_largest"), pl.Float64)
)


def trends(events: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Means of the outcome by group, arm and year.

    Parameters
    ----------
    events : la_code, child_id, financial_year, outcome. groups : group, la_code, treated.

    Returns
    -------
    group, arm, financial_year, mean (outcome's own units), std_error (over LAs; null with one), n_rows, n_children,
    n_las; of an outcome that is 0 or 1 n_children_with and n_children_without it, of another one the shares of its sum
    that the child and the two children with most of it hold; sorted.
    """
    arms = groups.group_by("la_code").agg(pl.col("treated").max()).with_columns(group=pl.lit(EVERY_GROUP))
    members = pl.concat([groups.select("group", "la_code", "treated"), arms.select("group", "la_code", "treated")])
    known = events.select("la_code", "financial_year", "child_id", pl.col("outcome").cast(pl.Float64)).drop_nulls(
        "outcome"
    )
    binary = known["outcome"].is_in([0.0, 1.0]).all()
    by_la = members.join(_yearly(known), on="la_code").sort(*KEYS, "la_code")
    rows = [_mean(key, cell, binary) for key, cell in by_la.group_by(KEYS, maintain_order=True)]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _yearly(known: pl.DataFrame) -> pl.DataFrame:
    """Sum of outcomes, rows and distinct children of each LA and year, and its children's two largest sums."""
    cells = known.select("la_code", "financial_year").unique().sort("la_code", "financial_year").with_row_index("cell")
    # Sums in the order of the rows, so that equal input gives equal bytes on any number of cores.
    placed = known.join(cells, on=["la_code", "financial_year"], how="left", maintain_order="left")
    sums = np.bincount(placed["cell"].to_numpy(), weights=placed["outcome"].to_numpy(), minlength=cells.height)
    child, has = pl.col("child_id"), pl.col("outcome") != 0
    counts = placed.group_by("cell").agg(
        n_rows=pl.len(),
        n_children=child.n_unique(),
        n_children_with=child.filter(has).n_unique(),
        n_children_without=child.filter(~has).n_unique(),
    )
    # Whole days or 0 and 1: their sums are exact in any order.
    largest = (
        placed.group_by("cell", "child_id")
        .agg(pl.col("outcome").abs().sum())
        .group_by("cell")
        .agg(pl.col("outcome").top_k(2).alias("largest"), pl.col("outcome").sum().alias("absolute"))
    )
    known_cells = cells.with_columns(pl.Series("sum", sums)).join(counts, on="cell", how="left", maintain_order="left")
    return known_cells.join(largest, on="cell", how="left", maintain_order="left")


def _mean(key: tuple[str, int, int], las: pl.DataFrame, binary: bool) -> tuple:
    """A row of the table from the LAs of one group, arm and year."""
    group, treated, year = key
    sums, n = las["sum"].to_numpy(), las["n_rows"].to_numpy()
    error = float((sums / n).std(ddof=1) / np.sqrt(len(n))) if len(n) > 1 else None
    largest = largest_two(las["largest"].explode().to_numpy())
    return (
        group,
        ARM_OF[treated],
        year,
        float(sums.sum() / n.sum()),
        error,
        int(n.sum()),
        las["n_children"].sum(),
        len(n),
        *((las[name].sum() if binary else None) for name in ("n_children_with", "n_children_without")),
        *((None, None) if binary else shares_of_largest(largest, las["absolute"].sum())),
    )
