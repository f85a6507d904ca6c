"""Encryption at rest: a file as AES-256-GCM in chunks, under a key that lies outside the project.

In: bytes and a key of 32 bytes. Out: a container that this key alone opens, and only while it is whole and unaltered:

    header           b"PMEAEAD", version (1 byte), size of a chunk (4 bytes, big-endian), salt (16 random bytes)
    chunks           AES-256-GCM of each piece of that size, the last one shorter or as long, and its tag (16 bytes)
    key of the file  HKDF-SHA256 of the key with the file's salt and `PURPOSE`
    nonce            number of the chunk from 0 (11 bytes, big-endian), then 1 for the last chunk and 0 for any other
    associated data  the header, with every chunk

Numbered nonces that mark the last chunk are the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár 2015,
Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance), laid out as in the file format age: a chunk that
is altered, left out, doubled, moved or taken from another file is refused, and so is a file cut short. No two files
share a key, so a nonce that is a mere number is never used twice.

Jobs learn the key's path from the environment (`name_key`), which their threads share and their processes inherit.
"""

import os
import secrets
import struct
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from scripts.errors import StudyError
from scripts.privacy.keys import KEY_BYTES, key_path, read_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PLACE = "governance.encryption.key_file"
KEY_VARIABLE = "PME_ARTEFACT_KEY_FILE"
CHUNK_VARIABLE = "PME_ARTEFACT_CHUNK_BYTES"

MAGIC, VERSION = b"PMEAEAD", 1
PURPOSE = b"practice-model-evaluation artefact"
HEADER = struct.Struct(">7sBI16s")
SALT_BYTES, TAG_BYTES, COUNTER_BYTES = 16, 16, 11
# What the configuration may choose; the library takes no piece of 2 GiB.
MAX_CHUNK_BYTES = 1 << 30


def encrypted(data: bytes | memoryview, key: bytes, chunk_bytes: int) -> Iterator[bytes]:
    """The container of `data`, in parts to be written one after another."""
    salt = secrets.token_bytes(SALT_BYTES)
    header, cipher = HEADER.pack(MAGIC, VERSION, chunk_bytes, salt), _cipher(key, salt)
    yield header
    view, length = memoryview(data), len(data)
    for number, start in enumerate(range(0, max(length, 1), chunk_bytes)):
        end = start + chunk_bytes
        yield cipher.encrypt(_nonce(number, last=end >= length), view[start:end], header)


def decrypted(stream: BinaryIO, key: bytes, place: str) -> bytes:
    """What a container holds; nothing of it, unless all of it is right.

    Parameters
    ----------
    place : how an error names the file.

    Raises
    ------
    StudyError : FILE, for a container that the key does not open.
    """
    content = _opened(stream, key)
    if content is None:
        problem = "the encrypted file was altered, cut short, or encrypted with another key"
        raise StudyError("FILE", place, problem, "Restore the key, or delete the file and run again")
    return content


def _opened(stream: BinaryIO, key: bytes) -> bytes | None:
    """What a container holds; None if the key does not open it."""
    from cryptography.exceptions import InvalidTag

    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    magic, version, chunk_bytes, salt = HEADER.unpack(header)
    if (magic, version) != (MAGIC, VERSION) or not 0 < chunk_bytes <= MAX_CHUNK_BYTES:
        return None
    cipher, content = _cipher(key, salt), BytesIO()
    following = stream.read(chunk_bytes + TAG_BYTES)
    for number in count():
        chunk, following = following, stream.read(chunk_bytes + TAG_BYTES)
        try:
            content.write(cipher.decrypt(_nonce(number, last=not following), chunk, header))
        except InvalidTag:
            return None
        if not following:
            break
    return content.getvalue()


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(COUNTER_BYTES, "big") + bytes([last])


def _cipher(key: bytes, salt: bytes) -> "AESGCM":
    """AES-256-GCM under the key of one file."""
    # Imported here because every module that reads or writes files imports this one, and most runs encrypt nothing.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, PURPOSE).derive(key))


def is_encrypted(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a container, by its first bytes."""
    with Path(path).open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def configured_key(config: dict[str, Any]) -> Path | None:
    """The key file of a study; None if the study encrypts nothing.

    Raises
    ------
    StudyError : CONFIG, if it lies in the project or is the key of the ids, which is destroyed at another time.
    """
    encryption = config["governance"]["encryption"]
    if not encryption["enabled"]:
        return None
    path = key_path(encryption["key_file"], PLACE)
    if path == key_path(config["privacy"]["key_file"]):
        problem = "the key is the one of privacy.key_file, and destroying the one would destroy the other"
        raise StudyError("CONFIG", PLACE, problem, "Name a file of its own")
    return path


def name_key(config: dict[str, Any]) -> None:
    """Tell this process and those it starts which key the study's files are encrypted with, or that none is.

    Raises
    ------
    StudyError : CONFIG, as `configured_key`.
    """
    path = configured_key(config)
    for name in (KEY_VARIABLE, CHUNK_VARIABLE):
        os.environ.pop(name, None)
    if path is not None:
        os.environ |= {KEY_VARIABLE: str(path), CHUNK_VARIABLE: str(config["governance"]["encryption"]["chunk_bytes"])}


def named_key() -> bytes | None:
    """The key that the environment names; None if it names none.

    Raises
    ------
    StudyError : KEY, if it is absent, malformed, or open to others than its owner.
    """
    path = os.environ.get(KEY_VARIABLE)
    return read_key(Path(path), PLACE) if path else None


def named_chunk_bytes() -> int:
    """The size of a chunk, which the environment names beside the key."""
    return int(os.environ[CHUNK_VARIABLE])
