"""The views that the CIN census rules judge: a frame per kind of record, beside what its rules compare it with.

In: the modules of one or more returns as text (`scripts.validation.cin_return.stacked`). Out: a frame per view, dates
and flags parsed, codes stripped and upper-cased, with `year`, `period_start` and `period_end`. Blank is null, and so
is a date that is no date. UPNs are not read.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from scripts.codes import tidy
from scripts.dates import HolidayCalendar, bank_holidays
from scripts.validation.rules import invalid

COLUMNS = {
    "Header": ("Collection", "Year", "ReferenceDate", "LEA"),
    "Child": (
        "LAchildID",
        "PersonBirthDate",
        "ExpectedPersonBirthDate",
        "GenderCurrent",
        "Sex",
        "PersonDeathDate",
        "Ethnicity",
    ),
    "Disabilities": ("Disability",),
    "CINdetails": (
        "CINreferralDate",
        "ReferralSource",
        "PrimaryNeedCode",
        "CINclosureDate",
        "ReasonForClosure",
        "DateOfInitialCPC",
        "ReferralNFA",
    ),
    "Assessments": ("AssessmentActualStartDate", "AssessmentAuthorisationDate"),
    "AssessmentFactors": ("AssessmentFactors",),
    "CINPlanDates": ("CINPlanStartDate", "CINPlanEndDate"),
    "Section47": ("S47ActualStartDate", "InitialCPCtarget", "DateOfInitialCPC", "ICPCnotRequired"),
    "ChildProtectionPlans": (
        "CPPstartDate",
        "CPPendDate",
        "InitialCategoryOfAbuse",
        "LatestCategoryOfAbuse",
        "NumberOfPreviousCPP",
    ),
    "Reviews": ("CPPreviewDate",),
}
MODULE_KEYS = {
    "Header": (),
    "Child": ("child",),
    "Disabilities": ("child",),
    "CINdetails": ("child", "details"),
    "Assessments": ("child", "details", "assessment"),
    "AssessmentFactors": ("child", "details", "assessment"),
    "CINPlanDates": ("child", "details", "cin_plan"),
    "Section47": ("child", "details", "enquiry"),
    "ChildProtectionPlans": ("child", "details", "plan"),
    "Reviews": ("child", "details", "plan"),
}
FLAGS = ("ReferralNFA", "ICPCnotRequired")
YES, NO = ("TRUE", "1"), ("FALSE", "0")
# What rules on records below a case read of the case.
OF_CASE = (
    "CINreferralDate",
    "ReasonForClosure",
    "ReferralNFA",
    "DateOfInitialCPC",
    "PersonDeathDate",
    "n_assessments",
    "conferences",
)
# Working days of the statutory rules: an assessment is due 45 after its start, a conference 15 after the enquiry's,
# and a referral without further action may lie one before the census year.
ASSESSMENT_DUE, CONFERENCE_DUE, NFA_BEFORE = 45, 15, 1
NO_DISABILITY, NO_FACTOR = "NONE", "21"


def views(frames: Mapping[str, pl.DataFrame], calendar: HolidayCalendar) -> dict[str, pl.DataFrame]:
    """The views by name.

    header, children, disabilities, details (cases), assessments, factors, cin_plans, section47, plans (child
    protection), reviews : a row per record of the module, beside the fields of the records it hangs below. returns : a
    row per census year, for rules about a return as a whole.
    """
    m = {name: _module(frames.get(name), name, calendar) for name in COLUMNS}
    details = _details(m)
    of_case = details.select("details", *OF_CASE)
    of_enquiry = of_case.select("details", "CINreferralDate")
    assessments = _assessments(m, of_case)
    plans = _plans(m["ChildProtectionPlans"].join(of_case, on="details", how="left", maintain_order="left"))
    cin_plans = _cin_plans(m["CINPlanDates"].join(of_case, on="details", how="left", maintain_order="left"), plans)
    return {
        "header": m["Header"],
        "children": _children(m, details),
        "disabilities": _disabilities(m["Disabilities"]),
        "details": details,
        "assessments": assessments,
        "factors": m["AssessmentFactors"].with_columns(
            pl.struct("assessment", "AssessmentFactors").is_duplicated().alias("repeated"),
            pl.len().over("assessment").alias("n_factors"),
        ),
        "cin_plans": cin_plans,
        "section47": _section47(m["Section47"].join(of_enquiry, on="details", how="left", maintain_order="left")),
        "plans": plans,
        "reviews": _reviews(m["Reviews"], plans, cin_plans),
        "returns": _returns(m),
    }


def _module(frame: pl.DataFrame | None, name: str, calendar: HolidayCalendar) -> pl.DataFrame:
    """The columns and keys of a module that rules read, parsed, with the bounds of its census year."""
    columns, keys = COLUMNS[name], MODULE_KEYS[name]
    if frame is None:
        frame = pl.DataFrame(schema={"year": pl.Int32, "period_end": pl.Date} | dict.fromkeys(keys, pl.Int64))
    empty = [pl.lit(None, pl.String).alias(column) for column in columns if column not in frame.columns]
    text = frame.with_columns(empty).select("year", "period_end", *keys, tidy(pl.col(columns)).replace("", None))
    dates = [column for column in columns if "Date" in column or column == "InitialCPCtarget"]
    flags = [column for column in columns if column in FLAGS]
    return text.with_columns(
        *(pl.col(date).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False) for date in dates),
        *(pl.when(pl.col(f).is_in(YES)).then(True).when(pl.col(f).is_in(NO)).then(False).alias(f) for f in flags),
        *_bounds(text, calendar),
    )


def _bounds(text: pl.DataFrame, calendar: HolidayCalendar) -> list[pl.Expr]:
    """Expressions of period_start and of the days by which rules count working days."""
    ends = text["period_end"].drop_nulls().unique().to_list()
    start = pl.col("period_end").dt.offset_by("-1y").dt.offset_by("1d").alias("period_start")
    starts = {end: pl.Series([end]).dt.offset_by("-1y").dt.offset_by("1d")[0] for end in ends}
    days = {
        "nfa_from": {end: _working_days_before(starts[end], NFA_BEFORE, calendar) for end in ends},
        "due_assessment": {end: _working_days_before(end, ASSESSMENT_DUE, calendar) for end in ends},
        "due_conference": {end: _working_days_before(end, CONFERENCE_DUE, calendar) for end in ends},
    }
    mapped = [
        pl.col("period_end").replace_strict(by_end, default=None, return_dtype=pl.Date).alias(name)
        if by_end
        else pl.lit(None, pl.Date).alias(name)
        for name, by_end in days.items()
    ]
    return [start, *mapped]


def _working_days_before(day: object, n_days: int, calendar: HolidayCalendar) -> object:
    """The date so many working days before a date."""
    date = np.datetime64(day, "D")
    year = int(date.astype("datetime64[Y]").astype(int)) + 1970
    return np.busday_offset(date, -n_days, roll="forward", holidays=bank_holidays(calendar, year - 1, year + 1)).astype(
        object
    )


def _starts_while_open(frame: pl.DataFrame, start: str, end: pl.Expr, group: str) -> pl.Expr:
    """Boolean on a frame sorted by group and start: a record of the group that starts earlier, or stands earlier, ends
    later than this one starts; `end` of an open record is a date far off."""
    latest = end.cum_max().shift(1).over(group)
    return (latest > pl.col(start)).fill_null(False)


def _open_ended(end: str) -> pl.Expr:
    return pl.col(end).fill_null(pl.date(9999, 12, 31))


def _details(m: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Cases beside their child, with counts and the last date of what hangs below them."""
    child = m["Child"].select("child", *COLUMNS["Child"])
    cases = m["CINdetails"].join(child, on="child", how="left", maintain_order="left")
    below = (
        m["Assessments"]
        .group_by("details")
        .agg(
            pl.len().alias("n_assessments"),
            pl.col("AssessmentAuthorisationDate").is_null().sum().alias("n_open_assessments"),
            pl.max_horizontal(
                pl.col("AssessmentActualStartDate").max(), pl.col("AssessmentAuthorisationDate").max()
            ).alias("last_assessment"),
        ),
        m["Section47"]
        .group_by("details")
        .agg(
            pl.len().alias("n_enquiries"),
            _open_enquiry().sum().alias("n_open_enquiries"),
            pl.col("DateOfInitialCPC").alias("conferences"),
            pl.max_horizontal(pl.col("S47ActualStartDate").max(), pl.col("DateOfInitialCPC").max()).alias(
                "last_enquiry"
            ),
        ),
        m["ChildProtectionPlans"]
        .group_by("details")
        .agg(
            pl.len().alias("n_plans"),
            (pl.col("CPPstartDate") >= pl.col("period_start")).sum().alias("n_plans_started"),
            pl.col("CPPendDate").max().alias("last_plan"),
        ),
        m["CINPlanDates"]
        .group_by("details")
        .agg(
            pl.len().alias("n_cin_plans"),
            pl.max_horizontal(pl.col("CINPlanStartDate").max(), pl.col("CINPlanEndDate").max()).alias("last_cin_plan"),
        ),
    )
    for part in below:
        cases = cases.join(part, on="details", how="left", maintain_order="left")
    counts = [column for column in cases.columns if column.startswith("n_")]
    return _with_sequence(cases.with_columns(pl.col(counts).fill_null(0))).with_columns(
        pl.col("conferences").fill_null([]),
        pl.max_horizontal("last_assessment", "last_enquiry", "last_plan", "last_cin_plan", "DateOfInitialCPC").alias(
            "last_activity"
        ),
    )


def _open_enquiry() -> pl.Expr:
    """Boolean on Section47: neither a conference nor the statement that none is required."""
    return pl.col("DateOfInitialCPC").is_null() & ~pl.col("ICPCnotRequired").fill_null(False)


def _with_sequence(cases: pl.DataFrame) -> pl.DataFrame:
    """With what the other cases of the child say: `n_open`, `is_latest`, `overlaps`."""
    is_open = pl.col("CINclosureDate").is_null() & ~pl.col("ReferralNFA").fill_null(True)
    ordered = cases.with_columns(is_open.alias("is_open")).sort(
        "child", "CINreferralDate", nulls_last=False, maintain_order=True
    )
    # A referral without further action has no span of its own.
    end = pl.when(~pl.col("ReferralNFA").fill_null(True)).then(_open_ended("CINclosureDate"))
    return ordered.with_columns(
        pl.col("is_open").sum().over("child").alias("n_open"),
        (pl.col("CINreferralDate") == pl.col("CINreferralDate").max().over("child")).alias("is_latest"),
        (_starts_while_open(ordered, "CINreferralDate", end, "child") & ~pl.col("ReferralNFA").fill_null(True)).alias(
            "overlaps"
        ),
    )


def _children(m: Mapping[str, pl.DataFrame], details: pl.DataFrame) -> pl.DataFrame:
    """Children with what their cases and disabilities say."""
    cases = details.group_by("child").agg(
        pl.len().alias("n_cases"),
        (pl.col("ReferralNFA") == False).any().alias("further_action"),  # noqa: E712
    )
    codes = (
        m["Disabilities"]
        .with_columns(invalid("Disability", "disability").alias("invalid"))
        .group_by("child")
        .agg(pl.col("Disability"), pl.col("invalid").any().alias("has_invalid_disability"))
    )
    return (
        m["Child"]
        .join(cases, on="child", how="left", maintain_order="left")
        .join(codes, on="child", how="left", maintain_order="left")
        .with_columns(
            pl.col("n_cases").fill_null(0),
            pl.col("further_action").fill_null(False),
            pl.col("Disability").fill_null([]),
            (pl.col("LAchildID").is_not_null() & pl.struct("year", "LAchildID").is_duplicated()).alias("repeated"),
        )
    )


def _disabilities(rows: pl.DataFrame) -> pl.DataFrame:
    """With `repeated` (the child has the code twice) and whether the child has codes of both kinds."""
    none = pl.col("Disability") == NO_DISABILITY
    return rows.with_columns(
        pl.struct("child", "Disability").is_duplicated().alias("repeated"),
        (none.any() & (~none).any()).over("child").alias("contradictory"),
    )


def _assessments(m: Mapping[str, pl.DataFrame], of_case: pl.DataFrame) -> pl.DataFrame:
    """Assessments beside their case, with `factors` (the codes) and `overlaps` within the case."""
    factors = m["AssessmentFactors"].group_by("assessment").agg(pl.col("AssessmentFactors").alias("factors"))
    ordered = (
        m["Assessments"]
        .join(of_case, on="details", how="left", maintain_order="left")
        .join(factors, on="assessment", how="left", maintain_order="left")
        .sort("details", "AssessmentActualStartDate", maintain_order=True)
    )
    return ordered.with_columns(
        pl.col("factors").fill_null([]),
        _starts_while_open(
            ordered, "AssessmentActualStartDate", _open_ended("AssessmentAuthorisationDate"), "details"
        ).alias("overlaps"),
    )


def _section47(rows: pl.DataFrame) -> pl.DataFrame:
    """Enquiries with `is_open` and `overlaps` within the case; one that needs no conference lasts no longer."""
    ordered = rows.with_columns(_open_enquiry().alias("is_open")).sort(
        "details", "S47ActualStartDate", maintain_order=True
    )
    end = pl.when(pl.col("is_open")).then(pl.date(9999, 12, 31)).otherwise("DateOfInitialCPC")
    return ordered.with_columns(_starts_while_open(ordered, "S47ActualStartDate", end, "details").alias("overlaps"))


def _plans(rows: pl.DataFrame) -> pl.DataFrame:
    """Child protection plans with `overlaps` and the number of open ones of the child, and the case's conferences."""
    ordered = rows.sort("child", "CPPstartDate", maintain_order=True)
    return ordered.with_columns(
        _starts_while_open(ordered, "CPPstartDate", _open_ended("CPPendDate"), "child").alias("overlaps"),
        pl.col("CPPendDate").is_null().sum().over("child").alias("n_open_plans"),
        pl.col("conferences")
        .fill_null([])
        .list.concat(pl.concat_list("DateOfInitialCPC"))
        .list.drop_nulls()
        .alias("all_conferences"),
    )


def _cin_plans(rows: pl.DataFrame, plans: pl.DataFrame) -> pl.DataFrame:
    """CIN plans with `overlaps`, the number of open ones, and how they stand to the child's protection plans."""
    ordered = rows.sort("child", "CINPlanStartDate", maintain_order=True)
    start, end = pl.col("CINPlanStartDate"), _open_ended("CINPlanEndDate")
    protected, until = pl.col("CPPstartDate"), _open_ended("CPPendDate")
    against = (
        ordered.select("child", "cin_plan", "CINPlanStartDate", "CINPlanEndDate")
        .join(plans.select("child", "CPPstartDate", "CPPendDate"), on="child")
        .group_by("cin_plan")
        .agg(
            (pl.col("CINPlanEndDate").is_null() & pl.col("CPPendDate").is_null()).any().alias("both_open"),
            ((start >= protected) & (start < until)).any().alias("starts_under_plan"),
            ((protected >= start) & (protected < end)).any().alias("plan_starts_within"),
        )
    )
    return ordered.with_columns(
        _starts_while_open(ordered, "CINPlanStartDate", end, "child").alias("overlaps"),
        pl.col("CINPlanEndDate").is_null().sum().over("child").alias("n_open_cin_plans"),
    ).join(against, on="cin_plan", how="left", maintain_order="left")


def _reviews(rows: pl.DataFrame, plans: pl.DataFrame, cin_plans: pl.DataFrame) -> pl.DataFrame:
    """Reviews beside the start of their plan, with `under_cin_plan`: the child had a CIN plan on the day."""
    numbered = rows.with_row_index("review")
    day = pl.col("CPPreviewDate")
    held = (
        numbered.select("review", "child", "CPPreviewDate")
        .join(cin_plans.select("child", "CINPlanStartDate", "CINPlanEndDate"), on="child")
        .filter(day >= pl.col("CINPlanStartDate"), day < _open_ended("CINPlanEndDate"))
        .select("review", pl.lit(True).alias("under_cin_plan"))
        .unique()
    )
    return numbered.join(plans.select("plan", "CPPstartDate"), on="plan", how="left", maintain_order="left").join(
        held, on="review", how="left", maintain_order="left"
    )


def _returns(m: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """A row per census year that has children: shares and counts over the whole return."""
    lettered = pl.col("year") >= 2024
    unknown = pl.when(lettered).then(pl.col("Sex") == "U").otherwise(pl.col("GenderCurrent") == "0")
    born = pl.col("PersonBirthDate").is_not_null()
    children = (
        m["Child"]
        .group_by("year")
        .agg(pl.len().alias("n_children"), (unknown & born).sum().alias("n_unknown"), born.sum().alias("n_born"))
    )
    disabled = m["Disabilities"].filter(pl.col("Disability") != NO_DISABILITY)
    per_year = disabled.group_by("year").agg(
        pl.col("Disability").n_unique().alias("n_codes"),
        pl.len().alias("n_disabilities"),
        pl.col("child").n_unique().alias("n_disabled"),
    )
    return children.join(per_year, on="year", how="left", maintain_order="left").with_columns(
        pl.col("n_codes", "n_disabilities", "n_disabled").fill_null(0)
    )
