"""The child covariates of an index event, as the study lists them (study-design section 3).

In: index events and the cleaned tables of one LA. Out: the events with gender, age, ethnicity, academic_phase,
disability, low_income, uasc, previous_plan, sen, main_need, category_of_abuse, elevated_risk. What a referral says
comes from the child's latest referral on or before the event; low income is carried forward over a child's referrals.
"""

from datetime import date

import polars as pl

from scripts.codes import MISSING, groups
from scripts.dates import age_in_years, near_bank_holiday
from scripts.outcomes.definitions import OutcomeDefinition, Tables

NOT_OF_SCHOOL_AGE = "not of school age"


def attach_covariates(events: pl.DataFrame, tables: Tables, definition: OutcomeDefinition) -> pl.DataFrame:
    """Add every child covariate; the order of the rows is by child_id, index_date, post_date."""
    referrals = tables.referrals.sort("child_id", "referral_date").with_columns(
        pl.col("low_income").forward_fill().over("child_id"),
        pl.col("referral_date").alias("covariate_date"),
        has_referral=True,
    )
    known_at = pl.min_horizontal("index_date", "post_date").alias("known_at")
    with_referral = (
        events.with_columns(known_at)
        .sort("known_at")
        .join_asof(
            referrals.drop("closure_date", "is_cin", "census_year", "referral_date").sort("covariate_date"),
            left_on="known_at",
            right_on="covariate_date",
            by="child_id",
            check_sortedness=False,
        )
        .join(tables.children, on="child_id", how="left", maintain_order="left")
    )
    return _derive(with_referral, definition).drop("has_referral").sort("child_id", "index_date", "post_date")


def _derive(events: pl.DataFrame, definition: OutcomeDefinition) -> pl.DataFrame:
    """Turn what the tables say into the covariates of the models."""
    youngest = age_in_years(pl.col("birth_latest"), pl.col("index_date"))
    oldest = age_in_years(pl.col("birth_earliest"), pl.col("index_date"))
    events = events.with_columns(pl.when(youngest == oldest).then(youngest).cast(pl.Float64).alias("age"))
    first_age, last_age = definition.school_age
    outside_school = ((pl.col("age") < first_age) | (pl.col("age") > last_age)).fill_null(False)
    absent = pl.when(outside_school).then(pl.lit(NOT_OF_SCHOOL_AGE)).otherwise(pl.lit(MISSING))
    low_income = pl.col("low_income").replace_strict({0: "no", 1: "yes"}, default=None, return_dtype=pl.String)
    sen = pl.col("sen_provision").replace_strict(groups("sen_provision"), default=None, return_dtype=pl.String)
    phase = pl.col("nc_year").replace_strict(groups("nc_year"), default=None, return_dtype=pl.String)
    # After a reorganisation a child's referral may be hidden in the old LA, so its absence says nothing about plans.
    hidden = pl.col("has_referral").is_null() & (pl.col("index_date") >= min(definition.boundaries, default=date.max))
    without_plan = pl.when(hidden).then(pl.lit(MISSING)).otherwise(pl.lit("no plan"))
    return events.with_columns(
        pl.col("gender", "ethnicity", "main_need").fill_null(MISSING),
        pl.coalesce("category_of_abuse", without_plan).alias("category_of_abuse"),
        pl.coalesce(low_income, absent).alias("low_income"),
        pl.coalesce(sen, absent).alias("sen"),
        phase.fill_null("none").alias("academic_phase"),
        pl.col("uasc").fill_null(0),
        near_bank_holiday(events["index_date"], definition.elevated_risk_days, definition.calendar).alias(
            "elevated_risk"
        ),
    )
