"""CIN census rules on assessments, their factors, and section 47 enquiries."""

import polars as pl

from scripts.validation.cin_views import NO_FACTOR
from scripts.validation.rules import QUERY, rules_on

SATURDAY = 6
ENDED_AT_ASSESSMENT = ("RC8", "RC9")
SPLIT_FROM = 2024  # census year from which 18A and 19A give way to the codes that say who did it

REFERRED, START, END = pl.col("CINreferralDate"), pl.col("period_start"), pl.col("period_end")
BEGAN, DONE = pl.col("AssessmentActualStartDate"), pl.col("AssessmentAuthorisationDate")
FACTORS = pl.col("factors")
ENQUIRED, CONFERENCE = pl.col("S47ActualStartDate"), pl.col("DateOfInitialCPC")
OPEN_ENQUIRY = pl.col("is_open")
_assessment = rules_on("assessments", "Assessments")
_factor = rules_on("factors", "AssessmentFactors")
_enquiry = rules_on("section47", "Section47")


def outside(date: pl.Expr) -> pl.Expr:
    """Boolean: the date is not in the census year."""
    return (date < START) | (date > END)


ASSESSMENT_RULES = (
    _assessment(
        "1103",
        "AssessmentActualStartDate CINdetails.CINreferralDate",
        "The assessment starts before the referral.",
        BEGAN < REFERRED,
    ),
    _assessment(
        "8608",
        "AssessmentActualStartDate AssessmentAuthorisationDate",
        "The assessment ends before it starts.",
        DONE < BEGAN,
    ),
    _assessment(
        "8614",
        "AssessmentAuthorisationDate AssessmentFactors.AssessmentFactors",
        "Factors are recorded on an assessment that is not completed.",
        DONE.is_null() & (FACTORS.list.len() > 0),
    ),
    _assessment(
        "8670Q",
        "AssessmentActualStartDate AssessmentAuthorisationDate",
        "The assessment started more than 45 working days before the end of the census year and has no end.",
        DONE.is_null() & (pl.col("due_assessment") > BEGAN),
        QUERY,
    ),
    _assessment("8696", "AssessmentAuthorisationDate", "The assessment ends outside the census year.", outside(DONE)),
    _assessment(
        "8736",
        "AssessmentActualStartDate AssessmentAuthorisationDate",
        "An assessment that is not completed starts outside the census year.",
        DONE.is_null() & outside(BEGAN),
    ),
    _assessment(
        "8863Q",
        "AssessmentActualStartDate AssessmentAuthorisationDate",
        "The assessment starts while another of the case is ongoing.",
        pl.col("overlaps"),
        QUERY,
    ),
    _assessment(
        "8869",
        "AssessmentFactors.AssessmentFactors",
        "The factor for none stands beside others.",
        FACTORS.list.contains(NO_FACTOR) & (FACTORS.list.n_unique() > 1),
    ),
    _assessment(
        "8873Q",
        "AssessmentAuthorisationDate AssessmentFactors.AssessmentFactors CINdetails.ReasonForClosure",
        "The only assessment of a closed case found no factors, but the case was not closed after assessment.",
        DONE.is_not_null()
        & (pl.col("n_assessments") == 1)
        & FACTORS.list.contains(NO_FACTOR)
        & ~pl.col("ReasonForClosure").is_in(ENDED_AT_ASSESSMENT),
        QUERY,
    ),
    _assessment(
        "8897Q",
        "AssessmentAuthorisationDate AssessmentFactors.AssessmentFactors",
        "A completed assessment has no factors.",
        DONE.is_not_null() & (FACTORS.list.len() == 0),
        QUERY,
    ),
)

FACTOR_RULES = (
    _factor("8898", "AssessmentFactors", "The assessment has the same factor twice.", pl.col("repeated")),
    _factor(
        "8945Q",
        "AssessmentFactors",
        "Factor 18A is used where 18B or 18C should be.",
        pl.col("AssessmentFactors") == "18A",
        QUERY,
        first=SPLIT_FROM,
    ),
    _factor(
        "8950Q",
        "AssessmentFactors",
        "Factor 19A is used where 19B or 19C should be.",
        pl.col("AssessmentFactors") == "19A",
        QUERY,
        first=SPLIT_FROM,
    ),
)

ENQUIRY_RULES = (
    _enquiry(
        "1104",
        "DateOfInitialCPC CINdetails.CINreferralDate",
        "The conference takes place before the referral.",
        CONFERENCE < REFERRED,
    ),
    _enquiry(
        "2889",
        "S47ActualStartDate CINdetails.CINreferralDate",
        "The enquiry starts before the referral.",
        ENQUIRED < REFERRED,
    ),
    _enquiry(
        "8615",
        "S47ActualStartDate DateOfInitialCPC",
        "The start of the enquiry is missing or after its conference.",
        ENQUIRED.is_null() | (ENQUIRED > CONFERENCE),
    ),
    _enquiry(
        "8675Q",
        "S47ActualStartDate DateOfInitialCPC ICPCnotRequired",
        "The enquiry started more than 15 working days before the end of the census year and has no conference.",
        OPEN_ENQUIRY & (pl.col("due_conference") > ENQUIRED),
        QUERY,
    ),
    _enquiry("8715", "DateOfInitialCPC", "The conference is outside the census year.", outside(CONFERENCE)),
    _enquiry(
        "8740",
        "S47ActualStartDate DateOfInitialCPC ICPCnotRequired",
        "An enquiry without a conference starts outside the census year.",
        OPEN_ENQUIRY & outside(ENQUIRED),
    ),
    _enquiry(
        "8870Q",
        "InitialCPCtarget",
        "The target date of the conference is at a weekend.",
        pl.col("InitialCPCtarget").dt.weekday() >= SATURDAY,
        QUERY,
    ),
    _enquiry("8875", "DateOfInitialCPC", "The conference is at a weekend.", CONFERENCE.dt.weekday() >= SATURDAY),
    _enquiry(
        "8890",
        "S47ActualStartDate DateOfInitialCPC ICPCnotRequired",
        "The enquiry starts while another of the case is ongoing.",
        pl.col("overlaps"),
    ),
)

RULES = ASSESSMENT_RULES + FACTOR_RULES + ENQUIRY_RULES
