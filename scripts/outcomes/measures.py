"""What happened after the index event (study-design section 2): each measure adds the column `outcome`, Float64.

Windows are calendar days. In: index events of one LA and its cleaned tables. Out: the same rows (RQ4 drops some) with
`outcome`: working days, or 1 if the event happened within the window and 0 if not.
"""

import polars as pl

from scripts.outcomes.definitions import Flow, Measure, OutcomeDefinition, Tables
from scripts.outcomes.populations import care_order_episodes

EVENT = ["child_id", "index_date", "post_date"]


def working_days(events: pl.DataFrame, tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """RQ1: working days from start to authorisation, counted in cleaning."""
    return events.with_columns(pl.col("working_days").cast(pl.Float64).alias("outcome"))


def conference_within(events: pl.DataFrame, tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """RQ2: an initial conference strictly after the referral and strictly less than `window_days` later."""
    delay = _days_to("icpc_date")
    return _happened(events, tables.conferences, (delay > 0) & (delay < definition.window_days))


def rereferral_within(events: pl.DataFrame, tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """RQ3: another referral in (index date, index date + window_days]."""
    delay = _days_to("next_referral")
    return _happened(events, _referral_dates(tables), (delay > 0) & (delay <= definition.window_days))


def rereferral_escalated(
    events: pl.DataFrame, tables: Tables, definition: OutcomeDefinition, flow: Flow
) -> pl.DataFrame:
    """RQ4: a re-referral within the window and a plan or care start within `escalation_days` after it.

    `which_rereferral` says which of several counts. A plan or care start strictly between the index date and the
    re-referral drops the row, as in the published code.
    """
    delay = _days_to("next_referral")
    within = (
        events.select(EVENT)
        .join(_referral_dates(tables), on="child_id")
        .filter((delay > 0) & (delay <= definition.window_days))
    )
    chosen = (
        pl.col("next_referral").min()
        if definition.extra["which_rereferral"] == "first"
        else pl.col("next_referral").max()
    )
    rereferred = events.join(within.group_by(EVENT).agg(chosen), on=EVENT, how="left", maintain_order="left")
    started = rereferred.select(*EVENT, "next_referral").drop_nulls().join(_protection_starts(tables), on="child_id")
    between = started.filter((pl.col("start") > pl.col("index_date")) & (pl.col("start") < pl.col("next_referral")))
    kept = rereferred.join(between, on=EVENT, how="anti", maintain_order="left")
    flow.step("no plan or care start before the re-referral", kept)
    after = (pl.col("start") - pl.col("next_referral")).dt.total_days()
    escalated = started.filter(after.is_between(0, definition.extra["escalation_days"]))
    return _mark(kept, escalated).drop("next_referral")


def kinship_within(events: pl.DataFrame, tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """RQ5: a kinship placement in an episode that starts within the window of the period's start.

    Or the period ends within the window for one of the definition's `end_reasons`. Definitions: config
    `kinship_definitions`; the published ones disagree.
    """
    kinship = definition.extra["kinship"]
    started = (pl.col("episode_start") - pl.col("poc_start")).dt.total_days() <= definition.window_days
    ended = (pl.col("episode_end") - pl.col("poc_start")).dt.total_days() <= definition.window_days
    placed = started & pl.col("placement").is_in(kinship["placements"])
    left = ended & pl.col("end_reason").is_in(kinship["end_reasons"])
    episodes = care_order_episodes(tables, definition).filter(placed.fill_null(False) | left.fill_null(False))
    return _mark(
        events, episodes.with_columns(pl.col("poc_start").alias("index_date"), pl.col("poc_start").alias("post_date"))
    )


def _days_to(column: str) -> pl.Expr:
    return (pl.col(column) - pl.col("index_date")).dt.total_days()


def _referral_dates(tables: Tables) -> pl.DataFrame:
    return tables.referrals.select("child_id", pl.col("referral_date").alias("next_referral"))


def _protection_starts(tables: Tables) -> pl.DataFrame:
    """Starts of child protection plans and of periods of care: child_id, start."""
    plan_starts = tables.plans.select("child_id", pl.col("cpp_start").alias("start"))
    care_starts = tables.care_episodes.select("child_id", pl.col("poc_start").alias("start"))
    return pl.concat([plan_starts, care_starts]).drop_nulls().unique()


def _happened(events: pl.DataFrame, dates: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """Mark the events whose child has a row in `dates` that meets the condition."""
    return _mark(events, events.select(EVENT).join(dates, on="child_id").filter(condition))


def _mark(events: pl.DataFrame, happened: pl.DataFrame) -> pl.DataFrame:
    """outcome = 1.0 for events found in `happened` (by child, index date and post date), else 0.0."""
    marks = happened.select(EVENT).unique().with_columns(pl.lit(1.0).alias("outcome"))
    return events.join(marks, on=EVENT, how="left", maintain_order="left").with_columns(
        pl.col("outcome").fill_null(0.0)
    )


# Measures that read both ends off the row itself, so that a reorganisation of the LA in between hides nothing.
OWN_DATES = frozenset({"working_days"})
MEASURES: dict[str, Measure] = {
    "working_days": working_days,
    "conference_within": conference_within,
    "rereferral_within": rereferral_within,
    "rereferral_escalated": rereferral_escalated,
    "kinship_within": kinship_within,
}
