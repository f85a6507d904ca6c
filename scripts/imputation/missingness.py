"""What is missing, by arm and period, before anything is imputed.

What enters: the cohort. What leaves: one row per covariate x treated x post with the rows and distinct children that
miss it. For a categorical covariate the level "Missing" counts, for the others a null.
"""

import polars as pl

from scripts.codes import MISSING

CHILD = pl.struct("la_code", "child_id")


def missingness_table(cohort: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """covariate, treated, post, n_rows, n_rows_missing, share_missing, n_children, n_children_missing; sorted."""
    tables = [_missing(cohort, name) for name in names]
    return pl.concat(tables) if tables else _missing(cohort.head(0).with_columns(none=pl.lit(None)), "none")


def _missing(cohort: pl.DataFrame, name: str) -> pl.DataFrame:
    """The table's rows for one covariate."""
    gap = pl.col(name).is_null()
    if cohort.schema[name] == pl.String:
        gap = gap | (pl.col(name) == MISSING)
    counts = cohort.group_by("treated", "post").agg(
        n_rows=pl.len(),
        n_rows_missing=gap.sum(),
        n_children=CHILD.n_unique(),
        n_children_missing=CHILD.filter(gap).n_unique(),
    )
    return counts.sort("treated", "post").select(
        pl.lit(name).alias("covariate"),
        "treated",
        "post",
        "n_rows",
        "n_rows_missing",
        (pl.col("n_rows_missing") / pl.col("n_rows")).alias("share_missing"),
        "n_children",
        "n_children_missing",
    )
