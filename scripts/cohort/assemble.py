"""From the index events of every LA to the cohort of one outcome: matched groups, before and after, outliers out.

In: index events of the LAs of all matched groups, the groups with their dates, LA covariates. Out: one row per index
event and matched group (a comparator that serves several pilots appears once in each), with treated, post and years
since embedding. Pre: the event and its window end before the embedding start. Post: it begins after the embedding end.
What falls between is dropped: the donut (study-design section 2).
"""

from dataclasses import dataclass, field

import polars as pl

from scripts.dates import DAYS_PER_YEAR

FLOW_BY = ["treated", "post"]
# Rows are ordered by content before the child, whose id depends on the key of the ids: draws and sums do not.
ORDER = ["group", "la_code", "index_date", "post_date"]


@dataclass
class CohortFlow:
    """Rows, distinct children and LAs left after each step, by arm and period."""

    steps: list[pl.DataFrame] = field(default_factory=list)

    def step(self, label: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Record `frame` under `label` and return it; `post` is null before periods are assigned."""
        counts = frame.group_by(FLOW_BY).agg(
            pl.len().alias("n_rows"),
            pl.struct("la_code", "child_id").n_unique().alias("n_children"),
            pl.col("la_code").n_unique().alias("n_las"),
        )
        self.steps.append(counts.with_columns(pl.lit(label).alias("step"), pl.lit(len(self.steps)).alias("position")))
        return frame


def assemble_cohort(
    events: pl.DataFrame, groups: pl.DataFrame, outlier_iqr_multiple: float | None, event_time: str, flow: CohortFlow
) -> pl.DataFrame:
    """Return the cohort, sorted, with row_id, group, treated, post, years_since in front.

    Parameters
    ----------
    events : index events (scripts.outcomes) of all LAs of the groups.
    groups : group, la_code, treated (Int8), embedding_start, embedding_end (Date).
    outlier_iqr_multiple : rows with an outcome above Q3 + this times the interquartile range are dropped; None keeps
    all.
    event_time : years before embedding count from the event's "index" date or its "window_end", years after it always
        from the index date. A window of a year leaves no index event in the last year before embedding, the usual
        reference.
    """
    grouped = flow.step("index events in matched groups", _with_groups(events, groups))
    in_period = grouped.with_columns(_period()).drop_nulls("post")
    flow.step("before or after embedding", in_period)
    usual = flow.step("outcome within the outlier limit", _within_outlier_limit(in_period, outlier_iqr_multiple))
    before = pl.col({"index": "index_date", "window_end": "event_end"}[event_time]) - pl.col("embedding_start")
    since = pl.when(pl.col("post") == 1).then(pl.col("index_date") - pl.col("embedding_end")).otherwise(before)
    years = (since.dt.total_days() / DAYS_PER_YEAR).floor().cast(pl.Int32)
    ordered = usual.with_columns(years.alias("years_since")).sort(*ORDER, *_content(usual), "child_id", nulls_last=True)
    ordered = ordered.with_row_index("row_id")
    leading = [
        "row_id",
        "group",
        "la_code",
        "child_id",
        "treated",
        "post",
        "index_date",
        "financial_year",
        "years_since",
    ]
    dropped = ["event_end", "post_date", "embedding_start", "embedding_end"]
    return ordered.select(*leading, pl.exclude(*leading, *dropped))


def _content(cohort: pl.DataFrame) -> list[str]:
    """The columns that tell rows of one day apart."""
    return sorted(set(cohort.columns) - {*ORDER, "child_id"})


def _with_groups(events: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    dated = groups.select("group", "la_code", "treated", "embedding_start", "embedding_end")
    return events.join(dated, on="la_code").with_columns(pl.lit(None, pl.Int8).alias("post"))


def _period() -> pl.Expr:
    """1 after embedding, 0 before, null in the donut."""
    before = pl.col("event_end") < pl.col("embedding_start")
    after = pl.col("post_date") > pl.col("embedding_end")
    return pl.when(after).then(1).when(before).then(0).cast(pl.Int8).alias("post")


def _within_outlier_limit(cohort: pl.DataFrame, multiple: float | None) -> pl.DataFrame:
    """Drop outcomes above Q3 + multiple x IQR of the pooled sample, each index event counted once."""
    if multiple is None or cohort.is_empty():
        return cohort
    pooled = cohort.unique(["la_code", "child_id", "index_date", "post_date"])["outcome"]
    lower, upper = (pooled.quantile(share, interpolation="linear") for share in (0.25, 0.75))
    return cohort.filter(pl.col("outcome") <= upper + multiple * (upper - lower))
