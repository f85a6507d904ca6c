"""What the DfE's returns do to the tables of an LA: rows erased, values rectified, children withheld.

In: canonical tables with re-keyed ids, and the effects in force. Out: the same tables as every derived artefact may see
them. A row is named by its child and any of its columns; a rectified value carries salted hashes of the value it
replaces, so a row that holds neither the old nor the new value is noticed and not overwritten
(disclosure-and-governance section 5).
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from scripts.errors import StudyError

if TYPE_CHECKING:
    from schemas import tables

ERASED, RESTRICTED, RECTIFIED = "erased_on_request", "restricted_on_request", "rectified_on_request"

Frames = dict[str, pl.DataFrame]
# Reason, table and the rows concerned: for the books.
Note = Callable[[str, str, pl.DataFrame], None]


@dataclass(frozen=True)
class RowKey:
    """Rows of a child: of one table or of all (`table` None), with these values as text in further columns."""

    table: str | None
    child: str
    where: Mapping[str, str]

    def of(self, table: str) -> bool:
        """Whether it can name rows of a table."""
        return self.table in (None, table)

    def matches(self, table: str) -> pl.Expr:
        """Which rows of a canonical table it names; never null."""
        columns = _columns(table)
        tests = [pl.col(name).eq_missing(typed(value, columns[name])) for name, value in self.where.items()]
        return pl.all_horizontal(pl.col("child_id").eq_missing(pl.lit(self.child)), *tests)


@dataclass(frozen=True)
class Rectification:
    """A new value (text; empty sets it missing) for one column of the rows that `row` names, which names its table.

    old : hashes of the values it may replace, with `salt`.
    """

    row: RowKey
    column: str
    new: str
    salt: str
    old: tuple[str, ...]

    @classmethod
    def of(cls, row: RowKey, column: str, new: str, old_values: Iterable[str]) -> "Rectification":
        """With the hashes of the old values, as text."""
        salt = secrets.token_hex(16)
        hashes = sorted({_hash(salt, value) for value in old_values})
        return cls(row=row, column=column, new=new, salt=salt, old=tuple(hashes))


@dataclass(frozen=True)
class Effects:
    """The effects of one request: `deleted` rows and `rectified` values."""

    request: str
    la: str
    deleted: tuple[RowKey, ...] = ()
    rectified: tuple[Rectification, ...] = ()

    @property
    def erased_children(self) -> set[str]:
        """Keys of the children erased altogether."""
        return {row.child for row in self.deleted if row.table is None and not row.where}


def from_json(content: dict[str, Any]) -> Effects:
    """Effects as `as_json` wrote them."""
    rectified = [
        Rectification(RowKey(**entry["row"]), entry["column"], entry["new"], entry["salt"], tuple(entry["old"]))
        for entry in content["rectified"]
    ]
    deleted = tuple(RowKey(**entry) for entry in content["deleted"])
    return Effects(content["request"], content["la"], deleted, tuple(rectified))


def as_json(effects: Effects) -> dict[str, Any]:
    """Effects as plain mappings and lists."""
    return {
        "request": effects.request,
        "la": effects.la,
        "deleted": [vars(row) for row in effects.deleted],
        "rectified": [vars(change) | {"row": vars(change.row)} for change in effects.rectified],
    }


def _columns(table: str) -> "dict[str, tables.Column]":
    """The columns of a canonical table. Most runs carry out no request, and the models take half a second to load."""
    from schemas import tables

    return tables.columns(table)


def typed(value: str, column: "tables.Column") -> pl.Expr:
    """A value in text as a literal of the column's type; the empty text is null."""
    if value == "":
        return pl.lit(None, column.dtype)
    text = pl.lit(value)
    return text.str.to_date("%Y-%m-%d", strict=False) if column.kind == "date" else text.cast(column.dtype)


def as_text(column: str) -> pl.Expr:
    """A column as the text that returns write: dates in ISO form, a gap as the empty text."""
    return pl.col(column).cast(pl.String).fill_null("")


def without_erased(frames: Frames, effects: Iterable[Effects], note: Note) -> Frames:
    """The tables without the rows that returns delete."""
    frames = dict(frames)
    for effect in effects:
        for row in effect.deleted:
            for table in (name for name in frames if row.of(name)):
                frames[table] = _without(frames[table], row.matches(table), ERASED, table, note)
    return frames


def applied(frames: Frames, effects: Iterable[Effects], withheld: Iterable[str], note: Note) -> Frames:
    """The tables after all returns in the order of the register, without the children withheld.

    Raises
    ------
    StudyError : REQUEST, if a row to rectify holds neither the old nor the new value.
    """
    for effect in effects:
        frames = without_erased(frames, [effect], note)
        here = [change for change in effect.rectified if change.row.table in frames]
        # Rows are named by the values before any of them is rectified.
        named = [frames[c.row.table].select(c.row.matches(c.row.table)).to_series() for c in here]
        for change, rows in zip(here, named, strict=True):
            frames[change.row.table] = _rectified(frames[change.row.table], change, rows, effect.request, note)
    keys = sorted(withheld)
    hidden = pl.col("child_id").is_in(keys)
    return {name: _without(frame, hidden, RESTRICTED, name, note) for name, frame in frames.items()}


def _without(frame: pl.DataFrame, where: pl.Expr, reason: str, table: str, note: Note) -> pl.DataFrame:
    taken = frame.filter(where)
    if taken.is_empty():
        return frame
    note(reason, table, taken)
    return frame.filter(~where)


def _rectified(frame: pl.DataFrame, change: Rectification, named: pl.Series, request: str, note: Note) -> pl.DataFrame:
    table, column = change.row.table, change.column
    held = frame.filter(named).select(as_text(column)).to_series()
    done = [value == change.new for value in held]
    foreign = sum(
        not already and _hash(change.salt, value) not in change.old for value, already in zip(held, done, strict=True)
    )
    if foreign:
        problem = f"{foreign} rows to rectify hold neither the old nor the new value"
        remedy = f"The extract changed since request {request} was returned: ask the DfE, then register a new request"
        raise StudyError("REQUEST", f"request {request}, table {table}, column {column}", problem, remedy)
    note(RECTIFIED, table, frame.filter(named))
    new = typed(change.new, _columns(table)[column])
    return frame.with_columns(pl.when(pl.lit(named)).then(new).otherwise(pl.col(column)).alias(column))


def _hash(salt: str, value: str) -> str:
    return hashlib.sha256(f"{salt}\x1f{value}".encode()).hexdigest()
