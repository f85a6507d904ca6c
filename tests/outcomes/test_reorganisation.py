"""Outcomes of an LA that was reorganised: what cannot be followed past the change is left out (trap T-22)."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from scripts.outcomes.definitions import Flow, OutcomeDefinition
from scripts.outcomes.job import index_events
from tests.outcomes.test_outcomes import DURATION, ESCALATION, ICPC, NFA, referral, tables

BOUNDARY = date(2014, 10, 1)
STEP = "no LA reorganisation within the window"


def reorganised(definition: OutcomeDefinition) -> OutcomeDefinition:
    return replace(definition, boundaries=(BOUNDARY,))


def test_t22_a_re_referral_in_the_new_la_is_not_taken_for_none_in_the_old_one() -> None:
    """The child of the old LA comes back in the new one under an id of its own, so neither 0 nor 1 is known."""
    rows = (
        referral("2014-08-01", "2014-08-10") | {"child_id": "old"},
        referral("2014-11-01", "2014-11-05") | {"child_id": "new"},
    )
    given = tables(referrals=rows)
    assert index_events(given, NFA, Flow())["child_id"].to_list() == ["new", "old"]
    flow = Flow()
    assert index_events(given, reorganised(NFA), flow)["child_id"].to_list() == ["new"]
    assert flow.steps[-1] == (STEP, 1, 1)


@pytest.mark.parametrize(
    ("definition", "index", "kept"),
    [
        # 1 October less 90 days is 3 July, less 183 days is 1 April: the windows that end on the day of the change.
        (ICPC, "2014-07-02", 1),
        (ICPC, "2014-07-03", 0),
        (ICPC, "2014-09-30", 0),
        (ICPC, "2014-10-01", 1),
        (NFA, "2014-03-31", 1),
        (NFA, "2014-04-01", 0),
        # 360 days of window and 180 to escalate: 1 October 2014 less 540 days is 9 April 2013.
        (ESCALATION, "2013-04-08", 1),
        (ESCALATION, "2013-04-09", 0),
    ],
)
def test_t22_a_window_may_not_run_past_the_change(definition: OutcomeDefinition, index: str, kept: int) -> None:
    row = referral(index, is_cin=1 if definition is ICPC else 0)
    assert index_events(tables(referrals=(row,)), reorganised(definition), Flow()).height == kept


def test_t22_an_assessment_carries_both_its_dates_and_stays() -> None:
    row = {"assessment_start": "2014-09-20", "assessment_end": "2014-10-10", "working_days": 14, "census_year": 2014}
    flow = Flow()
    assert index_events(tables(assessments=(row,)), reorganised(DURATION), flow)["outcome"].to_list() == [14.0]
    assert STEP not in [step for step, _, _ in flow.steps]


def test_an_la_that_was_not_reorganised_passes_the_step_whole_so_that_steps_add_up_over_las() -> None:
    flow = Flow()
    index_events(tables(referrals=(referral("2014-08-01"),)), NFA, flow)
    assert flow.steps[-1] == (STEP, 1, 1)


@pytest.mark.parametrize(("start", "expected"), [("2014-09-30", "no plan"), ("2014-10-01", "Missing")])
def test_t22_no_referral_in_sight_after_the_change_says_nothing_about_a_plan(start: str, expected: str) -> None:
    row: dict[str, Any] = {"assessment_start": start, "assessment_end": start, "working_days": 1, "census_year": 2014}
    events = index_events(tables(assessments=(row,)), reorganised(DURATION), Flow())
    assert events["category_of_abuse"].to_list() == [expected]
