"""Residue: whether anything of a child is left in a folder, in whatever form its files hold it.

In: a folder, and needles: the child's ids, original and re-keyed, and keyed hashes of the child's rows. Out: every file
with its kind and digest, where needles were found, and which files could not be decoded. Archives, compressed files,
parquet, databases, arrays and base64 are decoded down to their cells; names of files, members and columns are searched
too. Nothing that is returned, raised or printed holds a value: a name that contains an id is shown with `HIDDEN` in its
place (disclosure-and-governance section 5).

An id counts where it stands alone, that is between characters that are neither letters nor digits, in any case, in
UTF-8, UTF-16 and UTF-32, with zeros before it or without, as a binary or a scientific number, or inside base64. An id
too short to mean anything inside a text counts as a whole value: in a column or field of ids it is the child's, in any
other it is `AMBIGUOUS`. A row counts where a table has exactly the columns, ids apart, of one the child had rows in.
"""

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from scripts.errors import StudyError
from scripts.governance import decoding, decoding_text
from scripts.governance.decoding import LIMITS, Content, Limits
from scripts.governance.decoding_text import Blobs, Rows
from scripts.governance.fingerprints import SLICE, columns_name, row_fingerprints
from scripts.governance.id_patterns import LARGEST, Patterns, Tokens

IDENTIFIER = "original or re-keyed id"
AMBIGUOUS = "value equal to an id too short to tell"
FINGERPRINT = "row fingerprint"
HIDDEN = "[id]"

NAME_RUN = re.compile(r"[A-Za-z0-9+_-]{12,}={0,2}")
# Whatever a library raises on damaged bytes; polars' panics are no ordinary exceptions.
FAILURES = (Exception, pl.exceptions.PanicException)


@dataclass(frozen=True)
class Needles:
    """What is searched for; not shown when printed.

    Parameters
    ----------
    ids : original and re-keyed ids as text.
    fingerprints : name of a set of columns -> hashes of the child's rows, as `proving` makes them.
    """

    ids: tuple[str, ...] = field(repr=False)
    fingerprints: Mapping[str, frozenset[str]] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class File:
    """A file that was searched: path below the folder, kind by content, size, SHA-256."""

    path: str
    kind: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Finding:
    """What was found in a file, how often, and where inside: members, columns and encodings from the outside in."""

    path: str
    what: str
    count: int
    where: str


@dataclass(frozen=True, order=True)
class Undecodable:
    """A file, or a content inside it, that could not be read, and why: the rule it broke or the error's class."""

    path: str
    where: str
    problem: str


@dataclass(frozen=True)
class Scan:
    """The outcome of a scan. `sealed`: encrypted for somebody else, so that nobody here can look inside."""

    files: tuple[File, ...]
    findings: tuple[Finding, ...]
    undecodable: tuple[Undecodable, ...]
    sealed: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether everything was decoded and nothing was found."""
        return not self.findings and not self.undecodable


def scan(
    root: Path,
    needles: Needles,
    key: bytes,
    without: Collection[str],
    min_characters: int,
    left_out: Collection[Path],
    limits: Limits = LIMITS,
) -> Scan:
    """Search a folder and everything reachable from it.

    Parameters
    ----------
    key : of the fingerprints.
    without : names of the columns that hold ids, or number rows; they are no part of fingerprints.
    min_characters : an id of fewer counts as a whole value only.
    left_out : files and folders not searched, absolute or relative to `root`.

    Raises
    ------
    StudyError : SCAN, if there is no such folder, or an id is blank.
    """
    if not root.is_dir():
        raise StudyError("SCAN", "folder to scan", "there is no such folder", "Name the study's folder")
    if not all(each.strip() for each in needles.ids):
        raise StudyError("SCAN", "needles", "an id is blank", "Leave it out: nothing would be searched for")
    return _Scanner(root, needles, key, frozenset(without), min_characters, left_out, limits).scan()


class _Scanner:
    """One scan: what is searched for, and what has been found so far."""

    def __init__(
        self,
        root: Path,
        needles: Needles,
        key: bytes,
        without: frozenset[str],
        min_characters: int,
        left_out: Collection[Path],
        limits: Limits,
    ) -> None:
        self.root = root.resolve()
        self.fingerprints = needles.fingerprints
        self.key = key
        self.without = without
        self.patterns = Patterns.of(needles.ids, min_characters, without)
        # The folder's real path, but not the entry's: what is left out may be a link.
        self.left_out = {(self.root / path).parent.resolve() / Path(path).name for path in left_out}
        self.limits = limits
        self.files: list[File] = []
        self.found: Counter[tuple[str, str, str]] = Counter()
        self.undecodable: set[Undecodable] = set()
        self.sealed: list[str] = []
        self.skipped: list[str] = []
        self.seen: set[tuple[int, int]] = set()
        # The file at hand: as it is shown, and how many bytes have come out of it.
        self.shown = ""
        self.expanded = 0

    def scan(self) -> Scan:
        """Search everything below the root."""
        self._folder(self.root, "")
        findings = sorted((path, what, where, count) for (path, what, where), count in self.found.items())
        return Scan(
            files=tuple(self.files),
            findings=tuple(Finding(path, what, count, where) for path, what, where, count in findings),
            undecodable=tuple(sorted(self.undecodable)),
            sealed=tuple(self.sealed),
            left_out=tuple(self.skipped),
        )

    def _folder(self, folder: Path, shown: str) -> None:
        """Search a folder, unless it was searched under another name."""
        self.shown = shown or "."
        with self._guarded(""):
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self.seen:
                return
            self.seen.add((status.st_dev, status.st_ino))
            for path in sorted(folder.iterdir()):
                self._entry(path, shown)

    def _entry(self, path: Path, folder: str) -> None:
        """Search a file, folder or link and its name."""
        name, count = self._name(_joined_name(path))
        self.shown = shown = f"{folder}/{name}" if folder else name
        if path in self.left_out:
            self.skipped.append(shown)
            return
        if count:
            self._note(IDENTIFIER, "file name", count)
        with self._guarded(""):
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self._link(path)
            elif stat.S_ISDIR(mode):
                self._folder(path, shown)
            elif stat.S_ISREG(mode):
                self._file(path)
            else:
                # A pipe, socket or device holds nothing.
                self._list("special file", 0, hashlib.sha256())

    def _link(self, path: Path) -> None:
        """List a link; what it leads to is searched if it lies outside the folder, since it is reachable from it."""
        target, shown = os.fsencode(path.readlink()), self.shown
        self._list("link", len(target), hashlib.sha256(target))
        if count := self.patterns.in_short(target):
            self._note(IDENTIFIER, "target of the link", count)
        # Unlike `resolve`, this lets a link lead to itself.
        real = Path(os.path.realpath(path))
        if real.is_relative_to(self.root) or not real.exists() or self.left_out & {real, *real.parents}:
            return
        if real.is_dir():
            self._folder(real, shown)
        elif real.is_file():
            self._file(real)

    def _file(self, path: Path) -> None:
        """Search and list a file."""
        self.expanded = 0
        digest, size, kind = hashlib.sha256(), 0, "unreadable"

        def read() -> Iterator[bytes]:
            nonlocal size
            with path.open("rb") as stream:
                for chunk in decoding.chunks_of(stream, self.limits.chunk):
                    digest.update(chunk)
                    size += len(chunk)
                    yield chunk

        with self._guarded(""):
            head, chunks = decoding.peeked(read())
            kind = decoding.kind_of(head)
            if decoding.is_sealed(path.name, head):
                kind = "sealed"
                self.sealed.append(self.shown)
            self._examine(kind, chunks, "", 0, path)
        self._list(kind, size, digest)

    def _list(self, kind: str, size: int, digest: Any) -> None:
        self.files.append(File(self.shown, kind, size, digest.hexdigest()))

    def _examine(self, kind: str, chunks: Iterable[bytes], where: str, depth: int, path: Path | None) -> None:
        """Search a content and all that it holds; read from `path` again if it is a file."""
        content: Content | None = path
        if path is None and kind in decoding.WHOLE:
            content = decoding.whole(chunks, self.limits.memory)
            chunks = [content]
        self._stream(kind, chunks, where, depth)
        if kind in decoding.WHOLE and content is not None:
            self._decode(kind, content, where, depth)

    def _inner(self, chunks: Iterable[bytes], where: str, depth: int) -> None:
        """Search a content that lies in another."""
        with self._guarded(where):
            if depth > self.limits.depth:
                raise decoding.beyond("depth")
            head, chunks = decoding.peeked(self._metered(chunks))
            self._examine(decoding.kind_of(head), chunks, where, depth, None)

    def _metered(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.expanded += len(chunk)
            if self.expanded > self.limits.expanded:
                raise decoding.beyond("decompressed size")
            yield chunk

    def _stream(self, kind: str, chunks: Iterable[bytes], where: str, depth: int, column: str | None = None) -> None:
        """Search the bytes of a content: for ids as text or numbers, and if it is a text, for base64 and rows.

        Parameters
        ----------
        column : the column whose cells the text lists, one a line.
        """
        textual = kind in decoding.TEXT
        if textual and column is None:
            head, chunks = decoding.peeked(chunks)
            chunks = decoding.in_utf8(head, chunks)
        what_is_short = IDENTIFIER if column in self.without else AMBIGUOUS
        ids = self.patterns.ids_in_binary if kind in ("binary", "pickle") else self.patterns.ids
        wanted = [(IDENTIFIER, ids)]
        if textual and self.patterns.cell:
            wanted.append((what_is_short, (self.patterns.cell,)))
        if textual and self.patterns.named:
            wanted.append((IDENTIFIER, (self.patterns.named,)))
        tokens = [(what, Tokens(self.patterns, each)) for what, each in wanted if each]
        blobs = Blobs(self.limits.memory) if textual else None
        rows = Rows(self._is_wanted, self.limits) if textual and column is None else None
        for chunk in chunks:
            for _, each in tokens:
                each.feed(chunk)
            if blobs:
                blobs = self._blobs(blobs, blobs.feed(chunk), where, depth)
            if rows:
                rows = self._rows(rows, rows.feed(chunk), where)
        for what, each in tokens:
            self._note(what, where, each.close())
        if blobs:
            self._blobs(blobs, blobs.close(), where, depth)
        if rows:
            self._rows(rows, rows.close(), where)

    def _blobs(self, blobs: Blobs, found: Iterator[bytes], where: str, depth: int) -> Blobs | None:
        """Search decoded base64; None once it is beyond a limit, so that the search for ids goes on."""
        with self._guarded(where):
            for blob in found:
                self._inner([blob], _within(where, "base64"), depth + 1)
            return blobs
        return None

    def _rows(self, rows: Rows, found: Iterator[pl.DataFrame], where: str) -> Rows | None:
        """Compare the rows of delimited text; None once they cannot be read, so that the search for ids goes on."""
        with self._guarded(where):
            for frame in found:
                self._compare(frame, where)
                self._short_cells(frame, where)
            return rows
        return None

    def _is_wanted(self, names: tuple[str, ...]) -> bool:
        """Whether a table's rows say more than its text: the child had rows in such a one, or short ids stand in it."""
        return self._is_known(names) or bool(self.patterns.whole and self.without & set(names))

    def _is_known(self, names: Collection[str]) -> bool:
        """Whether a table of these columns can hold rows of the child."""
        others = set(names) - self.without
        return bool(others) and columns_name(others, self.key) in self.fingerprints

    def _decode(self, kind: str, content: Content, where: str, depth: int) -> None:
        """Search what a content holds that its bytes do not show."""
        if kind in decoding.OPAQUE:
            raise StudyError("KIND", "scan", f"nothing here opens {kind}", "Remove the file")
        if kind == "encrypted":
            self._inner([decoding.without_encryption(content)], _within(where, "decrypted"), depth + 1)
        elif kind in decoding.ARCHIVES:
            self._members(kind, content, where, depth)
        elif kind in ("parquet", "arrow"):
            self._columns(kind, content, where, depth)
            metadata = decoding.metadata_of(content) if kind == "parquet" else {}
            self._texts([*metadata, *metadata.values()], _within(where, "metadata"), depth)
        elif kind == "sqlite":
            for table, names, rows in decoding.sqlite_tables(content):
                self._values(names, rows, _within(where, f"table {self._name(table)[0]}"), depth)
        elif kind == "npy":
            for series in decoding.arrays(content):
                self._series(series, where, depth)
        elif kind == "pickle":
            self._pickle(content, where, depth)
        elif kind == "json":
            self._json(content, where, depth)

    def _members(self, kind: str, content: Content, where: str, depth: int) -> None:
        for name, member in decoding.members(kind, content, self.limits.chunk):
            shown, count = self._name(name)
            self._note(IDENTIFIER, _within(where, "member name"), count)
            self._inner(member, _within(where, shown), depth + 1)

    def _pickle(self, content: Content, where: str, depth: int) -> None:
        with decoding.opened(content) as stream:
            data = decoding.whole(decoding.chunks_of(stream, self.limits.chunk), self.limits.memory)
        texts = []
        # Two bytes are a weak sign: what goes wrong is most likely no pickle, and its bytes have been searched.
        with suppress(*FAILURES):
            for text in decoding.pickled(data):
                texts.append(text)
        self._texts(texts, _within(where, "pickled"), depth)

    def _json(self, content: Content, where: str, depth: int) -> None:
        with decoding.opened(content) as stream:
            data = decoding.whole(decoding.chunks_of(stream, self.limits.chunk), self.limits.memory)
        values = decoding_text.json_of(data)
        if values is None:
            return
        texts, objects = decoding_text.json_values(values)
        self._texts(texts, _within(where, "value"), depth)
        alike: dict[frozenset[str], list[dict[str, Any]]] = {}
        for each in objects:
            alike.setdefault(frozenset(each), []).append(each)
        for names, records in alike.items():
            if self._is_known(names):
                columns = {name: [decoding.as_text(record[name]) for record in records] for name in sorted(names)}
                self._compare(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), where)

    def _values(self, names: list[str], rows: list[tuple[Any, ...]], where: str, depth: int) -> None:
        """Search rows of Python values."""
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        for value in (value for column in columns for value in column if isinstance(value, bytes)):
            self._inner([value], _within(where, "binary value"), depth + 1)
        texts = {name: [*map(decoding.as_text, column)] for name, column in zip(names, columns, strict=True)}
        frame = pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String))
        self._column_names(names, where)
        for series in frame:
            self._series(series, where, depth)
        self._compare(frame, where)

    def _columns(self, kind: str, content: Content, where: str, depth: int) -> None:
        """Search the columns of a parquet or Arrow file one by one, and compare its rows."""
        names = decoding.column_names(kind, content)
        self._column_names(names, where)
        for name in names:
            self._series(decoding.frame_of(kind, content, [name]).to_series(), where, depth)
        if self._is_known(names):
            self._compare(decoding.frame_of(kind, content, names), where)

    def _column_names(self, names: Iterable[str], where: str) -> None:
        self._note(IDENTIFIER, _within(where, "column name"), sum(self._name(name)[1] for name in names))

    def _series(self, series: pl.Series, where: str, depth: int) -> None:
        """Search a column's values, whatever its type."""
        place = _within(where, f"column {self._name(series.name)[0]}" if series.name else "")
        for leaf in decoding.leaves(series):
            if leaf.dtype.is_numeric():
                self._numbers(leaf, place, series.name)
            elif leaf.dtype == pl.Binary:
                for value in leaf.drop_nulls():
                    self._inner([value], place, depth + 1)
            elif leaf.dtype == pl.Object:
                self._texts([str(value) for value in leaf], place, depth, series.name)
            elif leaf.dtype.is_temporal() or leaf.dtype == pl.Boolean:
                # No id, in all likelihood, and few different values.
                values = leaf.unique()
                values = values.to_physical() if isinstance(leaf.dtype, pl.Duration) else values
                self._texts(values.cast(pl.String), place, depth, series.name)
            else:
                self._texts(leaf.cast(pl.String), place, depth, series.name)

    def _numbers(self, series: pl.Series, where: str, column: str) -> None:
        """Compare numbers with ids by value, since a column of numbers keeps neither zeros nor decimals."""
        dtype = pl.Int128 if series.dtype.is_integer() else pl.Float64
        numbers = series.cast(dtype, strict=False)
        for values, what in (
            (self.patterns.long_numbers, IDENTIFIER),
            (self.patterns.short_numbers, IDENTIFIER if column in self.without else AMBIGUOUS),
        ):
            for value in (each for each in values if each < LARGEST):
                self._note(what, where, int((numbers == pl.Series([value], dtype=dtype)).sum()))

    def _texts(self, texts: Iterable[str | None], where: str, depth: int, column: str = "") -> None:
        """Search texts as cells of a column."""
        series = texts if isinstance(texts, pl.Series) else pl.Series(list(texts), dtype=pl.String)
        for start in range(0, len(series), SLICE):
            joined = series[start : start + SLICE].drop_nulls().str.join("\n").item() or ""
            self._stream("text", [joined.encode()], where, depth, column)

    def _compare(self, frame: pl.DataFrame, where: str) -> None:
        """Compare the rows of a frame with the child's, if it has the columns of a table the child had rows in."""
        if self._is_known(frame.columns):
            known = list(self.fingerprints[columns_name(set(frame.columns) - self.without, self.key)])
            for part in frame.iter_slices(SLICE):
                hashes = row_fingerprints(part, self.key, self.without)[1]
                self._note(FINGERPRINT, where, int(hashes.is_in(known).sum()))

    def _short_cells(self, frame: pl.DataFrame, where: str) -> None:
        """Search the columns of ids for those ids that mean nothing elsewhere."""
        for name in sorted(self.without & set(frame.columns)) if self.patterns.whole else ():
            cells = frame[name].cast(pl.String).str.contains(f"(?i){self.patterns.whole}")
            self._note(IDENTIFIER, _within(where, f"column {name}"), int(cells.sum()))

    def _name(self, name: str) -> tuple[str, int]:
        """A name as it may be shown, and how many ids it holds, plain or in base64."""
        data = os.fsencode(name.rpartition("\0")[2])
        count, whole = self.patterns.in_short(data), name.replace("\0", "")
        if NAME_RUN.fullmatch(whole):
            count = max(count, self.patterns.in_short(decoding_text.from_base64(whole.encode())))
        shown, masked = self.patterns.alone.subn(HIDDEN.encode(), data) if self.patterns.alone else (data, 0)
        return _printable(shown) if masked >= count else HIDDEN, count

    def _note(self, what: str, where: str, count: int) -> None:
        if count:
            self.found[self.shown, what, where] += count

    @contextmanager
    def _guarded(self, where: str) -> Iterator[None]:
        """Note what cannot be decoded. Messages of libraries may hold values, so only the error's class is kept."""
        shown = self.shown
        try:
            yield
        except StudyError as error:
            self.undecodable.add(Undecodable(shown, where, error.problem))
        except FAILURES as error:
            self.undecodable.add(Undecodable(shown, where, type(error).__name__))


def _joined_name(path: Path) -> str:
    """A file's name after those folders' that are pieces of it: Snakemake cuts long names and marks all but the last.

    The pieces are parted by NUL characters, which no name holds.
    """
    pieces = [path.name]
    for parent in path.parents:
        if not parent.name.startswith("@"):
            break
        pieces.insert(0, parent.name.removeprefix("@"))
    return "\0".join(pieces)


def _within(where: str, inner: str) -> str:
    return " > ".join(each for each in (where, inner) if each)


def _printable(name: bytes) -> str:
    return name.decode("utf-8", errors="replace")
