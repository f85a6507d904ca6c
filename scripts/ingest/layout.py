"""Which columns of an extract mean what, as `schemas/aliases/{format}.yaml` says.

In: a source format, or the header of a file. Out: the layout of its files, or the position of every canonical column.
Nothing is guessed: a name that is not in the alias table is not read (data minimisation), a name that could mean two
things is an error (data-formats trap T-36).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from scripts.errors import StudyError
from scripts.yaml_file import load_yaml

ALIASES_FOLDER = Path(__file__).parent.parent.parent / "schemas" / "aliases"
# The canonical tables that ingest leaves, whatever the format; schemas/tables.py says what is in them.
TABLES = ("referrals", "assessments", "disabilities", "section47", "care_episodes")
# The school census columns carry the term and year they were joined from (trap T-37: any year, not only 20[01]x).
SCHOOL_TERM = re.compile(r"_(spr|sum|aut)\d{2}$")

Positions = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class ColumnSource:
    """Where a canonical column comes from: source names or a position from 1.

    Of several names the first present counts; with `rowwise` the first that holds something in a row, because a column
    may have moved between the years stacked in one file.
    """

    names: tuple[str, ...] = ()
    position: int | None = None
    rowwise: bool = False
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
    content = load_yaml(path)
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
        rowwise=source.get("rowwise", False),
        required=source.get("required", False),
        school_term=source.get("school_term", False),
        formats=tuple(source.get("formats", formats)),
    )


def declared(layouts: dict[str, FileLayout], date_formats: dict[str, list[str]]) -> dict[str, FileLayout]:
    """The layouts with the date formats that a study declares for its extract: canonical column -> formats."""

    def changed(table: TableLayout) -> TableLayout:
        formats = {name: tuple(date_formats[name]) for name in table.columns if name in date_formats}
        columns = {name: replace(table.columns[name], formats=chosen) for name, chosen in formats.items()}
        return replace(table, columns=table.columns | columns)

    return {
        kind: replace(layout, tables={name: changed(table) for name, table in layout.tables.items()})
        for kind, layout in layouts.items()
    }


def source_of(header: list[str], positions: tuple[int, ...], missing: tuple[str, ...]) -> pl.Expr:
    """The text of a canonical column as an expression on a file's columns; of several the first that is not a gap."""
    texts = [pl.col(header[position]).str.strip_chars() for position in positions]
    return texts[0] if len(texts) == 1 else pl.coalesce(pl.when(~text.is_in(missing)).then(text) for text in texts)


def resolve(layout: TableLayout, header: list[str], place: str) -> Positions:
    """Canonical column -> positions in the header (from 0) that it is read from, for the columns the header has.

    Raises
    ------
    StudyError : SCHEMA, for a name that occurs twice, a missing required column, or a width other than the layout's.
    """
    names = [name.strip().lower() for name in header]
    _refuse_repeated(names, header, place)
    if layout.width is not None and len(names) != layout.width:
        problem = f"{len(names)} columns where exactly {layout.width} are read by position"
        raise StudyError("SCHEMA", place, problem, "Supply the file as documented")
    positions = {name: _positions(source, names, name, place) for name, source in layout.columns.items()}
    absent = [name for name, source in layout.columns.items() if source.required and not positions[name]]
    if absent:
        wanted = "; ".join(f"{name} ({' or '.join(layout.columns[name].names)})" for name in absent)
        raise StudyError("SCHEMA", place, f"required columns are missing: {wanted}", "Add them or their alias")
    return {name: found for name, found in positions.items() if found}


def _refuse_repeated(names: list[str], header: list[str], place: str) -> None:
    repeated = sorted({header[i].strip() for i, name in enumerate(names) if name and names.count(name) > 1})
    if repeated:
        raise StudyError(
            "SCHEMA", place, f"column names occur more than once: {', '.join(repeated)}", "Keep one of each"
        )


def _positions(source: ColumnSource, names: list[str], column: str, place: str) -> tuple[int, ...]:
    if source.position is not None:
        return (source.position - 1,)
    present = []
    for alias in source.names:
        found = list(_matching(alias.lower(), names, source.school_term))
        if len(found) > 1:
            problem = f"column {column} has {len(found)} sources, {alias} of several school terms"
            raise StudyError("SCHEMA", place, problem, "Keep the one that belongs to the census year")
        present += found
    return tuple(present if source.rowwise else present[:1])


def _matching(alias: str, names: list[str], school_term: bool) -> Iterable[int]:
    return (i for i, name in enumerate(names) if (SCHOOL_TERM.sub("", name) if school_term else name) == alias)
