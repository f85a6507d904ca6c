"""What was written, so that whoever reads it knows that it still is: SHA-256, size and rows of every artefact.

The record of `results/{path}` is `results/checksums/{path}.json`; extracts and the register of requests have none. A
file is renamed into place before its record is: whoever is interrupted in between leaves a record that does not fit,
which stops readers, and never a damaged file that passes.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.errors import StudyError
from scripts.integrity.digest import file_digest

RESULTS, CHECKSUMS = "results", "checksums"
# Generated extracts are extracts like any other: whoever wants to try something may put others in their place.
GENERATED = ("individual", "extracts")
# The files that this process found to be as recorded, with what tells a file from another at the same path.
_found_whole: dict[Path, tuple[int, ...]] = {}


def record_of(path: str | os.PathLike[str]) -> Path | None:
    """Where the record of an artefact is; None for what does not lie in the folder of results."""
    parts = Path(os.path.relpath(path)).parts
    if RESULTS not in parts[:-1]:
        return None
    root = parts.index(RESULTS) + 1
    if parts[root : root + 2] == GENERATED:
        return None
    return Path(*parts[:root], CHECKSUMS, *parts[root:-1], f"{parts[-1]}.json")


def artefact_of(record: Path) -> Path:
    """The artefact that a record is of."""
    parts = record.with_suffix("").parts
    root = parts.index(CHECKSUMS)
    return Path(*parts[:root], *parts[root + 1 :])


def written(made: Path, rows: int | None) -> dict[str, Any]:
    """What a record says of a file that was just written; `rows` of a table, None of anything else."""
    return {"sha256": file_digest(made), "bytes": made.stat().st_size, "rows": rows}


def write_record(path: Path, told: dict[str, Any]) -> None:
    """Write the record of an artefact; of any other file, nothing.

    It is not synced: a record that a power cut loses makes its file unread, not its reader wrong.
    """
    record = record_of(path)
    if record is None:
        return
    record.parent.mkdir(parents=True, exist_ok=True)
    temporary = record.with_name(f".{record.name}.{os.getpid():08d}")
    try:
        temporary.write_text(json.dumps(told) + "\n", encoding="ascii")
        temporary.replace(record)
    finally:
        temporary.unlink(missing_ok=True)


def delete(path: Path) -> None:
    """Delete a file for good, and its record."""
    path.unlink(missing_ok=True)
    if record := record_of(path):
        record.unlink(missing_ok=True)


def read_record(record: Path) -> dict[str, Any] | None:
    """SHA-256, bytes and rows; None if there is no record that can be read."""
    try:
        told = json.loads(record.read_text(encoding="ascii"))
        return told if set(told) == {"sha256", "bytes", "rows"} else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


def verified(path: str | os.PathLike[str]) -> Path:
    """The path of an artefact that is as it was written; any path without a record is passed through.

    Raises
    ------
    StudyError : DAMAGED, naming the file, if it is not.
    """
    path = Path(path)
    if problem := damage(path):
        remedy = f"Remove {path} and run again: it is made anew, and so is what is made from it"
        raise StudyError("DAMAGED", str(path), problem, remedy)
    return path


def damage(path: Path) -> str | None:
    """What is wrong with an artefact, in words; None if nothing is, or it has no place for a record."""
    record = record_of(path)
    if record is None or not path.is_file():
        return None
    identity = _identity(path)
    if _found_whole.get(path.absolute()) == identity:
        return None
    told = read_record(record)
    if told is None:
        return "there is no record of how it was written"
    if identity[0] != told["bytes"]:
        return f"it has {identity[0]:,} bytes, and {told['bytes']:,} were written"
    if file_digest(path) != told["sha256"]:
        return "its content is not what was written (SHA-256 differs)"
    _found_whole[path.absolute()] = identity
    return None


def _identity(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def records(results: Path) -> Iterator[Path]:
    """All records, in order."""
    return (path for path in sorted((results / CHECKSUMS).rglob("*.json")) if not path.name.startswith("."))
