"""Decoding texts: the values in JSON, the rows of delimited text as it streams by, what base64 in a text stands for.

In: bytes of a text. Out: values, frames, decoded bytes; a text grows beyond no limit.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scripts.governance.decoding import Limits, as_text, beyond, header_of

HEADER_BYTES = 1 << 20
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]+")
# Shorter runs of base64 are met by the encoded forms of the ids; from here on a run could hold a gzip file of an id.
RUN = 40
RUN_PATTERN = f"[A-Za-z0-9+/_-]{{{RUN}}}"
BLOB = re.compile(rb"[A-Za-z0-9+/_-]{%d,}(?:\r?\n[A-Za-z0-9+/_-]{%d,})*(?:\r?\n[A-Za-z0-9+/_-]+)?" % (RUN, RUN))
HEXADECIMAL = re.compile(rb"[0-9a-f]+|[0-9A-F]+")


def json_of(data: bytes) -> list[Any] | None:
    """The values of a JSON file, one, or one a line; None for what is not JSON."""
    try:
        return [json.loads(data)]
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in data.splitlines() if line.strip()]
    except ValueError:
        return None


def json_values(values: list[Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """All plain values and keys as text, and all objects."""
    texts, objects, pending = [], [], list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            objects.append(value)
            texts += value
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif value is not None:
            texts.append(as_text(value) or "")
    return texts, objects


class Rows:
    """The rows of delimited text in pieces of whole records, while the text streams by; null for an empty cell.

    Parameters
    ----------
    wanted : whether a table with these columns is to be read at all.
    """

    def __init__(self, wanted: Callable[[tuple[str, ...]], bool], limits: Limits) -> None:
        self.wanted = wanted
        self.limits = limits
        self.separator = ","
        self.names: tuple[str, ...] = ()
        self.ignored = False
        self.held = bytearray()
        self.checked = 0
        self.quoted = False

    def feed(self, chunk: bytes) -> Iterator[pl.DataFrame]:
        """The rows that are complete with this chunk.

        Raises
        ------
        StudyError : LIMIT, for a record larger than memory may hold.
        pl.exceptions.PolarsError : for rows wider than the header.
        """
        if self.ignored:
            return
        self.held += chunk
        if not self.names:
            self._begin()
        if self.names and not self.ignored and len(self.held) >= self.limits.chunk:
            cut = self._complete()
            if not cut and len(self.held) > self.limits.memory:
                raise beyond("memory")
            yield from self._taken(cut)

    def close(self) -> Iterator[pl.DataFrame]:
        """The rows that are left at the end."""
        if not self.names and not self.ignored:
            self.held += b"\n"
            self._begin()
        if not self.ignored:
            yield from self._taken(len(self.held))

    def _begin(self) -> None:
        """Take the header off, once it is whole."""
        end = self.held.find(b"\n") + 1
        if end:
            self.separator, self.names = header_of(bytes(self.held[:end]))
            del self.held[:end]
        too_long = not end and len(self.held) > HEADER_BYTES
        self.ignored = too_long or bool(end and not (self.names and self.wanted(self.names)))
        if self.ignored:
            self.held.clear()

    def _complete(self) -> int:
        """Where the last complete record ends: at a line's end with all quotation marks paired before it; 0 if none."""
        data = np.frombuffer(bytes(self.held[self.checked :]), dtype=np.uint8)
        # Wrapping at 256 keeps the parity.
        quotes = np.add.accumulate(data == ord('"'), dtype=np.uint8) + np.uint8(self.quoted)
        ends = np.flatnonzero((data == ord("\n")) & (quotes % 2 == 0))
        if not len(ends):
            self.checked, self.quoted = len(self.held), bool(quotes[-1] % 2) if len(quotes) else self.quoted
            return 0
        return self.checked + int(ends[-1]) + 1

    def _taken(self, cut: int) -> Iterator[pl.DataFrame]:
        if not cut:
            return
        part = bytes(self.held[:cut])
        del self.held[:cut]
        self.checked, self.quoted = 0, False
        if part.strip():
            yield self._parsed(part)

    def _parsed(self, part: bytes) -> pl.DataFrame:
        try:
            part.decode()
        except UnicodeDecodeError:
            part = part.decode("cp1252", errors="replace").encode()
        # The first record must not decide how wide the table is, so a header stands before every piece.
        quoted = ('"{}"'.format(name.replace('"', '""')) for name in self.names)
        text = f"{self.separator.join(quoted)}\n".encode() + part
        return pl.read_csv(text, schema=dict.fromkeys(self.names, pl.String), separator=self.separator)


class Blobs:
    """Base64 in a text, decoded, while the text streams by: embedded pictures and files, also broken into lines."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.held: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What the runs that end in this chunk decode to.

        Raises
        ------
        StudyError : LIMIT, for a run larger than memory may hold.
        """
        cut = len(chunk.rstrip(BASE64 + b"\r\n"))
        if not cut:
            self.held.append(chunk)
            if sum(map(len, self.held)) > self.memory:
                raise beyond("memory")
            return
        text = b"".join([*self.held, chunk[:cut]])
        self.held = [chunk[cut:]]
        yield from blobs(text)

    def close(self) -> Iterator[bytes]:
        """What the run at the end decodes to."""
        yield from blobs(b"".join(self.held))


def blobs(text: bytes) -> Iterator[bytes]:
    """What the long runs of base64 in a text decode to."""
    if len(text) >= RUN and matches(text, RUN_PATTERN):
        for run in BLOB.finditer(text):
            yield from _runs(run.group())


def _runs(run: bytes) -> Iterator[bytes]:
    """A run over several lines is one content if lines end where groups of four do; otherwise each line is one."""
    lines = run.split()
    joined = [b"".join(lines)] if all(len(line) % 4 == 0 for line in lines[:-1]) else lines
    # Digests are runs too, and half of most caches; no content of this length is hexadecimal by chance.
    yield from (from_base64(each) for each in joined if not HEXADECIMAL.fullmatch(each))


def from_base64(run: bytes) -> bytes:
    """What base64 of either alphabet decodes to; characters left over at the end are dropped."""
    run = run.rstrip(b"=")
    run = run[: len(run) - (len(run) % 4 == 1)]
    return base64.b64decode(run.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(run) % 4))


def matches(text: bytes, pattern: str) -> bool:
    """Whether a pattern without look-around is anywhere in the bytes; by RE2, at thirty times the speed of `re`."""
    return pc.match_substring_regex(pa.array([text], pa.binary()), pattern)[0].as_py()
