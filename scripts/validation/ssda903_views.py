"""The views that the SSDA903 rules judge: children, asylum status, episodes, and what a return says of the year before.

In: the modules Header, Episodes and UASC as text, with column `year` (the census year, Int32); several years of one
local authority may be stacked. Out: a frame per view with dates parsed, codes stripped and upper-cased, and beside each
row what its rules compare it with. Blank is null. Postcodes, URNs and UPNs are not read.
"""

from collections.abc import Mapping

import polars as pl

from scripts.codes import tidy

COLUMNS = {
    "Header": ("CHILD", "SEX", "DOB", "ETHNIC"),
    "Episodes": ("CHILD", "DECOM", "RNE", "LS", "CIN", "PLACE", "PLACE_PROVIDER", "DEC", "REC", "REASON_PLACE_CHANGE"),
    "UASC": ("CHILD", "SEX", "DOB", "DUC"),
}
DATES = ("DOB", "DECOM", "DEC", "DUC")
GIVEN = "_given"
ADOPTED = ("E11", "E12")
SHORT_BREAK = "V3"
KEYS = ["year", "CHILD"]
# What rules read of the previous and the next episode, and of the last episode of the year before.
PREVIOUS = ("DEC", "LS", "CIN", "PLACE", "PLACE_PROVIDER", "REC", "REASON_PLACE_CHANGE")
NEXT = ("DECOM", "RNE", "PLACE")
LAST = ("DECOM", "DEC_given", "RNE", "LS", "CIN", "PLACE", "PLACE_PROVIDER")


def views(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The views by name; a module or column that the return lacks is a view or column without content.

    children, uasc : a row per row of Header and UASC. episodes : a row per episode, sorted by year, child and start.
    children_again : the children who are in the Header of the year before too (`last_...`). first_episodes : the first
    episode of each child in years whose year before is there too, beside the last episode of that year (`last_...`).
    """
    modules = {name: _module(frames.get(name), name) for name in COLUMNS}
    by_child = modules["Header"].unique(KEYS, keep="first", maintain_order=True)
    asylum = modules["UASC"].unique(KEYS, keep="first", maintain_order=True)
    episodes = _episodes(modules["Episodes"], by_child)
    return {
        "children": _with_period(modules["Header"]).with_columns(pl.struct(KEYS).is_duplicated().alias("repeated")),
        "uasc": _asylum(modules["UASC"], by_child),
        "episodes": episodes,
        "children_again": _children_again(by_child, asylum),
        "first_episodes": _first_episodes(episodes),
    }


def age(on: pl.Expr, born: pl.Expr) -> pl.Expr:
    """Completed years of age at a date by the calendar, which a birthday's rule needs to the day. Int32."""
    day_of_year = [date.dt.month().cast(pl.Int32) * 100 + date.dt.day() for date in (on, born)]
    return on.dt.year() - born.dt.year() - (day_of_year[0] < day_of_year[1]).cast(pl.Int32)


def _module(frame: pl.DataFrame | None, name: str) -> pl.DataFrame:
    """Year and the module's columns, tidied; each date also as `..._given`: something stands there, date or not."""
    columns = COLUMNS[name]
    if frame is None:
        frame = pl.DataFrame(schema={"year": pl.Int32})
    empty = [pl.lit(None, pl.String).alias(column) for column in columns if column not in frame.columns]
    text = frame.with_columns(empty).select("year", *columns).with_columns(tidy(pl.col(columns)).replace("", None))
    dates = [column for column in columns if column in DATES]
    return text.with_columns(pl.col(dates).is_not_null().name.suffix(GIVEN)).with_columns(_date(c) for c in dates)


def _date(column: str) -> pl.Expr:
    """A Date from dd/mm/yyyy or an ISO date; null for anything else, so for a year of two digits too."""
    text = pl.col(column)
    day_first = pl.when(text.str.contains(r"^\d{1,2}/\d{1,2}/\d{4}$")).then(text)
    iso = pl.when(text.str.contains(r"^\d{4}-\d{2}-\d{2}")).then(text.str.slice(0, 10))
    return pl.coalesce(
        day_first.str.to_date("%d/%m/%Y", strict=False), iso.str.to_date("%Y-%m-%d", strict=False)
    ).alias(column)


def _with_period(frame: pl.DataFrame) -> pl.DataFrame:
    """With the first and last day of the collection year."""
    year = pl.col("year")
    return frame.with_columns(
        pl.date(year, 4, 1).alias("period_start"),
        pl.date(year + 1, 3, 31).alias("period_end"),
    )


def _asylum(uasc: pl.DataFrame, children: pl.DataFrame) -> pl.DataFrame:
    """Rows of UASC beside the child's Header (`header_...`), with `in_header` and `repeated`."""
    header = children.select(*KEYS, pl.col("SEX", "DOB").name.prefix("header_"), pl.lit(True).alias("in_header"))
    return (
        _with_period(uasc)
        .join(header, on=KEYS, how="left", maintain_order="left")
        .with_columns(pl.col("in_header").fill_null(False), pl.struct(KEYS).is_duplicated().alias("repeated"))
    )


def _children_again(children: pl.DataFrame, asylum: pl.DataFrame) -> pl.DataFrame:
    """Children listed in the year before too, with `uasc` and what was recorded then (`last_...`)."""
    listed = asylum.select(*KEYS, "DUC", pl.lit(True).alias("uasc"))
    known = children.join(listed, on=KEYS, how="left").with_columns(pl.col("uasc").fill_null(False))
    before = known.select(
        pl.col("year") + 1, "CHILD", pl.col("SEX", "DOB", "ETHNIC", "uasc", "DUC").name.prefix("last_")
    )
    return _with_period(known).join(before, on=KEYS, how="inner")


def _episodes(episodes: pl.DataFrame, children: pl.DataFrame) -> pl.DataFrame:
    """Episodes in order with their child's date of birth, their neighbours, ages, and the spans that rules limit."""
    header = children.select(*KEYS, "DOB", pl.lit(True).alias("in_header"))
    ordered = (
        _with_period(episodes)
        .join(header, on=KEYS, how="left", maintain_order="left")
        .sort(*KEYS, "DECOM", nulls_last=True, maintain_order=True)
    )
    return _with_spans(_with_neighbours(ordered)).with_columns(
        pl.col("in_header").fill_null(False),
        age(pl.col("DECOM"), pl.col("DOB")).alias("age_start"),
        age(pl.col("DEC"), pl.col("DOB")).alias("age_end"),
    )


def _with_neighbours(ordered: pl.DataFrame) -> pl.DataFrame:
    """With `has_prev`, `has_next` (same year and child), `child_number`, and the neighbours' values.

    `prev_...` and `next_...` are null where there is no such neighbour, as is `prev2_PLACE`.
    """
    as_above = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in KEYS)
    flagged = ordered.with_columns(as_above.fill_null(False).alias("has_prev")).with_columns(
        pl.col("has_prev").shift(-1, fill_value=False).alias("has_next"),
        (~pl.col("has_prev")).cum_sum().alias("child_number"),
    )
    has_prev, has_next = pl.col("has_prev"), pl.col("has_next")
    return flagged.with_columns(
        *(pl.when(has_prev).then(pl.col(name).shift(1)).alias(f"prev_{name}") for name in PREVIOUS),
        *(pl.when(has_next).then(pl.col(name).shift(-1)).alias(f"next_{name}") for name in NEXT),
        pl.when(has_prev & has_prev.shift(1)).then(pl.col("PLACE").shift(2)).alias("prev2_PLACE"),
    )


def _with_spans(episodes: pl.DataFrame) -> pl.DataFrame:
    """With `end` (the end of the year while open), the spans in days that rules limit, and `adopted_from`.

    episode_days : length of the episode. status_days : length of the unbroken run of episodes under the same legal
    status. short_break_days : days of the year the child spent on individual short breaks, on the episodes that are
    part of them. adopted_from : start of the child's first episode that ended in adoption, in any of the years.
    """
    unbroken = (pl.col("LS") == pl.col("prev_LS")) & (pl.col("DECOM") == pl.col("prev_DEC"))
    in_year = pl.min_horizontal("end", "period_end") - pl.max_horizontal("DECOM", "period_start")
    on_break = pl.when(pl.col("LS") == SHORT_BREAK).then(in_year.dt.total_days())
    adoption = pl.when(pl.col("REC").is_in(ADOPTED)).then(pl.col("DECOM"))
    return (
        episodes.with_columns(
            pl.coalesce("DEC", "period_end").alias("end"), (~unbroken.fill_null(False)).cum_sum().alias("run")
        )
        .with_columns(
            (pl.col("end") - pl.col("DECOM")).dt.total_days().alias("episode_days"),
            (pl.col("end").max() - pl.col("DECOM").min()).over("run").dt.total_days().alias("status_days"),
            on_break.alias("break_days"),
            adoption.min().over("CHILD").alias("adopted_from"),
        )
        .with_columns(
            pl.when(pl.col("break_days") > 0)
            .then(pl.col("break_days").clip(0).sum().over("child_number"))
            .alias("short_break_days")
        )
        .drop("run", "break_days")
    )


def _first_episodes(episodes: pl.DataFrame) -> pl.DataFrame:
    """The first dated episode of each child and year that follows a year at hand, beside that year's last episode."""
    dated = episodes.filter(pl.col("DECOM").is_not_null(), pl.col("CHILD").is_not_null())
    last = dated.unique(KEYS, keep="last", maintain_order=True).select(
        pl.col("year") + 1,
        "CHILD",
        pl.col(*LAST).name.prefix("last_"),
        pl.lit(True).alias("in_last_year"),
    )
    return (
        dated.unique(KEYS, keep="first", maintain_order=True)
        .filter(pl.col("year").is_in(last["year"].unique().implode()))
        .join(last, on=KEYS, how="left", maintain_order="left")
        .with_columns(pl.col("in_last_year").fill_null(False))
    )
