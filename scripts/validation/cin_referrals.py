"""CIN census rules on cases: referral, need, closure, and what hangs below them."""

import polars as pl

from scripts.validation.rules import QUERY, invalid, rules_on

OLDEST, WEEKS_BEFORE_BIRTH = 25, 40
ENDED_AT_ASSESSMENT = ("RC8", "RC9")
DIED_CODE = "RC2"

REFERRED, CLOSED, REASON = pl.col("CINreferralDate"), pl.col("CINclosureDate"), pl.col("ReasonForClosure")
NFA, DIED, BORN = pl.col("ReferralNFA"), pl.col("PersonDeathDate"), pl.col("PersonBirthDate")
START, END = pl.col("period_start"), pl.col("period_end")
CONFERENCE = pl.col("DateOfInitialCPC")
_case = rules_on("details", "CINdetails")

RULES = (
    _case(
        "2883",
        "ChildProtectionPlans.CPPstartDate DateOfInitialCPC Section47.DateOfInitialCPC",
        "More child protection plans of the case start in the census year than conferences are recorded.",
        pl.col("n_plans_started")
        > pl.col("conferences").list.drop_nulls().list.len() + CONFERENCE.is_not_null().cast(pl.UInt32),
    ),
    _case(
        "2884",
        "DateOfInitialCPC Section47.DateOfInitialCPC",
        "A conference is recorded both on the case and on a section 47 enquiry.",
        CONFERENCE.is_not_null() & (pl.col("conferences").list.drop_nulls().list.len() > 0),
    ),
    _case(
        "2990",
        "ReasonForClosure DateOfInitialCPC Section47.S47ActualStartDate ChildProtectionPlans.CPPstartDate",
        "The case was closed after assessment, yet there is a section 47 enquiry, a conference or a plan.",
        REASON.is_in(ENDED_AT_ASSESSMENT)
        & (
            CONFERENCE.is_not_null()
            | (pl.col("n_enquiries") > 0)
            | (pl.col("n_plans") > 0)
            | (pl.col("n_cin_plans") > 0)
        ),
    ),
    _case(
        "2991Q",
        "Section47.S47ActualStartDate Assessments.AssessmentActualStartDate",
        "There is a section 47 enquiry but no assessment on the case.",
        (pl.col("n_enquiries") > 0) & (pl.col("n_assessments") == 0),
        QUERY,
    ),
    _case(
        "8555Q", "CINreferralDate Child.PersonDeathDate", "Referred after the date of death.", REFERRED > DIED, QUERY
    ),
    _case(
        "8565",
        "CINclosureDate DateOfInitialCPC Assessments.AssessmentActualStartDate Section47.S47ActualStartDate "
        "ChildProtectionPlans.CPPendDate CINPlanDates.CINPlanStartDate",
        "Something happened on the case after it was closed.",
        pl.col("last_activity") > CLOSED,
    ),
    _case("8568", "ReferralNFA", "The no-further-action flag is missing or not valid.", NFA.is_null()),
    _case(
        "8569Q",
        "CINreferralDate ReferralNFA",
        "No further action, but referred earlier than one working day before the census year.",
        NFA & (pl.col("nfa_from") > REFERRED),
        QUERY,
    ),
    _case(
        "8585Q",
        "ReasonForClosure Child.PersonDeathDate",
        "Closed because the child died, but no date of death is recorded.",
        (REASON == DIED_CODE) & DIED.is_null(),
        QUERY,
    ),
    _case(
        "8600",
        "CINreferralDate",
        "The referral date is missing or after the census year.",
        REFERRED.is_null() | (REFERRED > END),
    ),
    _case(
        "8606",
        "CINreferralDate Child.PersonBirthDate Child.ExpectedPersonBirthDate",
        "Referred more than 40 weeks before the date of birth or expected date of birth.",
        pl.coalesce("PersonBirthDate", "ExpectedPersonBirthDate").dt.offset_by(f"-{WEEKS_BEFORE_BIRTH}w") > REFERRED,
    ),
    _case(
        "8610",
        "ReferralNFA PrimaryNeedCode",
        "The referral led to further action but has no primary need.",
        ~NFA & pl.col("PrimaryNeedCode").is_null(),
    ),
    _case("8620", "CINclosureDate", "Closed outside the census year.", (CLOSED < START) | (CLOSED > END)),
    _case("8630", "CINreferralDate CINclosureDate", "Closed before the referral.", CLOSED < REFERRED),
    _case(
        "8640",
        "ReasonForClosure",
        "The reason for closure is not a valid code.",
        invalid("ReasonForClosure", "closure_reason"),
    ),
    _case(
        "8650", "PrimaryNeedCode", "The primary need is not a valid code.", invalid("PrimaryNeedCode", "primary_need")
    ),
    _case(
        "8775Q",
        "Child.PersonBirthDate CINclosureDate",
        "Older than 25 at closure, or at the end of the census year while open.",
        BORN.dt.offset_by(f"{OLDEST}y") < pl.coalesce("CINclosureDate", "period_end"),
        QUERY,
    ),
    _case(
        "8805",
        "CINclosureDate ReasonForClosure",
        "Closed without a reason for closure.",
        CLOSED.is_not_null() & REASON.is_null(),
    ),
    _case(
        "8810",
        "ReasonForClosure CINclosureDate",
        "A reason for closure without a closure date.",
        REASON.is_not_null() & CLOSED.is_null(),
    ),
    _case(
        "8815",
        "CINclosureDate ReferralNFA",
        "The child has more than one open case that led to further action.",
        pl.col("is_open") & (pl.col("n_open") > 1),
    ),
    _case(
        "8816",
        "CINreferralDate CINclosureDate ReferralNFA",
        "The case led to further action and is open, but is not the child's latest.",
        pl.col("is_open") & ~pl.col("is_latest"),
    ),
    _case(
        "8820",
        "CINreferralDate CINclosureDate ReferralNFA",
        "The case begins while an earlier one of the child is open.",
        pl.col("overlaps"),
    ),
    _case(
        "8825Q",
        "ReasonForClosure Assessments.AssessmentActualStartDate",
        "Closed after assessment, but the case has no assessment.",
        REASON.is_in(ENDED_AT_ASSESSMENT) & (pl.col("n_assessments") == 0),
        QUERY,
    ),
    _case(
        "8831",
        "ReferralNFA DateOfInitialCPC Assessments.AssessmentActualStartDate Section47.S47ActualStartDate",
        "No further action, yet there is an assessment, a section 47 enquiry or a conference.",
        NFA & (CONFERENCE.is_not_null() | (pl.col("n_assessments") > 0) | (pl.col("n_enquiries") > 0)),
    ),
    _case(
        "8839",
        "Section47.DateOfInitialCPC Section47.ICPCnotRequired",
        "The case has two or more open section 47 enquiries.",
        pl.col("n_open_enquiries") > 1,
    ),
    _case(
        "8866",
        "ReferralSource",
        "The source of the referral is missing or not a valid code.",
        pl.col("ReferralSource").is_null() | invalid("ReferralSource", "referral_source"),
    ),
    _case(
        "8867",
        "CINclosureDate Assessments.AssessmentAuthorisationDate",
        "The case is closed but an assessment is not completed.",
        CLOSED.is_not_null() & (pl.col("n_open_assessments") > 0),
    ),
    _case(
        "8868",
        "CINclosureDate Section47.DateOfInitialCPC Section47.ICPCnotRequired",
        "The case is closed but a section 47 enquiry has neither a conference nor the flag that none is required.",
        CLOSED.is_not_null() & (pl.col("n_open_enquiries") > 0),
    ),
    _case(
        "8896",
        "Assessments.AssessmentAuthorisationDate",
        "The case has two or more open assessments.",
        pl.col("n_open_assessments") > 1,
    ),
)
