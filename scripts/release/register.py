"""What left before: the register of releases, and what it means for the next one.

In: entries of {release.register}/{tag}/numbers.json, which stay inside: every number that was released, with the cells
it counts, the interval it was shown as, and its true size. Out: facts for the audit, of cells that are still the same
people; and the tables whose populations have changed by a few children, which a comparison of both releases would show.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.artefacts import read_json
from scripts.release.contract import NUMBERS, disclosed
from scripts.release.gate import Gate, facts_of
from scripts.release.populations import CHILDREN, EVENTS, ROWS, Book, Number
from scripts.release.rules import Rules
from scripts.release.system import NEAR, Fact

COUNTED = (ROWS, CHILDREN, EVENTS)


@dataclass(frozen=True)
class Release:
    """An earlier release: its tag and the numbers of its tables."""

    tag: str
    numbers: list[dict[str, Any]]


def earlier_releases(folder: str, tag: str) -> list[Release]:
    """The releases of the register but the one of this tag, by tag."""
    files = sorted(Path(folder).glob(f"*/{NUMBERS}"))
    return [Release(f.parent.name, read_json(f)) for f in files if f.parent.name != tag]


def numbers_of(gate: Gate) -> list[dict[str, Any]]:
    """What a release adds to the register: one entry per number that it shows."""
    keys = {name: gate.tables[name].select(disclosed()[name].keys).rows() for name in gate.tables}
    return [
        {
            "table": number.table,
            "key": [None if part is None else str(part) for part in keys[number.table][number.row]],
            "column": number.column,
            "terms": [[list(cell), coefficient] for cell, coefficient in number.terms],
            "whole": None if number.whole is None else list(number.whole),
            "scale": number.scale,
            "interval": list(gate.interval(number)),
            "size": _size(number, gate.book),
        }
        for number in gate.book.numbers
        if number.table in gate.tables and gate.reasons[number.table][number.row] is None
    ]


def _size(number: Number, book: Book) -> float:
    return sum(book.size[cell] * coefficient for cell, coefficient in number.terms)


def known_from(releases: list[Release], book: Book) -> list[Fact]:
    """Released numbers whose cells are still of the same size, and so the same people."""
    found = []
    for release in releases:
        for place, entry in enumerate(release.numbers):
            number = _number(entry, place)
            cells = {cell for cell, _ in number.terms} | ({number.whole} if number.whole else set())
            if not cells <= book.size.keys() or abs(_size(number, book) - entry["size"]) >= NEAR:
                continue
            if number.whole is None or abs(book.size[number.whole] - number.scale) < NEAR:
                low, high = entry["interval"]
                found += facts_of(number, (low, high), (release.tag, number.table, number.row))
    return found


def _number(entry: dict[str, Any], place: int) -> Number:
    """A number of the register; its row is its place there."""
    terms = tuple((tuple(cell), coefficient) for cell, coefficient in entry["terms"])
    whole = None if entry["whole"] is None else tuple(entry["whole"])
    return Number(entry["table"], place, entry["column"], terms, entry["scale"], whole)


def too_alike(releases: list[Release], gate: Gate, rules: Rules) -> Counter[tuple[str, str]]:
    """(tag, table) -> numbers that both releases show and that differ by fewer people than the rule asks for."""
    found: Counter[tuple[str, str]] = Counter()
    now = {(e["table"], tuple(e["key"]), e["column"]): e for e in numbers_of(gate)} if releases else {}
    for release in releases:
        for entry in release.numbers:
            current = now.get((entry["table"], tuple(entry["key"]), entry["column"]))
            counted = entry["terms"][0][0][0] in COUNTED
            if current and counted and rules.difference(round(current["size"]), round(entry["size"])):
                found[release.tag, entry["table"]] += 1
    return found
