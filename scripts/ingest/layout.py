"""Which columns of an extract mean what, as `schemas/aliases/{format}.yaml` says.

In: a source format, or the header of a file. Out: the layout of its files, or the position of every canonical column.
Nothing is guessed: a name that is not in the alias table is not read (data minimisation), a name that could mean two
things is an error (data-formats trap T-36).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.errors import StudyError

ALIASES_FOLDER = Path(__file__).parent.parent.parent / "schemas" / "aliases"
# The canonical tables that ingest leaves, whatever the format; schemas/tables.py says what is in them.
TABLES = ("referrals", "assessments", "disabilities", "section47", "care_episodes")
# The school census columns carry the term and year they were joined from (trap T-37: any year, not only 20[01]x).
SCHOOL_TERM = re.compile(r"_(spr|sum|aut)\d{2}$")


@dataclass(frozen=True)
class ColumnSource:
    """Where a canonical column comes from: source names (the first present counts) or a position from 1."""

    names: tuple[str, ...] = ()
    position: int | None = None
    required: bool = False
    school_term: bool = False
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableLayout:
    """How a source fills a canonical table; `missing` are the texts that stand for no value."""

    table: str
    kind: str
    columns: dict[str, ColumnSource]
    missing: tuple[str, ...]
    width: int | None = None


@dataclass(frozen=True)
class FileLayout:
    """One kind of file: its name, its place below the LA's folder, the tables in it."""

    kind: str
    stems: tuple[str, ...]
    suffixes: tuple[str, ...]
    folder: str
    required: bool
    year_in_stem: str | None
    tables: dict[str, TableLayout]

    def matches(self, path: Path) -> bool:
        """Whether a file's name is one of this kind, whatever its case."""
        name = path.name.lower()
        return any(fnmatch(name, f"{stem}.{suffix}".lower()) for stem in self.stems for suffix in self.suffixes)

    def only_table(self) -> TableLayout:
        """The table of a kind of file that fills just one."""
        (table,) = self.tables.values()
        return table


@cache
def load_layouts(source_format: str) -> dict[str, FileLayout]:
    """Read the alias table of a source format: kind of file -> layout.

    Raises
    ------
    StudyError : CONFIG, if there is no such format.
    """
    path = ALIASES_FOLDER / f"{source_format}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in ALIASES_FOLDER.glob("*.yaml"))
        raise StudyError("CONFIG", "extracts.format", "there is no alias table for this format", f"Use one of {known}")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {kind: _file_layout(kind, entry, content) for kind, entry in content["kinds"].items()}


def _file_layout(kind: str, entry: dict[str, Any], content: dict[str, Any]) -> FileLayout:
    formats = tuple(entry.get("date_formats", content["date_formats"]))
    missing = tuple(content["missing_values"])
    tables = {
        table: TableLayout(
            table=table,
            kind=kind,
            columns={name: _column_source(source, formats) for name, source in columns.items()},
            missing=missing,
            width=entry.get("width"),
        )
        for table, columns in entry["tables"].items()
    }
    return FileLayout(
        kind=kind,
        stems=tuple(entry["stems"]),
        suffixes=tuple(entry["suffixes"]),
        folder=entry.get("folder", ""),
        required=entry.get("required", False),
        year_in_stem=entry.get("year_in_stem"),
        tables=tables,
    )


def _column_source(source: dict[str, Any], formats: tuple[str, ...]) -> ColumnSource:
    return ColumnSource(
        names=tuple(source.get("names", ())),
        position=source.get("position"),
        required=source.get("required", False),
        school_term=source.get("school_term", False),
        formats=tuple(source.get("formats", formats)),
    )


def resolve(layout: TableLayout, header: list[str], place: str) -> dict[str, int]:
    """Canonical column -> position in the header (from 0), for the columns the header has.

    Raises
    ------
    StudyError : SCHEMA, for a name that occurs twice, a missing required column, or a width other than the layout's.
    """
    names = [name.strip().lower() for name in header]
    _refuse_repeated(names, header, place)
    if layout.width is not None and len(names) != layout.width:
        problem = f"{len(names)} columns where exactly {layout.width} are read by position"
        raise StudyError("SCHEMA", place, problem, "Supply the file as documented")
    positions = {name: _position(source, names, name, place) for name, source in layout.columns.items()}
    absent = [name for name, source in layout.columns.items() if source.required and positions[name] is None]
    if absent:
        wanted = "; ".join(f"{name} ({' or '.join(layout.columns[name].names)})" for name in absent)
        raise StudyError("SCHEMA", place, f"required columns are missing: {wanted}", "Add them or their alias")
    return {name: position for name, position in positions.items() if position is not None}


def _refuse_repeated(names: list[str], header: list[str], place: str) -> None:
    repeated = sorted({header[i].strip() for i, name in enumerate(names) if name and names.count(name) > 1})
    if repeated:
        raise StudyError(
            "SCHEMA", place, f"column names occur more than once: {', '.join(repeated)}", "Keep one of each"
        )


def _position(source: ColumnSource, names: list[str], column: str, place: str) -> int | None:
    if source.position is not None:
        return source.position - 1
    for alias in source.names:
        found = list(_matching(alias.lower(), names, source.school_term))
        if len(found) > 1:
            problem = f"column {column} has {len(found)} sources, {alias} of several school terms"
            raise StudyError("SCHEMA", place, problem, "Keep the one that belongs to the census year")
        if found:
            return found[0]
    return None


def _matching(alias: str, names: list[str], school_term: bool) -> Iterable[int]:
    return (i for i, name in enumerate(names) if (SCHOOL_TERM.sub("", name) if school_term else name) == alias)
