"""Ways in which a file can be harmed: seeded functions from bytes to bytes, by what they do.

In: the sound content and a generator of random numbers. Out: content that some accident, careless tool or attacker
could have left. A mutation may leave a file that is as good as before; the oracle decides that, not its name.
"""

import bz2
import csv
import gzip
import io
import lzma
import random
import zipfile
import zlib
from collections.abc import Callable

Mutation = Callable[[bytes, random.Random], bytes]
HUGE = 1 << 20
FORMULAS = ['=HYPERLINK("http://example.org")', "@SUM(1+1)", "+1+1", "-2+3", '"=1+1"', "=cmd|' /C calc'!A0"]


def place(content: bytes, draw: random.Random) -> int:
    """A position in the content."""
    return draw.randrange(max(len(content), 1))


def span(content: bytes, draw: random.Random) -> tuple[int, int]:
    """Two positions in order, as a rule near each other."""
    start = place(content, draw)
    return start, min(len(content), start + draw.choice((1, 7, 60, 400, len(content))))


def bit_flip(content: bytes, draw: random.Random) -> bytes:
    """One to three bits turned, as a failing disk or memory does."""
    harmed = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        harmed[place(content, draw)] ^= 1 << draw.randrange(8)
    return bytes(harmed)


def truncated(content: bytes, draw: random.Random) -> bytes:
    """Cut short, as an interrupted copy is."""
    return content[: place(content, draw)]


def beheaded(content: bytes, draw: random.Random) -> bytes:
    """The beginning lost."""
    return content[place(content, draw) :]


def block_lost(content: bytes, draw: random.Random) -> bytes:
    """A stretch lost."""
    start, end = span(content, draw)
    return content[:start] + content[end:]


def block_doubled(content: bytes, draw: random.Random) -> bytes:
    """A stretch twice."""
    start, end = span(content, draw)
    return content[:end] + content[start:end] + content[end:]


def block_zeroed(content: bytes, draw: random.Random) -> bytes:
    """A stretch of NUL bytes, as a crash leaves a file that was not synced."""
    start, end = span(content, draw)
    return content[:start] + bytes(end - start) + content[end:]


def block_moved(content: bytes, draw: random.Random) -> bytes:
    """A stretch elsewhere."""
    start, end = span(content, draw)
    rest = content[:start] + content[end:]
    target = place(rest, draw)
    return rest[:target] + content[start:end] + rest[target:]


def inserted(*pieces: bytes) -> Mutation:
    """One of the pieces somewhere."""

    def insert(content: bytes, draw: random.Random) -> bytes:
        position = place(content, draw)
        return content[:position] + draw.choice(pieces) + content[position:]

    return insert


def emptied(content: bytes, draw: random.Random) -> bytes:
    """Nothing left, or nothing but blanks."""
    return draw.choice((b"", b"\n", b" ", b"\r\n\r\n"))


ANY_FILE: dict[str, Mutation] = {
    "bit flips": bit_flip,
    "truncation": truncated,
    "lost beginning": beheaded,
    "lost block": block_lost,
    "doubled block": block_doubled,
    "zeroed block": block_zeroed,
    "moved block": block_moved,
    "NUL bytes": inserted(b"\0", b"\0\0\0\0"),
    "emptied": emptied,
}


# ---- texts


def encoding(content: bytes, draw: random.Random) -> bytes:
    """Another encoding, with a letter that shows it."""
    text = content.decode().replace("W", "\u00e9", 1)
    return text.encode(draw.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "cp037", "utf-7")), "replace")


def byte_order_mark(content: bytes, draw: random.Random) -> bytes:
    """A byte order mark before the text, twice, of another encoding, or in the middle."""
    mark = b"\xef\xbb\xbf"
    position = place(content, draw)
    return draw.choice(
        (mark + content, mark + mark + content, b"\xff\xfe" + content, content[:position] + mark + content[position:])
    )


def line_ends(content: bytes, draw: random.Random) -> bytes:
    """Line ends of other systems, everywhere or in one place."""
    end = draw.choice((b"\r\n", b"\r", b"\n\r", b"\r\r\n", b"\n\n", b"\x0b", "\u2028".encode()))
    return content.replace(b"\n", end, draw.choice((1, 2, -1)))


TEXT: dict[str, Mutation] = {
    "other encoding": encoding,
    "byte order mark": byte_order_mark,
    "line ends": line_ends,
    "control characters": inserted(b"\x01", b"\x1a", b"\x1b[31m", b"\x7f", b"\xc2\xa0", "\u202e".encode(), b"\xff"),
}


# ---- CSV


def rows_of(content: bytes) -> list[list[str]]:
    """The cells."""
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def bytes_of(rows: list[list[str]]) -> bytes:
    """The cells as a file."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode()


def columns_swapped(content: bytes, draw: random.Random) -> bytes:
    """Two columns changed places: with their names, without them, or their names alone."""
    rows = rows_of(content)
    one, other = draw.sample(range(len(rows[0])), 2)
    for row in draw.choice((rows, rows[1:], rows[:1], rows[len(rows) // 2 :])):
        row[one], row[other] = row[other], row[one]
    return bytes_of(rows)


def ragged(content: bytes, draw: random.Random) -> bytes:
    """A line of too few or too many fields."""
    rows = rows_of(content)
    row = draw.choice(rows)
    position = draw.randrange(len(row))
    if draw.random() < 0.5:
        del row[position]
    else:
        row.insert(position, draw.choice(("", "x", "2014-05-06")))
    return bytes_of(rows)


def cell(*texts: str) -> Mutation:
    """One of the texts instead of a cell, or of several in a column."""

    def put(content: bytes, draw: random.Random) -> bytes:
        rows = rows_of(content)
        column, text = draw.randrange(len(rows[0])), draw.choice(texts)
        for row in draw.sample(rows, draw.choice((1, 1, 2, len(rows) // 4))):
            row[column] = text
        return bytes_of(rows)

    return put


def rows_shuffled(content: bytes, draw: random.Random) -> bytes:
    """The same rows in another order, the header among them or not."""
    rows = rows_of(content)
    kept = draw.choice((0, 1))
    rest = rows[kept:]
    draw.shuffle(rest)
    return bytes_of(rows[:kept] + rest)


def header(content: bytes, draw: random.Random) -> bytes:
    """A name of the header lost, doubled, in another case or of another column."""
    rows = rows_of(content)
    names = rows[0]
    position = draw.randrange(len(names))
    names[position] = draw.choice(
        (
            "",
            names[0],
            names[-1],
            names[position].lower(),
            f" {names[position]} ",
            "Surname",
            f"{names[position]}_SPR14",
        )
    )
    return bytes_of(rows if draw.random() < 0.9 else rows[1:])


def separator(content: bytes, draw: random.Random) -> bytes:
    """Another separator, as spreadsheets of other countries write it."""
    return content.replace(b",", draw.choice((b";", b"\t", b"|", b", ")), draw.choice((1, -1)))


def zipped(content: bytes, draw: random.Random) -> bytes:
    """The file packed, by a tool that kept its name; or a small archive that unpacks to much more."""
    if draw.random() < 0.3:
        content = content[:200] + b"\n" * (64 * HUGE)
    if draw.random() < 0.3:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("CIN_2014.csv", content)
        return stream.getvalue()
    return draw.choice((gzip.compress, bz2.compress, lzma.compress, zlib.compress))(content)


CSV: dict[str, Mutation] = {
    **ANY_FILE,
    **TEXT,
    "swapped columns": columns_swapped,
    "ragged rows": ragged,
    "formula cells": cell(*FORMULAS),
    "huge fields": cell("9" * HUGE, "x" * HUGE, "2014-05-06" * (HUGE // 10)),
    "odd numbers": cell(
        "1e9", "0x10", "1_000", "\u0661", "+1", "-0", "1.0", "1.00", " 1 ", "99999999999999999999", "NaN"
    ),
    "odd dates": cell("2014-02-30", "0000-00-00", "+2014-5-06", "2014-5-006", "14-05-06", "2014-05-06T00:00", "45000"),
    "odd texts": cell("", " ", "NULL", "null", "NA", "N/A", "None", "\u00a0", "a\nb", 'a"b', "a,b", "\u0130"),
    "shuffled rows": rows_shuffled,
    "header": header,
    "separator": separator,
    "quotes": inserted(b'"', b'""', b'"",', b',"', b'\n"'),
    "archive": zipped,
}


# ---- XML

BOMB = b"".join(
    [b'<!DOCTYPE Message [<!ENTITY a "aaaaaaaaaa">']
    + [b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)]
    + [b"]>"]
)
EXTERNAL = b'<!DOCTYPE Message [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
REMOTE = b'<!DOCTYPE Message SYSTEM "http://example.org/message.dtd">'


def document_type(content: bytes, draw: random.Random) -> bytes:
    """Entities that unfold without end, or that fetch a file of this machine or of another."""
    declared, used = draw.choice(((BOMB, b"&j;"), (EXTERNAL, b"&x;"), (REMOTE, b""), (BOMB, b""), (b"", b"&x;")))
    start = content.index(b"?>") + 2 if content.startswith(b"<?xml") else 0
    harmed = content[:start] + declared + content[start:]
    position = harmed.find(b"</", place(harmed, draw))
    return harmed[:position] + used + harmed[position:] if position > start else harmed


def deep(content: bytes, draw: random.Random) -> bytes:
    """Elements within elements, a thousand or a hundred thousand times."""
    depth = draw.choice((100, 1000, 100_000))
    position = content.find(b"<", place(content, draw))
    return content[:position] + b"<a>" * depth + b"</a>" * draw.choice((depth, depth - 1)) + content[position:]


def elements(content: bytes, draw: random.Random) -> bytes:
    """A whole element lost, doubled or emptied, so that the file stays well-formed."""
    start = content.find(b"<", place(content, draw))
    name = content[start + 1 : content.find(b">", start)]
    end = content.find(b"</" + name + b">", start)
    if start < 0 or end < 0 or not name.isalnum():
        return content
    end += len(name) + 3
    return content[:start] + draw.choice((b"", content[start:end] * 2, b"<" + name + b"/>")) + content[end:]


XML: dict[str, Mutation] = {
    **ANY_FILE,
    **TEXT,
    "document type": document_type,
    "deep nesting": deep,
    "lost or doubled elements": elements,
    "markup": inserted(b"<![CDATA[x]]>", b"<!-- -->", b"<?php ?>", b"&amp;", b"&#0;", b"&#x41;", b"<", b">", b"&"),
    "huge fields": inserted(b"x" * HUGE, b"9" * HUGE),
}
