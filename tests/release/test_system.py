"""Bounds by hand and by trying out every table, and the fewest rows to withhold against every smaller choice."""

from itertools import combinations, product

import numpy as np
import pytest

from scripts.release.suppression import cheapest_cover, smallest_suppression
from scripts.release.system import Contradiction, Fact, Protected, Source, audit

WIDTH = 10
SECONDS = 60.0


def table_facts(
    values: np.ndarray, hidden: set[tuple[int, int]], totals: bool = True, name: str = "t"
) -> tuple[list[Fact], dict[Source, float]]:
    """Facts of a two-way table whose hidden cells are withheld, and what its inner cells cost."""
    height, width = values.shape
    facts, costs = [], {}
    for i, j in product(range(height), range(width)):
        if (i, j) not in hidden:
            source = ("", name, i * width + j)
            facts.append(Fact(((cell(i, j), 1.0),), values[i, j], values[i, j], source))
            costs[source] = 1.0
    for i in range(height if totals else 0):
        terms = tuple((cell(i, j), 1.0) for j in range(width))
        facts.append(Fact(terms, values[i].sum(), values[i].sum(), ("", f"{name} rows", i)))
    for j in range(width if totals else 0):
        terms = tuple((cell(i, j), 1.0) for i in range(height))
        facts.append(Fact(terms, values[:, j].sum(), values[:, j].sum(), ("", f"{name} columns", j)))
    return facts, costs


def cell(i: int, j: int) -> tuple[str, ...]:
    return ("children", str(i), str(j))


VALUES = np.array([[3, 20, 30], [15, 25, 40], [22, 31, 50]])


def test_one_withheld_cell_is_its_total_less_the_others_and_the_tables_are_named() -> None:
    facts, _ = table_facts(VALUES, {(0, 0)})
    (found,) = audit(facts, [Protected(cell(0, 0))], WIDTH, SECONDS).exposed
    assert (found.low, found.high) == (3, 3)
    assert {source[1] for source in found.sources} & {"t rows", "t columns"}


def test_a_rectangle_of_withheld_cells_is_bounded_by_its_smallest_sides() -> None:
    """Cells 3, 20, 15 and 25 may move by at most 3 one way and 15 the other: 0 to 18."""
    hidden = {(0, 0), (0, 1), (1, 0), (1, 1)}
    verdict = audit(table_facts(VALUES, hidden)[0], [Protected(cell(0, 0))], WIDTH, SECONDS)
    assert verdict.exposed == [] and verdict.narrowest == 18
    narrow = audit(table_facts(VALUES, hidden)[0], [Protected(cell(0, 0))], 19, SECONDS)
    assert [(found.low, found.high) for found in narrow.exposed] == [(0, 18)]


def test_bounds_are_those_of_every_table_with_these_margins() -> None:
    """Whole numbers of a 2 x 3 table are tried out; the inner cells are withheld at random."""
    random = np.random.default_rng(5)
    for _ in range(25):
        values = random.integers(0, 14, (2, 3))
        hidden = {(i, j) for i, j in product(range(2), range(3)) if random.random() < 0.7} | {(0, 0)}
        facts, _ = table_facts(values, hidden)
        fits = [
            top
            for top in product(range(values[0].sum() + 1), repeat=3)
            if sum(top) == values[0].sum()
            and all(values[:, j].sum() - top[j] >= 0 for j in range(3))
            and all(top[j] == values[0, j] for j in range(3) if (0, j) not in hidden or (1, j) not in hidden)
        ]
        low, high = min(top[0] for top in fits), max(top[0] for top in fits)
        found = audit(facts, [Protected(cell(0, 0))], 10**6, SECONDS).exposed
        assert [(each.low, each.high) for each in found] == [(low, high)]


def test_a_large_cell_that_is_not_strict_may_be_known_and_a_small_one_may_not() -> None:
    facts = [Fact(((cell(0, 0), 1.0),), 12, 12, ("", "t", 0)), Fact(((cell(0, 1), 1.0),), 9, 9, ("", "t", 1))]
    wanted = [Protected(cell(0, 0), strict=False), Protected(cell(0, 1), strict=False)]
    assert [found.cell for found in audit(facts, wanted, WIDTH, SECONDS).exposed] == [cell(0, 1)]


@pytest.mark.parametrize(("width", "exposed"), [(9, 1), (10, 0), (11, 0)])
def test_an_interval_of_the_width_asked_for_protects_and_a_narrower_one_does_not(width: int, exposed: int) -> None:
    facts = [Fact(((cell(0, 0), 1.0),), 5, 5 + width, ("", "t", 0))]
    assert len(audit(facts, [Protected(cell(0, 0))], WIDTH, SECONDS).exposed) == exposed


def test_numbers_that_cannot_all_be_true_are_an_error_and_no_verdict() -> None:
    facts = [Fact(((cell(0, 0), 1.0),), 5, 5), Fact(((cell(0, 0), 1.0),), 6, 6)]
    with pytest.raises(Contradiction):
        audit(facts, [Protected(cell(0, 0))], WIDTH, SECONDS)


def test_without_time_nothing_counts_as_safe() -> None:
    hidden = {(0, 0), (0, 1), (1, 0), (1, 1)}
    verdict = audit(table_facts(VALUES, hidden)[0], [Protected(cell(0, 0))], 16, seconds=-1)
    assert verdict.unproven + len(verdict.exposed) == 1


def test_two_margins_of_the_same_children_rebuild_what_each_of_them_withheld() -> None:
    """Each table by itself keeps its small cells: their totals are made again without them. Together they do not.

    The measured failure of other tools: 3 children in a cell of the one table, its recalculated margin beside the
    full margin that the other table shows.
    """
    small, shown = cell(0, 0), [cell(0, j) for j in range(1, 4)]
    recalculated = Fact(tuple((each, 1.0) for each in shown), 95, 95, ("", "by need", 3))
    full = Fact(((small, 1.0), *((each, 1.0) for each in shown)), 98, 98, ("", "by gender", 0))
    wanted = [Protected(small)]
    assert audit([recalculated], wanted, WIDTH, SECONDS).exposed == []
    assert audit([full], wanted, WIDTH, SECONDS).exposed == []
    (found,) = audit([recalculated, full], wanted, WIDTH, SECONDS).exposed
    assert (found.low, found.high) == (3, 3)
    assert {source[1] for source in found.sources} == {"by need", "by gender"}


def test_the_fewest_rows_are_withheld_and_no_smaller_choice_would_do() -> None:
    random = np.random.default_rng(3)
    for _ in range(12):
        values = random.integers(10, 60, (3, 3))
        small = (int(random.integers(3)), int(random.integers(3)))
        values[small] = random.integers(1, 10)
        facts, costs = table_facts(values, {small})
        found = smallest_suppression(facts, [Protected(cell(*small))], WIDTH, costs, SECONDS)
        assert found.hopeless == [] and _safe(facts, found.rows, small)
        for fewer in combinations(sorted(costs), len(found.rows) - 1):
            assert not _safe(facts, set(fewer), small)


def _safe(facts: list[Fact], rows: set[Source], small: tuple[int, int]) -> bool:
    left = [fact for fact in facts if fact.source not in rows]
    return not audit(left, [Protected(cell(*small))], WIDTH, SECONDS).exposed


def test_what_cannot_be_taken_back_is_told_and_nothing_is_withheld_in_vain() -> None:
    facts = [Fact(((cell(0, 0), 1.0),), 4, 4, ("2026-01", "flow", 0))]
    found = smallest_suppression(facts, [Protected(cell(0, 0))], WIDTH, {}, SECONDS)
    assert found.rows == set() and [each.cell for each in found.hopeless] == [cell(0, 0)]


def test_the_cheapest_cover_prefers_cheap_rows_and_shares_them() -> None:
    a, b, c = (("", "t", i) for i in range(3))
    assert cheapest_cover([frozenset({a, b}), frozenset({b, c})], {a: 1.0, b: 1.0, c: 1.0}) == {b}
    assert cheapest_cover([frozenset({a, b}), frozenset({b, c})], {a: 1.0, b: 3.0, c: 1.0}) == {a, c}


def test_a_share_that_may_be_nothing_says_nothing_of_its_whole() -> None:
    """Its lower bound, 0 times the whole, is no constraint of the whole; the cell beside it is known as ever."""
    part, whole, rest = cell(0, 0), cell(0, 1), cell(0, 2)
    facts = [
        Fact(((part, 1.0), (whole, -0.0)), 0.0, np.inf, ("", "t", 0)),
        Fact(((part, 1.0), (whole, -0.1)), -np.inf, 0.0, ("", "t", 0)),
        Fact(((whole, 1.0),), 5, 5, ("", "t", 1)),
        Fact(((whole, 1.0), (rest, 1.0)), 12, 12, ("", "t", 2)),
    ]
    with np.errstate(divide="raise", invalid="raise"):
        verdict = audit(facts, [Protected(rest, strict=False)], WIDTH, SECONDS)
    assert [(found.cell, found.low, found.high) for found in verdict.exposed] == [(rest, 7, 7)]
