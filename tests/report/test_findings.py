"""Plain words that say no more than the numbers."""

from typing import Any

import polars as pl
import pytest

from scripts.artefacts import contract_schema
from scripts.report.findings import empty_because, findings

OUTCOME = {"label": "Length of assessment", "unit": "working days", "primary": True}
SHARE = {"label": "Conference", "unit": "percentage points", "primary": True}


def config(entry: dict[str, Any]) -> dict[str, Any]:
    return {"outcomes": {"x": entry}, "models": {"headline": "main", "confidence": 0.95}}


def said(entry: dict[str, Any], flow: pl.DataFrame | None = None, reason: str | None = None, **numbers: Any) -> str:
    row = {"outcome": "x", "rating": "none", "reason": "", "n_children": 10, "n_las": 4} | numbers
    concluded = pl.DataFrame([row], schema=contract_schema("conclusions"))
    status = pl.DataFrame({"outcome": ["x"], "specification": ["main"], "status": [""], "reason": [reason]})
    flows = flow if flow is not None else flow_of((("pilot", "comparator"), ("pre", "post"), 5))
    (finding,) = findings(config(entry), concluded, status, flows)
    return finding.sentence


def flow_of(*steps: tuple[tuple[str, ...], tuple[str, ...], int]) -> pl.DataFrame:
    rows = [
        {"outcome": "x", "position": position, "step": f"step {position}", "arm": arm, "period": period, "n_rows": n}
        for position, (arms, periods, n) in enumerate(steps)
        for arm in arms
        for period in periods
    ]
    return pl.DataFrame(rows, schema=contract_schema("flow"))


def test_an_interval_without_zero_is_a_direction_in_the_outcomes_unit() -> None:
    assert said(OUTCOME, estimate=-3.04, ci_low=-5.0, ci_high=-1.0) == (
        "Lower by 3.0 working days than the change in matched LAs would suggest (95% interval -5.0 to -1.0)."
    )


def test_probabilities_become_percentage_points() -> None:
    assert "Higher by 4.0 percentage points" in said(SHARE, estimate=0.04, ci_low=0.01, ci_high=0.07)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (0.0, 2.0), (-1.0, 0.0)])
def test_an_interval_that_reaches_zero_is_no_clear_change(low: float, high: float) -> None:
    assert said(OUTCOME, estimate=0.5, ci_low=low, ci_high=high).startswith("No clear change")


def test_no_estimate_says_why_from_the_flow_first() -> None:
    empty = flow_of((("pilot", "comparator"), ("all",), 5), (("pilot", "comparator"), ("all",), 0))
    assert said(OUTCOME, empty, "collinear") == "Could not be estimated: no rows are left at the step “step 1”."
    assert said(OUTCOME, reason="collinear") == "Could not be estimated: collinear."


def test_a_point_estimate_without_an_interval_is_not_dressed_up() -> None:
    assert said(OUTCOME, estimate=2.0, reason="one comparator LA") == (
        "+2.0 working days against matched LAs, without an interval: one comparator LA."
    )


def test_an_arm_without_rows_in_a_period_is_named() -> None:
    lacking = flow_of((("pilot",), ("pre", "post"), 5))
    assert empty_because(lacking) == "no rows of comparator LAs are left before embedding"
    assert empty_because(flow_of((("pilot", "comparator"), ("pre", "post"), 1))) is None
