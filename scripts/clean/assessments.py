"""One row per assessment, with its length in working days and the referral it belongs to.

In: canonical `assessments` (no referral id, trap T-17) and cleaned `referrals`. Out: child_id, census_year,
assessment_start, assessment_end, working_days (Int32), referral_date (Date?, the latest referral on or before the
start).
"""

import polars as pl

from scripts.clean.ledger import IN, KEPT, Ledger
from scripts.clean.settings import CleaningSettings
from scripts.dates import is_non_working, working_days

KEY = ["child_id", "assessment_start"]


def clean_assessments(
    rows: pl.DataFrame, referrals: pl.DataFrame, settings: CleaningSettings, ledger: Ledger
) -> pl.DataFrame:
    """Deduplicate, drop unusable rows, count working days, link to the latest referral on or before the start.

    Copies of one assessment (same start and end, or an open copy beside a closed one) collapse. Two different ends for
    one start are settled by `repeated_assessment`: drop them altogether (published) or keep the later end.
    """
    ledger.count("assessments", IN, "", rows)
    dated = ledger.set_aside("assessments", "no_start_date", rows, pl.col("assessment_start").is_null())
    backwards = pl.col("assessment_end") < pl.col("assessment_start")
    dated = ledger.set_aside("assessments", "end_before_start", dated, backwards)
    closed = pl.col("assessment_end").is_not_null()
    has_closed_copy = closed.any().over(KEY)
    dated = dated.sort(*KEY, "assessment_end", "census_year", nulls_last=True)
    ended = ledger.set_aside("assessments", "open_copy_of_ended", dated, ~closed & has_closed_copy)
    again = pl.int_range(pl.len()).over([*KEY, "assessment_end"]) > 0
    single = ledger.set_aside("assessments", "duplicate", ended, again)
    if settings.repeated_assessment == "drop":
        single = ledger.set_aside("assessments", "different_ends_for_one_start", single, pl.len().over(KEY) > 1)
    else:
        later = pl.col("assessment_end") < pl.col("assessment_end").max().over(KEY)
        single = ledger.set_aside("assessments", "earlier_end_for_one_start", single, later)
    usable = ledger.set_aside("assessments", "not_ended", single, ~closed)
    ledger.count("assessments", KEPT, "", usable)
    linked = _link_to_referral(usable, referrals)
    ledger.note("assessments", "no_referral_before_start", linked, pl.col("referral_date").is_null())
    next_start = pl.col("assessment_start").shift(-1).over("child_id")
    ledger.note("assessments", "overlaps_next_assessment", linked, pl.col("assessment_end") > next_start)
    days = working_days(linked["assessment_start"], linked["assessment_end"], settings.calendar)
    off = pl.lit(is_non_working(linked["assessment_end"], settings.calendar))
    ledger.note("assessments", "ends_on_non_working_day", linked, off)
    return linked.with_columns(days.alias("working_days")).select(
        "child_id", "census_year", "assessment_start", "assessment_end", "working_days", "referral_date"
    )


def _link_to_referral(assessments: pl.DataFrame, referrals: pl.DataFrame) -> pl.DataFrame:
    """Add the date of the child's latest referral on or before the assessment's start."""
    candidates = referrals.select("child_id", "referral_date").sort("referral_date")
    return (
        assessments.sort("assessment_start")
        .join_asof(
            candidates,
            left_on="assessment_start",
            right_on="referral_date",
            by="child_id",
            coalesce=False,
            # Both sides are sorted; polars cannot verify it within groups and would warn.
            check_sortedness=False,
        )
        .sort(*KEY)
    )
