"""Re-keying: ids leave ingest as keyed hashes, so that no id means anything beyond this project.

In: a frame and the key file. Out: the frame with its ids replaced by keyed BLAKE2b over source LA and id: equal ids of
an LA stay equal in every table, equal ids of two LAs do not, and without the key nobody can tell which child it was.
Destroying the key severs every link to the source (disclosure-and-governance section 4).
"""

import hashlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl

from scripts.errors import StudyError

# The columns of ids; what leaves ingest in them means nothing outside this project.
IDS = ("child_id", "pupil_id")
KEY_BYTES = 32
# 80 bits: among 10 million ids two coincide with a probability of 4e-11, and `pseudonyms` would notice.
DIGEST_BYTES = 10
SEPARATOR = "\x1f"
# RFC 4648, in small letters
ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)
LETTER_BITS = np.array([16, 8, 4, 2, 1], np.uint8)
# How errors name the key of the ids; other keys keep the same rules under a configuration key of their own.
PLACE = "privacy.key_file"
ROOT = Path(__file__).resolve().parent.parent.parent


def key_path(configured: str, place: str = PLACE) -> Path:
    """The key file with ~ and variables resolved; `place` is the configuration key that an error names.

    Raises
    ------
    StudyError : CONFIG, if it lies in the project or among the results, which are handed on.
    """
    path = Path(os.path.expandvars(configured)).expanduser().resolve()
    if path.is_relative_to(ROOT) or path.is_relative_to(Path.cwd().resolve()):
        remedy = "Choose a place that is neither copied nor handed on with the project"
        raise StudyError("CONFIG", place, "the key lies inside the project's folder", remedy)
    return path


def key_id(path: Path, create: bool, place: str = PLACE) -> str | None:
    """A one-way fingerprint of the key, which may be stored; None if there is no key and none may be made.

    Raises
    ------
    StudyError : KEY, if the key cannot be made or read, or others than its owner may read it.
    """
    if not path.exists():
        if not create:
            return None
        _create(path, place)
    return hashlib.blake2b(b"", key=read_key(path, place), digest_size=8, person=b"key id").hexdigest()


def _create(path: Path, place: str) -> None:
    """Make a key that only its owner may read (mode 0600, which `mkstemp` gives).

    It appears whole under its name; of several processes that try, the first one's key stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key")
        try:
            with os.fdopen(handle, "w") as stream:
                stream.write(secrets.token_hex(KEY_BYTES) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink()
        return
    except OSError:
        problem = "the key file cannot be made there"
    raise StudyError("KEY", place, problem, "Name a folder that you may write to")


def read_key(path: Path, place: str = PLACE) -> bytes:
    """The key.

    Raises
    ------
    StudyError : KEY, if it is absent, malformed, or open to others than its owner.
    """
    try:
        mode, text = stat.S_IMODE(path.stat().st_mode), path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        mode, text = 0, ""
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        remedy = "Make it readable by its owner alone (chmod 600)"
        raise StudyError("KEY", place, "others than its owner may read the key", remedy)
    if not re.fullmatch(rf"[0-9a-f]{{{2 * KEY_BYTES}}}", text):
        problem = f"the key file cannot be read or does not hold a key of {KEY_BYTES} bytes"
        raise StudyError("KEY", place, problem, "Restore the key; no other one fits what was made with it")
    return bytes.fromhex(text)


def pseudonyms(frame: pl.DataFrame, columns: Iterable[str], la: str, key: bytes) -> pl.DataFrame:
    """The frame with the ids in `columns` re-keyed; gaps stay gaps. Ids are text of 16 characters, a-z and 2-7.

    Raises
    ------
    StudyError : KEY, if two ids of a column got the same pseudonym.
    """
    for column in (name for name in columns if name in frame.columns):
        ids = frame[column].drop_nulls().unique().sort()
        made = _pseudonyms(ids, la, key)
        if made.n_unique() < len(made):
            raise StudyError("KEY", f"LA {la}, column {column}", "two ids got the same pseudonym", "Use another key")
        frame = frame.with_columns(pl.col(column).replace_strict(ids, made, default=None, return_dtype=pl.String))
    return frame


def _pseudonyms(ids: pl.Series, la: str, key: bytes) -> pl.Series:
    """Base 32 of the keyed hash of every id, all at once: 16 letters of five bits each."""
    common = hashlib.blake2b(f"{la}{SEPARATOR}".encode(), key=key, digest_size=DIGEST_BYTES)
    hashes = bytearray()
    for value in ids:
        own = common.copy()
        own.update(value.encode())
        hashes += own.digest()
    bits = np.unpackbits(np.frombuffer(hashes, np.uint8)).reshape(-1, LETTER_BITS.size)
    width = 8 * DIGEST_BYTES // LETTER_BITS.size
    return pl.Series(ALPHABET[bits @ LETTER_BITS].view(f"S{width}"), dtype=pl.Binary).cast(pl.String)
