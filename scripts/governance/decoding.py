"""Decoding: what kind of content bytes are, and what they hold, down to frames of cells and members of archives.

In: bytes, or a file. Out: their kind, judged by the first bytes and never by a file's name, and whatever is inside.
Nothing is unpickled or executed, nothing is written to disk, and nothing grows beyond the limits: what cannot be
decoded within them is an error, since a scan that passes over it in silence would prove nothing.
"""

import bz2
import codecs
import csv
import gzip
import lzma
import pickletools
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import numpy as np
import polars as pl
import pyarrow as pa

from scripts.artefacts import read_parquet
from scripts.errors import StudyError
from scripts.privacy.encryption import KEY_VARIABLE, MAGIC, decrypted, named_key

Content = Path | bytes

HEAD_BYTES = 8192
KINDS = (
    (MAGIC, "encrypted"),
    (b"PAR1", "parquet"),
    (b"ARROW1\0\0", "arrow"),
    (b"PK\3\4", "zip"),
    (b"PK\5\6", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"SQLite format 3\0", "sqlite"),
    (b"\x93NUMPY", "npy"),
    *((bytes([0x80, protocol]), "pickle") for protocol in (2, 3, 4, 5)),
    # Containers that nothing here opens. What they hold is compressed, encrypted, or in binary numbers.
    (b"PARE", "encrypted by parquet"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x1f\x9d", "compress"),
    (b"%PDF-", "pdf"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"Obj\x01", "avro"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"Salted__", "openssl"),
    (b"age-encryption.org/", "age"),
    # A database's changes that it has not taken in yet: opening the database alone would not show them.
    (b"\x37\x7f\x06\x82", "sqlite journal"),
    (b"\x37\x7f\x06\x83", "sqlite journal"),
    (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", "sqlite journal"),
)
# First block of a bzip2 file, and end of an empty one.
BZIP2_BLOCKS = (bytes.fromhex("314159265359"), bytes.fromhex("177245385090"))
COMPRESSED = ("gzip", "bzip2", "xz", "zstd", "zlib")
ARCHIVES = ("zip", "tar", *COMPRESSED)
OPAQUE = (
    "encrypted by parquet", "7z", "rar", "lz4", "compress", "pdf", "hdf5", "orc", "avro", "ole", "openssl", "age",
    "sqlite journal",
)  # fmt: skip
SEPARATORS = ",\t;|"
TEXT = ("json", "markup", "table", "text")
# Decoded as a whole, after their bytes have been searched.
WHOLE = ("encrypted", "parquet", "arrow", "sqlite", "npy", "pickle", "json", *ARCHIVES, *OPAQUE)
# Object identifiers of the CMS content types that only a recipient's key opens (RFC 5652, RFC 5083), in DER.
ENVELOPES = (bytes.fromhex("06092a864886f70d010703"), bytes.fromhex("060b2a864886f70d0109100117"))
ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ROWS, ELEMENTS = 50_000, 1 << 22


@dataclass(frozen=True)
class Limits:
    """What a scan may use.

    Parameters
    ----------
    chunk : bytes read at a time.
    depth : how deep contents may lie in one another.
    memory : bytes of one content that is decoded as a whole.
    expanded : bytes of all that one file holds, decompressed.
    """

    chunk: int = 1 << 22
    depth: int = 8
    memory: int = 1 << 29
    expanded: int = 1 << 35


LIMITS = Limits()


def beyond(limit: str) -> StudyError:
    """The error for a content that is larger or deeper than a scan may follow."""
    return StudyError("LIMIT", "scan", f"beyond the limit of {limit}", "Remove the file, or raise the limit")


def kind_of(head: bytes) -> str:
    """The kind of a content by its first bytes; `binary` for any that holds NUL bytes and is nothing known."""
    known = next((kind for magic, kind in KINDS if head.startswith(magic)), None)
    if known:
        return known
    if not head:
        return "empty"
    # Marks that a text might begin with are not enough alone.
    if head[257:262] == b"ustar":
        return "tar"
    if head.startswith(b"BZh") and head[4:10] in BZIP2_BLOCKS:
        return "bzip2"
    if head.startswith(b"ORC") and b"\0" in head:
        return "orc"
    if _is_zlib(head):
        return "zlib"
    encoding = _encoding(head)
    if b"\0" in head and encoding is None:
        return "binary"
    return _text_kind(head.decode(encoding or "utf-8", errors="replace").lstrip("\ufeff"))


def _text_kind(text: str) -> str:
    start = text.lstrip()[:1]
    if start in ("{", "[", '"'):
        return "json"
    if start == "<":
        return "markup"
    names = header_of(text.partition("\n")[0].encode())[1]
    return "table" if len(names) > 1 else "text"


def _is_zlib(head: bytes) -> bool:
    """Whether the bytes are a zlib stream: its two bytes of header alone would meet many a text."""
    if head[:2] not in (b"x\x01", b"x^", b"x\x9c", b"x\xda"):
        return False
    try:
        return bool(zlib.decompressobj().decompress(head, HEAD_BYTES))
    except zlib.error:
        return False


def _encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark tells."""
    return next((name for mark, name in ENCODINGS if head.startswith(mark)), None)


def is_sealed(name: str, head: bytes) -> bool:
    """Whether a file is encrypted for somebody else: called .p7m, and CMS that only its recipient's key opens."""
    return name.lower().endswith(".p7m") and head[:1] == b"\x30" and any(oid in head[:32] for oid in ENVELOPES)


def peeked(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and all chunks still to be read."""
    iterator, taken, length = iter(chunks), [], 0
    while length < HEAD_BYTES and (chunk := next(iterator, None)) is not None:
        taken.append(chunk)
        length += len(chunk)
    start = b"".join(taken)
    return start[:HEAD_BYTES], chain([start], iterator)


def whole(chunks: Iterable[bytes], memory: int) -> bytes:
    """All chunks as one.

    Raises
    ------
    StudyError : LIMIT, if they are more than `memory`.
    """
    held = BytesIO()
    for chunk in chunks:
        if held.tell() + len(chunk) > memory:
            raise beyond("memory")
        held.write(chunk)
    return held.getvalue()


def in_utf8(head: bytes, chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Text with a byte order mark in UTF-8 without one; any other content as it is."""
    encoding = _encoding(head)
    return chunks if encoding is None else _transcoded(chunks, encoding)


def _transcoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder, first = codecs.getincrementaldecoder(encoding)(errors="replace"), True
    for chunk in chain(chunks, [None]):
        text = decoder.decode(chunk or b"", final=chunk is None)
        yield (text.removeprefix("\ufeff") if first else text).encode("utf-8", errors="replace")
        first = first and not text


def chunks_of(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """What a stream holds, piece by piece."""
    while chunk := stream.read(size):
        yield chunk


def opened(content: Content) -> BinaryIO:
    """A stream over a content, which the caller closes."""
    return BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def without_encryption(content: Content) -> bytes:
    """What one of this project's encrypted files holds.

    Raises
    ------
    StudyError : KEY, if no key is named or it cannot be read; FILE, if it does not open the file.
    """
    key = named_key()
    if key is None:
        problem, remedy = "the file is encrypted and no key is named", f"Name the key file in {KEY_VARIABLE}"
        raise StudyError("KEY", "scan", problem, remedy)
    with opened(content) as stream:
        return decrypted(stream, key, "scan")


def members(kind: str, content: Content, size: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The members of an archive by name, each to be read before the next; a compressed content has one, its kind.

    Damage shows as an exception of the library concerned: of this generator, or of the member that is read.
    """
    with opened(content) as stream:
        if kind == "zip":
            yield from _zip_members(stream, size)
        elif kind == "tar":
            yield from _tar_members(stream, size)
        else:
            yield kind, _decompressed(kind, stream, size)


def _zip_members(stream: BinaryIO, size: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            yield member.filename, _zip_member(archive, member, size)


def _zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, size: int) -> Iterator[bytes]:
    with archive.open(member) as stream:
        yield from chunks_of(stream, size)


def _tar_members(stream: BinaryIO, size: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            inside = archive.extractfile(member) if member.isreg() else None
            yield member.name, chunks_of(inside, size) if inside else iter([member.linkname.encode()])


def _decompressed(kind: str, stream: BinaryIO, size: int) -> Iterator[bytes]:
    if kind == "zlib":
        yield from _inflated(stream, size)
        return
    with _reader(kind, stream) as reader:
        yield from chunks_of(reader, size)


def _reader(kind: str, stream: BinaryIO) -> BinaryIO:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=stream)
    if kind == "bzip2":
        return bz2.BZ2File(stream)
    if kind == "xz":
        return lzma.LZMAFile(stream)
    return pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")


def _inflated(stream: BinaryIO, size: int) -> Iterator[bytes]:
    inflater, pending = zlib.decompressobj(), stream.read(size)
    while pending and not inflater.eof:
        yield inflater.decompress(pending, size)
        pending = inflater.unconsumed_tail or stream.read(size)
    if not inflater.eof:
        raise EOFError


def column_names(kind: str, content: Content) -> list[str]:
    """The columns of a parquet or Arrow file."""
    return pl.read_ipc(content, n_rows=0).columns if kind == "arrow" else list(pl.read_parquet_schema(content))


def frame_of(kind: str, content: Content, columns: list[str]) -> pl.DataFrame:
    """Some columns of a parquet or Arrow file."""
    if kind == "arrow":
        return pl.read_ipc(content, columns=columns)
    return read_parquet(content, columns) if isinstance(content, Path) else pl.read_parquet(content, columns=columns)


def metadata_of(content: Content) -> dict[str, str]:
    """The key-value pairs that a parquet file carries beside its columns."""
    return pl.read_parquet_metadata(content)


def leaves(series: pl.Series) -> Iterator[pl.Series]:
    """The series itself, or what lists and structs in it are made of, down to plain values."""
    if isinstance(series.dtype, pl.List | pl.Array):
        yield from leaves(series.explode())
    elif isinstance(series.dtype, pl.Struct):
        for field in series.struct.fields:
            yield from leaves(series.struct.field(field).alias(f"{series.name}.{field}"))
    else:
        yield series


def sqlite_tables(content: Content) -> Iterator[tuple[str, list[str], list[tuple[Any, ...]]]]:
    """Name, columns and some rows of every table, piece by piece; first the text of the schema, as a table.

    The database is opened unchangeably: reading leaves no journal beside it.
    """
    with closing(_database(content)) as database:
        if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError
        database.text_factory = lambda value: value.decode("utf-8", errors="replace")
        schema = database.execute("SELECT name, tbl_name, sql FROM sqlite_master").fetchall()
        yield "sqlite_master", ["name", "tbl_name", "sql"], schema
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = database.execute('SELECT * FROM "{}"'.format(table.replace('"', '""')))
            names = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(ROWS):
                yield table, names, rows


def _database(content: Content) -> sqlite3.Connection:
    if isinstance(content, Path):
        return sqlite3.connect(f"file:{quote(str(content.resolve()))}?mode=ro&immutable=1", uri=True)
    database = sqlite3.connect(":memory:")
    # Bytes 18 and 19 ask for a journal file, which a database in memory cannot have.
    database.deserialize(content[:18] + b"\1\1" + content[20:])
    return database


def as_text(value: object) -> str | None:
    """A plain value of Python as the text that a table would hold; whole floats as whole numbers, for ids are whole."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def arrays(content: Content) -> Iterator[pl.Series]:
    """What an .npy file holds, piece by piece, field by field; of an array of objects the pickle's values as text."""
    with opened(content) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        _, _, dtype = read_header(stream)
        if dtype.hasobject:
            yield pl.Series("pickle", list(pickled(stream.read())), pl.String)
            return
    source = BytesIO(content) if isinstance(content, bytes) else content
    mode = None if isinstance(content, bytes) else "r"
    array = np.load(source, mmap_mode=mode, allow_pickle=False).reshape(-1)
    for start in range(0, len(array), ELEMENTS):
        piece = np.asarray(array[start : start + ELEMENTS])
        for name in dtype.names or ("",):
            yield from _plain(name, (piece[name] if name else piece).reshape(-1))


def _plain(name: str, array: np.ndarray) -> Iterator[pl.Series]:
    """An array as a series; complex numbers, dates and truth values can hold no id."""
    if array.dtype.kind in "iu":
        yield pl.Series(name, array.astype(array.dtype.newbyteorder("=")))
    elif array.dtype.kind == "f":
        yield pl.Series(name, array.astype(np.float64))
    elif array.dtype.kind in "US":
        yield pl.Series(name, [as_text(value) for value in array.tolist()], pl.String)
    elif array.dtype.kind == "V" and array.dtype.names:
        for field in array.dtype.names:
            yield from _plain(f"{name}.{field}", array[field].reshape(-1))


def pickled(data: bytes) -> Iterator[str]:
    """The texts and numbers that pickles, one after another, name, read off their instructions; nothing is loaded.

    Raises
    ------
    ValueError : for what is not a pickle.
    """
    stream = BytesIO(data)
    while stream.tell() < len(data):
        for _, argument, _ in pickletools.genops(stream):
            if isinstance(argument, str | bytes | bytearray | int | float):
                yield as_text(bytes(argument) if isinstance(argument, bytearray) else argument) or ""


def header_of(line: bytes) -> tuple[str, tuple[str, ...]]:
    """The separator and the column names of a first line; no names if they are blank or repeated."""
    text = line.decode("utf-8", errors="replace").removeprefix("\ufeff").rstrip("\r\n")
    split = [(separator, _fields(text, separator)) for separator in SEPARATORS]
    separator, names = max(split, key=lambda each: len(each[1]))
    return (separator, names) if all(names) and len(set(names)) == len(names) else (separator, ())


def _fields(text: str, separator: str) -> tuple[str, ...]:
    try:
        return tuple(name.strip() for name in next(csv.reader([text], delimiter=separator), []))
    except csv.Error:
        return ()
