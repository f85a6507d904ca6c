"""Pictures of estimates: they show the numbers of the tables, in the outcome's unit, and say them in words."""

from collections.abc import Callable

import pytest

from scripts.report.canvas import NARROW, WIDE, Chart, svg, wrapped
from scripts.report.charts import assumptions, effects, events, robustness
from scripts.report.charts.intervals import height
from scripts.report.words import number, p_value, signed, span
from tests.report.small_results import DAYS, SHARE, STUDY, conclusion, rows

MINUS = "\N{MINUS SIGN}"


def estimate(outcome: str, estimator: str = "did", method: str = "WCR", **numbers: float) -> dict:
    specification = "main" if estimator == "did" else estimator.partition("[")[0]
    return {"outcome": outcome, "specification": specification, "estimator": estimator, "method": method} | numbers


INTERVAL = {"estimate": -0.02, "ci_low": -0.05, "ci_high": 0.01}
TABLES = {
    "conclusions": rows(
        "conclusions",
        conclusion(DAYS, estimate=-3.0, ci_low=-5.0, ci_high=-1.0, mdes=4.0),
        conclusion(SHARE, **INTERVAL, mdes=0.01),
    ),
    "estimates": rows(
        "estimates",
        *(estimate(SHARE, method=method, **INTERVAL) for method in ("CRV1", "WCR")),
        *(estimate(SHARE, f"event_study[{year}]", **INTERVAL) for year in (-2, 0, 1)),
        *(estimate(SHARE, f"staggered[{year}]", "jackknife", **INTERVAL) for year in (-1, 0)),
    ),
    "model_tests": rows("model_tests", {"outcome": SHARE, "test": "pretrend_WCR", "p_value": 0.0004}),
    "leave_one_out": rows(
        "leave_one_out",
        {"outcome": SHARE, "la_code": "501", "role": "pilot"} | INTERVAL,
        {"outcome": SHARE, "la_code": "510", "role": "comparator", "estimate": -0.06},
    ),
    "la_effects": rows("la_effects", {"outcome": SHARE, "la_code": "501", "estimate": -0.03, "placebo_spread": 0.01}),
    "specification_curve": rows(
        "specification_curve",
        {"outcome": SHARE, "position": 1, "kind": "choice", "name": "other", "label": "Another window"} | INTERVAL,
        {"outcome": SHARE, "position": 2, "kind": "headline", "name": "main", "label": "did"} | INTERVAL,
    ),
    "subgroups": rows(
        "subgroups",
        *(
            {"outcome": SHARE, "variable": "age", "level": level, "p_interaction": 0.25} | INTERVAL
            for level in ("13 and above", "5 to below 13", "below 5")
        ),
        {"outcome": SHARE, "variable": "ethnicity", "level": "WHIT"} | INTERVAL,
    ),
    "sensitivity": rows(
        "sensitivity",
        {"outcome": SHARE, "measure": "trend_bound", "level": 0.5, "value": -0.02, "ci_low": -0.05, "ci_high": 0.01},
        {"outcome": SHARE, "measure": "trend_breakdown", "value": 0.7},
    ),
}
EMPTY = {name: table.clear() for name, table in TABLES.items()}
ALL = [
    effects.effects,
    effects.methods,
    events.events,
    events.staggered,
    robustness.leave_one_out,
    robustness.la_effects,
    robustness.curve,
    robustness.subgroups,
    assumptions.bounds,
    assumptions.power,
]


def only(function: Callable[..., list[Chart]]) -> Chart:
    (chart,) = function(TABLES, STUDY)
    return chart


@pytest.mark.parametrize("function", ALL)
def test_every_picture_is_drawn_for_both_widths_alike_each_time_and_says_synthetic(function: Callable) -> None:
    chart = only(function)
    for width in (WIDE, NARROW):
        drawn = svg(chart, width, synthetic=True)
        assert drawn == svg(only(function), width, synthetic=True)
        assert ">SYNTHETIC<" in drawn and ">SYNTHETIC<" not in svg(chart, width, synthetic=False)
    assert chart.alt and chart.caption and chart.title and chart.data.height


@pytest.mark.parametrize("function", ALL)
def test_empty_tables_make_no_picture(function: Callable) -> None:
    assert function(EMPTY, STUDY) == []


def test_shares_are_shown_in_percentage_points_and_days_as_they_are() -> None:
    shown = only(effects.effects).data
    assert shown["estimate"].to_list() == [-3.0, -2.0] and shown["ci_low"].to_list() == [-5.0, -5.0]
    assert f"{MINUS}2.0 ({MINUS}5.0 to +1.0) percentage points" in only(effects.effects).alt


def test_the_event_study_tells_the_test_before_and_the_years_after() -> None:
    alt = only(events.events).alt
    assert "p <0.001 before embedding" in alt and f"year 1 {MINUS}2.0" in alt and "year -2" not in alt
    assert only(events.events).data["year"].to_list() == [-2, 0, 1]


def test_leaving_out_names_the_las_at_both_ends() -> None:
    alt = only(robustness.leave_one_out).alt
    assert f"between {MINUS}6.0 (without Jessamine)" in alt and f"{MINUS}2.0 percentage points (without Ashmere)" in alt


def test_of_many_las_the_picture_shows_those_the_result_leans_on_and_the_figures_all() -> None:
    codes = [f"{number}" for number in range(600, 620)]
    many = [
        {"outcome": SHARE, "la_code": code, "role": "comparator", "estimate": -0.02 + 0.001 * place}
        for place, code in enumerate(codes)
    ]
    chart, *_ = robustness.leave_one_out(TABLES | {"leave_one_out": rows("leave_one_out", *many)}, STUDY)
    drawn = svg(chart, WIDE, synthetic=False)
    assert [f">{code}<" in drawn for code in codes] == [place >= 20 - robustness.SHOWN_LAS for place in range(20)]
    assert chart.data["la_code"].to_list() == codes and "6 other LAs" in chart.caption


def test_bands_are_in_their_order_and_codes_in_words() -> None:
    drawn = svg(only(robustness.subgroups), WIDE, synthetic=False)
    assert drawn.index(">below 5<") < drawn.index(">5 to below 13<") < drawn.index(">13 and above<")
    assert ">White<" in drawn and "p 0.250" in only(robustness.subgroups).alt


def test_power_compares_with_the_smallest_effect_worth_having() -> None:
    chart = only(assumptions.power)
    assert chart.data["detectable_effect"].to_list() == [4.0, 1.0]
    assert "for 1 of 2 outcomes" in chart.caption


def test_bounds_tell_how_much_divergence_an_effect_withstands() -> None:
    assert "told from none up to 0.7 times the earlier drift" in only(assumptions.bounds).caption


def test_long_labels_stand_above_their_rows_on_narrow_screens() -> None:
    short, long = ["Ashmere"], ["A label that is longer than a phone has room for"]
    assert height(long, NARROW) > height(short, NARROW) == height(short, WIDE) == height(long, WIDE)


def test_words_break_at_spaces_and_numbers_have_a_true_minus() -> None:
    assert wrapped("one two three", 7) == "one two\nthree"
    assert signed(-0.04) == "0.0" and signed(2.25) == "+2.2" and signed(None) == ""
    assert number(-1234.5, 1) == f"{MINUS}1,234.5" and span(None, 1.0) == ""
    assert p_value(0.0001) == "<0.001" and p_value(0.5) == "0.500" and p_value(None) == ""


def test_a_year_with_few_children_does_not_set_the_scale() -> None:
    wide = {"estimate": 0.0, "ci_low": -9.0, "ci_high": 9.0}
    usual = [estimate(SHARE, f"event_study[{year}]", **INTERVAL) for year in range(-6, 3) if year != -1]
    tables = TABLES | {"estimates": rows("estimates", *usual, estimate(SHARE, "event_study[3]", **wide))}
    figure = events.events(tables, STUDY)[0].draw(WIDE)
    low, high = figure.axes[0].get_ylim()
    assert high < 20 and low > -20
