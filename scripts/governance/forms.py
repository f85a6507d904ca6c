"""The four typed forms in which the DfE returns a request, read, checked against the store and compiled.

In: the folder of a return, the LA's ingested tables as they stand after earlier returns, the child's key. Out: effects,
which the workflow applies, and the counts that show each form was checked. A form that does not fit changes nothing:

    delete.csv   table, child_id, further columns: rows to delete; table empty and nothing further: the whole child
    rectify.csv  table, child_id, further columns, column, new_value: rows to rectify, new_value empty sets it missing
    held.csv     table, child_id, further columns: what the DfE holds, compared with what is here
    extract/     files in place of the old ones, laid out like extracts.folder
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from schemas import tables
from scripts.codes import is_code, load_codes
from scripts.errors import StudyError
from scripts.governance.effects import Effects, Frames, Rectification, RowKey, applied, as_text, typed, without_erased
from scripts.governance.rights import EXTRACT
from scripts.ingest.layout import TABLES
from scripts.ingest.tabular import collect, read_header, scan_text
from scripts.privacy.keys import IDS

DELETE, RECTIFY, HELD = "delete", "rectify", "held"
FORMS = (DELETE, RECTIFY, HELD, EXTRACT)
ROW = ("table", "child_id")
CHANGE = ("column", "new_value")
# Who a row belongs to is no value of it, and a pupil id is re-keyed.
FIXED = ("la_code", *IDS)

Record = dict[str, str]
# A row, a column of it, its new value.
Change = tuple[RowKey, str, str]


@dataclass(frozen=True)
class Store:
    """The LA's tables as ingested and after the earlier returns, with the effects of these.

    child, key : the id of the request's child in the extract, and re-keyed.
    """

    ingested: Frames
    earlier: tuple[Effects, ...]
    child: str
    key: str

    @property
    def supplied(self) -> Frames:
        """The tables without the rows erased, with every value as it came; rows as in `tables`."""
        return without_erased(self.ingested, self.earlier, lambda *_: None)

    @property
    def tables(self) -> Frames:
        """The tables as derived artefacts see them, restrictions apart."""
        return applied(self.ingested, self.earlier, (), lambda *_: None)


def forms_in(folder: Path) -> list[str]:
    """The forms in a return's folder.

    Raises
    ------
    StudyError : RETURN, if it is empty or holds anything else.
    """
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    expected = {EXTRACT: EXTRACT} | {f"{form}.csv": form for form in FORMS if form != EXTRACT}
    foreign = [name for name in names if name not in expected]
    if foreign or not names:
        problem = f"holds {', '.join(foreign)}, which is no form" if foreign else "there is no form"
        raise StudyError("RETURN", str(folder), problem, f"Put the DfE's return there as {', '.join(expected)}")
    return [expected[name] for name in names]


def compiled(folder: Path, request: str, la: str, store: Store) -> tuple[Effects, dict[str, Any]]:
    """The effects of a return, and counts per form of what it was checked against.

    Raises
    ------
    StudyError : RETURN, naming file, column, rule and count, never a value: malformed, unknown, duplicate or
        contradictory rows.
    """
    forms, now, counts = forms_in(folder), store.tables, {}
    deleted: list[RowKey] = []
    changes: list[Change] = []
    if DELETE in forms:
        deleted = _deletions(folder, store, now)
        counts[DELETE] = {"rows_named": len(deleted), "rows_deleted": _n_matching(deleted, now)}
    if RECTIFY in forms:
        changes = _changes(folder, store, now, deleted)
        rows = [row for row, *_ in changes]
        counts[RECTIFY] = {"values_named": len(changes), "rows_rectified": _n_matching(rows, now)}
    if HELD in forms:
        counts[HELD] = _compared(_row_keys(folder, HELD, store), now, store.key)
    rectified = [Rectification.of(*change, _values(*change[:2], now)) for change in changes]
    return Effects(request, la, tuple(deleted), tuple(rectified)), counts


def _place(folder: Path, form: str) -> str:
    return f"{folder.parent.name}/{folder.name}/{form}.csv"


def _row_keys(folder: Path, form: str, store: Store) -> list[RowKey]:
    """The keys of a form that names rows and nothing else."""
    place = _place(folder, form)
    keys = [_row_key(record, store, place) for record in _records(folder / f"{form}.csv", ROW, place)]
    _refuse_repeated(keys, place)
    return keys


def _deletions(folder: Path, store: Store, now: Frames) -> list[RowKey]:
    """The rows that delete.csv names, all of them here."""
    rows, place = _row_keys(folder, DELETE, store), _place(folder, DELETE)
    _refuse_unknown(rows, store, now, place)
    supplied = store.supplied
    if n_moved := sum(_matches(row, now) != _matches(row, supplied) for row in rows):
        problem = f"{n_moved} rows are named by a value that an earlier request rectified"
        raise StudyError("RETURN", place, problem, "Name them by other columns: extracts have the value they came with")
    return rows


def _changes(folder: Path, store: Store, now: Frames, deleted: list[RowKey]) -> list[Change]:
    """The row, column and new value of each line of rectify.csv; each value is here, and is another."""
    place = _place(folder, RECTIFY)
    records = list(_records(folder / "rectify.csv", (*ROW, *CHANGE), place))
    changes = [(_row_key(record, store, place), record["column"], record["new_value"]) for record in records]
    rows = [row for row, *_ in changes]
    _refuse_unfit_changes(changes, place)
    _refuse_repeated([change[:2] for change in changes], place)
    _refuse_unknown(rows, store, now, place)
    _refuse_contradictions(changes, deleted, now, place)
    if n_idle := sum(set(_values(row, column, now)) == {new} for row, column, new in changes):
        problem = f"duplicate: {n_idle} values are already as they are to be"
        raise StudyError("RETURN", place, problem, "Nothing was changed; ask the DfE what is to be rectified")
    return changes


def _records(path: Path, required: tuple[str, ...], place: str) -> Iterator[Record]:
    """The rows of a form as text, stripped.

    Raises
    ------
    StudyError : RETURN, for columns that are missing or unknown, or a form without rows.
    """
    header = read_header(path)
    known = {name for table in TABLES for name in tables.columns(table)} | set(required)
    unknown, absent = [n for n in header if n not in known], [n for n in required if n not in header]
    if unknown or absent:
        told = [f"unknown columns {', '.join(unknown)}"] * bool(unknown) + [f"no {', '.join(absent)}"] * bool(absent)
        raise StudyError("RETURN", place, "; ".join(told), "docs/governance.md describes the forms")
    frame = collect(scan_text(path, header), path).select(pl.all().fill_null("").str.strip_chars())
    if frame.is_empty():
        raise StudyError("RETURN", place, "the form has no rows", "Leave the file out if nothing is returned in it")
    yield from frame.iter_rows(named=True)


def _row_key(record: Record, store: Store, place: str) -> RowKey:
    """The key of one row of a form; everything in it must be of the request's child and readable."""
    table = record["table"] or None
    if table is not None and table not in TABLES:
        raise StudyError("RETURN", place, "column table: a row names no table", f"Use {', '.join(TABLES)}")
    if record["child_id"] != store.child:
        problem = "column child_id: unknown, a row names another child than the request"
        raise StudyError("RETURN", place, problem, "Register a request for each child")
    where = {n: v for n, v in record.items() if n not in (*ROW, *CHANGE, "la_code") and v != ""}
    if where and table is None:
        raise StudyError("RETURN", place, "a row names values but no table", "Name the table")
    for name, value in where.items():
        if table is None or name not in tables.columns(table):
            raise StudyError("RETURN", place, f"column {name}: table {table} has none", "Leave the cell empty")
        _refuse_unreadable(value, tables.columns(table)[name], place)
    return RowKey(table, store.key, where)


def _refuse_unreadable(value: str, column: tables.Column, place: str) -> None:
    rule = {"date": "a date written yyyy-mm-dd", "whole": f"a whole number from {column.low} to {column.high}"}
    try:
        read = pl.select(typed(value, column)).item()
    except pl.exceptions.PolarsError:
        read = None
    outside = column.kind == "whole" and read is not None and not column.low <= read <= column.high
    if read is None or outside or (column.kind == "flag" and read not in (0, 1)):
        problem = f"column {column.name}: a value is not {rule.get(column.kind, 'readable')}"
        raise StudyError("RETURN", place, problem, "Correct the form with the DfE")


def _refuse_repeated(keys: list[Any], place: str) -> None:
    told = [repr(key) for key in keys]
    if n_repeated := len(told) - len(set(told)):
        raise StudyError("RETURN", place, f"duplicate: {n_repeated} rows are there twice", "Name each row once")


def _refuse_unknown(rows: list[RowKey], store: Store, now: Frames, place: str) -> None:
    """Every row must be in the store; one that an earlier return deleted is told apart from one that never was."""
    unknown = [row for row in rows if not _n_matching([row], now)]
    if not unknown:
        return
    for effect in store.earlier:
        gone = [row for row in unknown if _n_matching([row], store.ingested) and effect.deleted]
        if gone or store.key in effect.erased_children:
            verb = "contradictory: rows to rectify were" if place.endswith("rectify.csv") else "duplicate: rows were"
            problem = f"{verb} deleted by request {effect.request}, in {len(unknown)} cases"
            raise StudyError("RETURN", place, problem, "Nothing was changed; ask the DfE")
    problem = f"unknown: {len(unknown)} of {len(rows)} row keys match no row of the LA's tables"
    raise StudyError("RETURN", place, problem, "Nothing was changed; correct the keys with the DfE")


def _refuse_contradictions(changes: list[Change], deleted: list[RowKey], now: Frames, place: str) -> None:
    """No row is both rectified and deleted, no value rectified twice."""
    gone = set().union(*(_matches(row, now) for row in deleted))
    if n_gone := sum(bool(_matches(row, now) & gone) for row, *_ in changes):
        problem = f"contradictory: {n_gone} rows to rectify are to be deleted too"
        raise StudyError("RETURN", place, problem, "Nothing was changed; ask the DfE which holds")
    cells = [(column, cell) for row, column, _ in changes for cell in _matches(row, now)]
    if n_twice := len(cells) - len(set(cells)):
        problem = f"contradictory: {n_twice} values are to be rectified by two rows of the form"
        raise StudyError("RETURN", place, problem, "Nothing was changed; name each value once")


def _refuse_unfit_changes(changes: list[Change], place: str) -> None:
    for row, column, new in changes:
        if row.table is None or column in FIXED or column not in tables.columns(row.table):
            problem = "column column: a row names no table, or no column of it that can be rectified"
            raise StudyError("RETURN", place, problem, f"Ids cannot be rectified ({', '.join(FIXED)})")
        described = tables.columns(row.table)[column]
        if new == "" and described.kind != "year":
            continue
        _refuse_unreadable(new, described, place)
        coded = described.kind in ("code", "recoded") and described.codes and not load_codes(described.codes).open
        if coded and not pl.select(is_code(pl.lit(new), described.codes)).item():
            problem = f"column new_value: a value for {column} is not in the code set {described.codes}"
            raise StudyError("RETURN", place, problem, "Correct the form with the DfE")


def _values(row: RowKey, column: str, now: Frames) -> list[str]:
    """The present values of a column, as text, in the rows that a key names."""
    table = row.table or ""
    return now[table].filter(row.matches(table)).select(as_text(column)).to_series().to_list()


def _matches(row: RowKey, frames: Mapping[str, pl.DataFrame]) -> set[tuple[str, int]]:
    """(table, position) of the rows that a key names."""
    return {
        (table, position)
        for table, frame in frames.items()
        if row.of(table)
        for position in frame.select(pl.arg_where(row.matches(table))).to_series()
    }


def _n_matching(rows: list[RowKey], frames: Mapping[str, pl.DataFrame]) -> int:
    return len(set().union(*(_matches(row, frames) for row in rows)))


def _compared(held: list[RowKey], now: Frames, key: str) -> dict[str, int]:
    """How far the information the DfE holds and the rows here agree."""
    listed = set().union(*(_matches(row, now) for row in held))
    here = _matches(RowKey(None, key, {}), now)
    found = sum(bool(_matches(row, now)) for row in held)
    return {"rows_listed": len(held), "listed_and_here": found, "here_and_not_listed": len(here - listed)}
