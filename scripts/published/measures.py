"""Outcomes out of published figures, per LA and year, with what is lost and why.

In: the files of a release (scripts/published/ees.py) and the declared outcomes. Out: a row per outcome, LA and
financial year: the value, or what the symbol in place of one of its figures means. LAs are known by their three-digit
code, the only one that is read (trap T-23).
"""

from typing import Any

import polars as pl

from scripts.published.ees import comparable, find_table, layout, load_release, read_table

NO_ROW, NOTHING = "no row", "nothing to divide by"
KEYS = ["la_code", "census_year"]
VALUES = dict.fromkeys(("outcome", "la_code"), pl.String) | {"financial_year": pl.Int64}
VALUES |= dict.fromkeys(("numerator", "denominator", "value"), pl.Float64) | {"flag": pl.String}


def tables_of(outcomes: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Table of a release -> the figures in it that the outcomes need."""
    wanted = {figure for entry in outcomes.values() for part in ("add", "less", "over") for figure in entry[part]}
    described = layout()["tables"].items()
    found = {table: [name for name in entry["figures"] if name in wanted] for table, entry in described}
    return {table: names for table, names in found.items() if names}


def files_of(folder: str, outcomes: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Table -> its file in the folder of a release.

    Raises
    ------
    StudyError : FILE, if a table has no file or several.
    """
    return {table: str(find_table(folder, table)) for table in tables_of(outcomes)}


def read_figures(files: dict[str, str], outcomes: dict[str, dict[str, Any]], release: str) -> pl.DataFrame:
    """The figures that the outcomes need, from the tables' files: la_code, census_year, figure, value, flag."""
    told = load_release(release)
    read = [
        comparable(read_table(files[table], table, told, figures=names), table)
        for table, names in tables_of(outcomes).items()
    ]
    return pl.concat(read).select(*KEYS, "figure", "value", "flag")


def outcome_values(figures: pl.DataFrame, outcomes: dict[str, dict[str, Any]], years: range) -> pl.DataFrame:
    """Every outcome of every LA and year: columns VALUES, sorted; `flag` says why there is no value."""
    las = figures["la_code"].unique().sort()
    grid = pl.DataFrame({"la_code": las}).join(pl.DataFrame({"census_year": list(years)}), how="cross")
    grid = grid.with_columns(pl.col("census_year").cast(pl.Int32))
    return pl.concat([_outcome(key, entry, figures, grid) for key, entry in outcomes.items()])


def _outcome(key: str, entry: dict[str, Any], figures: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """One outcome over the grid of LAs and years."""
    needed = list(dict.fromkeys((*entry["add"], *entry["less"], *entry["over"])))
    rows, flags = grid, []
    for name in needed:
        own = figures.filter(pl.col("figure") == name).select(
            *KEYS, pl.col("value").alias(name), pl.col("flag").fill_null("").alias(f"{name}_flag")
        )
        rows = rows.join(own, on=KEYS, how="left", maintain_order="left")
        told = pl.col(f"{name}_flag").fill_null(NO_ROW)
        flags.append(pl.when(pl.col(name).is_null()).then(pl.format("{}: {}", pl.lit(name), told)))
    top = pl.sum_horizontal(*(pl.col(name) for name in entry["add"]), *(-pl.col(name) for name in entry["less"]))
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in needed)
    below = pl.sum_horizontal(entry["over"]) if entry["over"] else pl.lit(1.0)
    return rows.select(
        pl.lit(key).alias("outcome"),
        "la_code",
        pl.col("census_year").cast(pl.Int64).alias("financial_year"),
        pl.when(known).then(top).cast(pl.Float64).alias("numerator"),
        pl.when(known).then(below).cast(pl.Float64).alias("denominator"),
        pl.when(known & (below > 0)).then(entry["times"] * top / below).cast(pl.Float64).alias("value"),
        pl.when(~known)
        .then(pl.concat_str(flags, separator="; ", ignore_nulls=True))
        .when(~(below > 0))
        .then(pl.lit(NOTHING))
        .alias("flag"),
    )


def breaks(values: pl.DataFrame, jumps: dict[str, float]) -> pl.DataFrame:
    """Changes from one year to the next, flagged where they are at least the outcome's jump: `recording_breaks`."""
    before = values.select("outcome", "la_code", pl.col("financial_year") + 1, previous="value")
    pairs = values.join(before, on=["outcome", "la_code", "financial_year"], maintain_order="left")
    change = pl.col("value") - pl.col("previous")
    jump = pl.col("outcome").replace_strict(jumps, return_dtype=pl.Float64)
    return pairs.drop_nulls(["value", "previous"]).select(
        "la_code",
        pl.col("financial_year").alias("census_year"),
        pl.col("outcome").alias("measure"),
        pl.lit(None, pl.Int64).alias("n_previous"),
        pl.lit(None, pl.Int64).alias("n_current"),
        "previous",
        pl.col("value").alias("current"),
        change.alias("change"),
        (change.abs() >= jump).cast(pl.Int64).alias("flagged"),
    )
