"""LA-years as rows of the study's engine: groups of pilots and comparators, before and after, and their weights.

In: values of an outcome per LA and financial year, and the study's choices. Out: matched groups, and a row per LA-year
and group with the columns that scripts.models.cells takes from a matched cohort. An LA-year counts once however many
groups its LA serves, as a record does; there are no children and so no child covariates.
"""

from datetime import date
from typing import Any

import polars as pl

from scripts.cohort.groups import Pilot, Profiles, matched_groups
from scripts.dates import financial_year_of
from scripts.matching.las import NEIGHBOURS, LaMatching, outcome_profile
from scripts.matching.neighbours import read_neighbours

ALL = "all"


def pilots_of(settings: dict[str, Any], known: set[str], broken: set[str]) -> list[Pilot]:
    """The pilots that take part: with figures, of the waves wanted, without breaks if those are to be left out."""
    start, end = (date.fromisoformat(settings["embedding"][name]) for name in ("start", "end"))
    chosen = [each for each in settings["pilots"] if each["wave_1"] or not settings["only_wave_1"]]
    kept = [each["code"] for each in chosen if each["code"] in known]
    return [Pilot(code, start, end, None) for code in kept if not (settings["drop_breaks"] and code in broken)]


def profiles_of(values: pl.DataFrame, pilots: list[Pilot]) -> Profiles:
    """Pilot -> level and trend of the outcome in every LA, over the years that ended before embedding."""
    starts = {each.embedding_start for each in pilots}
    by_start = {start: _profiles(values.drop_nulls("value"), start) for start in starts}
    return {each.code: by_start[each.embedding_start] for each in pilots}


def _profiles(values: pl.DataFrame, start: date) -> pl.DataFrame:
    """The profiles before one date; a year is one number, so its mean is itself."""
    past = values.filter(pl.date(pl.col("financial_year") + 1, 3, 31) < start).sort("la_code", "financial_year")
    summary = past.select("la_code", "financial_year", pl.lit(1, pl.Int64).alias("n"), pl.col("value").alias("mean"))
    return outcome_profile(summary, financial_year_of(start) + 1)


def groups_of_pilots(
    pilots: list[Pilot],
    profiles: Profiles,
    settings: dict[str, Any],
    matching: LaMatching,
    neighbours_file: str | None,
    broken: set[str],
) -> pl.DataFrame:
    """Matched groups, as scripts.cohort.groups.matched_groups gives them."""
    no_comparators = [each["code"] for each in settings["pilots"]] + list(settings["excluded"])
    no_comparators += sorted(broken) if settings["drop_breaks"] else []
    if settings["comparators"] == ALL:
        candidates = sorted({la for profile in profiles.values() for la in profile["la_code"]} - set(no_comparators))
        pilots = [Pilot(each.code, each.embedding_start, each.embedding_end, tuple(candidates)) for each in pilots]
    neighbours = None
    if matching.method == NEIGHBOURS:
        lists = read_neighbours(neighbours_file)
        rows = [(each.code, la, rank) for each in pilots for rank, la in enumerate(lists.get(each.code, []), start=1)]
        schema = {"group": pl.String, "la_code": pl.String, "neighbour_rank": pl.Int64}
        neighbours = pl.DataFrame(rows, schema=schema, orient="row")
    return matched_groups(pilots, no_comparators, profiles, matching, neighbours)


def panel(values: pl.DataFrame, groups: pl.DataFrame, embedding: dict[str, str]) -> pl.DataFrame:
    """Rows of LA-years with a value, before and after embedding, in matched groups that have both arms.

    Before: the year ends before the start. After: it begins after the end. Between them lies the donut.
    """
    start, end = (date.fromisoformat(embedding[name]) for name in ("start", "end"))
    donut = range(financial_year_of(start), financial_year_of(end) + 1)
    whole = groups.filter(pl.col("role") == "comparator")["group"].unique()
    year = pl.col("financial_year")
    rows = (
        groups.filter(pl.col("group").is_in(whole.implode()))
        .select("group", "la_code", (pl.col("role") == "pilot").cast(pl.Int8).alias("treated"))
        .join(values.drop_nulls("value"), on="la_code")
        .filter(~year.is_in(list(donut)))
        .sort("group", "treated", "la_code", "financial_year", descending=[False, True, False, False])
    )
    post = year > donut[-1]
    since = pl.when(post).then(year - donut[-1] - 1).otherwise(year - donut[0])
    return rows.with_row_index("row_id").select(
        "row_id",
        "group",
        "la_code",
        pl.col("la_code").alias("child_id"),
        "treated",
        post.cast(pl.Int8).alias("post"),
        "financial_year",
        since.cast(pl.Int32).alias("years_since"),
        (1 / pl.len().over("la_code", "financial_year")).alias("weight"),
        pl.col("value").alias("outcome"),
    )
