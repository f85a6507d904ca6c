"""Plain words that say no more than the numbers."""

from typing import Any

import polars as pl
import pytest

from scripts.models.evidence import FACTS
from scripts.report.findings import DOUBTS, Finding, empty_because, findings, in_short
from tests.report.small_results import DAYS, SHARE, STUDY, conclusion, rows


def found(outcome: str, flow: pl.DataFrame | None = None, reason: str | None = None, **numbers: Any) -> Finding:
    other = conclusion(SHARE if outcome == DAYS else DAYS)
    tables = {
        "conclusions": rows("conclusions", conclusion(outcome, **numbers), other),
        "evidence": rows("evidence", {"outcome": outcome, "fact": "p_adjusted", "value": 0.07}),
        "estimation_status": rows("estimation_status", {"outcome": outcome, "specification": "main", "reason": reason}),
        "flow": flow if flow is not None else flow_of(outcome, (("pilot", "comparator"), ("pre", "post"), 5)),
    }
    return next(each for each in findings(STUDY, tables) if each.outcome.key == outcome)


def flow_of(outcome: str, *steps: tuple[tuple[str, ...], tuple[str, ...], int]) -> pl.DataFrame:
    told = [
        {
            "outcome": outcome,
            "position": position,
            "step": f"step {position}",
            "arm": arm,
            "period": period,
            "n_rows": n,
        }
        for position, (arms, periods, n) in enumerate(steps)
        for arm in arms
        for period in periods
    ]
    return rows("flow", *told)


def test_an_effect_is_a_direction_in_the_outcomes_unit() -> None:
    told = found(DAYS, estimate=-3.04, ci_low=-5.0, ci_high=-1.0)
    assert told.sentence == "Lower by 3.0 working days than expected from matched authorities."
    assert told.effect == "\N{MINUS SIGN}3.0 working days"


def test_probabilities_become_percentage_points_and_children_in_a_hundred() -> None:
    told = found(SHARE, estimate=0.04, ci_low=0.01, ci_high=0.07)
    assert told.sentence == ("Higher by 4.0 percentage points than expected from matched authorities: about 4 in 100.")
    assert (told.estimate, told.ci_low, told.ci_high) == pytest.approx((4.0, 1.0, 7.0))
    assert "in 100" not in found(SHARE, estimate=0.004, ci_low=0.001, ci_high=0.007).sentence


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (-1.0, 2.0, "1.0 lower and 2.0 higher"),
        (0.0, 2.0, "0.0 higher and 2.0 higher"),
        (-1.0, 0.0, "1.0 lower and 0.0 higher"),
    ],
)
def test_what_is_not_clear_names_both_ends(low: float, high: float, ends: str) -> None:
    told = found(DAYS, finding="unclear", rating="none", estimate=0.5, ci_low=low, ci_high=high)
    assert told.sentence == f"Not clear: anything between {ends} fits the data."


def test_an_interval_without_zero_that_is_no_finding_is_called_a_hint_and_says_what_is_lacking() -> None:
    told = found(DAYS, finding="unclear", rating="none", estimate=-3.0, ci_low=-5.0, ci_high=-1.0, p_adjusted=0.2)
    assert told.hint
    assert told.sentence == "Perhaps lower by 3.0 working days, between 5.0 lower and 1.0 lower; it may be chance."
    assert "both no change" not in told.why and DOUBTS["p_randomisation"] in told.why
    assert in_short([told], "Signs of Safety")[1:] == [
        "A hint that may be chance: length of assessment 3.0 working days lower."
    ]


def test_no_effect_whose_interval_reaches_beyond_what_matters_is_only_probable() -> None:
    told = found(DAYS, finding="no_effect", rating="low", estimate=0.1, ci_low=-0.5, ci_high=2.9)
    assert told.sentence.startswith("Probably no effect that would matter: any change is between")


def test_no_effect_that_matters_is_a_finding() -> None:
    told = found(DAYS, finding="no_effect", rating="high", estimate=0.1, ci_low=-0.5, ci_high=0.7)
    assert told.sentence.startswith("No effect that would matter: any change is between")
    assert told.why == "every condition set beforehand holds"


def test_why_not_more_certain_names_the_conditions_of_the_next_level_that_fail() -> None:
    told = found(DAYS, estimate=-3.0, ci_low=-5.0, ci_high=-1.0)
    # Of the moderate level only the adjusted p-value is known, and it is too large; what is not known does not hold.
    assert told.why.startswith("not moderate: with several outcomes tested, it could be chance")
    assert "there are too few pilots" in told.why


def test_every_fact_that_a_rule_may_ask_about_has_plain_words() -> None:
    assert set(DOUBTS) == set(FACTS)


def test_the_small_picture_keeps_the_proportions_of_interval_and_smallest_effect() -> None:
    bar = found(DAYS, estimate=-3.0, ci_low=-5.0, ci_high=-1.0).bar
    worth = STUDY.outcomes[DAYS].smallest_effect
    assert bar.low / bar.worth == pytest.approx(-5.0 / worth) and bar.high / bar.low == pytest.approx(0.2)
    assert max(abs(bar.low), abs(bar.high), bar.worth) < 1


def test_no_estimate_says_why_from_the_flow_first() -> None:
    empty = flow_of(DAYS, (("pilot", "comparator"), ("all",), 5), (("pilot", "comparator"), ("all",), 0))
    assert found(DAYS, empty, "collinear").sentence == "Could not be estimated: no rows are left at the step “step 1”."
    assert found(DAYS, reason="collinear").sentence == "Could not be estimated: collinear."


def test_a_point_estimate_without_an_interval_is_not_dressed_up() -> None:
    assert found(DAYS, estimate=2.0, reason="one comparator LA").sentence == (
        "+2.0 working days against matched authorities, without an interval: one comparator LA."
    )


def test_an_arm_without_rows_in_a_period_is_named() -> None:
    lacking = flow_of(DAYS, (("pilot",), ("pre", "post"), 5))
    assert empty_because(lacking) == "no rows of comparator LAs are left before embedding"
    assert empty_because(flow_of(DAYS, (("pilot", "comparator"), ("pre", "post"), 1))) is None


def test_in_short_counts_what_changed_and_what_is_unclear() -> None:
    change = {"estimate": -3.0, "ci_low": -5.0, "ci_high": -1.0}
    one = found(DAYS, **change)
    unclear = found(SHARE, finding="unclear", rating="none", estimate=0.01, ci_low=-0.02, ci_high=0.04)
    assert in_short([one, unclear], "The Model") == [
        "1 of 2 outcomes changed with The Model: length of assessment 3.0 working days lower (low evidence).",
        "Not clear either way, which is not “no effect”: initial child protection conference within 90 days.",
    ]
    assert in_short([unclear], "The Model")[0] == "None of 1 outcomes can be shown to have changed with The Model."
