"""The forty known traps of children's social care records, and which of them each reason in the books is about.

In: a reason of the quarantine ledger or a check of the ingest report. Out: the trap it counts (docs/traps.md describes
each, with the decision taken). Numbers as in the study's list of traps.
"""

import polars as pl

TITLES = {
    "T-01": "One referral appears in several census years",
    "T-02": "Several rows per referral within a year",
    "T-03": "Child ids are not unique across LAs",
    "T-04": "Copies of a child disagree on gender, ethnicity or date of birth",
    "T-05": "The pupil number is missing or shared",
    "T-06": "Closure before referral",
    "T-07": "Assessment ends before it starts",
    "T-08": "Sentinel or impossible dates",
    "T-09": "Unborn children",
    "T-10": "Only month and year of birth",
    "T-11": "Recording of no further action flips",
    "T-12": "No further action inconsistent or missing",
    "T-13": "Closed without further action, yet in need or after a long time",
    "T-14": "Year naming",
    "T-15": "The first year is a part-year",
    "T-16": "Previous plans not collected in some years",
    "T-17": "Assessments without referral, overlapping, or with two ends",
    "T-18": "Working days and calendar days",
    "T-19": "Short lists of bank holidays",
    "T-20": "A conference recorded in two places",
    "T-21": "Open when the extract was made",
    "T-22": "LA reorganisation",
    "T-23": "Nine-character LA codes change",
    "T-24": "Spellings of LA names",
    "T-25": "Failed or partial returns",
    "T-26": "Symbols change meaning between releases",
    "T-27": "Published columns are renamed",
    "T-28": "Published figures are restated",
    "T-29": "Overlaps, gaps and open episodes of care",
    "T-30": "Short breaks and asylum seekers inflate periods of care",
    "T-31": "Kinship codes drift",
    "T-32": "LA of placement, school or home is not the responsible LA",
    "T-33": "School fields are missing by age",
    "T-34": "Dirty codes",
    "T-35": "Date formats",
    "T-36": "Column names drift, one with the opposite meaning",
    "T-37": "School columns carry a term",
    "T-38": "Idioms that change results when ported",
    "T-39": "Referrals of unknown class",
    "T-40": "Small counts disclose",
}
_REASONS = {
    "T-01": ("restated_in_later_year",),
    "T-02": ("same_year_copy",),
    "T-03": ("child_unknown_to_the_la",),
    "T-04": ("conflicting_gender", "conflicting_ethnicity", "conflicting_birth_date"),
    "T-05": ("pupil_id_missing", "pupil_id_shared"),
    "T-06": ("closure_before_referral",),
    "T-07": ("end_before_start",),
    "T-09": ("unborn", "born_on_another_day_than_expected"),
    "T-10": ("birth_by_month_only",),
    "T-11": ("class_no_further_action", "class_in_need"),
    "T-12": ("nfa_conflict", "nfa_missing"),
    "T-13": ("nfa_closure_but_in_need", "nfa_closed_late"),
    "T-14": ("referred_after_census_year",),
    "T-15": ("part_year",),
    "T-16": ("previous_plans_where_not_collected",),
    "T-17": (
        "no_referral_before_start",
        "overlaps_next_assessment",
        "different_ends_for_one_start",
        "earlier_end_for_one_start",
        "open_copy_of_ended",
    ),
    "T-18": ("ends_on_non_working_day",),
    "T-20": ("conference_in_both_files",),
    "T-21": ("open_at_extract", "not_ended"),
    "T-22": ("outside_la_lifetime",),
    "T-29": (
        "overlaps_next_episode",
        "gap_before_next_episode",
        "open_episode",
        "open_with_end_reason",
        "open_by_sentinel",
        "invented_end",
        "episode_ends_before_start",
        "duplicate_start",
        "open_although_later_episode",
        "period_starts_after_episode",
        "closed_by_rule",
        "dropped_by_rule",
        "merged_into_earlier",
    ),
    "T-30": ("short_break", "asylum_seeking"),
    "T-31": ("retired_placement", "retired_end_reason"),
    "T-33": ("low_income_missing", "sen_provision_missing"),
    "T-39": ("class_unknown",),
}
_PREFIXES = {"implausible_": "T-08", "recoded_": "T-34", "unknown_code_": "T-34"}
_CHECKS = {
    "codes outside set": "T-34",
    "codes out of year": "T-31",
    "unreadable dates": "T-35",
    "unreadable numbers": "T-35",
}


def trap_of_reason(reason: pl.Expr) -> pl.Expr:
    """The trap that a reason of the ledger counts; null where it counts none."""
    named = {name: trap for trap, names in _REASONS.items() for name in names}
    by_name = reason.replace_strict(named, default=None, return_dtype=pl.String)
    by_prefix = [pl.when(reason.str.starts_with(prefix)).then(pl.lit(trap)) for prefix, trap in _PREFIXES.items()]
    return pl.coalesce(by_name, *by_prefix)


def trap_of_check(check: pl.Expr) -> pl.Expr:
    """The trap that a check of the ingest report counts; null where it counts none."""
    return check.replace_strict(_CHECKS, default=None, return_dtype=pl.String)


def counted_traps() -> frozenset[str]:
    """The traps that some reason or check counts; the others cannot occur by construction."""
    return frozenset({*_REASONS, *_PREFIXES.values(), *_CHECKS.values()})


def count_traps(ledger: pl.DataFrame, ingest_report: pl.DataFrame) -> pl.DataFrame:
    """Results table `traps`: how often each trap was met, by LA and census year, out of both books."""
    from_ledger = ledger.drop_nulls("trap").select("trap", "la_code", "census_year", "table", "reason", "n_rows")
    from_report = ingest_report.select(
        trap_of_check(pl.col("check")).alias("trap"),
        "la_code",
        "census_year",
        "table",
        pl.concat_str("check", "column", separator=": ", ignore_nulls=True).alias("reason"),
        "n_rows",
    ).drop_nulls("trap")
    both = pl.concat([from_ledger.with_columns(book=pl.lit("ledger")), from_report.with_columns(book=pl.lit("ingest"))])
    titles = pl.col("trap").replace_strict(TITLES, return_dtype=pl.String).alias("title")
    return (
        both.filter(pl.col("n_rows") > 0).with_columns(titles).sort("trap", "la_code", "census_year", "table", "reason")
    )
