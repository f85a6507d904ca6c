"""Fingerprints of rows: keyed hashes that say whether a table still holds a row, and not what is in it.

In: frames, and which of their rows are a child's. Out: hashes by set of columns, ids left out, so that a row is known
again whatever the order of columns, the format of the file or the type a number was written in.
"""

import hashlib
from collections.abc import Collection, Iterable

import polars as pl

DIGEST_BYTES = 16
SLICE = 200_000


def row_fingerprints(frame: pl.DataFrame, key: bytes, without: Collection[str]) -> tuple[str, pl.Series]:
    """The name of a frame's set of columns, and a keyed hash of every row.

    A row is the text that a CSV would hold, column by column in the order of their names; null is no text. A whole
    number has one form, whether it was stored as a float, an integer or text, and so has any other number.

    Parameters
    ----------
    without : columns left out of both, in particular all that hold ids and those that number the rows.
    """
    names = sorted(set(frame.columns) - set(without))
    parts = frame.select(names).iter_slices(SLICE) if names else []
    hashes = [_keyed(text, key, b"row") for part in parts for text in part.select(_row_text(part)).to_series()]
    hashes = hashes if names else [_keyed("", key, b"row")] * frame.height
    return columns_name(names, key), pl.Series("fingerprint", hashes, pl.String)


def columns_name(names: Collection[str], key: bytes) -> str:
    """The name of a set of columns."""
    return _keyed("".join(f"{len(name)}:{name}" for name in sorted(names)), key, b"columns")


def _keyed(text: str, key: bytes, purpose: bytes) -> str:
    return hashlib.blake2b(text.encode(), key=key, digest_size=DIGEST_BYTES, person=purpose).hexdigest()


def _row_text(frame: pl.DataFrame) -> pl.Expr:
    """All columns as one text; every value follows its length, so that no two rows share a text."""
    texts = [_cell_text(name, dtype) for name, dtype in frame.schema.items()]
    return pl.concat_str([pl.format("{}:{}", text.str.len_bytes(), text).fill_null("-") for text in texts])


def _cell_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        digits = {"ms": 3, "us": 6, "ns": 9}[dtype.time_unit]
        return column.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.{digits}f{'%z' if dtype.time_zone else ''}")
    if isinstance(dtype, pl.Duration):
        return column.to_physical().cast(pl.String)
    if dtype == pl.Time:
        return column.dt.strftime("%H:%M:%S%.9f")
    if dtype.is_nested():
        return pl.struct(column).struct.json_encode()
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    text = column.cast(pl.String)
    if dtype.is_float() or dtype.is_decimal():
        return _number_text(text)
    if dtype == pl.String:
        is_number = text.str.contains(r"^-?\d+(\.\d+([eE][+-]?\d+)?|[eE][+-]?\d+)$")
        return pl.when(is_number).then(_number_text(text)).otherwise(text)
    return text


def _number_text(text: pl.Expr) -> pl.Expr:
    number = text.cast(pl.Float64, strict=False).cast(pl.String)
    return number.str.replace(r"^(-?\d+)\.0$", "${1}")


def proving(
    tables: Iterable[tuple[pl.DataFrame, pl.Series]], key: bytes, without: Collection[str]
) -> dict[str, frozenset[str]]:
    """The fingerprints that are the child's alone among all tables of the same columns, as `Needles` takes them.

    A scan compares rows with every table of these columns, so what some other child has in any of them proves nothing.

    Parameters
    ----------
    tables : frames, each with a mask of the rows that are the child's.
    """
    found: dict[str, set[str]] = {}
    shared: dict[str, set[str]] = {}
    for frame, own in tables:
        if set(frame.columns) - set(without):
            name, hashes = row_fingerprints(frame, key, without)
            found.setdefault(name, set()).update(hashes.filter(own))
            shared.setdefault(name, set()).update(hashes.filter(~own))
    own_alone = {name: frozenset(hashes - shared[name]) for name, hashes in sorted(found.items())}
    return {name: hashes for name, hashes in own_alone.items() if hashes}
