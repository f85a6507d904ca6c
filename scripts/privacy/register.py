"""The register of categories: which source columns may be in an extract, and what becomes of each.

In: config block `privacy` and the alias tables. Out: a decision per column of a file. A column enters only if the
register says for what; anything else in a file is refused before a value of it is read, unless the study discards it
by name (disclosure-and-governance section 4).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from scripts.errors import StudyError
from scripts.ingest.layout import SCHOOL_TERM, FileLayout

READ, VALIDATION, SUPPLIED, DISCARDED = "read", "validation only", "supplied, not read", "discarded"
RETURNS = "census"


@dataclass(frozen=True)
class Decision:
    """What becomes of a source column; `canonical` is the column it is read as, if it is."""

    column: str
    decision: str
    category: str | None = None
    canonical: str | None = None


@dataclass(frozen=True)
class Register:
    """Names of columns, in lower case, and their category; patterns of names that identify somebody."""

    canonical: dict[str, str]
    validation: dict[str, str]
    supplied: frozenset[str]
    discard: frozenset[str]
    identifying: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, privacy: dict[str, Any], source_format: str) -> "Register":
        """Build from config block `privacy`; only returns (format census) are validated by rules."""
        return cls(
            canonical=_by_column(privacy["register"]),
            validation=_by_column(privacy["validation_only"]) if source_format == RETURNS else {},
            supplied=frozenset(name.lower() for name in privacy["supplied"]),
            discard=frozenset(name.lower() for name in privacy["discard"]),
            identifying=tuple(re.compile(pattern, re.IGNORECASE) for pattern in privacy["identifying_names"]),
        )

    def decide(self, header: Iterable[str], layouts: Iterable[FileLayout], place: str) -> list[Decision]:
        """A decision for every column of a file, in order.

        Parameters
        ----------
        layouts : the kinds of file whose alias tables read it. Columns read by position may have any name but an
            identifying one.

        Raises
        ------
        StudyError : PRIVACY, listing every column that may not be there, with the reason.
        """
        names = list(header)
        tables = [table for layout in layouts for table in layout.tables.values()]
        aliases = {a.lower(): c for table in tables for c, source in table.columns.items() for a in source.names}
        placed = {s.position: c for table in tables for c, s in table.columns.items() if s.position is not None}
        if placed:
            aliases |= {name.lower(): placed.get(position, "") for position, name in enumerate(names, start=1)}
        decisions = [self._decide(name, aliases) for name in names]
        refused = [f"{d.column} ({d.decision})" for d in decisions if d.decision not in _ALLOWED]
        if refused:
            remedy = "Have them taken out of the extract, or name them in privacy.discard or privacy.register"
            raise StudyError("PRIVACY", place, f"columns may not be there: {', '.join(refused)}", remedy)
        return decisions

    def _decide(self, column: str, aliases: dict[str, str]) -> Decision:
        name = SCHOOL_TERM.sub("", column.strip().lower())
        canonical = aliases.get(name)
        if name in self.discard:
            return Decision(column, f"discarded, but read as {canonical}" if canonical else DISCARDED)
        if any(pattern.search(name) for pattern in self.identifying):
            return Decision(column, "its name says that it identifies somebody")
        if canonical in self.canonical:
            return Decision(column, READ, self.canonical[canonical], canonical)
        if canonical:
            return Decision(column, f"{canonical} is not in privacy.register")
        if name in self.validation:
            return Decision(column, VALIDATION, self.validation[name])
        if canonical == "" or name in self.supplied:
            return Decision(column, SUPPLIED)
        return Decision(column, "not in privacy.register")


_ALLOWED = (READ, VALIDATION, SUPPLIED, DISCARDED)


def _by_column(entries: list[dict[str, Any]]) -> dict[str, str]:
    return {column.lower(): entry["category"] for entry in entries for column in entry["columns"]}
