"""Raw means over time: what pilots and comparators recorded by financial year, before anything is dropped or matched.

In: index events of the LAs of matched groups, and the groups. Out: results table `trends`, a row per matched group (and
for all of them together), arm and year. Nothing is weighted: a record counts once, also in "all" where its LA serves
several groups. The error of a mean is that over LAs, because years of one LA move together.
"""

import numpy as np
import polars as pl

EVERY_GROUP = "all"
ARM_OF = {1: "pilot", 0: "comparator"}
KEYS = ["group", "treated", "financial_year"]


def trends(events: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Means of the outcome by group, arm and year.

    Parameters
    ----------
    events : la_code, child_id, financial_year, outcome. groups : group, la_code, treated.

    Returns
    -------
    group, arm, financial_year, mean (outcome's own units), std_error (over LAs; null with one), n_rows, n_children,
    n_las, sorted.
    """
    arms = groups.group_by("la_code").agg(pl.col("treated").max()).with_columns(group=pl.lit(EVERY_GROUP))
    members = pl.concat([groups.select("group", "la_code", "treated"), arms.select("group", "la_code", "treated")])
    by_la = members.join(_yearly(events), on="la_code").sort(*KEYS, "la_code")
    rows = [_mean(key, cell) for key, cell in by_la.group_by(KEYS, maintain_order=True)]
    schema = dict.fromkeys(("group", "arm"), pl.String) | {"financial_year": pl.Int64}
    numbers = dict.fromkeys(("mean", "std_error"), pl.Float64) | dict.fromkeys(
        ("n_rows", "n_children", "n_las"), pl.Int64
    )
    return pl.DataFrame(rows, schema=schema | numbers, orient="row")


def _yearly(events: pl.DataFrame) -> pl.DataFrame:
    """Sum of outcomes, rows and distinct children of each LA and year."""
    known = events.select("la_code", "financial_year", "child_id", pl.col("outcome").cast(pl.Float64)).drop_nulls(
        "outcome"
    )
    cells = known.select("la_code", "financial_year").unique().sort("la_code", "financial_year").with_row_index("cell")
    # Sums in the order of the rows, so that equal input gives equal bytes on any number of cores.
    placed = known.join(cells, on=["la_code", "financial_year"], how="left", maintain_order="left")
    sums = np.bincount(placed["cell"].to_numpy(), weights=placed["outcome"].to_numpy(), minlength=cells.height)
    counts = placed.group_by("cell").agg(n_rows=pl.len(), n_children=pl.col("child_id").n_unique())
    return cells.with_columns(pl.Series("sum", sums)).join(counts, on="cell", how="left", maintain_order="left")


def _mean(key: tuple[str, int, int], las: pl.DataFrame) -> tuple:
    """A row of the table from the LAs of one group, arm and year."""
    group, treated, year = key
    sums, n = las["sum"].to_numpy(), las["n_rows"].to_numpy()
    error = float((sums / n).std(ddof=1) / np.sqrt(len(n))) if len(n) > 1 else None
    return (
        group,
        ARM_OF[treated],
        year,
        float(sums.sum() / n.sum()),
        error,
        int(n.sum()),
        las["n_children"].sum(),
        len(n),
    )
