"""CIN census rules on child protection plans, their reviews, and children in need plans."""

import polars as pl

from scripts.validation.cin_assessments import outside
from scripts.validation.rules import QUERY, invalid, rules_on

CIN_PLANS_FROM = 2021  # census year in which the dates of children in need plans came into the return

REFERRED, END = pl.col("CINreferralDate"), pl.col("period_end")
DIED, NFA = pl.col("PersonDeathDate"), pl.col("ReferralNFA")
CPP_START, CPP_END = pl.col("CPPstartDate"), pl.col("CPPendDate")
CIN_START, CIN_END = pl.col("CINPlanStartDate"), pl.col("CINPlanEndDate")
_plan = rules_on("plans", "ChildProtectionPlans")
_review = rules_on("reviews", "Reviews")
_cin_plan = rules_on("cin_plans", "CINPlanDates")

PLAN_RULES = (
    _plan(
        "1105",
        "CPPstartDate CINdetails.CINreferralDate",
        "The plan starts before the referral.",
        CPP_START < REFERRED,
    ),
    _plan(
        "2885",
        "CPPstartDate CINdetails.DateOfInitialCPC Section47.DateOfInitialCPC",
        "The plan starts in the census year on another day than any conference of the case.",
        ~outside(CPP_START) & ~pl.col("all_conferences").list.contains(CPP_START),
    ),
    _plan(
        "8720",
        "CPPstartDate",
        "The start of the plan is missing or after the census year.",
        CPP_START.is_null() | (CPP_START > END),
    ),
    _plan(
        "8730",
        "NumberOfPreviousCPP",
        "The number of previous plans is missing.",
        pl.col("NumberOfPreviousCPP").is_null(),
    ),
    _plan(
        "8832", "CPPstartDate CINdetails.ReferralNFA", "The plan hangs below a referral without further action.", NFA
    ),
    _plan("8840", "CPPstartDate CPPendDate", "The plan starts and ends on the same day.", CPP_START == CPP_END),
    _plan(
        "8905",
        "InitialCategoryOfAbuse",
        "The initial category of abuse is missing or not a valid code.",
        pl.col("InitialCategoryOfAbuse").is_null() | invalid("InitialCategoryOfAbuse", "category_of_abuse"),
    ),
    _plan(
        "8910",
        "LatestCategoryOfAbuse",
        "The latest category of abuse is missing or not a valid code.",
        pl.col("LatestCategoryOfAbuse").is_null() | invalid("LatestCategoryOfAbuse", "category_of_abuse"),
    ),
    _plan("8915", "CPPstartDate Child.PersonDeathDate", "The plan starts after the date of death.", CPP_START > DIED),
    _plan("8920", "CPPendDate Child.PersonDeathDate", "The plan ends after the date of death.", CPP_END > DIED),
    _plan("8925", "CPPstartDate CPPendDate", "The plan ends before it starts.", CPP_END < CPP_START),
    _plan("8930", "CPPendDate", "The plan ends outside the census year.", outside(CPP_END)),
    _plan(
        "8935",
        "CPPendDate",
        "The child has more than one open plan.",
        CPP_END.is_null() & (pl.col("n_open_plans") > 1),
    ),
    _plan("8940", "CPPstartDate CPPendDate", "The plan starts while another of the child runs.", pl.col("overlaps")),
)

REVIEW_RULES = (
    _review(
        "4003",
        "CPPreviewDate CINPlanDates.CINPlanStartDate CINPlanDates.CINPlanEndDate",
        "The review takes place while the child has a children in need plan.",
        pl.col("under_cin_plan"),
        first=CIN_PLANS_FROM,
    ),
    _review(
        "8841",
        "CPPreviewDate ChildProtectionPlans.CPPstartDate",
        "The review takes place on or before the day the plan starts.",
        pl.col("CPPreviewDate") <= CPP_START,
    ),
    _review("8842Q", "CPPreviewDate", "The review has no date.", pl.col("CPPreviewDate").is_null(), QUERY),
)

CIN_PLAN_RULES = (
    _cin_plan(
        "4000", "CINPlanStartDate CINdetails.ReferralNFA", "The plan hangs below a referral without action.", NFA
    ),
    _cin_plan(
        "4001",
        "CINPlanEndDate ChildProtectionPlans.CPPendDate",
        "The plan and a child protection plan of the child are both open.",
        pl.col("both_open"),
    ),
    _cin_plan(
        "4004",
        "CINPlanEndDate",
        "The child has more than one open plan.",
        CIN_END.is_null() & (pl.col("n_open_cin_plans") > 1),
    ),
    _cin_plan(
        "4008", "CINPlanStartDate Child.PersonDeathDate", "The plan starts after the date of death.", CIN_START > DIED
    ),
    _cin_plan(
        "4009Q",
        "CINPlanEndDate Child.PersonDeathDate",
        "The plan ends after the date of death.",
        CIN_END > DIED,
        QUERY,
    ),
    _cin_plan(
        "4010",
        "CINPlanStartDate",
        "The start of the plan is missing or after the census year.",
        CIN_START.is_null() | (CIN_START > END),
    ),
    _cin_plan("4011", "CINPlanStartDate CINPlanEndDate", "The plan ends before it starts.", CIN_END < CIN_START),
    _cin_plan(
        "4012Q",
        "CINPlanStartDate CINPlanEndDate",
        "The plan starts and ends on the same day.",
        CIN_END == CIN_START,
        QUERY,
    ),
    _cin_plan("4013", "CINPlanEndDate", "The plan ends outside the census year.", outside(CIN_END)),
    _cin_plan(
        "4014",
        "CINPlanStartDate CINPlanEndDate",
        "The plan starts while another of the child runs.",
        pl.col("overlaps"),
    ),
    _cin_plan(
        "4015",
        "CINPlanStartDate CINdetails.CINreferralDate",
        "The plan starts before the referral.",
        CIN_START < REFERRED,
    ),
    _cin_plan(
        "4016",
        "CINPlanStartDate ChildProtectionPlans.CPPstartDate ChildProtectionPlans.CPPendDate",
        "The plan starts while the child has a child protection plan.",
        pl.col("starts_under_plan"),
    ),
    _cin_plan(
        "4017",
        "CINPlanStartDate CINPlanEndDate ChildProtectionPlans.CPPstartDate",
        "A child protection plan starts while the plan runs.",
        pl.col("plan_starts_within"),
    ),
)

RULES = PLAN_RULES + REVIEW_RULES + CIN_PLAN_RULES
