"""A table of the page: its cells are texts, as they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """A cell that leads to a section of the page."""

    text: str
    section: str


Cell = str | Link


@dataclass(frozen=True)
class Table:
    """A table with its caption, and rows of as many cells as there are heads; the first cell names its row.

    `numbers`: positions of columns that are set to the right. `folded`: shown on demand, under this many words.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: frozenset[int] = frozenset()
    folded: bool = False


def table(caption: str, columns: dict[str, str], rows: Sequence[Sequence[Cell]], folded: bool = False) -> list[Table]:
    """A table of rows, none if there are none. `columns`: head -> "text" or "number"."""
    if not rows:
        return []
    numbers = frozenset(place for place, kind in enumerate(columns.values()) if kind == "number")
    return [Table(caption, list(columns), rows, numbers, folded)]
