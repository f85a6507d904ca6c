"""What the numbers of results tables count: cells, and how cells hang together.

In: results tables as they are inside. Out: a `Book`: every number that a release could show with the cell it counts;
relations that hold by definition or turn out to hold (levels add up to their total, matched and dropped rows to all, a
step's rows to the next one's and those it excluded, groups of LAs to their LAs); and the true size of the cells where
it is known. Whoever reads a release can use all of these relations, so the audit does.

A cell is (unit, what, outcome, ...): rows, children, weight (a weighted share times the children it is a share of),
events (rows with an outcome that is 0 or 1) or sum (of an outcome that is a number).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import polars as pl

from scripts.codes import MISSING
from scripts.cohort.trends import EVERY_GROUP
from scripts.matching.balance import MEAN
from scripts.matching.dropped import ALL
from scripts.release.system import Cell, Fact

Tables = dict[str, pl.DataFrame]
ROWS, CHILDREN, WEIGHT, EVENTS, WITHOUT, SUM = "rows", "children", "weight", "events", "without", "sum"
COHORT, MATCHED, DROPPED = "cohort", "matched", "dropped"
KNOWN = "not Missing"
STAGE = {"before": COHORT, "after": MATCHED}
ARM = {"pilot": "treated", "comparator": "comparator"}
ARMS = ("treated", "comparator")
UNITS = {"n_rows": ROWS, "n_children": CHILDREN}
# A whole number of people is the same within
SAME = 0.5


@dataclass(frozen=True)
class Number:
    """A number of a results table: the cell that it counts is `scale` times the number.

    `whole`: the cell whose size the scale is, if that is no number of the same row.
    """

    table: str
    row: int
    column: str
    terms: tuple[tuple[Cell, float], ...]
    scale: float = 1.0
    whole: Cell | None = None


@dataclass
class Book:
    """Numbers, relations between cells, true sizes of cells, and cells whose being empty tells about nobody."""

    numbers: list[Number] = field(default_factory=list)
    relations: list[Fact] = field(default_factory=list)
    size: dict[Cell, float] = field(default_factory=dict)
    may_be_empty: set[Cell] = field(default_factory=set)

    def number(self, table: str, row: int, column: str, cell: Cell, value: float | None, scale: float = 1.0) -> None:
        """A number that is a cell; nothing if it is not known."""
        if value is not None:
            self.numbers.append(Number(table, row, column, ((cell, 1.0),), scale))
            self.size[cell] = value * scale

    def share(self, table: str, row: int, column: str, cell: Cell, value: float | None, whole: Cell) -> None:
        """A number that is a cell's share of another one."""
        if value is not None and self.size.get(whole):
            self.numbers.append(Number(table, row, column, ((cell, 1.0),), self.size[whole], whole))
            self.size[cell] = value * self.size[whole]

    def total(self, table: str, row: int, column: str, cells: Iterable[Cell]) -> None:
        """A number that is the sum of cells."""
        self.numbers.append(Number(table, row, column, tuple((cell, 1.0) for cell in cells)))

    def difference(self, whole: Cell, part: Cell, rest: Cell, may_be_empty: bool = False) -> None:
        """whole = part + rest; the rest's size follows. Nothing if either is not known or the part is larger."""
        if whole in self.size and part in self.size and self.size[whole] >= self.size[part]:
            self.size[rest] = self.size[whole] - self.size[part]
            self.relations.append(Fact(((whole, 1.0), (part, -1.0), (rest, -1.0)), 0.0, 0.0))
            if may_be_empty:
                self.may_be_empty.add(rest)

    def sums_to(self, whole: Cell, parts: list[Cell], exactly: bool) -> None:
        """Parts that add up to a whole: exactly, if they do; else they cover it, and none is larger."""
        if whole not in self.size or not parts or any(part not in self.size for part in parts):
            return
        terms = (*((part, 1.0) for part in parts), (whole, -1.0))
        if abs(sum(self.size[part] for part in parts) - self.size[whole]) < SAME:
            self.relations.append(Fact(terms, 0.0, 0.0))
        elif not exactly:
            self.relations.append(Fact(terms, 0.0, float("inf")))
            # A child may find no counterpart at one level and one at another: then it has not dropped out of all.
            for part in parts if whole[1] != DROPPED else ():
                self.relations.append(Fact(((whole, 1.0), (part, -1.0)), 0.0, float("inf")))

    def within(self, whole: Cell, part: Cell) -> None:
        """The part is no larger than the whole: children than rows."""
        if whole in self.size and part in self.size:
            self.relations.append(Fact(((whole, 1.0), (part, -1.0)), 0.0, float("inf")))


def book_of(tables: Tables, headline: str) -> Book:
    """The book of the tables that there are. `headline`: key of the study's specification."""
    book = Book()
    for name, add in ADD.items():
        if name in tables:
            add(book, tables)
    if "estimates" in tables:
        _samples(book, tables, headline)
    _levels(book)
    _children_within_rows(book)
    return book


def _rows(tables: Tables, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    return enumerate(tables[name].iter_rows(named=True))


# ---- the way to the cohort


def _flow(book: Book, tables: Tables) -> None:
    last = dict(tables["flow"].group_by("outcome").agg(pl.col("position").max()).iter_rows())
    steps: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row, r in _rows(tables, "flow"):
        arm, place = ARM[r["arm"]], str(r["position"])
        for column, unit in UNITS.items():
            cell = _step(unit, r["outcome"], arm, r["period"], place, r["position"] == last[r["outcome"]])
            book.number("flow", row, column, cell, r[column])
        steps.setdefault((r["outcome"], arm), []).append((r["position"], r["period"]))
    for (outcome, arm), found in steps.items():
        for period in dict.fromkeys(period for _, period in found):
            positions = sorted(position for position, of in found if of == period)
            for before, after in pairwise(positions):
                for unit in (ROWS, CHILDREN):
                    whole, part = (
                        _step(unit, outcome, arm, period, str(p), p == last[outcome]) for p in (before, after)
                    )
                    gone = (unit, "excluded", outcome, arm, period, str(after))
                    book.difference(whole, part, gone, may_be_empty=True)


def _step(unit: str, outcome: str, arm: str, period: str, place: str, last: bool) -> Cell:
    """A step's cell; after the last one it is the cohort."""
    return (unit, COHORT, outcome, period, arm, ALL, ALL) if last else (unit, "step", outcome, arm, period, place)


# ---- cohort and matched sample, by level


def _overall(book: Book, tables: Tables) -> None:
    for row, r in _rows(tables, "balance_overall"):
        for arm in ARMS:
            for column, unit in UNITS.items():
                cell = (unit, STAGE[r["stage"]], r["outcome"], r["period"], arm, ALL, ALL)
                book.number("balance_overall", row, f"{column}_{arm}", cell, r[f"{column}_{arm}"])


def _dropped(book: Book, tables: Tables) -> None:
    for row, r in _rows(tables, "dropped"):
        key = (r["outcome"], r["period"], r["arm"], r["covariate"], r["level"])
        for column, unit in UNITS.items():
            book.number("dropped", row, column, (unit, COHORT, *key), r[column])
            book.number("dropped", row, f"{column}_dropped", (unit, DROPPED, *key), r[f"{column}_dropped"])
            book.difference((unit, COHORT, *key), (unit, DROPPED, *key), (unit, MATCHED, *key))


def _missing(book: Book, tables: Tables) -> None:
    for row, r in _rows(tables, "missingness"):
        arm, period = ("treated" if r["treated"] else "comparator"), ("post" if r["post"] else "pre")
        key = (r["outcome"], period, arm)
        for column, unit in UNITS.items():
            whole, part = (unit, COHORT, *key, ALL, ALL), (unit, COHORT, *key, r["covariate"], MISSING)
            book.number("missingness", row, column, whole, r[column])
            book.number("missingness", row, f"{column}_missing", part, r[f"{column}_missing"])
            book.difference(whole, part, (unit, COHORT, *key, r["covariate"], KNOWN))


def _balance(book: Book, tables: Tables) -> None:
    for row, r in _rows(tables, "balance"):
        for arm in ARMS:
            key = (STAGE[r["stage"]], r["outcome"], r["period"], arm, r["covariate"], r["level"])
            book.number("balance", row, f"n_children_{arm}", (CHILDREN, *key), r[f"n_children_{arm}"])
            if r["level"] != MEAN:
                book.share("balance", row, f"mean_{arm}", (WEIGHT, *key), r[f"mean_{arm}"], _everybody(key))


def _overlap(book: Book, tables: Tables) -> None:
    for row, r in _rows(tables, "overlap"):
        key = (STAGE[r["stage"]], r["outcome"], r["period"], r["arm"], "score", f"{r['score_low']:g}")
        book.number("overlap", row, "n_children", (CHILDREN, *key), r["n_children"])
        book.share("overlap", row, "share", (WEIGHT, *key), r["share"], _everybody(key))


def _everybody(key: tuple[str, ...]) -> Cell:
    """The children of a stage, outcome, period and arm."""
    return (CHILDREN, *key[:4], ALL, ALL)


def _levels(book: Book) -> None:
    """Levels of a covariate add up to everybody: rows and weights exactly, children if each is of one level."""
    levels: dict[Cell, list[Cell]] = {}
    for cell in book.size:
        if cell[1] in (COHORT, MATCHED, DROPPED) and cell[-1] not in (ALL, MEAN, KNOWN):
            levels.setdefault(cell[:-1], []).append(cell)
    for key, parts in levels.items():
        whole = (*key[:-1], ALL, ALL)
        if [part[-1] for part in parts] == [MISSING]:
            continue
        if key[0] == WEIGHT:
            # Of a number only the share of its gaps is a share; its rest is the known values.
            book.sums_to(_everybody(key[1:]), parts, exactly=True)
        else:
            book.sums_to(whole, parts, exactly=key[0] == ROWS)


def _children_within_rows(book: Book) -> None:
    for cell in list(book.size):
        if cell[0] == ROWS:
            book.within(cell, (CHILDREN, *cell[1:]))


# ---- years


def _trends(book: Book, tables: Tables) -> None:
    binary = {
        outcome: known > 0
        for outcome, known in tables["trends"].group_by("outcome").agg(pl.col("n_children_with").count()).iter_rows()
    }
    las = _las_of_groups(tables)
    for row, r in _rows(tables, "trends"):
        key = (r["outcome"], r["group"], r["arm"], str(r["financial_year"]))
        members = las.get(key[:3], [])
        has = EVENTS if binary[r["outcome"]] else SUM
        cells = {unit: (unit, "year", *key) for unit in (ROWS, CHILDREN, has)}
        for column, unit in UNITS.items():
            book.number("trends", row, column, cells[unit], r[column])
        if r["mean"] is not None:
            book.number("trends", row, "mean", cells[has], r["mean"], r["n_rows"])
        if has == EVENTS:
            book.difference(cells[ROWS], cells[EVENTS], (WITHOUT, "year", *key))
            book.within(cells[ROWS], cells[EVENTS])
        for unit, cell in cells.items():
            parts = [(unit, "LA year", r["outcome"], la, key[3]) for la in members]
            if parts:
                book.relations.append(Fact(((cell, -1.0), *((part, 1.0) for part in parts)), 0.0, 0.0))
                book.may_be_empty.update(parts)
            if len(parts) == 1 and cell in book.size:
                book.size[parts[0]] = book.size[cell]
    _years_of_a_step(book, tables)


def _las_of_groups(tables: Tables) -> dict[tuple[str, str, str], list[str]]:
    """(outcome, group, arm) -> LAs, and all of an arm for the group of all."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for _, r in _rows(tables, "la_matches") if "la_matches" in tables else ():
        for group in (r["group"], EVERY_GROUP):
            las = found.setdefault((r["outcome"], group, r["role"]), [])
            if r["la_code"] not in las:
                las.append(r["la_code"])
    return found


def _years_of_a_step(book: Book, tables: Tables) -> None:
    """All years together are a step of the flow, if they are."""
    years: dict[tuple[str, str], list[Cell]] = {}
    for r in tables["trends"].filter(pl.col("group") == EVERY_GROUP).iter_rows(named=True):
        cell = (ROWS, "year", r["outcome"], EVERY_GROUP, r["arm"], str(r["financial_year"]))
        years.setdefault((r["outcome"], ARM[r["arm"]]), []).append(cell)
    for (outcome, arm), cells in years.items():
        total = sum(book.size[cell] for cell in cells)
        steps = [c for c in book.size if c[:4] == (ROWS, "step", outcome, arm) and abs(book.size[c] - total) < SAME]
        for step in steps[:1]:
            book.sums_to(step, cells, exactly=True)


def _profile(book: Book, tables: Tables) -> None:
    for row, r in _rows(tables, "yearly_profile"):
        key = (r["la_code"], str(r["census_year"]))
        whole, part = (ROWS, "classified", *key), (ROWS, "nfa", *key)
        book.number("yearly_profile", row, "n_classified", whole, r["n_classified"])
        book.number("yearly_profile", row, "n_nfa", part, r["n_nfa"])
        book.number("yearly_profile", row, "n_assessments", (ROWS, "assessments", *key), r["n_assessments"])
        book.difference(whole, part, (ROWS, "in need", *key))
        book.size |= {
            (CHILDREN, "nfa", *key): r["n_children_nfa"],
            (CHILDREN, "in need", *key): r["n_children_in_need"],
        }


# ---- samples of the models


def _samples(book: Book, tables: Tables, headline: str) -> None:
    """The headline's sample is the sum of its LAs, and so is every sample of as many children; others are their own."""
    main = tables["estimates"].filter(pl.col("specification") == headline)
    of_headline = {r["outcome"]: r for r in main.iter_rows(named=True)}
    las = {outcome: _las_of_headline(book, tables, row) for outcome, row in of_headline.items()}
    for name, label in SAMPLES.items():
        for row, r in _rows(tables, name) if name in tables else ():
            every, known = las.get(r["outcome"], []), of_headline.get(r["outcome"])
            if known is None or r["n_children"] is None:
                continue
            members = _members(name, r, every, tables)
            for column in [column for column in UNITS if r.get(column) is not None]:
                unit = UNITS[column]
                cells = [(unit, "LA", r["outcome"], la) for la in members]
                if cells and abs(sum(book.size[cell] for cell in cells) - r[column]) < SAME:
                    book.total(name, row, column, cells)
                else:
                    book.number(name, row, column, (unit, "sample", name, r["outcome"], *_label(r, label)), r[column])
    _levels_of_subgroups(book, tables)


SAMPLES: dict[str, tuple[str, ...]] = {
    "estimates": ("specification",),
    "conclusions": (),
    "specification_curve": ("kind", "name"),
    "variants": ("variant",),
    "leave_one_out": ("la_code",),
    "la_effects": ("la_code",),
    "subgroups": ("variable", "level"),
}


def _label(row: dict[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in names)


def _las_of_headline(book: Book, tables: Tables, headline: dict[str, Any]) -> list[str]:
    """The LAs of an outcome's headline sample; their sizes are what leaving each out takes away."""
    if "leave_one_out" not in tables:
        return []
    left_out = tables["leave_one_out"].filter(pl.col("outcome") == headline["outcome"])
    for r in left_out.iter_rows(named=True):
        for column, unit in UNITS.items():
            book.size[(unit, "LA", r["outcome"], r["la_code"])] = headline[column] - r[column]
    return left_out["la_code"].to_list()


def _members(name: str, row: dict[str, Any], every: list[str], tables: Tables) -> list[str]:
    """The LAs whose children a row's sample consists of, if it is made of whole LAs."""
    if name == "leave_one_out":
        return [la for la in every if la != row["la_code"]]
    if name == "la_effects":
        groups = _las_of_groups(tables)
        both = [groups.get((row["outcome"], row["la_code"], role), []) for role in ("pilot", "comparator")]
        return [la for la in every if la in both[0] + both[1]]
    return [] if name == "subgroups" else every


def _levels_of_subgroups(book: Book, tables: Tables) -> None:
    """Rows of a level in the models' sample are those of both arms and periods; the other levels are the rest."""
    for _, r in _rows(tables, "subgroups") if "subgroups" in tables else ():
        whole = (ROWS, "sample", "subgroups", r["outcome"], r["variable"], str(r["level"]))
        parts = [
            (ROWS, MATCHED, r["outcome"], period, arm, r["variable"], r["level"])
            for period in ("pre", "post")
            for arm in ARMS
        ]
        book.sums_to(whole, [part for part in parts if part in book.size], exactly=True)


def _evidence(book: Book, tables: Tables) -> None:
    """The share matched, times treated rows, is the number of matched ones in both periods."""
    for row, r in _rows(tables, "evidence"):
        if r["fact"] != "share_matched" or r["value"] is None:
            continue
        every, matched = (
            [(ROWS, stage, r["outcome"], period, "treated", ALL, ALL) for period in ("pre", "post")]
            for stage in (COHORT, MATCHED)
        )
        if all(cell in book.size for cell in every + matched):
            scale = sum(book.size[cell] for cell in every)
            terms = tuple((cell, 1.0) for cell in matched)
            book.numbers.append(Number("evidence", row, "value", terms, scale))


ADD = {
    "flow": _flow,
    "balance_overall": _overall,
    "dropped": _dropped,
    "missingness": _missing,
    "balance": _balance,
    "overlap": _overlap,
    "trends": _trends,
    "yearly_profile": _profile,
    "evidence": _evidence,
}
