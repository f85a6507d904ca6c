"""The outcomes as study-design section 2 states them, each at its boundary day."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from scripts.outcomes.definitions import Flow, OutcomeDefinition, Tables
from scripts.outcomes.job import index_events
from tests.tables import CLEANED, ENGLAND, cleaned, day

WWCSC = {"placements": ["Q1", "U1", "U2", "U3", "F1", "F4", "P1"], "end_reasons": ["E45", "E4A"]}
RELATIVE = {"placements": ["Q1", "U1", "U2", "U3", "F1", "F4"], "end_reasons": []}


def definition(population: str, measure: str, window: int, censor: int, **extra: Any) -> OutcomeDefinition:
    return OutcomeDefinition(
        "x", population, measure, window, censor, date(2008, 4, 1), date(2019, 3, 31), ENGLAND, 3, (5, 15), extra
    )


ICPC = definition("cin_referrals", "conference_within", 90, 90)
NFA = definition("nfa_referrals", "rereferral_within", 183, 183)
ESCALATION = definition(
    "nfa_referrals", "rereferral_escalated", 360, 540, which_rereferral="first", escalation_days=180
)
ANY_CLOSED = definition("closed_referrals", "rereferral_within", 365, 365)
DURATION = definition("assessments", "working_days", 53, 53, age_range=[-1, 17])
KINSHIP = definition(
    "care_order_periods",
    "kinship_within",
    365,
    365,
    legal_statuses=["C1", "C2"],
    period_start_from="2008-04-01",
    kinship=RELATIVE,
)


def tables(**rows: tuple[dict[str, Any], ...]) -> Tables:
    given = {"children": ({"gender": "Male", "ethnicity": "WHIT", "disability": 0, "uasc": 0},)} | rows
    return Tables(**{name: cleaned(name, *given.get(name, ())) for name in CLEANED})


def measured(chosen: OutcomeDefinition, **rows: tuple[dict[str, Any], ...]) -> list[float]:
    return index_events(tables(**rows), chosen, Flow())["outcome"].to_list()


def referral(date: str, closure: str | None = None, is_cin: int = 0) -> dict[str, Any]:
    return {"referral_date": date, "closure_date": closure, "is_cin": is_cin, "census_year": 2014}


@pytest.mark.parametrize(
    ("conference", "expected"),
    [("2014-06-02", 0.0), ("2014-06-03", 1.0), ("2014-08-30", 1.0), ("2014-08-31", 0.0), ("2014-06-01", 0.0)],
)
def test_conference_counts_strictly_after_the_referral_and_before_day_90(conference: str, expected: float) -> None:
    # Day 89 after 2 June is 30 August.
    assert measured(ICPC, referrals=(referral("2014-06-02", is_cin=1),), conferences=({"icpc_date": conference},)) == [
        expected
    ]


@pytest.mark.parametrize(
    ("is_cin", "closure", "rows"),
    [(1, None, 1), (1, "2014-06-02", 1), (1, "2014-06-01", 0), (0, None, 0), (99, None, 0)],
)
def test_conference_population(is_cin: int, closure: str | None, rows: int) -> None:
    assert len(measured(ICPC, referrals=(referral("2014-06-02", closure, is_cin),))) == rows


@pytest.mark.parametrize(("start", "rows"), [("2018-12-30", 1), ("2018-12-31", 0)])
def test_follow_up_must_end_before_the_data_do(start: str, rows: int) -> None:
    # 30 December + 90 days is 30 March, one day before the data end; 31 December + 90 days is the data end itself.
    assert len(measured(ICPC, referrals=(referral(start, is_cin=1),))) == rows
    assert len(measured(replace(ICPC, censor_days=0), referrals=(referral(start, is_cin=1),))) == 1


@pytest.mark.parametrize(
    ("again", "expected"), [("2014-07-01", 0.0), ("2014-07-02", 1.0), ("2014-12-31", 1.0), ("2015-01-01", 0.0)]
)
def test_rereferral_in_the_window_after_the_closure(again: str, expected: float) -> None:
    # The clock starts at the closure, 1 July; day 183 is 31 December. A new referral on the day itself is not "after".
    outcome = index_events(
        tables(referrals=(referral("2014-06-02", "2014-07-01"), referral(again, is_cin=1))), NFA, Flow()
    )
    assert outcome.select("index_date", "outcome").row(0) == (day("2014-07-01"), expected)


@pytest.mark.parametrize(("start", "rows"), [("2008-03-31", 0), ("2008-04-01", 1)])
def test_what_began_before_the_data_is_left_out(start: str, rows: int) -> None:
    assert len(measured(ICPC, referrals=(referral(start, is_cin=1),))) == rows


def test_clock_starts_at_the_referral_when_there_is_no_closure() -> None:
    events = index_events(tables(referrals=(referral("2014-06-02"),)), NFA, Flow())
    assert events.select("index_date", "event_end", "post_date").row(0) == (
        day("2014-06-02"),
        day("2014-12-02"),
        day("2014-06-02"),
    )


def test_another_childs_referral_is_no_rereferral() -> None:
    rows = (referral("2014-06-02", "2014-07-01"), referral("2014-08-01", is_cin=1) | {"child_id": "c2"})
    assert measured(NFA, referrals=rows) == [0.0]


def test_any_closed_case_counts_whatever_its_class() -> None:
    rows = (
        referral("2014-06-02", "2014-07-01", 1),
        referral("2014-08-01", "2014-09-01", 99),
        referral("2015-08-15", None, 0),
    )
    assert measured(ANY_CLOSED, referrals=rows) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("start", "expected", "why"),
    [
        ("2014-08-01", [1.0], "a plan on the day of the re-referral"),
        ("2015-01-28", [1.0], "180 days after the re-referral"),
        ("2015-01-29", [0.0], "181 days after"),
        ("2014-07-31", [], "between the closure and the re-referral: the row is dropped"),
        ("2014-07-01", [0.0], "on the closure date: neither between nor after the re-referral"),
    ],
)
def test_escalation_after_a_rereferral(start: str, expected: list[float], why: str) -> None:
    rows = (referral("2014-06-02", "2014-07-01"), referral("2014-08-01", is_cin=1))
    assert measured(ESCALATION, referrals=rows, plans=({"cpp_start": start},)) == expected, why
    care = ({"poc_start": start, "episode_start": start, "legal_status": "V2"},)
    assert measured(ESCALATION, referrals=rows, care_episodes=care) == expected, f"care: {why}"


def test_a_plan_without_a_rereferral_is_no_escalation() -> None:
    assert measured(
        ESCALATION, referrals=(referral("2014-06-02", "2014-07-01"),), plans=({"cpp_start": "2014-08-01"},)
    ) == [0.0]


def test_which_rereferral_counts_is_a_choice() -> None:
    rows = (referral("2014-06-02", "2014-07-01"), referral("2014-08-01", is_cin=1), referral("2015-06-01", is_cin=1))
    plan = ({"cpp_start": "2015-06-20"},)
    assert measured(ESCALATION, referrals=rows, plans=plan) == [0.0]
    last = replace(ESCALATION, extra=ESCALATION.extra | {"which_rereferral": "last"})
    assert measured(last, referrals=rows, plans=plan) == [1.0]
    early = ({"cpp_start": "2014-08-20"},)
    assert measured(last, referrals=rows, plans=early) == [], "with the last re-referral an earlier plan lies between"


def episode(start: str, placement: str, status: str = "C2", period: str = "2014-01-01", **more: Any) -> dict[str, Any]:
    return {"poc_start": period, "episode_start": start, "placement": placement, "legal_status": status} | more


@pytest.mark.parametrize(
    ("rows", "expected", "why"),
    [
        ((episode("2014-01-01", "U4"), episode("2015-01-01", "U1")), [1.0], "kinship from day 365"),
        ((episode("2014-01-01", "U4"), episode("2015-01-02", "U1")), [0.0], "kinship from day 366"),
        ((episode("2014-01-01", "U1", "V2"), episode("2014-06-01", "U4")), [0.0], "kinship before the care order"),
        ((episode("2014-01-01", "U1", "V2"),), [], "never under a care order"),
        ((episode("2014-01-01", "P1"),), [0.0], "with parents is not kinship"),
        ((episode("2008-03-31", "U1", period="2008-03-31"),), [], "period starts before the scope"),
    ],
)
def test_kinship_within_a_year(rows: tuple[dict[str, Any], ...], expected: list[float], why: str) -> None:
    assert measured(KINSHIP, care_episodes=rows) == expected, why


def test_kinship_definition_is_a_choice() -> None:
    published = replace(KINSHIP, extra=KINSHIP.extra | {"kinship": WWCSC})
    assert measured(published, care_episodes=(episode("2014-01-01", "P1"),)) == [1.0]
    left = episode("2014-01-01", "U4", episode_end="2015-01-01", end_reason="E45")
    assert measured(published, care_episodes=(left,)) == [1.0]
    assert measured(published, care_episodes=(left | {"episode_end": "2015-01-02"},)) == [0.0]


def assessment(start: str, end: str, days: int) -> dict[str, Any]:
    return {"assessment_start": start, "assessment_end": end, "working_days": days}


@pytest.mark.parametrize(
    ("born", "rows"), [("2014-10-01", 1), ("2016-01-01", 0), ("1996-06-03", 1), ("1996-06-01", 0), (None, 1)]
)
def test_assessments_of_children_from_a_year_before_birth_to_17(born: str | None, rows: int) -> None:
    children = ({"birth_earliest": born, "birth_latest": born},)
    assert len(measured(DURATION, children=children, assessments=(assessment("2014-06-02", "2014-06-09", 5),))) == rows


def test_assessment_event_ends_with_its_authorisation() -> None:
    events = index_events(tables(assessments=(assessment("2014-06-02", "2014-07-09", 27),)), DURATION, Flow())
    assert events.select("event_end", "outcome", "financial_year").row(0) == (day("2014-07-09"), 27.0, 2014)


def test_covariates_come_from_the_latest_referral_and_income_is_carried_forward() -> None:
    rows = (
        referral("2013-06-02", is_cin=1) | {"low_income": 1, "main_need": "N1", "nc_year": "3"},
        referral("2014-06-02", is_cin=1)
        | {"main_need": "N5", "previous_plan": 1, "sen_provision": "K", "nc_year": "7"},
        referral("2014-12-02", is_cin=1) | {"main_need": "N2"},
    )
    born = ({"gender": "Male", "ethnicity": "WHIT", "birth_earliest": "2004-01-01", "birth_latest": "2004-01-01"},)
    found = index_events(
        tables(referrals=rows, children=born, assessments=(assessment("2014-06-03", "2014-06-09", 4),)),
        DURATION,
        Flow(),
    )
    names = ["low_income", "main_need", "previous_plan", "sen", "academic_phase", "age"]
    assert found.select(names).row(0) == ("yes", "N5", 1, "support", "secondary", 10.0)


@pytest.mark.parametrize(
    ("born", "latest", "age", "income"),
    [
        ("2011-01-01", "2011-01-01", 3.0, "not of school age"),
        ("2004-01-01", "2004-01-02", 10.0, "Missing"),
        ("2004-01-01", "2005-01-01", None, "Missing"),
    ],
)
def test_age_needs_agreement_and_school_fields_need_school_age(
    born: str, latest: str, age: float | None, income: str
) -> None:
    children = ({"birth_earliest": born, "birth_latest": latest},)
    found = index_events(
        tables(children=children, assessments=(assessment("2014-06-03", "2014-06-09", 4),)), DURATION, Flow()
    )
    assert found.select("age", "low_income", "gender").row(0) == (age, income, "Missing")


@pytest.mark.parametrize("chosen", [ICPC, NFA, ESCALATION, ANY_CLOSED, DURATION, KINSHIP])
def test_no_rows_give_no_events_and_the_flow_says_so(chosen: OutcomeDefinition) -> None:
    flow = Flow()
    events = index_events(tables(children=()), chosen, flow)
    assert events.is_empty() and events.schema["outcome"] == pl.Float64
    assert flow.steps and {rows for _, rows, _ in flow.steps} == {0}
