"""Modules of the CIN census out of canonical tables, for extracts that are no returns any more.

In: referrals, assessments and section47 of one LA as ingest leaves them. Out: modules as text with `year` and
`period_end`, as `scripts.validation.cin_return.stacked` gives them, holding only what the tables have: rules that read
anything else are listed as unchecked. Extracts of the pupil database have lost which referral an assessment or a
conference belongs to; here it is the child's latest referral of the census year on or before it, else the first.
"""

from collections.abc import Mapping

import polars as pl

from scripts.dates import financial_year

# The canonical tables that the rules are applied to
TABLES = ("referrals", "assessments", "section47")

CASE = ["year", "child_id", "referral_date"]
CHILD_FIELDS = {
    "LAchildID": "child_id",
    "PersonBirthDate": "birth_date",
    "ExpectedPersonBirthDate": "expected_birth_date",
    "PersonDeathDate": "death_date",
    "Ethnicity": "ethnicity",
}
CASE_FIELDS = {
    "CINreferralDate": "referral_date",
    "CINclosureDate": "closure_date",
    "ReasonForClosure": "closure_reason",
    "PrimaryNeedCode": "primary_need",
    "ReferralNFA": "referral_nfa",
    "DateOfInitialCPC": "icpc_date",
}
PLAN_FIELDS = {
    "CPPstartDate": "cpp_start",
    "CPPendDate": "cpp_end",
    "LatestCategoryOfAbuse": "category_of_abuse",
    "NumberOfPreviousCPP": "previous_cpps",
}
ASSESSMENT_FIELDS = {"AssessmentActualStartDate": "assessment_start", "AssessmentAuthorisationDate": "assessment_end"}
CONFERENCE_FIELDS = {"DateOfInitialCPC": "icpc_date"}


def modules(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Child, CINdetails, ChildProtectionPlans, Assessments and Section47; a field that is empty throughout is left out.

    A conference has no census year of its own, so it takes that of its date.
    """
    referrals = tables["referrals"].rename({"census_year": "year"})
    children = _numbered(referrals.unique(["year", "child_id"], keep="first", maintain_order=True), "child")
    of_child = children.select("year", "child_id", "child")
    cases = _numbered(referrals.unique(CASE, keep="first", maintain_order=True), "details").join(
        of_child, on=["year", "child_id"], how="left", maintain_order="left"
    )
    keys = cases.select(*CASE, "child", "details")
    plans = referrals.filter(pl.col("cpp_start").is_not_null() | pl.col("cpp_end").is_not_null())
    conferences = tables["section47"].with_columns(financial_year(pl.col("icpc_date")).alias("year"))
    return {
        "Child": _module(children, CHILD_FIELDS, ["child"]),
        "CINdetails": _module(cases, CASE_FIELDS, ["child", "details"]),
        "ChildProtectionPlans": _module(
            _numbered(plans.join(keys, on=CASE, how="left", nulls_equal=True, maintain_order="left"), "plan"),
            PLAN_FIELDS,
            ["child", "details", "plan"],
        ),
        "Assessments": _module(
            _numbered(
                _linked(tables["assessments"].rename({"census_year": "year"}), "assessment_start", keys), "assessment"
            ),
            ASSESSMENT_FIELDS,
            ["child", "details", "assessment"],
        ),
        "Section47": _module(
            _numbered(_linked(conferences, "icpc_date", keys), "enquiry"),
            CONFERENCE_FIELDS,
            ["child", "details", "enquiry"],
        ),
    }


def _numbered(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    return frame.with_row_index(key).with_columns(pl.col(key).cast(pl.Int64))


def _linked(rows: pl.DataFrame, date: str, keys: pl.DataFrame) -> pl.DataFrame:
    """Rows with `child` and `details` of the latest referral on or before the date, else of the first; others go."""
    dated = rows.filter(pl.col(date).is_not_null()).sort(date)
    known = keys.filter(pl.col("referral_date").is_not_null()).sort("referral_date")
    by = ["year", "child_id"]
    before = dated.join_asof(
        known, left_on=date, right_on="referral_date", by=by, strategy="backward", check_sortedness=False
    )
    first = known.unique(by, keep="first", maintain_order=True).select(*by, "child", "details")
    return (
        before.join(first, on=by, how="left", suffix="_first", maintain_order="left")
        .with_columns(pl.coalesce("child", "child_first").alias("child"))
        .with_columns(pl.coalesce("details", "details_first").alias("details"))
        .filter(pl.col("details").is_not_null())
    )


def _module(rows: pl.DataFrame, fields: Mapping[str, str], keys: list[str]) -> pl.DataFrame:
    """Fields under their names in the census, as text; those without any value are left out."""
    there = {field: column for field, column in fields.items() if rows[column].null_count() < rows.height}
    return rows.select(
        "year",
        pl.date(pl.col("year") + 1, 3, 31).alias("period_end"),
        *keys,
        *(pl.col(column).cast(pl.String).alias(field) for field, column in there.items()),
    )
