"""Planted effects come back out of the extracts, and stay where they were planted.

Same seed with and without the effect; outcomes computed the plain way from the generated tables. Tolerances are three
to four standard errors of the difference: events whose draws an effect leaves alone are the same in both runs, so where
only the outcome changes they are small; an effect on returns changes how many referrals there are, and then the runs
part.
"""

from functools import cache

import numpy as np
import pytest

from scripts.synthetic.assessments import durations
from scripts.synthetic.authority import authority
from scripts.synthetic.children import draw_children
from scripts.synthetic.parameters import Study, day
from scripts.synthetic.referrals import Arrivals, Events, follow
from tests.synthetic.plain_outcomes import EFFECTS, extract_of, outcome_means, study_settings

REFERRALS = 60_000
TOLERANCE = {
    "assessment_duration": 0.12,
    "icpc": 0.012,
    "nfa_rereferral": 0.020,
    "rereferral_escalation": 0.010,
    "kinship": 0.045,
}


@cache
def means(*effects: tuple[str, float]) -> dict[str, float]:
    return outcome_means(extract_of(study_settings(REFERRALS, **dict(effects))))


@pytest.mark.parametrize(
    ("outcome", "effect"),
    [
        ("assessment_duration", -4.0),
        ("icpc", -0.06),
        ("nfa_rereferral", 0.08),
        ("rereferral_escalation", 0.06),
        ("kinship", 0.15),
    ],
)
def test_the_planted_effect_is_recovered(outcome: str, effect: float) -> None:
    change = means((outcome, effect))[outcome] - means()[outcome]
    assert change == pytest.approx(effect, abs=TOLERANCE[outcome])
    assert abs(effect) > 2.5 * TOLERANCE[outcome]


def test_assessments_can_be_made_longer_too() -> None:
    # A longer assessment closes some cases later, so later referrals are other draws: standard error about 0.16 days.
    change = means(("assessment_duration", 2.5))["assessment_duration"] - means()["assessment_duration"]
    assert change == pytest.approx(2.5, abs=0.5)


@pytest.mark.parametrize(("outcome", "effect"), [("assessment_duration", -4.0), ("kinship", 0.15)])
def test_effects_on_duration_and_kinship_leave_every_other_outcome_as_it_was(outcome: str, effect: float) -> None:
    planted, plain = means((outcome, effect)), means()
    assert {name: planted[name] for name in EFFECTS if name != outcome} == {
        name: plain[name] for name in EFFECTS if name != outcome
    }


@pytest.mark.parametrize(
    ("outcome", "effect"), [("icpc", -0.06), ("nfa_rereferral", 0.08), ("rereferral_escalation", 0.06)]
)
def test_other_effects_do_not_leak(outcome: str, effect: float) -> None:
    planted, plain = means((outcome, effect)), means()
    for name in EFFECTS:
        if name != outcome:
            # Other children in the second run: independent samples.
            slack = 1.0 if name == "assessment_duration" else 1.5 * TOLERANCE[name]
            assert planted[name] == pytest.approx(plain[name], abs=slack)


def test_nothing_changes_before_embedding() -> None:
    days = np.arange(day("2008-10-01"), day("2011-03-31"))

    def events(**effects: float) -> Events:
        study = Study.from_settings(study_settings(1_000, **effects))
        children = draw_children(days, study, np.random.default_rng(1))
        local = authority("501", study)
        return follow(Arrivals.first(days), children, local, study, durations(local, study), np.random.default_rng(2))[
            0
        ]

    plain, planted = vars(events()), vars(events(icpc=0.2, nfa_rereferral=0.2, rereferral_escalation=0.2))
    assert all((plain[name] == planted[name]).all() for name in plain)
    ended_early = plain["assessment_start"] < day("2011-04-01")
    shortened = events(assessment_duration=-5.0).assessment_end
    assert (shortened[ended_early] == plain["assessment_end"][ended_early]).all()
