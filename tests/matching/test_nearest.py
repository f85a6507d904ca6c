"""Nearest-neighbour matching against a plain search, in ties, and its weights with a reused comparator by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.matching.nearest import Pairs, nearest_pairs, sortable
from scripts.matching.weights import pair_weights

ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(-4, 4), st.integers(0, 1)), max_size=40)


def plain(
    stratum: np.ndarray, score: np.ndarray, treated: np.ndarray, ratio: int, caliper: float, replacement: bool
) -> dict[int, list[int]]:
    """The rule as it is stated, one treated row and one control at a time."""
    queue = sorted(np.flatnonzero(treated == 1), key=lambda row: (-score[row], row))
    taken: set[int] = set()
    chosen: dict[int, list[int]] = {row: [] for row in queue}
    for _ in range(ratio):
        for row in queue:
            free = [
                other
                for other in np.flatnonzero((treated == 0) & (stratum == stratum[row]))
                if other not in chosen[row] and (replacement or other not in taken)
            ]
            near = [other for other in free if abs(score[other] - score[row]) <= caliper]
            if near:
                best = min(near, key=lambda other: _rank(other, row, score))
                chosen[row].append(best)
                taken.add(best)
    return {int(row): [int(other) for other in others] for row, others in chosen.items() if others}


def _rank(other: int, row: int, score: np.ndarray) -> tuple[float, bool, int]:
    """Nearer first, then the lower score; of one score below the last by position, of one above the first."""
    above = score[other] >= score[row]
    return abs(score[other] - score[row]), above, other if above else -other


def found(pairs: Pairs) -> dict[int, list[int]]:
    """Controls by treated row."""
    result: dict[int, list[int]] = {}
    for row, other in zip(pairs.treated.tolist(), pairs.control.tolist(), strict=True):
        result.setdefault(row, []).append(other)
    return result


# The first call compiles, which takes longer than a case may.
@settings(deadline=None)
@given(ROWS, st.integers(1, 3), st.sampled_from([0.0, 1.0, np.inf]), st.booleans())
def test_the_search_is_the_plain_one(
    rows: list[tuple[int, int, int]], ratio: int, caliper: float, replacement: bool
) -> None:
    stratum, score, treated = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    arguments = (stratum, score.astype(float), treated, ratio, caliper, replacement)
    assert found(nearest_pairs(*arguments)) == plain(*arguments)


@settings(deadline=None)
@given(ROWS, st.integers(0, 10))
def test_other_strata_do_not_decide_ties(rows: list[tuple[int, int, int]], place: int) -> None:
    stratum, score, treated = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    alone = found(nearest_pairs(stratum, score.astype(float), treated, 2, np.inf, False))
    spot = min(place, len(rows))
    more = [np.insert(column, spot, value) for column, value in ((stratum, 3), (score, 0), (treated, 0))]
    with_other = nearest_pairs(more[0], more[1].astype(float), more[2], 2, np.inf, False)
    back = Pairs(*(side - (side > spot) for side in (with_other.treated, with_other.control)))
    assert found(back) == alone


def test_numbers_sort_as_their_keys() -> None:
    values = np.array([-np.inf, -2.5, -1e-300, -0.0, 0.0, 1e-300, 3.0, np.inf])
    keys = sortable(values)
    assert (np.diff(keys.astype(object)) >= 0).all()
    assert keys[3] == keys[4]


def test_nobody_to_match_is_no_pair() -> None:
    for treated in ([], [1, 1], [0, 0]):
        arms = np.array(treated, dtype=np.int64)
        assert not found(nearest_pairs(arms * 0, arms * 1.0, arms, 1, np.inf, False))


def test_weights_of_pairs_with_a_shared_record_by_hand() -> None:
    """t1 has controls a (shared by two groups, weight 1/2) and b; t2 has b (with replacement). d is in no pair.

    Shares: of t1, a gets (1/2) / (3/2) = 1/3 and b 2/3; of t2, b gets 1: a 1/3, b 5/3, in all 2.
    Matched comparators weigh W0 = 1/2 + 1 = 3/2, treated W1 = 2: times 3/4 gives a 1/4 and b 5/4.
    """
    pairs = Pairs(np.array([0, 0, 1]), np.array([2, 3, 3]))
    individual = np.array([1.0, 1.0, 0.5, 1.0, 1.0])
    weights = pair_weights(pairs, np.zeros(5, dtype=np.int64), np.array([1, 1, 0, 0, 0]), individual)
    assert weights.tolist() == pytest.approx([1, 1, 1 / 4, 5 / 4, 0], rel=1e-14)


@settings(deadline=None)
@given(ROWS, st.integers(1, 3), st.booleans(), st.integers(0, 5))
def test_weights_of_pairs_sum_to_individual_weights(
    rows: list[tuple[int, int, int]], ratio: int, replacement: bool, seed: int
) -> None:
    stratum, score, treated = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    individual = 1.0 / np.random.default_rng(seed).integers(1, 4, len(rows))
    pairs = nearest_pairs(stratum, score.astype(float), treated, ratio, np.inf, replacement)
    period = stratum // 2
    weights = pair_weights(pairs, period, treated, individual)
    for arm in (0, 1):
        for p in set(period.tolist()):
            inside = (period == p) & (treated == arm) & (weights > 0)
            assert weights[inside].sum() == pytest.approx(individual[inside].sum())
    assert set(np.flatnonzero(weights)) == set(pairs.treated) | set(pairs.control)
