"""One row per referral, and the child protection conferences and plans, out of the copies of every census year.

In: canonical `referrals` (a row per child, referral, census year, and plan) and `section47`. Out: `referrals` (one row
per child and referral date), `conferences` (child, date), `plans` (child, start, end). A referral open at 31 March is
restated in the next census, often changed (trap T-1); which copy speaks is configured. Referral = (child, referral
date) within an LA.
"""

import polars as pl

from scripts.clean.classes import IN_NEED, NO_FURTHER_ACTION, UNKNOWN
from scripts.clean.ledger import IN, KEPT, Ledger
from scripts.clean.settings import CleaningSettings
from scripts.codes import groups, normalised

KEY = ["child_id", "referral_date"]
EXPECTED_BIRTH = "expected_birth_date"
CODED = ("primary_need", "category_of_abuse", "closure_reason")
# Enquiries carry no census year.
NO_YEAR = pl.lit(None, pl.Int32)
SCHOOL_CODES = ("sen_provision", "nc_year")
FLAGS = ("cin_at_31_march", "any_point", "started")


def clear_implausible_dates(
    frame: pl.DataFrame, table: str, columns: list[str], settings: CleaningSettings, ledger: Ledger
) -> pl.DataFrame:
    """Set dates before `earliest_date` or after the end of the data missing (trap T-8), noting how many per column.

    An end or a closure after the data end is as impossible as a start: the extract was cut there. Only an expected
    birth may lie ahead.
    """
    cleared = frame
    for column in columns:
        too_late = (pl.col(column) > settings.data_end) & (column != EXPECTED_BIRTH)
        implausible = (pl.col(column) < settings.earliest_date) | too_late
        ledger.note(table, f"implausible_{column}", frame, implausible)
        cleared = cleared.with_columns(pl.when(~implausible).then(pl.col(column)).alias(column))
    return cleared


def conferences(referral_copies: pl.DataFrame, section47: pl.DataFrame) -> pl.DataFrame:
    """Initial conferences: the union of both files, one row per child and date (trap T-20)."""
    return (
        pl.concat([referral_copies.select("child_id", "icpc_date"), section47.select("child_id", "icpc_date")])
        .drop_nulls("icpc_date")
        .unique()
        .sort("child_id", "icpc_date")
    )


def plans(referral_copies: pl.DataFrame) -> pl.DataFrame:
    """Child protection plans: one row per child and start; the latest stated end counts, null if none states one."""
    return (
        referral_copies.drop_nulls("cpp_start")
        .group_by("child_id", "cpp_start")
        .agg(pl.col("cpp_end").max())
        .sort("child_id", "cpp_start")
    )


def collapse_referrals(
    copies: pl.DataFrame, conference_dates: pl.DataFrame, settings: CleaningSettings, ledger: Ledger
) -> pl.DataFrame:
    """One row per referral, classified as child in need or not.

    Returns columns child_id, referral_date, census_year, closure_date (Date?), is_cin (Int8: 0 no further action, 1
    child in need, 99 unknown), main_need, category_of_abuse, previous_plan (Int8?), low_income (Int8?), sen_provision,
    nc_year.
    """
    ledger.count("referrals", IN, "", copies)
    dated = ledger.set_aside("referrals", "no_referral_date", copies, pl.col("referral_date").is_null())
    part_year = pl.col("census_year").is_in(settings.part_years)
    if settings.part_year == "drop":
        dated = ledger.set_aside("referrals", "part_year", dated, part_year)
    else:
        ledger.note("referrals", "part_year", dated, part_year)
    dated = _settle_previous_plans(dated, settings, ledger)
    _note_copies(dated, ledger)
    # Ties are broken by content, so that the order of the extract's rows never matters; ids mean nothing.
    rest = [name for name in dated.columns if name not in (*KEY, "census_year", "pupil_id")]
    dated = dated.sort(*KEY, "census_year", *rest, nulls_last=True)
    kept_copy = pl.int_range(pl.len()).over(KEY) == 0
    same_year = (pl.col("census_year") == pl.col("census_year").first().over(KEY)).fill_null(True)
    firsts = ledger.set_aside("referrals", "same_year_copy", dated, ~kept_copy & same_year)
    # `kept_copy` must be judged over all copies, so the later years are recognised by their year alone.
    firsts = ledger.set_aside(
        "referrals", "restated_in_later_year", firsts, pl.col("census_year") != pl.col("census_year").first().over(KEY)
    )
    referrals = _speaking_copy(dated, settings).join(_classification_inputs(dated, settings), on=KEY)
    referrals = firsts.select(*KEY, "census_year").join(referrals, on=KEY, how="left", maintain_order="left")
    referrals = _classify(referrals, conference_dates, plans(copies), settings)
    _note_classes(referrals, settings, ledger)
    referrals = _settle_early_closures(referrals, settings, ledger)
    ledger.count("referrals", KEPT, "", referrals)
    return referrals.select(
        *KEY,
        "census_year",
        "closure_date",
        "is_cin",
        "main_need",
        "category_of_abuse",
        "previous_plan",
        "low_income",
        "sen_provision",
        "nc_year",
    )


def _settle_previous_plans(copies: pl.DataFrame, settings: CleaningSettings, ledger: Ledger) -> pl.DataFrame:
    """Previous plans of years that did not collect them are structurally missing, whatever stands there (trap T-16)."""
    uncollected = pl.col("census_year").is_in(settings.previous_plans_not_collected)
    recorded = uncollected & pl.col("previous_cpps").is_not_null()
    ledger.note("referrals", "previous_plans_where_not_collected", copies, recorded)
    return copies.with_columns(pl.when(~uncollected).then("previous_cpps").alias("previous_cpps"))


def _note_copies(copies: pl.DataFrame, ledger: Ledger) -> None:
    """What is odd about single rows: pupil numbers, years, gaps of school fields, codes recoded or unknown."""
    shared = pl.col("child_id").n_unique().over("pupil_id") > 1
    year_end = pl.date(pl.col("census_year") + 1, 3, 31)
    for reason, where in (
        ("pupil_id_missing", pl.col("pupil_id").is_null()),
        ("pupil_id_shared", pl.col("pupil_id").is_not_null() & shared),
        ("referred_after_census_year", pl.col("referral_date") > year_end),
        ("sen_provision_missing", pl.col("sen_provision").is_null()),
    ):
        ledger.note("referrals", reason, copies, where)
    for column in CODED:
        written, code = pl.col(column), normalised(pl.col(column), column)
        ledger.note("referrals", f"recoded_{column}", copies, code != written)
        ledger.note("referrals", f"unknown_code_{column}", copies, written.is_not_null() & code.is_null())


def _note_classes(referrals: pl.DataFrame, settings: CleaningSettings, ledger: Ledger) -> None:
    """What is odd about referrals as a whole, and how many fell into each class."""
    no_action = pl.col("is_cin") == NO_FURTHER_ACTION
    length = (pl.col("closure_date") - pl.col("referral_date")).dt.total_days()
    for reason, where in (
        ("nfa_conflict", pl.col("nfa_versions") > 1),
        ("nfa_missing", pl.col("nfa_versions") == 0),
        ("nfa_closure_but_in_need", pl.col("every_closure_nfa") & (pl.col("is_cin") == IN_NEED)),
        ("nfa_closed_late", no_action & (length > settings.long_nfa_days)),
        ("open_at_extract", pl.col("closure_date").is_null()),
        ("low_income_missing", pl.col("low_income").is_null()),
        ("class_no_further_action", no_action),
        ("class_in_need", pl.col("is_cin") == IN_NEED),
        ("class_unknown", pl.col("is_cin") == UNKNOWN),
    ):
        ledger.note("referrals", reason, referrals, where)


def note_double_conferences(referral_copies: pl.DataFrame, section47: pl.DataFrame, ledger: Ledger) -> None:
    """Conferences of the enquiries that the referrals record too (trap T-20); both count as one."""
    dated = section47.drop_nulls("icpc_date").unique(["child_id", "icpc_date"])
    both = dated.join(referral_copies.select("child_id", "icpc_date"), on=["child_id", "icpc_date"], how="semi")
    ledger.note("section47", "conference_in_both_files", both.with_columns(census_year=NO_YEAR), pl.lit(True))


def _by_choice(column: str, choice: str) -> pl.Expr:
    """Aggregation of a referral's copies (sorted by census year) by the configured choice; gaps never win."""
    values = pl.col(column).drop_nulls()
    return {
        "earliest": values.first(),
        "latest": values.last(),
        "mode": values.mode().sort().first(),
        "min": values.min(),
        "max": values.max(),
    }[choice].alias(column)


def _speaking_copy(copies: pl.DataFrame, settings: CleaningSettings) -> pl.DataFrame:
    """Attributes that one copy decides: need, previous plans, low income, school fields."""
    flags = [pl.col(name) for name in settings.low_income_flags]
    prepared = copies.with_columns(
        normalised(pl.col("primary_need"), "primary_need").alias("main_need"),
        normalised(pl.col("category_of_abuse"), "category_of_abuse").alias("category_of_abuse"),
        (pl.col("previous_cpps") > 0).cast(pl.Int8).alias("previous_plan"),
        pl.max_horizontal(flags).alias("low_income"),
        # A code that says nothing must not win over a later one that does.
        *(pl.when(pl.col(name).is_in(list(groups(name)))).then(name).alias(name) for name in SCHOOL_CODES),
    )
    attributes = ("main_need", "previous_plan", "low_income", "sen_provision", "nc_year")
    return prepared.group_by(KEY, maintain_order=True).agg(
        *(_by_choice(name, settings.referral_copy) for name in attributes),
        # The latest category of abuse is the one the published code uses.
        _by_choice("category_of_abuse", "latest"),
    )


def _classification_inputs(copies: pl.DataFrame, settings: CleaningSettings) -> pl.DataFrame:
    """What `_classify` needs of all copies: closures, no-further-action flags, in-need flags."""
    reason = normalised(pl.col("closure_reason"), "closure_reason")
    prepared = copies.with_columns(
        # A copy that states no reason (the case was still open) contradicts nothing; one that states an unknown does.
        pl.when(pl.col("closure_reason").is_not_null())
        .then(reason.is_in(settings.nfa_closure_reasons).fill_null(False))
        .alias("closed_nfa"),
        reason.is_in(settings.cin_closure_reasons).alias("closed_cin"),
        pl.max_horizontal([pl.col(name) for name in FLAGS]).alias("flagged_cin"),
    )
    return prepared.group_by(KEY, maintain_order=True).agg(
        _by_choice("closure_date", "latest"),
        pl.col("closed_nfa").drop_nulls().min().alias("every_closure_nfa"),
        pl.col("closed_cin").max(),
        _by_choice("referral_nfa", settings.nfa_conflict),
        pl.col("referral_nfa").drop_nulls().n_unique().alias("nfa_versions"),
        pl.col("flagged_cin").max(),
    )


def _classify(
    referrals: pl.DataFrame, conference_dates: pl.DataFrame, plan_starts: pl.DataFrame, settings: CleaningSettings
) -> pl.DataFrame:
    """Add is_cin, in the published order: no further action, overridden by signs of need, then by closure RC1-RC7.

    Conferences and plans are the child's, whichever referral they were filed under. Without a closure nothing lies
    between referral and closure but the referral's own day. A referral that is open and not flagged no further action
    is in need; one that closed for an unknown reason without any other sign is 99 (trap T-39).
    """
    until = pl.coalesce("closure_date", "referral_date")
    dated = _with_next(_with_next(referrals, conference_dates, "icpc_date"), plan_starts, "cpp_start")
    in_need = pl.any_horizontal(
        (pl.col("flagged_cin") == 1).fill_null(False),
        (pl.col("icpc_date") <= until).fill_null(False),
        (pl.col("cpp_start") <= until).fill_null(False),
        pl.col("closed_cin").fill_null(False),
    )
    no_further_action = pl.col("every_closure_nfa").fill_null(False) | (pl.col("referral_nfa") == 1).fill_null(False)
    open_case = pl.col("closure_date").is_null() & pl.col("every_closure_nfa").is_null()
    unflagged = pl.col("referral_nfa").is_null() & (settings.nfa_missing == "in_need")
    as_need = in_need | (unflagged & ~no_further_action)
    no_sign = pl.when(no_further_action).then(NO_FURTHER_ACTION).when(open_case).then(IN_NEED).otherwise(UNKNOWN)
    is_cin = pl.when(as_need).then(IN_NEED).otherwise(no_sign)
    return dated.with_columns(is_cin.cast(pl.Int8).alias("is_cin")).sort(KEY)


def _with_next(referrals: pl.DataFrame, events: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add the child's first event on or after the referral, null if there is none."""
    return referrals.sort("referral_date").join_asof(
        events.select("child_id", column).sort(column),
        left_on="referral_date",
        right_on=column,
        by="child_id",
        strategy="forward",
        coalesce=False,
        check_sortedness=False,
    )


def _settle_early_closures(referrals: pl.DataFrame, settings: CleaningSettings, ledger: Ledger) -> pl.DataFrame:
    """Closure before referral (trap T-6): kept for the outcomes to drop, moved to the referral date, or set aside."""
    early = pl.col("closure_date") < pl.col("referral_date")
    if settings.closure_before_referral == "drop":
        return ledger.set_aside("referrals", "closure_before_referral", referrals, early)
    ledger.note("referrals", "closure_before_referral", referrals, early)
    if settings.closure_before_referral == "set_to_referral":
        return referrals.with_columns(
            pl.max_horizontal("closure_date", pl.when(early).then("referral_date")).alias("closure_date")
        )
    return referrals
