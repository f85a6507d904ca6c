"""What can be worked out from released numbers: bounds on cells, from linear constraints.

What enters: facts (a released number bounds a sum of cells) and relations (which hold by definition: levels add up to
their total, matched and dropped rows to all). What leaves: for every protected cell whether what can be worked out
leaves it an interval that is wide enough, and if not, which released rows give it away. Cells are counts nobody sees:
they are at least 0 and nothing else is known of them.

The system falls into components that share no cell. In each, bounds are propagated through the constraints (proof that
an interval is narrow, or a number large); points that satisfy all constraints are drawn with random objectives (proof
that an interval is wide); what is still open is settled by two linear programmes with HiGHS. Duals of both name the
released rows that an interval rests on. Source: the attacker's problem of cell suppression (Fischetti, Salazar 2001).
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack
from scipy.sparse.csgraph import connected_components

Cell = tuple[str, ...]
# A row of a released table: release ("" is the one at hand), table, place of the row
Source = tuple[str, str, int]
# Cells that no released number bounds end here; far beyond what any study counts
MOST = 1e7
# Distance at which two numbers of children are the same
NEAR = 1e-6
ROUNDS, POINTS, DUAL = 8, 12, 1e-7


@dataclass(frozen=True)
class Fact:
    """low <= sum of coefficient x cell <= high; `source` is None for a relation."""

    terms: tuple[tuple[Cell, float], ...]
    low: float
    high: float
    source: Source | None = None


@dataclass(frozen=True)
class Protected:
    """A cell that may not become known. `strict`: it is small, so that only a wide interval protects it; else a large
    lower bound does as well."""

    cell: Cell
    strict: bool = True


@dataclass(frozen=True)
class Exposed:
    """A protected cell with the interval that can be worked out, and the released rows that it rests on."""

    cell: Cell
    low: float
    high: float
    sources: tuple[Source, ...]


@dataclass
class Verdict:
    """What an audit found. narrowest: width of the narrowest interval of a protected cell that is proven, None of none.

    unproven : protected cells that time ran out for; none of them counts as safe.
    """

    exposed: list[Exposed] = field(default_factory=list)
    n_protected: int = 0
    narrowest: float | None = None
    unproven: int = 0
    n_programmes: int = 0

    def add(self, other: "Verdict") -> None:
        """Take another component's verdict in."""
        self.exposed += other.exposed
        self.n_protected += other.n_protected
        self.unproven += other.unproven
        self.n_programmes += other.n_programmes
        widths = [width for width in (self.narrowest, other.narrowest) if width is not None]
        self.narrowest = min(widths, default=None)


def audit(
    facts: Iterable[Fact], protected: Iterable[Protected], width: int, seconds: float, narrowest: bool = True
) -> Verdict:
    """Judge every protected cell.

    Parameters
    ----------
    width : least width of an interval, and least lower bound of a cell that is not strict.
    seconds : time after which cells that are not judged yet are given up as unproven.
    narrowest : whether to find the narrowest interval of all, which takes a few programmes more.
    """
    ends, verdict = time.monotonic() + seconds, Verdict()
    for component in components(facts, protected):
        verdict.add(component.judge(width, ends, narrowest))
    return verdict


@dataclass
class Component:
    """Cells that constraints connect. n cells, r constraints of more than one cell, b bounds of single cells.

    cells : (n,). low, high : (n,) bounds, with their sources. matrix : (r, n). row_low, row_high : (r,).
    facts : what it is made of. protected : places of protected cells; strict : (as many,).
    """

    facts: list[Fact]
    cells: list[Cell]
    low: np.ndarray
    high: np.ndarray
    low_source: list[Source | None]
    high_source: list[Source | None]
    matrix: csr_array
    row_low: np.ndarray
    row_high: np.ndarray
    row_source: list[Source | None]
    protected: np.ndarray
    strict: np.ndarray
    programmes: int = 0

    @property
    def wanted(self) -> list[Protected]:
        """The protected cells."""
        return [Protected(self.cells[at], bool(strict)) for at, strict in zip(self.protected, self.strict, strict=True)]

    def judge(self, width: int, ends: float, narrowest: bool) -> Verdict:
        """The verdict on this component's protected cells."""
        if not len(self.protected):
            return Verdict()
        low, high = self._propagated()
        inner = _Witnesses(len(self.cells))
        found, unproven = [], 0
        open_ = [i for i, place in enumerate(self.protected) if not self._large(low, i, width)]
        # A narrow outer interval is proof by itself; points are drawn for the others.
        wide = sum(_span(low[self.protected[i]], high[self.protected[i]]) >= width for i in open_)
        self._draw(inner, min(POINTS, wide // 2))
        exact: dict[int, tuple[float, float]] = {}
        for i in open_:
            place = self.protected[i]
            if inner.span(place) >= width:
                continue
            if time.monotonic() > ends:
                unproven += 1
                continue
            lowest, highest, sources = self._bounds(place, inner)
            exact[place] = (lowest, highest)
            large = not self.strict[i] and lowest >= width - NEAR
            if not large and _span(lowest, highest) < width:
                found.append(Exposed(self.cells[place], lowest, highest, sources))
        least = self._narrowest(open_, inner, exact, ends) if narrowest and not found else None
        spans = [_span(*exact[p]) for p in exact]
        return Verdict(found, len(self.protected), least if not found else min(spans), unproven, self.programmes)

    def _large(self, low: np.ndarray, i: int, width: int) -> bool:
        return not self.strict[i] and low[self.protected[i]] >= width - NEAR

    def _narrowest(
        self, judged: list[int], inner: "_Witnesses", exact: dict[int, tuple[float, float]], ends: float
    ) -> float | None:
        """The narrowest interval: those whose drawn points lie closest are bounded until no other can be narrower."""
        strict = [self.protected[i] for i in judged if self.strict[i]]
        best = min((_span(*exact[place]) for place in strict if place in exact), default=np.inf)
        for place in sorted(strict, key=inner.span):
            if inner.span(place) >= best or time.monotonic() > ends:
                break
            if place not in exact:
                lowest, highest, _ = self._bounds(place, inner)
                best = min(best, _span(lowest, highest))
        return None if best == np.inf else float(best)

    def _propagated(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of each cell after the constraints were followed through a few times."""
        low, high = self.low.copy(), self.high.copy()
        rows = np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr))
        columns, values = self.matrix.indices, self.matrix.data
        for _ in range(ROUNDS if len(values) else 0):
            least = np.where(values > 0, values * low[columns], values * high[columns])
            most = np.where(values > 0, values * high[columns], values * low[columns])
            least_of_row, most_of_row = (np.bincount(rows, side, len(self.row_low)) for side in (least, most))
            # What a cell can be if all others of the constraint are at their ends.
            top = (self.row_high[rows] - (least_of_row[rows] - least)) / values
            bottom = (self.row_low[rows] - (most_of_row[rows] - most)) / values
            upper, lower = np.where(values > 0, top, bottom), np.where(values > 0, bottom, top)
            before = low.copy(), high.copy()
            np.minimum.at(high, columns, upper)
            np.maximum.at(low, columns, lower)
            if np.allclose(before[0], low, atol=NEAR) and np.allclose(before[1], high, atol=NEAR):
                break
        return low, high

    def _draw(self, inner: "_Witnesses", points: int) -> None:
        """Points that satisfy everything, at random corners for the protected cells."""
        random = np.random.default_rng(0)
        for number in range(points):
            objective = np.zeros(len(self.cells))
            signs = random.choice([-1.0, 1.0], len(self.protected)) if number > 1 else 1.0 - 2.0 * number
            objective[self.protected] = signs
            inner.add(self._solve(objective)[0])

    def _bounds(self, place: int, inner: "_Witnesses") -> tuple[float, float, tuple[Source, ...]]:
        """Least and largest value of a cell, and the released rows that either rests on."""
        objective, sources = np.zeros(len(self.cells)), {}
        objective[place] = 1.0
        ends = []
        for sign in (1.0, -1.0):
            point, used = self._solve(sign * objective)
            inner.add(point)
            ends.append(float(point[place]))
            sources |= dict.fromkeys(used)
        # A cell that a number shows by itself has no constraint whose dual would name it.
        own = ((self.low, self.low_source, ends[0]), (self.high, self.high_source, ends[1]))
        sources |= {
            which[place]: None
            for bound, which, end in own
            if which[place] is not None and abs(bound[place] - end) < NEAR
        }
        return ends[0], ends[1], tuple(sorted(sources))

    @cached_property
    def _programme(self) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
        """The programme without its objective, and the constraints behind its equalities and its inequalities."""
        equal = self.row_low == self.row_high
        over, under = ~equal & np.isfinite(self.row_high), ~equal & np.isfinite(self.row_low)
        told: dict[str, Any] = {"bounds": np.column_stack([self.low, self.high]), "method": "highs"}
        if equal.any():
            told |= {"A_eq": self.matrix[equal], "b_eq": self.row_low[equal]}
        if over.any() or under.any():
            most = np.concatenate([self.row_high[over], -self.row_low[under]])
            told |= {"A_ub": vstack([self.matrix[over], -self.matrix[under]], format="csr"), "b_ub": most}
        both = np.concatenate([np.flatnonzero(over), np.flatnonzero(under)])
        return told, np.flatnonzero(equal), both

    def _solve(self, objective: np.ndarray) -> tuple[np.ndarray, list[Source]]:
        """The point with the least objective, and the released rows whose numbers hold it there."""
        told, equal, both = self._programme
        self.programmes += 1
        found = linprog(objective, **told)
        if found.x is None:
            raise Contradiction(self.cells)
        held = [self.row_source[i] for i in equal[np.abs(found.eqlin.marginals) > DUAL]]
        held += [self.row_source[i] for i in both[np.abs(found.ineqlin.marginals) > DUAL]]
        held += [self.low_source[i] for i in np.flatnonzero(np.abs(found.lower.marginals) > DUAL)]
        held += [self.high_source[i] for i in np.flatnonzero(np.abs(found.upper.marginals) > DUAL)]
        return found.x, [each for each in held if each is not None]


class Contradiction(Exception):
    """No numbers fit all facts and relations of a component: a relation does not hold."""

    def __init__(self, cells: list[Cell]) -> None:
        super().__init__("released numbers contradict each other")
        self.cells = cells


class _Witnesses:
    """Least and largest value of each cell among points that satisfy everything."""

    def __init__(self, n: int) -> None:
        self.low, self.high = np.full(n, np.inf), np.full(n, -np.inf)

    def add(self, point: np.ndarray) -> None:
        """One more point."""
        np.minimum(self.low, point, out=self.low)
        np.maximum(self.high, point, out=self.high)

    def span(self, place: int) -> float:
        """How far apart the points lie in a cell."""
        return _span(self.low[place], self.high[place]) if self.low[place] <= self.high[place] else -np.inf


def _span(low: float, high: float) -> float:
    """Width of the interval of whole numbers inside."""
    return np.floor(high + NEAR) - np.ceil(low - NEAR)


def components(facts: Iterable[Fact], protected: Iterable[Protected]) -> list[Component]:
    """The parts of a system that share no cell and hold a protected one.

    A protected cell that no fact and no relation mentions is as free as can be, and in no component.
    """
    facts = list(facts)
    place: dict[Cell, int] = {}
    for fact in facts:
        for cell, _ in fact.terms:
            place.setdefault(cell, len(place))
    wanted: dict[int, bool] = {}
    for each in protected:
        if each.cell in place:
            at = place[each.cell]
            wanted[at] = wanted.get(at, False) or each.strict
    wide = [fact for fact in facts if len(fact.terms) > 1]
    entries = [(i, place[cell]) for i, fact in enumerate(wide) for cell, _ in fact.terms]
    label = _labels(entries, len(wide), len(place))
    of_component: dict[int, list[Fact]] = {int(label[at]): [] for at in wanted}
    for fact in facts:
        number = int(label[place[fact.terms[0][0]]])
        if number in of_component:
            of_component[number].append(fact)
    cells = list(place)
    wanted_of: dict[int, dict[Cell, bool]] = {number: {} for number in of_component}
    for at, strict in wanted.items():
        wanted_of[int(label[at])][cells[at]] = strict
    return [_component(of_component[number], wanted_of[number]) for number in of_component]


def _labels(entries: list[tuple[int, int]], n_rows: int, n_cells: int) -> np.ndarray:
    """Number of the component of each cell. (n_cells,)"""
    if not entries:
        return np.arange(n_cells)
    rows, columns = np.array(entries).T
    size = n_rows + n_cells
    graph = csr_array((np.ones(len(rows)), (rows + n_cells, columns)), shape=(size, size))
    return connected_components(graph, directed=False)[1][:n_cells]


def _component(facts: list[Fact], wanted: Mapping[Cell, bool]) -> Component:
    place: dict[Cell, int] = {}
    for fact in facts:
        for cell, _ in fact.terms:
            place.setdefault(cell, len(place))
    n = len(place)
    low, high = np.zeros(n), np.full(n, MOST)
    low_source: list[Source | None] = [None] * n
    high_source: list[Source | None] = [None] * n
    wide = []
    for fact in facts:
        if len(fact.terms) > 1:
            wide.append(fact)
            continue
        (cell, value), at = fact.terms[0], place[fact.terms[0][0]]
        if fact.low / value > low[at]:
            low[at], low_source[at] = fact.low / value, fact.source
        if fact.high / value < high[at]:
            high[at], high_source[at] = fact.high / value, fact.source
    # The share of a whole that may be nothing has a bound of zero times the whole, which is none.
    entries = [(i, place[cell], value) for i, fact in enumerate(wide) for cell, value in fact.terms if value]
    rows, columns, values = np.array(entries).T if entries else np.zeros((3, 0))
    if (high < low - NEAR).any():
        raise Contradiction([cell for cell, at in place.items() if high[at] < low[at] - NEAR])
    return Component(
        facts,
        list(place),
        low,
        np.maximum(high, low),
        low_source,
        high_source,
        csr_array((values, (rows.astype(int), columns.astype(int))), shape=(len(wide), n)),
        np.array([fact.low for fact in wide]),
        np.array([fact.high for fact in wide]),
        [fact.source for fact in wide],
        np.array([place[cell] for cell in wanted], dtype=int),
        np.array(list(wanted.values()), dtype=bool),
    )
