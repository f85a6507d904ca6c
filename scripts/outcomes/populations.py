"""Index events: who enters an outcome and when the clock starts (study-design section 2).

In: the cleaned tables of one LA. Out: one row per index event with child_id, index_date (the clock's start), post_date
(must lie after the embedding end to count as post), event_end (Date?: what must lie before the embedding start to
count as pre; null means the end of the window), and whatever dates the measure needs.
"""

from datetime import date

import polars as pl

from scripts.clean.classes import IN_NEED, NO_FURTHER_ACTION
from scripts.dates import age_in_years
from scripts.outcomes.definitions import Flow, OutcomeDefinition, Population, Tables


def assessments(tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """RQ1: completed assessments of children of the configured ages at the start; ages unknown stay in."""
    events = flow.step("completed assessments", tables.assessments).with_columns(
        pl.col("assessment_start").alias("index_date"),
        pl.col("assessment_start").alias("post_date"),
        pl.col("assessment_end").alias("event_end"),
    )
    youngest, oldest = definition.extra["age_range"]
    aged = _with_age_bounds(events, tables)
    in_range = (pl.col("age_low") <= oldest) & (pl.col("age_high") >= youngest)
    return flow.step("child of an eligible age", aged.filter(in_range.fill_null(True))).drop("age_low", "age_high")


def _with_age_bounds(events: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Add the ages at the index date that the earliest and the latest stated birth date give."""
    births = tables.children.select("child_id", "birth_earliest", "birth_latest")
    return (
        events.join(births, on="child_id", how="left", maintain_order="left")
        .with_columns(
            age_in_years(pl.col("birth_latest"), pl.col("index_date")).alias("age_low"),
            age_in_years(pl.col("birth_earliest"), pl.col("index_date")).alias("age_high"),
        )
        .drop("birth_earliest", "birth_latest")
    )


def cin_referrals(tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """RQ2: referrals of children in need; a closure before the referral disqualifies, an open case does not."""
    in_need = _referrals_of_class(tables, flow, pl.col("is_cin") == IN_NEED, "children in need")
    return _from_referral_dates(_without_early_closure(in_need, flow), pl.col("referral_date"))


def nfa_referrals(tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """RQ3, RQ4: referrals that ended in no further action; the clock starts at the closure, else at the referral."""
    ended = _referrals_of_class(tables, flow, pl.col("is_cin") == NO_FURTHER_ACTION, "ended in no further action")
    return _from_referral_dates(_without_early_closure(ended, flow), pl.coalesce("closure_date", "referral_date"))


def closed_referrals(tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """Any closed case: every referral with a closure date, whatever its class; the clock starts at the closure."""
    closed = _referrals_of_class(tables, flow, pl.col("closure_date").is_not_null(), "closed")
    return _from_referral_dates(_without_early_closure(closed, flow), pl.col("closure_date"))


def _referrals_of_class(tables: Tables, flow: Flow, condition: pl.Expr, label: str) -> pl.DataFrame:
    flow.step("referrals", tables.referrals)
    columns = ("child_id", "referral_date", "closure_date")
    return flow.step(f"referrals: {label}", tables.referrals.filter(condition).select(columns))


def _without_early_closure(referrals: pl.DataFrame, flow: Flow) -> pl.DataFrame:
    early = (pl.col("closure_date") < pl.col("referral_date")).fill_null(False)
    return flow.step("closure not before referral", referrals.filter(~early))


def _from_referral_dates(referrals: pl.DataFrame, clock: pl.Expr) -> pl.DataFrame:
    return referrals.with_columns(
        clock.alias("index_date"), pl.col("referral_date").alias("post_date"), pl.lit(None, pl.Date).alias("event_end")
    )


def care_order_periods(tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """RQ5: periods of care with an episode under the configured legal statuses that start on or after a date.

    Episodes under other legal statuses are left out before anything is counted, as in the published code, so a period's
    "first" episode is its first under a care order (data-formats section 2.4).
    """
    episodes = care_order_episodes(tables, definition)
    flow.step("episodes of care", tables.care_episodes)
    flow.step("episodes under a care order", episodes)
    periods = flow.step("periods of care under a care order", episodes.select("child_id", "poc_start").unique())
    earliest = date.fromisoformat(definition.extra["period_start_from"])
    eligible = flow.step("period starts in scope", periods.filter(pl.col("poc_start") >= earliest))
    return eligible.sort("child_id", "poc_start").with_columns(
        pl.col("poc_start").alias("index_date"),
        pl.col("poc_start").alias("post_date"),
        pl.lit(None, pl.Date).alias("event_end"),
    )


def care_order_episodes(tables: Tables, definition: OutcomeDefinition) -> pl.DataFrame:
    """Episodes under the configured legal statuses."""
    return tables.care_episodes.filter(pl.col("legal_status").is_in(definition.extra["legal_statuses"]))


POPULATIONS: dict[str, Population] = {
    "assessments": assessments,
    "cin_referrals": cin_referrals,
    "nfa_referrals": nfa_referrals,
    "closed_referrals": closed_referrals,
    "care_order_periods": care_order_periods,
}
