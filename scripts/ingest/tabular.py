"""Reading CSV and parquet files as text, without inference: every value stays the string the supplier wrote.

In: a path. Out: its header, or the wanted columns as a frame of strings. A CSV file is checked before it is parsed,
because a parser fills short rows silently and names values in its errors; both would break this project's rules
(disclosure-and-governance section 4).
"""

import codecs
import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from polars._typing import EngineType

from scripts.artefacts import parquet_source
from scripts.errors import StudyError

CHUNK_BYTES = 1 << 24
COMMA, QUOTE, NEWLINE, RETURN = (ord(character) for character in ',"\n\r')
# A damaged parquet file makes polars panic, which is no Exception in Python.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
FIELD_ENDS = (COMMA, NEWLINE, RETURN)
# What no column is called and many values are: a number or date at the start, many digits, several lines.
VALUE_LIKE = re.compile(r"^[\d\W]|(\d\D*){5}|[\x00-\x1f]")
SHOWN = 10
TEXT_LIKE = (pl.String, pl.Categorical, pl.Enum, pl.Date, pl.Boolean, pl.Null)


def place_of(path: str | Path) -> str:
    """How errors name a file: its folder (the LA) and its name."""
    return "/".join(Path(path).parts[-2:])


def read_header(path: str | Path) -> list[str]:
    """The column names of a CSV or parquet file.

    Raises
    ------
    StudyError : FILE, if there is no header line, its names look like values, or the file cannot be read.
    """
    names = list(_parquet(path)[1]) if _is_parquet(path) else _csv_header(path)
    # Names are told in errors and results, and a file without a header has a record in its place.
    if like_values := [str(i) for i, name in enumerate(names, start=1) if VALUE_LIKE.search(name)]:
        problem = f"names of the header look like values (columns {', '.join(like_values[:SHOWN])}): it may be missing"
        raise StudyError("FILE", place_of(path), problem, "Supply the file with its header in the first line")
    return names


def _csv_header(path: str | Path) -> list[str]:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        header = None
    if header is None:
        raise StudyError("FILE", place_of(path), "the header line cannot be read as UTF-8 text", "Supply a UTF-8 CSV")
    if not any(name.strip() for name in header):
        raise StudyError(
            "FILE", place_of(path), "the file is empty, without a header line", "Supply the header at least"
        )
    return [name.strip() or f"unnamed {i}" for i, name in enumerate(header, start=1)]


def scan_text(path: str | Path, header: list[str]) -> pl.LazyFrame:
    """All columns of a checked file as strings, lazily, under the names of `header`.

    Raises
    ------
    StudyError : FILE, for a file that is not well-formed; SCHEMA, for a parquet column that is not text.
    """
    if not _is_parquet(path):
        check_csv(path, len(header))
        return pl.scan_csv(path, infer_schema=False, new_columns=header)
    source, schema = _parquet(path)
    unfit = [name for name, dtype in schema.items() if not (dtype in TEXT_LIKE or dtype.is_integer())]
    if unfit:
        problem = f"columns hold neither text nor dates nor whole numbers: {', '.join(sorted(unfit))}"
        raise StudyError("SCHEMA", place_of(path), problem, "Write them as text")
    return pl.scan_parquet(source).select(pl.all().cast(pl.String))


def refuse_too_many_rows(path: str | Path, limit: int | None) -> None:
    """Refuse a parquet file that claims more rows than `limit`; a CSV file has no more than its bytes.

    Raises
    ------
    StudyError : FILE.
    """
    if limit is None or not _is_parquet(path):
        return
    n_rows = collect(pl.scan_parquet(_parquet(path)[0]).select(pl.len()), path).item()
    if n_rows > limit:
        problem = f"the file claims {n_rows:,} rows, more than extracts.max_rows {limit:,}"
        raise StudyError("FILE", place_of(path), problem, "Ask for the file again, or raise the limit")


def collect(lazy: pl.LazyFrame, path: str | Path, engine: EngineType = "auto") -> pl.DataFrame:
    """Collect what was scanned from `path`; a parser's message may hold values, so it is dropped.

    Raises
    ------
    StudyError : FILE.
    """
    try:
        return lazy.collect(engine=engine)
    except UNREADABLE:
        problem = "the file cannot be parsed"
    raise StudyError("FILE", place_of(path), problem, "Supply a well-formed CSV or parquet file")


def without_fraction(text: pl.Expr) -> pl.Expr:
    """Databases write whole numbers with gaps among them as 1.0."""
    return text.str.replace(r"\.0+$", "")


def _is_parquet(path: str | Path) -> bool:
    return Path(path).suffix.lower() == ".parquet"


def _parquet(path: str | Path) -> tuple[Path | bytes, pl.Schema]:
    """What polars scans a parquet file from, decrypted if it is one of this project's own, and its columns."""
    try:
        source = parquet_source(path)
        return source, pl.read_parquet_schema(source) if Path(path).stat().st_size else pl.Schema()
    except UNREADABLE:
        problem = "the file cannot be read as parquet"
    raise StudyError("FILE", place_of(path), problem, "Supply a whole parquet file")


@dataclass
class _Lines:
    """Running state over the chunks of a CSV file: the line begun, whether inside quotes, the last byte and whether it
    closed a quotation; ragged lines and misplaced quotes so far.
    """

    commas: int = 0
    length: int = 0
    quoted: int = 0
    last: int = NEWLINE
    closed: bool = False
    ragged: int = 0
    misplaced: int = 0


def check_csv(path: str | Path, width: int) -> None:
    """Refuse a CSV file that is not UTF-8, has quotes that do not surround a field, or has lines that are not `width`
    fields wide (RFC 4180).

    Blank lines are let pass. Separators are counted outside quotes, chunk by chunk, so memory does not grow with the
    file.

    Raises
    ------
    StudyError : FILE, with the number of lines.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    state = _Lines()
    try:
        with Path(path).open("rb") as stream:
            if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
                stream.seek(0)
            while chunk := stream.read(CHUNK_BYTES):
                if b"\0" in chunk:
                    raise UnicodeError
                decoder.decode(chunk)
                _count(chunk, width, state)
        decoder.decode(b"", final=True)
    except UnicodeError:
        state = None
    if state is None:
        raise StudyError("FILE", place_of(path), "the text is not UTF-8", "Convert the file to UTF-8")
    if state.quoted or state.misplaced:
        problem = (
            "quotation marks are not paired" if state.quoted else f"{state.misplaced} quotation marks are misplaced"
        )
        raise StudyError("FILE", place_of(path), problem, "Quote whole fields, and double the marks inside them")
    ragged = state.ragged + _is_ragged(state, width)
    if ragged:
        problem = f"{ragged} lines do not have the {width} fields of the header"
        raise StudyError("FILE", place_of(path), problem, "Supply one field per column in every line")


def _count_misplaced(data: np.ndarray, quotes: np.ndarray, outside: np.ndarray, state: _Lines) -> None:
    """Add quotes that open after something else than the end of a field or line, or close before."""
    before = np.concatenate([[np.uint8(state.last)], data[:-1]])
    closes = (quotes == 1) & outside
    closed = np.concatenate([[state.closed], closes[:-1]])
    opens = (quotes == 1) & ~outside & ~closed
    state.misplaced += int((opens & ~np.isin(before, FIELD_ENDS)).sum())
    state.misplaced += int((closed & (quotes == 0) & ~np.isin(data, FIELD_ENDS)).sum())
    state.last, state.closed = int(data[-1]), bool(closes[-1])


def _is_ragged(state: _Lines, width: int) -> bool:
    return state.length > 0 and state.commas != width - 1


def _count(chunk: bytes, width: int, state: _Lines) -> None:
    """Add the ragged lines that end in a chunk to `state`, and carry the line that does not end in it."""
    data = np.frombuffer(chunk, dtype=np.uint8)
    quotes = (data == QUOTE).view(np.uint8)
    # The parity of the quotes so far tells inside from outside; wrapping at 256 keeps it.
    inside = (np.add.accumulate(quotes, dtype=np.uint8) + np.uint8(state.quoted)) & 1
    outside = inside == 0
    _count_misplaced(data, quotes, outside, state)
    commas = np.flatnonzero((data == COMMA) & outside)
    ends = np.flatnonzero((data == NEWLINE) & outside)
    seen = np.concatenate([[0], np.searchsorted(commas, ends)])
    visible = data != RETURN
    state.quoted = int(inside[-1])
    if not len(ends):
        state.commas += len(commas)
        state.length += int(visible.sum())
        return
    starts = np.concatenate([[0], ends[:-1] + 1])
    line_commas = np.diff(seen)
    # Lines of nothing but a carriage return are blank.
    line_length = ends - starts - ((data[ends - 1] == RETURN) & (ends > 0))
    line_commas[0] += state.commas
    line_length[0] += state.length
    state.ragged += int(((line_commas != width - 1) & (line_length > 0)).sum())
    state.commas = len(commas) - int(seen[-1])
    state.length = int(visible[ends[-1] + 1 :].sum())
