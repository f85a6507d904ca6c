"""SSDA903 CSV: the children's attributes of the header file joined to their episodes.

In: typed frames of episodes.csv, header.csv and uasc.csv. Out: the canonical care_episodes. The start of the period
of care is not part of the return (the pupil database derives it), so it stays null here and cleaning derives it.
"""

import polars as pl

from schemas import tables
from scripts.ingest import report as checks
from scripts.ingest.report import IngestReport

ATTRIBUTES = ["gender", "ethnicity", "birth_year", "birth_month"]


def care_episodes(
    episodes: pl.DataFrame, children: pl.DataFrame, uasc: pl.DataFrame | None, report: IngestReport
) -> pl.DataFrame:
    """Episodes with gender, ethnicity, month of birth and asylum status of their child, rows and order of `episodes`.

    Parameters
    ----------
    children : care_children; of a child listed twice the first line counts and the others are noted as repeated.
    uasc : care_uasc; None where the file is absent, and then asylum status is unknown.
    """
    repeated = ~pl.col("child_id").is_first_distinct()
    report.add_by_year(children, repeated, "care_children", "ssda903_header", checks.REPEATED)
    attributes = children.filter(~repeated).select(
        "child_id",
        "gender",
        "ethnicity",
        pl.col("birth_date").dt.year().cast(pl.Int32).alias("birth_year"),
        pl.col("birth_date").dt.month().cast(pl.Int32).alias("birth_month"),
    )
    if uasc is None:
        asylum = pl.lit(None, pl.Int8)
    else:
        asylum = pl.col("child_id").is_in(uasc["child_id"].unique().implode()).cast(pl.Int8)
    return (
        episodes.drop(ATTRIBUTES)
        .join(attributes, on="child_id", how="left", maintain_order="left")
        .with_columns(asylum.alias("uasc"))
        .select(list(tables.columns("care_episodes")))
    )
