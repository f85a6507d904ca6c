"""The SSDA903 return: its modules from CSV or XML under one set of names; episodes with their child's attributes.

The start of the period of care is not part of the return (the pupil database derives it), so it stays null here and
cleaning derives it.
"""

import polars as pl

from schemas import tables
from scripts.ingest import report as checks
from scripts.ingest.report import IngestReport

ATTRIBUTES = ["gender", "ethnicity", "birth_year", "birth_month"]
# Kind of CSV file -> module of the return.
MODULES = {"ssda903_header": "Header", "ssda903_episodes": "Episodes", "ssda903_uasc": "UASC"}


def as_files(modules: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Module -> rows as the CSV files have them: XML hangs episodes below their child and has no module for asylum."""
    children = modules["Header"]
    of_child = children.select("child", "CHILD")
    return {
        "Header": children.drop("child", "UASC", "DUC"),
        "Episodes": modules["Episodes"].join(of_child, on="child", how="left", maintain_order="left").drop("child"),
        "UASC": children.filter(pl.col("UASC") == "1").select("CHILD", "SEX", "DOB", "DUC"),
    }


def care_episodes(
    episodes: pl.DataFrame, children: pl.DataFrame, uasc: pl.DataFrame | None, report: IngestReport
) -> pl.DataFrame:
    """Episodes with gender, ethnicity, month of birth and asylum status of their child, rows and order of `episodes`.

    Parameters
    ----------
    children : care_children; of a child listed twice the first line counts and the others are noted as repeated.
    uasc : care_uasc; None where the return has none, and then asylum status is unknown.
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
