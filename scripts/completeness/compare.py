"""The completeness gate: what the extracts hold beside what was published, and where recording breaks.

In: yearly profiles (scripts/completeness/profile.py) and, where there are any, published counts per source LA
(scripts/published/ees.py). Out: per analysis LA, year and measure whether the count is near the published one; and per
LA and pair of years whether the share of no further action or the length of assessments jumped (data-formats traps
T-11 and T-25).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from scripts.dates import financial_year_of

COMPARED = {"referrals": "n_referrals", "assessments": "n_assessments"}
BREAKS = {"nfa_share": "n_classified", "median_duration": "n_assessments"}
LA_YEAR = ["la_code", "census_year"]
REFUSED = ("short", "over", "failed return")
PUBLISHED = {
    "la_code": pl.String,
    "census_year": pl.Int32,
    "measure": pl.String,
    "value": pl.Float64,
    "flag": pl.String,
}


@dataclass(frozen=True)
class Window:
    """First and last day that the data cover."""

    start: date
    end: date

    @property
    def years(self) -> range:
        """Every financial year that the data touch, by its start."""
        return range(financial_year_of(self.start), financial_year_of(self.end) + 1)

    @property
    def partial(self) -> list[int]:
        """The first and last year, where the data cover only part of it."""
        whole = {year for year in self.years if self.start <= date(year, 4, 1) and date(year + 1, 3, 31) <= self.end}
        return [year for year in self.years if year not in whole]


def sum_of_members(published: pl.DataFrame, members: dict[str, list[str]]) -> pl.DataFrame:
    """Published counts of source LAs as counts of the analysis LAs they make up.

    A member without a row in a year did not exist in it. If one has a symbol instead of a count there is no sum; the
    symbols' meanings stand in its place.

    Parameters
    ----------
    published : la_code (source), census_year, measure, value, flag; `members`: analysis LA -> source LAs.
    """
    by_year = published.join(_owners(members), on="la_code").group_by("owner", "census_year", "measure")
    summed = by_year.agg(
        pl.when(pl.col("flag").is_null().all()).then(pl.col("value").sum()).alias("value"),
        pl.col("flag").drop_nulls().unique().sort().str.join(", ").alias("flag"),
    )
    flag = pl.when(pl.col("flag") != "").then("flag").alias("flag")
    return summed.rename({"owner": "la_code"}).with_columns(flag).select(*PUBLISHED)


def _owners(members: dict[str, list[str]]) -> pl.DataFrame:
    """Source LA (la_code) and the analysis LA it belongs to (owner)."""
    pairs = [(la, member) for la, codes in members.items() for member in codes]
    return pl.DataFrame(pairs, schema={"owner": pl.String, "la_code": pl.String}, orient="row")


def compare(
    profiles: pl.DataFrame,
    published: pl.DataFrame | None,
    window: Window,
    settings: dict[str, Any],
    failed_flags: list[str],
    rounding: int = 1,
) -> pl.DataFrame:
    """Every LA, year and measure with a status.

    Parameters
    ----------
    published : counts of analysis LAs (columns PUBLISHED); None: no published figures are configured.
    settings : `members` (analysis LA -> source LAs), `tolerance` (share of the published count), `failed_returns`
        (la_code of a source LA, census_year, note).
    failed_flags : meanings of symbols that say the return failed; `rounding`: unit of the published counts.

    Returns
    -------
    la_code, census_year, measure, n_found, published, published_flag, ratio, status: complete, short, over, failed
    return, not published, partial year, outside the data, no published figures. Sorted.
    """
    found = profiles.unpivot(list(COMPARED.values()), index=LA_YEAR, variable_name="measure", value_name="n_found")
    found = found.with_columns(pl.col("measure").str.strip_prefix("n_"), pl.col("census_year").cast(pl.Int32))
    rows = _every_year(list(settings["members"]), window).join(
        found, on=[*LA_YEAR, "measure"], how="full", coalesce=True, maintain_order="left_right"
    )
    counts = pl.DataFrame(schema=PUBLISHED) if published is None else published
    failed = _failed(settings["failed_returns"], settings["members"])
    rows = rows.join(counts, on=[*LA_YEAR, "measure"], how="left").join(
        failed.with_columns(pl.lit(True).alias("known_to_fail")), on=LA_YEAR, how="left"
    )
    rows = rows.with_columns(pl.col("n_found").fill_null(0))
    slack = settings["tolerance"] * pl.col("value") + rounding / 2
    return rows.select(
        *LA_YEAR,
        "measure",
        "n_found",
        pl.col("value").alias("published"),
        pl.col("flag").alias("published_flag"),
        pl.when(pl.col("value") > 0).then(pl.col("n_found") / pl.col("value")).alias("ratio"),
        _status(window, failed_flags, slack, published is not None).alias("status"),
    ).sort(*LA_YEAR, "measure")


def _failed(returns: list[dict[str, Any]], members: dict[str, list[str]]) -> pl.DataFrame:
    """Analysis LA and year of the returns known to have failed: one member's failure is the whole LA's."""
    listed = pl.DataFrame(returns, schema={"la_code": pl.String, "census_year": pl.Int32})
    return listed.join(_owners(members), on="la_code").select(pl.col("owner").alias("la_code"), "census_year").unique()


def _status(window: Window, failed_flags: list[str], slack: pl.Expr, configured: bool) -> pl.Expr:
    """The first that applies; a return known to have failed is said to have failed whatever was found."""
    year, value, found = pl.col("census_year"), pl.col("value"), pl.col("n_found")
    failed_flag = pl.col("flag").str.split(", ").list.set_intersection(failed_flags).list.len() > 0
    return (
        pl.when(~year.is_in(list(window.years)))
        .then(pl.lit("outside the data"))
        .when(pl.col("known_to_fail") | failed_flag)
        .then(pl.lit("failed return"))
        .when(not configured)
        .then(pl.lit("no published figures"))
        .when(year.is_in(window.partial))
        .then(pl.lit("partial year"))
        .when(value.is_null())
        .then(pl.lit("not published"))
        .when(found < value - slack)
        .then(pl.lit("short"))
        .when(found > value + slack)
        .then(pl.lit("over"))
        .otherwise(pl.lit("complete"))
    )


def _every_year(las: list[str], window: Window) -> pl.DataFrame:
    """A row per LA, year the data touch, and measure, so that a year without any row is seen."""
    years = pl.DataFrame({"census_year": window.years}, schema={"census_year": pl.Int32})
    return (
        pl.DataFrame({"la_code": las}, schema={"la_code": pl.String})
        .join(years, how="cross")
        .join(pl.DataFrame({"measure": list(COMPARED)}), how="cross")
    )


def recording_breaks(profiles: pl.DataFrame, window: Window, settings: dict[str, Any]) -> pl.DataFrame:
    """Jumps of a share or a median from one year to the next, within the years the data cover.

    Parameters
    ----------
    settings : `jumps` (measure -> smallest change that is flagged), `min_rows` behind each of the two figures.

    Returns
    -------
    la_code, census_year (the later year), measure, n_previous, n_current (rows behind the figures), previous, current,
    change, flagged (1, 0; null if too few rows to judge). Sorted.
    """
    inside = profiles.filter(pl.col("census_year").is_in(list(window.years)))
    enough = pl.min_horizontal("n_previous", "n_current") >= settings["min_rows"]
    changes = []
    for measure, rows in BREAKS.items():
        series = inside.select(*LA_YEAR, pl.col(measure).cast(pl.Float64).alias("value"), pl.col(rows).alias("n"))
        jumps = yearly_changes(series, settings["jumps"][measure])
        changes.append(jumps.with_columns(pl.lit(measure).alias("measure"), pl.when(enough).then("flagged")))
    columns = ("n_previous", "n_current", "previous", "current", "change", "flagged")
    return pl.concat(changes).select(*LA_YEAR, "measure", *columns).sort(*LA_YEAR, "measure")


def yearly_changes(series: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Change of a figure from each year to the next, where both are known.

    Parameters
    ----------
    series : la_code, census_year, value, n (rows behind the value); `threshold`: in the value's unit.

    Returns
    -------
    la_code, census_year (the later), previous, current, change, n_previous, n_current, flagged (Int8: the change is at
    least the threshold in either direction).
    """
    known = series.drop_nulls("value")
    before = known.with_columns(pl.col("census_year") + 1)
    change = pl.col("current") - pl.col("previous")
    # Differences of shares carry noise in their last digits; a change of exactly the threshold counts.
    flagged = (change.abs() >= threshold) | ((change.abs() - threshold).abs() < 1e-9)
    return (
        known.join(before, on=LA_YEAR, suffix="_previous")
        .rename({"value": "current", "value_previous": "previous", "n": "n_current"})
        .with_columns(change.alias("change"), flagged.cast(pl.Int8).alias("flagged"))
        .sort(LA_YEAR)
    )
