"""The rating of evidence: every level, what stands against the next, and rules that are refused."""

from typing import Any

import pytest

from scripts.errors import StudyError
from scripts.models.evidence import FACTS, Condition, rate, read_rules

SETTINGS: dict[str, Any] = {
    "effect": {
        "high": [
            {"fact": "p_adjusted", "below": 0.05},
            {"fact": "p_randomisation", "below": 0.05},
            {"fact": "breakdown_mbar", "at_least": 1.0},
        ],
        "moderate": [{"fact": "p_adjusted", "below": 0.05}, {"fact": "p_randomisation", "below": 0.05}],
        "low": [{"fact": "p_randomisation", "below": 0.10}],
    },
    "no_effect": {
        "high": [{"fact": "interval_ratio", "at_most": 1.0}, {"fact": "p_pretrend", "above": 0.10}],
        "low": [{"fact": "interval_ratio", "at_most": 1.0}],
    },
}
STRONG = {"p_adjusted": 0.01, "p_randomisation": 0.02, "breakdown_mbar": 1.5, "interval_ratio": 3.0}


@pytest.mark.parametrize(
    ("changes", "level", "finding"),
    [
        ({}, "high", "effect"),
        ({"breakdown_mbar": 0.9}, "moderate", "effect"),
        ({"breakdown_mbar": None}, "moderate", "effect"),
        ({"breakdown_mbar": float("nan")}, "moderate", "effect"),
        ({"p_adjusted": 0.05}, "low", "effect"),
        ({"p_adjusted": 0.6, "p_randomisation": 0.4}, "none", "unclear"),
        ({"p_randomisation": 0.4, "interval_ratio": 1.0}, "low", "no_effect"),
        ({"p_randomisation": 0.4, "interval_ratio": 0.8, "p_pretrend": 0.5}, "high", "no_effect"),
        ({"p_randomisation": None, "interval_ratio": None}, "none", "unclear"),
        # An effect that is shown is an effect, however small.
        ({"interval_ratio": 0.5}, "high", "effect"),
    ],
)
def test_the_highest_level_whose_conditions_hold(changes: dict[str, float | None], level: str, finding: str) -> None:
    found = rate(STRONG | changes, read_rules(SETTINGS))
    assert (found.level, found.finding) == (level, finding)


def test_the_reason_says_what_stands_against_a_higher_level() -> None:
    found = rate(STRONG | {"breakdown_mbar": 0.5}, read_rules(SETTINGS))
    assert found.failed == (f"{FACTS['breakdown_mbar']}: 0.5, wanted at least 1",)
    assert len(found.passed) == 2
    assert found.reason.startswith(
        "Moderate strength of evidence for an effect. Not rated higher because of: violation"
    )


def test_nothing_known_is_no_evidence_and_says_so() -> None:
    found = rate({}, read_rules(SETTINGS))
    assert (found.level, found.finding, found.passed) == ("none", "unclear", ())
    assert found.reason.startswith("No evidence either way")
    assert found.reason.count("not known") == 2


def test_the_highest_rating_has_nothing_against_it() -> None:
    found = rate(STRONG, read_rules(SETTINGS))
    assert found.failed == ()
    assert found.reason == "High strength of evidence for an effect."


@pytest.mark.parametrize(
    ("comparison", "holds"), [("below", False), ("at_most", True), ("above", False), ("at_least", True)]
)
def test_comparisons_at_the_threshold(comparison: str, holds: bool) -> None:
    assert Condition("treated_las", comparison, 5.0).holds({"treated_las": 5.0}) is holds


@pytest.mark.parametrize(
    ("low", "problem"),
    [
        ([{"fact": "p_typo", "below": 0.1}], "unknown fact p_typo"),
        ([{"fact": "p_wild"}], "no single comparison"),
        ([{"fact": "p_wild", "below": 0.1, "above": 0.0}], "no single comparison"),
        ([{"fact": "p_wild", "under": 0.1}], "no single comparison"),
        ([{"fact": "p_wild", "below": 0.1}], "p_wild asked of low only"),
        ([], "no conditions"),
    ],
)
def test_rules_that_mean_nothing_are_refused(low: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(StudyError, match=problem):
        read_rules(SETTINGS | {"effect": SETTINGS["effect"] | {"low": low}})
