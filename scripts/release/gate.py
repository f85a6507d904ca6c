"""From results tables to what may leave: primary suppression, the fewest rows more, rounding, and the audit.

In: results tables, the rules, a method for each table, what left before. Out: `Gate`, which tells of every row whether
it is withheld and why, and of every number how it is shown. What is shown, and nothing else, is what the audit takes
for known.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from scripts.codes import MISSING
from scripts.matching.dropped import ALL
from scripts.release.contract import COUNTED, Disclosed, disclosed
from scripts.release.populations import CHILDREN, COHORT, DROPPED, EVENTS, MATCHED, ROWS, WEIGHT, Book, Number, book_of
from scripts.release.primary import Judge, Reasons
from scripts.release.rules import Rules
from scripts.release.safe_csv import NOT_APPLICABLE, NOT_AVAILABLE, ROUNDS_TO_ZERO, WITHHELD, number_text
from scripts.release.suppression import Suppression, smallest_suppression
from scripts.release.system import Cell, Exposed, Fact, Protected, Source, Verdict, audit

SUPPRESS, ROUND, PRIMARY_ONLY = "suppress", "round", "primary"
# Why a row that no rule withholds by itself is withheld
SECONDARY, WHOLE_RELEASE = "secondary", "whole_release"
# A row that sums others up costs this many rows of its table
COST_OF_A_TOTAL = 5.0
TOTALS = ("all",)


def facts_of(number: Number, interval: tuple[float, float], source: Source) -> list[Fact]:
    """What a number tells of its cells: an interval, or of a share that it lies between shares of the whole."""
    if number.whole is None:
        return [Fact(number.terms, *interval, source)]
    low, high = (end / number.scale for end in interval)
    return [
        Fact((*number.terms, (number.whole, -low)), 0.0, math.inf, source),
        Fact((*number.terms, (number.whole, -high)), -math.inf, 0.0, source),
    ]


@dataclass
class Gate:
    """Results tables on their way out.

    tables : those that are released. methods : table -> suppress or round. reasons : table -> why each row is withheld
    (a rule, secondary or whole_release), None where it is shown. structural : table -> rows whose zeros are declared.
    fixed : what else is known, and cannot be withheld: earlier releases, cross-products that are asked for.
    """

    tables: dict[str, pl.DataFrame]
    methods: dict[str, str]
    rules: Rules
    book: Book
    reasons: Reasons
    structural: dict[str, list[bool]]
    fixed: list[Fact] = field(default_factory=list)
    added: list[Exposed] = field(default_factory=list)

    @classmethod
    def of(cls, judge: Judge, methods: dict[str, str]) -> "Gate":
        """After primary suppression."""
        tables = {name: judge.tables[name] for name in methods}
        book = book_of(judge.tables, judge.headline)
        structural = {name: judge.structural_rows(name) for name in methods}
        return cls(tables, methods, judge.rules, book, judge.reasons(list(methods)), structural)

    # ---- what is shown

    def shown_count(self, table: str, value: int) -> int:
        """A count as it is shown."""
        if self.methods[table] != ROUND:
            return value
        base = self.rules.value("rounding_base")
        return base * ((2 * value + base) // (2 * base))

    def shown(self, table: str) -> pl.DataFrame:
        """A table of texts as it leaves."""
        about, frame = disclosed()[table], self.tables[table]
        scales = {(n.row, n.column): n for n in self.book.numbers if n.table == table and n.scale != 1.0}
        rows = [
            self._texts(about, row, withheld, {column: scales.get((i, column)) for column in about.numbers})
            for i, (row, withheld) in enumerate(zip(frame.iter_rows(named=True), self.reasons[table], strict=True))
        ]
        return pl.DataFrame(rows, schema=dict.fromkeys([c["name"] for c in about.columns], pl.String))

    def _texts(
        self, about: Disclosed, row: dict[str, Any], withheld: str | None, scales: dict[str, Number | None]
    ) -> dict[str, str]:
        digits, texts = self.rules.value("significant_digits"), {}
        for column in about.columns:
            name, value = column["name"], row[column["name"]]
            if name in about.keys:
                texts[name] = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
            elif withheld:
                texts[name] = WITHHELD
            elif column["type"] == "text":
                texts[name] = value or ""
            elif value is None:
                texts[name] = NOT_APPLICABLE if name in about.not_applicable else NOT_AVAILABLE
            elif column.get("counts") in COUNTED:
                counted = self.shown_count(about.name, value) if column["counts"] != "las" else value
                texts[name] = str(counted)
            elif name in about.shares:
                part, whole = (self.shown_count(about.name, row[of]) for of in about.shares[name])
                texts[name] = number_text(part / whole if whole else None, digits)
            else:
                told = self._scaled(about.name, value, scales.get(name))
                texts[name] = ROUNDS_TO_ZERO if value and not told else number_text(told, digits)
        return texts

    def _scaled(self, table: str, value: float, number: Number | None) -> float:
        """A share or mean whose product with a count is a count: no finer than rounded counts are.

        A mean is made again from rounded counts of its own row. A weighted share is of a number of people that another
        table may withhold, so it is rounded to a step that does not tell that number.
        """
        if number is None or self.methods[table] != ROUND:
            return value
        if number.terms[0][0][0] == WEIGHT:
            step = self._step(number)
            return round(value / step) * step
        if number.terms[0][0][0] == EVENTS:
            base = self.rules.value("rounding_base")
            return base * round(value * number.scale / base) / self.shown_count(table, round(number.scale))
        return value

    def _step(self, number: Number) -> float:
        """The least of 1, 2 and 5 times a power of ten that is at least `rounding_base` people wide."""
        finest = self.rules.value("rounding_base") / number.scale
        power = 10.0 ** math.floor(math.log10(finest))
        return next(times * power for times in (1, 2, 5, 10) if times * power >= finest * (1 - 1e-12))

    # ---- what is known to whoever reads it

    def facts(self, tables: Iterable[str] | None = None) -> list[Fact]:
        """Relations, and the numbers that are shown in the given tables (all of them by default)."""
        wanted = set(self.tables if tables is None else tables)
        shown = [
            fact
            for number in self.book.numbers
            if number.table in wanted and self.reasons[number.table][number.row] is None
            for fact in facts_of(number, self.interval(number), ("", number.table, number.row))
        ]
        return [*self._relations(wanted), *shown]

    def _relations(self, tables: set[str]) -> list[Fact]:
        """The relations whose counted cells are all counted by the given tables."""
        own, others = (
            {cell for n in self.book.numbers if (n.table in tables) == inside for cell, _ in n.terms}
            for inside in (True, False)
        )
        foreign = others - own
        return [fact for fact in self.book.relations if not any(cell in foreign for cell, _ in fact.terms)]

    def interval(self, number: Number) -> tuple[float, float]:
        """Least and largest value of a number's cells, given what is shown."""
        value = self.tables[number.table][number.column][number.row]
        unit, rounds = number.terms[0][0][0], self.methods[number.table] == ROUND
        half = (self.rules.value("rounding_base") - 1) / 2 if rounds else 0.0
        if number.scale == 1.0 and unit in (ROWS, CHILDREN):
            told = self.shown_count(number.table, value)
            if told == 0:
                return 0.0, 0.0
            # That fewer would have been withheld is known to everybody.
            return max(told - half, self.rules.value("min_children")), told + half
        error = abs(value * number.scale) * 0.5 * 10.0 ** (1 - self.rules.value("significant_digits"))
        if rounds and unit in (WEIGHT, EVENTS):
            width = self._step(number) * number.scale if unit == WEIGHT else self.rules.value("rounding_base")
            told = width * round(value * number.scale / width)
            # A weighted share of people is no whole number.
            half = width / 2 if unit == WEIGHT else half
            return max(0.0, told - half - error), told + half + error
        return value * number.scale - error, value * number.scale + error

    # ---- what has to stay unknown

    def protected(self) -> list[Protected]:
        """Cells of few children; and cells that nobody counted, unless they are shown to be large."""
        fewest, size, found = self.rules.value("min_children"), self.book.size, {}
        empty_tells = self.rules.value("zeros") == "block"
        for fact in self.book.relations:
            for cell, _ in fact.terms:
                if cell not in size and cell[0] != "sum":
                    found[cell] = Protected(cell, strict=False)
        for cell, n in size.items():
            people = size.get((CHILDREN, *cell[1:]), n) if cell[0] == ROWS else n
            few = 0 < round(min(n, people), 6) < fewest
            nobody = (
                round(n, 6) == 0 and empty_tells and cell not in self.book.may_be_empty and cell[1:] not in self._empty
            )
            if few or (nobody and cell[0] in (ROWS, CHILDREN)):
                found[cell] = Protected(cell)
        for number in self.book.numbers:
            if self._judged_small(number):
                for cell, _ in number.terms if len(number.terms) == 1 else ():
                    found[cell] = Protected(cell)
        return [each for each in found.values() if each.cell not in self._only_levels]

    def _judged_small(self, number: Number) -> bool:
        """A mean or share that a rule withholds, whatever the size of its cell."""
        reason = self.reasons[number.table][number.row] if number.table in self.reasons else None
        return number.scale != 1.0 and reason not in (None, SECONDARY, WHOLE_RELEASE)

    @cached_property
    def _only_levels(self) -> set[Cell]:
        """Cells of a covariate's only level: that everybody has it is what the population is, and no table hides it."""
        levels: dict[Cell, list[Cell]] = {}
        for cell in self.book.size:
            if cell[1] in (COHORT, MATCHED, DROPPED):
                levels.setdefault(cell[:-1], []).append(cell)
        return {cells[0] for cells in levels.values() if len(cells) == 1 and cells[0][-1] not in (ALL, MISSING)}

    @cached_property
    def _empty(self) -> set[Cell]:
        """Who is counted by a row whose zeros say nothing about anybody, for a declared reason; without the unit."""
        return {
            cell[1:]
            for number in self.book.numbers
            if number.table in self.structural and self.structural[number.table][number.row]
            for cell, _ in number.terms
        }

    # ---- withholding more

    def withhold(self, seconds: float, whole_release: bool) -> Suppression:
        """Withhold the fewest rows more that protect every cell; what nothing helps is told and left.

        whole_release : over all tables and earlier releases at once; else in each table that is not rounded, by itself.
        """
        result, ends = Suppression(), time.monotonic() + seconds
        groups = [list(self.tables)] if whole_release else [[t] for t, m in self.methods.items() if m == SUPPRESS]
        for tables in groups:
            facts = self.facts(tables) + (self.fixed if whole_release else [])
            width = self.rules.value("protection")
            costs = self._costs(tables)
            found = smallest_suppression(facts, self.protected(), width, costs, max(0.0, ends - time.monotonic()))
            for _, table, row in found.rows:
                self.reasons[table][row] = WHOLE_RELEASE if whole_release else SECONDARY
            result.rows |= found.rows
            result.reasons += found.reasons
            result.hopeless += found.hopeless
            result.unproven += found.unproven
        return result

    def _costs(self, tables: list[str]) -> dict[Source, float]:
        """Every row that is shown costs one, a total more, and a large number a little more than a small one."""
        costs: dict[Source, float] = {}
        for name in tables:
            about, frame = disclosed()[name], self.tables[name]
            level = next((key for key in ("level", "group", "covariate") if key in about.keys), None)
            for i, row in enumerate(frame.iter_rows(named=True)):
                if self.reasons[name][i] is None:
                    size = max((row[c] or 0 for c in about.children), default=0)
                    total = level is not None and row[level] in TOTALS
                    costs["", name, i] = (COST_OF_A_TOTAL if total else 1.0) + size / 1e7
        return costs

    def audit(self, seconds: float) -> Verdict:
        """Whether what is shown, with everything that was released before, protects every cell."""
        return audit([*self.facts(), *self.fixed], self.protected(), self.rules.value("protection"), seconds)
