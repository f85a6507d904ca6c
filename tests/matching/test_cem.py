"""Coarsened exact matching: bands, strata, and who has a counterpart."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import StudyError
from scripts.matching.cem import cross, has_counterpart, stratum_numbers
from scripts.matching.covariates import (
    ChildCovariate,
    Levels,
    banded_levels,
    children,
    coarsened,
    distinct_children,
    text_levels,
)

AGE = ChildCovariate("age", "numeric", True, (5, 13))
SEX = ChildCovariate("gender", "categorical", True, ())
FLAG = ChildCovariate("disability", "binary", True, ())
IGNORED = ChildCovariate("sen", "categorical", False, ())


def test_bands_start_at_their_lower_bound_and_a_gap_is_a_band() -> None:
    levels = banded_levels(pl.Series([-1.0, 4.9, 5.0, 12.0, 13.0, None]), (5, 13))
    assert levels.codes.tolist() == [0, 0, 1, 1, 2, 3]
    assert levels.names == ("below 5", "5 to below 13", "13 and above", "Missing")


def test_a_binary_gap_is_a_level() -> None:
    levels = coarsened(pl.DataFrame({"disability": pl.Series([1, None, 0], dtype=pl.Int8)}), FLAG)
    assert [levels.names[code] for code in levels.codes] == ["1", "Missing", "0"]


def test_numeric_matching_needs_cuts() -> None:
    with pytest.raises(StudyError, match=r"CONFIG: covariates\.child\.age"):
        coarsened(pl.DataFrame({"age": [1.0]}), ChildCovariate("age", "numeric", True, ()))


def test_strata_follow_group_period_and_matching_covariates_only() -> None:
    cohort = pl.DataFrame(
        {
            "group": ["1", "1", "1", "1", "2", "1"],
            "post": [0, 0, 0, 1, 0, 0],
            "age": [3.0, 4.0, 6.0, 3.0, 3.0, None],
            "gender": ["1"] * 6,
            "sen": ["a", "b", "a", "a", "a", "a"],
        }
    )
    assert stratum_numbers(cohort, (AGE, SEX, IGNORED)).tolist() == [0, 0, 1, 3, 4, 2]


def test_rows_without_the_other_arm_have_no_counterpart() -> None:
    stratum, treated = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    assert has_counterpart(stratum, treated).tolist() == [True, True, False, False, False]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 2)), max_size=60))
def test_crossing_numbers_combinations_in_their_order(rows: list[tuple[int, int, int]]) -> None:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    factors = [Levels(tuple("abcde"[:size]), columns[:, j]) for j, size in enumerate((4, 5, 3))]
    order = {combination: i for i, combination in enumerate(sorted(set(rows)))}
    assert cross(factors, len(rows)).tolist() == [order[row] for row in rows]


def test_crossing_survives_more_combinations_than_an_integer_holds() -> None:
    factor = Levels(tuple(map(str, range(1000))), np.array([0, 999, 999]))
    assert cross([factor] * 30, 3).tolist() == [0, 1, 1]


def test_a_child_is_an_id_within_its_la() -> None:
    frame = pl.DataFrame({"la_code": ["1", "2", "1"], "child_id": ["a", "a", "a"]})
    child = children(frame)
    assert child[0] == child[2] != child[1]
    assert distinct_children(child, np.array([0, 0, 0]), 2).tolist() == [2, 0]
    assert distinct_children(child, np.array([0, -1, 1]), 2).tolist() == [1, 1]


def test_text_levels_are_in_text_order_with_gaps_named() -> None:
    levels = text_levels(pl.Series(["b", None, "a"]))
    assert levels.names == ("Missing", "a", "b")
    assert levels.codes.tolist() == [2, 0, 1]


def test_no_rows_have_no_strata() -> None:
    empty = pl.DataFrame(schema={"group": pl.String, "post": pl.Int8, "age": pl.Float64, "gender": pl.String})
    assert not len(stratum_numbers(empty, (AGE, SEX)))
    assert not len(has_counterpart(np.zeros(0, dtype=int), np.zeros(0, dtype=int)))
