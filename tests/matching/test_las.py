"""Computed comparator LAs: profiles, distances, ties, gaps."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis

from scripts.matching.las import LaMatching, computed_comparators, outcome_profile

TWO = LaMatching(2, ("level", "trend"))


def profiles(values: list[tuple[str, float | None, float | None]]) -> pl.DataFrame:
    """Profiles with two variables."""
    return pl.DataFrame(values, schema={"la_code": pl.String, "level": pl.Float64, "trend": pl.Float64}, orient="row")


def test_level_and_trend_are_weighted_and_end_before_embedding() -> None:
    """Years 2010-2012, n 1, 1, 2, means 1, 2, 4: level 11/4; weighted mean year 2011.25, slope 4.25/2.75 = 17/11."""
    summary = pl.DataFrame(
        {
            "la_code": ["1"] * 4 + ["2"],
            "financial_year": [2010, 2011, 2012, 2013, 2012],
            "n": [1, 1, 2, 50, 3],
            "mean": [1.0, 2.0, 4.0, 99.0, 5.0],
        }
    )
    first, second = outcome_profile(summary, 2013).rows(named=True)
    assert first["outcome_level"] == pytest.approx(2.75)
    assert first["outcome_trend"] == pytest.approx(17 / 11)
    assert (second["outcome_level"], second["outcome_trend"]) == (5.0, None)


def test_distances_agree_with_scipy() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(12, 2)) @ np.array([[1.0, 0.8], [0.0, 5.0]])
    frame = profiles([(f"{i:03}", *map(float, row)) for i, row in enumerate(values)])
    inverse = np.linalg.inv(np.cov(values, rowvar=False))
    distances = {f"{i:03}": mahalanobis(values[0], row, inverse) for i, row in enumerate(values) if i}
    found = computed_comparators(frame, "000", ["000"], LaMatching(11, ("level", "trend")))
    assert found["la_code"].to_list() == sorted(distances, key=distances.get)
    assert found["distance"].to_list() == pytest.approx(sorted(distances.values()), abs=1e-8)


def test_pilots_are_never_comparators_and_ties_go_to_the_lower_code() -> None:
    frame = profiles([("1", 0, 0), ("2", 0, 0), ("5", 1, 1), ("4", 1, 1), ("3", 1, 1), ("6", 9, 3)])
    found = computed_comparators(frame, "1", ["1", "2"], TWO)
    assert found["la_code"].to_list() == ["3", "4"]
    assert found["rank"].to_list() == [1, 2]


def test_mostly_unknown_variables_leave_and_other_gaps_take_the_mean() -> None:
    frame = profiles([("1", 0, None), ("2", 5, None), ("3", None, None), ("4", 1, 7), ("5", 9, None)])
    found = computed_comparators(frame, "1", ["1"], LaMatching(4, ("level", "trend", "unknown")))
    assert found["la_code"].to_list() == ["4", "3", "2", "5"]


@pytest.mark.parametrize("codes", [["1"], ["2", "3"], []])
def test_too_few_candidates_or_no_profile_of_the_pilot_give_fewer_comparators(codes: list[str]) -> None:
    assert computed_comparators(profiles([(code, 1, 1) for code in codes]), "1", ["1"], TWO).height == 0


def test_fewer_candidates_than_wanted_are_all_taken() -> None:
    found = computed_comparators(profiles([("1", 0, 0), ("2", 3, 1)]), "1", ["1"], TWO)
    assert found["la_code"].to_list() == ["2"]


@given(st.permutations(range(8)))
def test_the_order_of_las_does_not_matter(order: list[int]) -> None:
    rows = [(str(i), float(i * i % 5), float(i % 3)) for i in range(8)]
    expected = computed_comparators(profiles(rows), "0", ["0"], TWO)
    assert computed_comparators(profiles([rows[i] for i in order]), "0", ["0"], TWO).equals(expected)


def test_with_few_las_the_nearest_is_not_the_first_by_code() -> None:
    """With as many variables as LAs every Mahalanobis distance is the same, and the code would decide."""
    rng = np.random.default_rng(2)
    names = [f"x{i}" for i in range(6)]
    values = rng.standard_normal((6, 6))
    values[4] = values[5] + 0.01
    frame = pl.DataFrame(values, schema=names).with_columns(
        la_code=pl.Series(["501", "502", "503", "504", "505", "506"])
    )
    found = computed_comparators(frame, "506", ["506"], LaMatching(2, tuple(names)))
    assert found["la_code"][0] == "505" and found["distance"][0] < found["distance"][1]
