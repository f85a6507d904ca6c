"""Balance of LAs by hand."""

import numpy as np
import polars as pl
import pytest

from scripts.matching.la_balance import hedges_g, la_balance, wwc_category

THRESHOLDS = (0.05, 0.25)


def profile(**levels: float | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"la_code": [la[2:] for la in levels], "outcome_level": list(levels.values())},
        schema={"la_code": pl.String, "outcome_level": pl.Float64},
    )


# Two pilots with different dates, so that candidates have two profiles; LA 512 begins after the first date.
PROFILES = {
    "501": profile(la501=10, la502=90, la510=8, la511=4),
    "502": profile(la501=91, la502=14, la510=10, la511=6, la512=20),
}


def groups(*comparators: tuple[str, str]) -> pl.DataFrame:
    rows = [("501", "501", "pilot"), ("502", "502", "pilot"), *((group, la, "comparator") for group, la in comparators)]
    return pl.DataFrame(rows, schema=["group", "la_code", "role"], orient="row")


def balance(matched: pl.DataFrame, variables: tuple[str, ...] = ("outcome_level",)) -> pl.DataFrame:
    return la_balance(matched, PROFILES, ["501", "502"], variables, ("outcome_level",), THRESHOLDS)


def test_balance_by_hand() -> None:
    """Pilots 10 and 14, each before its own date: mean 12, squares 8.

    Before: LAs 510 (8 + 10) / 2 = 9, 511 (4 + 6) / 2 = 5, 512 20: mean 34/3, squares 81 + 25 + 400 - 3 x (34/3)**2 =
    362/3; pooled sd sqrt((8 + 362/3) / 3); g = (1 - 3/11) x (2/3) / sd.
    After: 510 in both groups, 8 and 10, and 512, 20: mean 38/3, squares 64 + 100 + 400 - 3 x (38/3)**2 = 248/3.
    """
    (row,) = balance(groups(("501", "510"), ("502", "510"), ("502", "512"))).rows(named=True)
    before = (1 - 3 / 11) * (2 / 3) / np.sqrt((8 + 362 / 3) / 3)
    after = (1 - 3 / 11) * (-2 / 3) / np.sqrt((8 + 248 / 3) / 3)
    assert row == {
        "variable": "outcome_level",
        "in_profile": 1,
        "mean_pilots": 12,
        "mean_candidates": pytest.approx(34 / 3),
        "mean_matched_pilots": 12,
        "mean_comparators": pytest.approx(38 / 3),
        "g_before": pytest.approx(before),
        "category_before": "adjust",
        "g_after": pytest.approx(after),
        "category_after": "adjust",
        "n_pilots": 2,
        "n_candidates": 3,
        "n_matched_pilots": 2,
        "n_comparators": 3,
        "n_comparator_las": 2,
    }


def test_after_matching_pilots_without_comparators_do_not_count() -> None:
    (row,) = balance(groups(("502", "510"), ("502", "511"))).rows(named=True)
    assert (row["mean_pilots"], row["mean_matched_pilots"], row["mean_comparators"]) == (12, 14, 8)
    assert row["g_after"] == pytest.approx((1 - 3 / 3) * 6 / np.sqrt(8)) and row["n_matched_pilots"] == 1


def test_a_variable_that_nobody_has_and_groups_without_comparators_leave_blanks() -> None:
    level, fsm = balance(groups(), ("outcome_level", "fsm")).rows(named=True)
    assert (level["mean_comparators"], level["g_after"], level["category_after"]) == (None, None, None)
    assert (fsm["in_profile"], fsm["n_pilots"], fsm["n_candidates"], fsm["n_comparators"]) == (0, 0, 0, 0)
    assert fsm["mean_pilots"] is None and fsm["g_before"] is None


def test_an_unknown_value_is_not_counted() -> None:
    frames = {"501": profile(la501=1, la510=None, la511=3, la512=5)}
    matched = groups(("501", "510"), ("501", "511")).filter(pl.col("group") == "501")
    (row,) = la_balance(matched, frames, ["501"], ("outcome_level",), (), THRESHOLDS).rows(named=True)
    assert (row["n_candidates"], row["mean_candidates"]) == (2, 4)
    assert (row["n_comparators"], row["n_comparator_las"], row["mean_comparators"]) == (1, 1, 3)


def test_hedges_g_needs_spread_and_three_units() -> None:
    """1, 3 and 2, 4, 6: squares 2 + 8 over 3 degrees, difference -2, correction 1 - 3/11."""
    one = np.array([1.0])
    assert hedges_g(np.array([1.0, 3.0]), np.array([2.0, 4.0, 6.0])) == pytest.approx(-2 * (8 / 11) / np.sqrt(10 / 3))
    assert hedges_g(one, one) is None and hedges_g(one, np.array([])) is None
    assert hedges_g(one, np.array([1.0, 1.0])) == 0 and hedges_g(one, np.array([2.0, 2.0])) is None


@pytest.mark.parametrize(
    ("g", "category"),
    [(0.05, "fine"), (-0.05, "fine"), (0.051, "adjust"), (-0.25, "adjust"), (0.2501, "fails"), (None, None)],
)
def test_categories_include_their_upper_limit(g: float | None, category: str | None) -> None:
    assert wwc_category(g, THRESHOLDS) == category
