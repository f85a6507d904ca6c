"""Extracts in a database, one table for all LAs: what each LA's rows are, and a file of its own for each LA and table.

In: config block `extracts.database` and the address of the database, which is read from the environment and is in no
setting, message or file. Out: the tables by kind; per LA and table a fingerprint of the rows, so that an LA goes stale
if and only if its own rows changed; and {folder}/{stem}.parquet per LA, every column as the text that a CSV file would
hold, rows sorted. Only columns that the alias table reads leave the database. The LA column is found through the alias
table; a table without one (disabilities) gives each LA the rows of the children its CIN tables know.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import write_parquet
from scripts.errors import StudyError
from scripts.ingest.dialects import DIALECTS, Dialect, literal
from scripts.ingest.discovery import national_layouts
from scripts.ingest.layout import Positions, TableLayout, resolve
from scripts.ingest.partition import CHILD, CHILD_KIND, LA, partition_names
from scripts.ingest.tabular import without_fraction

Tables = dict[str, list[str]]
# Stands for a column that is not read but keeps its place.
UNREAD = "CAST(NULL AS varchar(1))"
# The driver otherwise writes the server's messages, which may hold values, to the terminal; read when it is imported.
os.environ["RUST_LOG"] = "off"


@dataclass(frozen=True)
class Table:
    """A table of the database: the stem it counts as, its place there, its columns in order with their types."""

    stem: str
    schema: str
    name: str
    columns: dict[str, str]

    @property
    def place(self) -> str:
        """How errors name it."""
        return f"{self.schema}.{self.name}"


class Database:
    """The tables of an extract in PostgreSQL or SQL Server.

    Parameters
    ----------
    settings : config block `extracts.database`: uri_variable, schema, tables.
    source_format : npd or ucl.

    Raises
    ------
    StudyError : DATABASE, without a usable address in the environment; CONFIG, for a format of returns.
    """

    def __init__(self, settings: dict[str, Any], source_format: str) -> None:
        self.settings = settings
        self.layouts = national_layouts(source_format)
        self._uri, self.dialect = _address(settings["uri_variable"])

    @cached_property
    def tables(self) -> dict[str, list[Table]]:
        """Kind -> tables, sorted by stem: those of extracts.database.tables or, if it is empty, those found by name.

        Raises
        ------
        StudyError : DATABASE, if the server does not answer or a configured table is not there.
        """
        schema, configured = self.settings["schema"], self.settings["tables"]
        catalogue = self._fetch(self.dialect.catalogue(schema), f"schema {schema}")
        columns: dict[str, dict[str, str]] = {}
        for table, column, data_type in catalogue.iter_rows():
            columns.setdefault(table, {})[column] = data_type
        if absent := sorted(set(configured.values()) - set(columns)):
            problem = f"schema {schema} has no such table, or none this account may read: {', '.join(absent)}"
            raise StudyError("DATABASE", "extracts.database.tables", problem, "Correct the names, or ask for access")
        names = configured or {name: name for name in columns}
        found = [Table(stem, schema, name, columns[name]) for stem, name in sorted(names.items())]
        return {
            kind: [table for table in found if layout.matches(Path(f"{table.stem}.parquet"))]
            for kind, layout in self.layouts.items()
        }

    @property
    def stems(self) -> Tables:
        """Kind -> stems of the tables."""
        return {kind: [table.stem for table in tables] for kind, tables in self.tables.items()}

    def fingerprints(self) -> dict[str, dict[str, str]]:
        """LA -> stem -> fingerprint of the LA's rows, whatever their order; one query per table, answered by counts.

        The database hashes the text of each row (SHA-256) and sums four parts of 32 bits of it over an LA's rows, so
        order does not matter and a repeated row counts; the sums, the number of rows and the names of the columns make
        the fingerprint. Change by accident goes unnoticed with a chance of about 2^-128; somebody who chooses the rows
        could in principle construct sums that agree.

        Raises
        ------
        StudyError : DATABASE or SCHEMA.
        """
        found: dict[str, dict[str, str]] = {}
        for kind, table in self._all_tables():
            header = self._read_columns(kind, table)
            answer = self._fetch(self.dialect.sums(self._rows(kind, table), header), table.place)
            for la, *sums in answer.iter_rows():
                found.setdefault(la, {})[table.stem] = " ".join([",".join(header), *map(str, sums)])
        return found

    def rows(self, kind: str, table: Table, la: str) -> pl.DataFrame:
        """The rows of one LA, sorted by all columns, every column text.

        Raises
        ------
        StudyError : DATABASE or SCHEMA; ValueError if `la` is no three-digit code.
        """
        if not (len(la) == 3 and la.isascii() and la.isdigit()):
            raise ValueError("an LA code has three digits")
        header = self._read_columns(kind, table)
        chosen = ", ".join(self.dialect.quoted(name) for name in header)
        place = self.dialect.quoted(LA)
        query = f"SELECT {chosen} FROM ({self._rows(kind, table)}) AS rows_of_las WHERE {place} = {literal(la)}"
        fractions = [name for name in header if self.dialect.family(table.columns[name]) == "fraction"]
        frame = self._fetch(query, table.place).cast(pl.String)
        return frame.with_columns(without_fraction(pl.col(fractions))).sort(header)

    def _all_tables(self) -> Iterable[tuple[str, Table]]:
        return ((kind, table) for kind, tables in self.tables.items() for table in tables)

    def _resolved(self, kind: str, table: Table) -> tuple[TableLayout, Positions]:
        layout = self.layouts[kind].only_table()
        return layout, resolve(layout, list(table.columns), table.place)

    def _read_columns(self, kind: str, table: Table) -> list[str]:
        """The columns that the alias table reads; all of a table read by position, the others empty."""
        layout, positions = self._resolved(kind, table)
        if layout.width is not None:
            return list(table.columns)
        wanted = {position for found in positions.values() for position in found}
        return [name for position, name in enumerate(table.columns) if position in wanted]

    def _rows(self, kind: str, table: Table) -> str:
        """SELECT of every row's LA, in column `LA`, and the text of the columns read; rows no LA claims drop out."""
        layout, positions = self._resolved(kind, table)
        read = {list(table.columns)[position] for found in positions.values() for position in found}
        texts = [
            f"{self._text(table, name) if name in read else UNREAD} AS {self.dialect.quoted(name)}"
            for name in self._read_columns(kind, table)
        ]
        if "la_code" in positions:
            la = self._la(table, layout, positions)
            source = f"{self._from(table)} WHERE {la} IS NOT NULL"
        else:
            children = self._children_of_las(table.place)
            child = self._first(table, positions["child_id"], layout)
            la = f"k.{self.dialect.quoted(LA)}"
            source = f"{self._from(table)} JOIN ({children}) AS k ON k.{self.dialect.quoted(CHILD)} = {child}"
        return f"SELECT {', '.join([f'{la} AS {self.dialect.quoted(LA)}', *texts])} FROM {source}"

    def _children_of_las(self, place: str) -> str:
        """SELECT of every pair of LA and child id in the CIN tables; an id that two LAs use belongs to both."""
        if not self.tables[CHILD_KIND]:
            problem = "the table has no LA column, and there are no CIN tables to find its children in"
            raise StudyError("DATABASE", place, problem, "Supply the CIN tables")
        parts = []
        for table in self.tables[CHILD_KIND]:
            layout, positions = self._resolved(CHILD_KIND, table)
            la, child = self._la(table, layout, positions), self._first(table, positions["child_id"], layout)
            names = self.dialect.quoted(LA), self.dialect.quoted(CHILD)
            known = f"{la} IS NOT NULL AND {child} IS NOT NULL"
            parts.append(f"SELECT {la} AS {names[0]}, {child} AS {names[1]} FROM {self._from(table)} WHERE {known}")
        return " UNION ".join(parts)

    def _from(self, table: Table) -> str:
        return f"{self.dialect.quoted(table.schema)}.{self.dialect.quoted(table.name)} AS t"

    def _text(self, table: Table, column: str) -> str:
        return self.dialect.text(f"t.{self.dialect.quoted(column)}", table.columns[column], f"{table.place} {column}")

    def _first(self, table: Table, positions: tuple[int, ...], layout: TableLayout) -> str:
        """The first of some columns that is not a gap, without blanks around it; NULL if all are gaps."""
        names = list(table.columns)
        missing = ", ".join(literal(text) for text in layout.missing)
        stripped = [self.dialect.stripped(self._text(table, names[position])) for position in positions]
        present = [f"CASE WHEN {text} NOT IN ({missing}) THEN {text} END" for text in stripped]
        return present[0] if len(present) == 1 else f"COALESCE({', '.join(present)})"

    def _la(self, table: Table, layout: TableLayout, positions: Positions) -> str:
        return self.dialect.whole(self._first(table, positions["la_code"], layout))

    def _fetch(self, query: str, place: str) -> pl.DataFrame:
        """The answer to a query; the driver's own message may hold the address or values, so it is dropped."""
        try:
            return pl.read_database_uri(query, self._uri, engine="connectorx")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # the driver's panics are no Exception
            problem = "the database did not answer the query"
        remedy = f"Check that the server runs, that {self.settings['uri_variable']} is right and the account may read"
        raise StudyError("DATABASE", place, problem, remedy)


def query(folder: str | os.PathLike[str], settings: dict[str, Any]) -> dict[str, int]:
    """Write {folder}/{stem}.parquet for every table of the database: the rows of one LA, none if it has none.

    Parameters
    ----------
    folder : the LA's own.
    settings : format; database, the config block; la, its three-digit code.

    Returns
    -------
    {stem: rows}, for logs.

    Raises
    ------
    StudyError : DATABASE or SCHEMA.
    """
    database, written = Database(settings["database"], settings["format"]), {}
    for kind, tables in database.tables.items():
        for table in tables:
            frame = database.rows(kind, table, settings["la"])
            (target,) = partition_names({kind: [table.stem]}, folder)[kind]
            write_parquet(frame, target)
            written[table.stem] = len(frame)
    return written


def _address(variable: str) -> tuple[str, Dialect]:
    """The address of the database and its dialect, by the scheme it starts with."""
    uri = os.environ.get(variable, "")
    place = f"environment variable {variable}"
    forms = "postgresql://user:password@host:port/database or mssql://user:password@host:port/database"
    if not uri:
        raise StudyError("DATABASE", place, "it is not set, and extracts.source is database", f"Set it: {forms}")
    scheme = uri.partition("://")[0].lower()
    if scheme not in DIALECTS:
        raise StudyError("DATABASE", place, "it names neither PostgreSQL nor SQL Server", f"Write {forms}")
    return uri, DIALECTS[scheme]
