"""Distances, calipers and choice of comparator LAs: by hand, against scipy, ties, gaps, too few LAs."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis

from scripts.matching.las import LaMatching, candidates, chosen, outcome_profile

TWO = LaMatching(2, "mahalanobis", ("level", "trend"), None, (), 0.5, 2)


def profiles(values: list[tuple[str, float | None, float | None]]) -> pl.DataFrame:
    """Profiles with two variables."""
    return pl.DataFrame(values, schema={"la_code": pl.String, "level": pl.Float64, "trend": pl.Float64}, orient="row")


# Pilot 1 at the centre of four LAs: variances 4 x 2**2 / 4 = 4 and 4 x 1 / 4 = 1, covariance 0.
CROSS = profiles([("1", 0, 0), ("2", 2, 1), ("3", -2, 1), ("4", 2, -1), ("5", -2, -1)])
# The same stretched by one LA along each axis (7 LAs, means 0): variances (16 + 2 x 16) / 6 = 8 and (4 + 2 x 9) / 6.
STAR = profiles([("1", 0, 0), ("2", 2, 1), ("3", -2, 1), ("4", 2, -1), ("5", -2, -1), ("6", 4, 3), ("7", -4, -3)])


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


def test_a_distance_by_hand_without_covariance() -> None:
    """sqrt(2**2 / 4 + 1**2 / 1) = sqrt(2) for all four; the fifth LA of five is more than two per variable."""
    found = candidates(CROSS, "1", ["1"], TWO)
    assert found["distance"].to_list() == pytest.approx([np.sqrt(2)] * 4)
    assert found["la_code"].to_list() == ["2", "3", "4", "5"] and set(found["distance_kind"]) == {"mahalanobis"}


def test_a_distance_by_hand_with_covariance() -> None:
    """Variances 8 and 11/3, covariance 24 / 6 = 4: the inverse is [11/3, -4; -4, 8] / (40/3).

    LA 2: (4 x 11/3 - 2 x 2 x 4 + 8) x 3/40 = 1/2; LA 3: (4 x 11/3 + 16 + 8) x 3/40 = 29/10;
    LA 6: (16 x 11/3 - 2 x 12 x 4 + 72) x 3/40 = 13/5. So LA 6, twice as far as LA 3, is nearer.
    """
    found = candidates(STAR, "1", ["1"], TWO)
    expected = {"2": 0.5, "3": 2.9, "4": 2.9, "5": 0.5, "6": 2.6, "7": 2.6}
    assert dict(found.select("la_code", pl.col("distance") ** 2).iter_rows()) == pytest.approx(expected)
    assert found["la_code"].to_list() == ["2", "5", "6", "7", "3", "4"]
    assert found["rank"].to_list() == [1, 2, 3, 4, 5, 6]


def test_distances_agree_with_scipy() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(12, 2)) @ np.array([[1.0, 0.8], [0.0, 5.0]])
    frame = profiles([(f"{i:03}", *map(float, row)) for i, row in enumerate(values)])
    inverse = np.linalg.inv(np.cov(values, rowvar=False))
    distances = {f"{i:03}": mahalanobis(values[0], row, inverse) for i, row in enumerate(values) if i}
    found = candidates(frame, "000", ["000"], TWO)
    assert found["la_code"].to_list() == sorted(distances, key=distances.get)
    assert found["distance"].to_list() == pytest.approx(sorted(distances.values()), abs=1e-8)


def test_pilots_are_never_comparators_and_ties_go_to_the_lower_code() -> None:
    frame = profiles([("1", 0, 0), ("2", 0, 0), ("5", 1, 1), ("4", 1, 1), ("3", 1, 1), ("6", 9, 3)])
    found = chosen(candidates(frame, "1", ["1", "2"], TWO), None, 2)
    assert found["la_code"].to_list() == ["3", "4"]
    assert found["rank"].to_list() == [1, 2]


@pytest.mark.parametrize(("caliper", "within"), [(None, 6), (2.0, 6), (1.62, 4), (1.6, 2), (0.5, 0)])
def test_candidates_beyond_the_caliper_leave(caliper: float | None, within: int) -> None:
    """Distances sqrt(0.5) = 0.707 twice, sqrt(2.6) = 1.612 twice, sqrt(2.9) = 1.703 twice."""
    found = candidates(STAR, "1", ["1"], replace(TWO, caliper=caliper))
    assert found.height == 6 and found["within"].sum() == within
    assert chosen(found, None, 9)["la_code"].to_list() == found.filter("within")["la_code"].to_list()


def test_a_variable_caliper_is_in_standard_deviations_and_includes_its_limit() -> None:
    """Level 0, 1, -1, 2, -2: sd sqrt(10/4); LAs 2 and 3 are 1 / 1.581 = 0.632 away, LAs 4 and 5 twice that."""
    frame = profiles([("1", 0, 0), ("2", 1, 9), ("3", -1, -9), ("4", 2, 0), ("5", -2, 0)])
    for limit, within in ((0.63, []), (np.sqrt(0.4), ["2", "3"]), (1.3, ["2", "3", "4", "5"])):
        found = candidates(frame, "1", ["1"], replace(TWO, variable_calipers=(("level", limit),)))
        assert sorted(found.filter("within")["la_code"]) == within


def test_candidates_outside_keep_their_rank() -> None:
    """LAs 6 and 7 are third and fourth by distance; their level is 4 / sqrt(8) = 1.41 away, that of others 0.71."""
    found = candidates(STAR, "1", ["1"], replace(TWO, variable_calipers=(("level", 1.0),)))
    assert chosen(found, None, 3).select("la_code", "rank").rows() == [("2", 1), ("5", 2), ("3", 5)]


def test_an_unknown_value_is_outside_a_variable_caliper_and_no_spread_is_within() -> None:
    frame = profiles([("1", 0, 4), ("2", None, 4), ("3", 1, 4), ("4", 2, None), ("5", 0, 4)])
    level, trend, other = (replace(TWO, variable_calipers=((name, 5.0),)) for name in ("level", "trend", "absent"))
    assert sorted(candidates(frame, "1", ["1"], level).filter("within")["la_code"]) == ["3", "4", "5"]
    assert sorted(candidates(frame, "1", ["1"], trend).filter("within")["la_code"]) == ["2", "3", "5"]
    assert not candidates(frame, "1", ["1"], other)["within"].any()
    assert not candidates(frame, "2", ["2"], level)["within"].any()


def test_mostly_unknown_variables_leave_and_other_gaps_take_the_mean() -> None:
    frame = profiles([("1", 0, None), ("2", 5, None), ("3", None, None), ("4", 1, 7), ("5", 9, None)])
    found = candidates(frame, "1", ["1"], replace(TWO, profile=("level", "trend", "unknown")))
    assert found["la_code"].to_list() == ["4", "3", "2", "5"]
    # However little is enough, LA 4's trend says nothing: all others take the mean, which is its own.
    everything = candidates(frame, "1", ["1"], replace(TWO, min_known_share=0.0))
    assert everything["la_code"].to_list() == ["4", "3", "2", "5"]


@pytest.mark.parametrize("codes", [["1"], []])
def test_without_candidates_there_is_nothing_to_choose(codes: list[str]) -> None:
    assert candidates(profiles([(code, 1, 1) for code in codes]), "1", ["1"], TWO).is_empty()


@pytest.mark.parametrize(
    "frame",
    [profiles([("2", 1, 1), ("3", 2, 1)]), profiles([("1", None, None), ("2", None, None), ("3", None, None)])],
    ids=["no profile of the pilot", "nothing known"],
)
def test_without_a_distance_nobody_is_chosen_by_code(frame: pl.DataFrame) -> None:
    found = candidates(frame, "1", ["1"], TWO)
    assert found["la_code"].to_list() == ["2", "3"]
    assert found["distance"].null_count() == found["rank"].null_count() == 2
    assert chosen(found, None, 2).is_empty()


def test_fewer_candidates_than_wanted_are_all_taken() -> None:
    assert chosen(candidates(profiles([("1", 0, 0), ("2", 3, 1)]), "1", ["1"], TWO), None, 2)["la_code"].to_list() == [
        "2"
    ]


def test_published_neighbours_decide_in_their_order_among_candidates_within_calipers() -> None:
    published = pl.DataFrame({"la_code": ["9", "4", "3", "2", "5"], "neighbour_rank": [1, 2, 3, 5, 7]})
    found = chosen(candidates(CROSS, "1", ["1", "3"], TWO), published, 2)
    assert found.select("la_code", "neighbour_rank").rows() == [("4", 2), ("2", 5)]
    near = replace(TWO, variable_calipers=(("level", 0.6),))
    frame = profiles([("1", 0, 0), ("2", 2, 1), ("3", -2, 1), ("4", 9, -1), ("5", -2, -1)])
    assert chosen(candidates(frame, "1", ["1"], near), published, 2)["la_code"].to_list() == ["3", "2"]


@given(st.permutations(range(8)))
def test_the_order_of_las_does_not_matter(order: list[int]) -> None:
    rows = [(str(i), float(i * i % 5), float(i % 3)) for i in range(8)]
    expected = candidates(profiles(rows), "0", ["0"], TWO)
    assert candidates(profiles([rows[i] for i in order]), "0", ["0"], TWO).equals(expected)


def test_with_few_las_the_nearest_is_not_the_first_by_code() -> None:
    """With as many variables as LAs every Mahalanobis distance is the same, and the code would decide."""
    rng = np.random.default_rng(2)
    names = [f"x{i}" for i in range(6)]
    values = rng.standard_normal((6, 6))
    values[4] = values[5] + 0.01
    frame = pl.DataFrame(values, schema=names).with_columns(
        la_code=pl.Series(["501", "502", "503", "504", "505", "506"])
    )
    found = candidates(frame, "506", ["506"], replace(TWO, profile=tuple(names)))
    assert found["la_code"][0] == "505" and found["distance"][0] < found["distance"][1]
    assert set(found["distance_kind"]) == {"euclidean"}
