"""Reading and writing the workflow's files: every write is atomic, every results table keeps its documented columns.

A file appears under its final name only when it is whole and on disk; an interrupted job leaves nothing that a later
one could mistake for a result.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from scripts.errors import StudyError
from scripts.integrity.records import verified, write_record, written
from scripts.privacy.encryption import KEY_VARIABLE, decrypted, encrypted, is_encrypted, named_chunk_bytes, named_key
from scripts.yaml_file import load_yaml

CONTRACT_FILE = Path(__file__).parent.parent / "schemas" / "results.yaml"
# What `atomic` calls its temporary files: .{name}.{eight characters}
TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")
DTYPES = {"text": pl.String, "integer": pl.Int64, "number": pl.Float64}


@contextmanager
def atomic(path: str | os.PathLike[str], rows: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success sync it, rename it to `path` and record it with its rows, on
    failure remove it (scripts.integrity.records).
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644 & ~_umask())
        told = written(temporary, rows)
        temporary.replace(target)
        write_record(target, told)
    finally:
        temporary.unlink(missing_ok=True)


def leftovers(paths: Iterable[Path]) -> list[Path]:
    """Those of the paths that are temporary files of writes that were interrupted."""
    return [path for path in paths if TEMPORARY.fullmatch(path.name) and path.is_file()]


@cache
def _umask() -> int:
    """The process's umask (reading it means setting it, so it is done once)."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write `text` as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(value: Any, path: str | os.PathLike[str]) -> None:
    """Write `value` as JSON with sorted keys, so that equal content means equal bytes."""
    write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", path)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file.

    Raises
    ------
    StudyError : DAMAGED, if it is an artefact and not as it was written.
    """
    return json.loads(verified(path).read_text(encoding="utf-8"))


def write_parquet(frame: pl.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a frame as parquet, encrypted if the environment names a key (scripts.privacy.encryption).

    Raises
    ------
    StudyError : KEY, if a key is named and cannot be read.
    """
    key = named_key()
    with atomic(path, frame.height) as temporary:
        if key is None:
            _parquet(frame, temporary)
        else:
            # The plain bytes stay in memory: what was on disk once, deletion need not remove.
            made = BytesIO()
            _parquet(frame, made)
            with temporary.open("wb") as stream:
                stream.writelines(encrypted(made.getbuffer(), key, named_chunk_bytes()))


def _parquet(frame: pl.DataFrame, target: Path | BytesIO) -> None:
    try:
        frame.write_parquet(target, compression="zstd", compression_level=1)
    except pl.exceptions.ComputeError:
        if not isinstance(target, Path):
            raise
        # Polars does not always tell that a disk was full; Python does.
        made = BytesIO()
        _parquet(frame, made)
        target.write_bytes(made.getbuffer())


def read_parquet(path: str | os.PathLike[str], columns: list[str] | None = None) -> pl.DataFrame:
    """Read a parquet file, or only `columns` of it; encrypted or plain, as it was written.

    Raises
    ------
    StudyError : KEY, FILE or DAMAGED, as `parquet_source`.
    """
    return pl.read_parquet(parquet_source(path), columns=columns)


def parquet_source(path: str | os.PathLike[str]) -> Path | bytes:
    """What polars reads a parquet file from: its path, or the content of an encrypted one.

    Raises
    ------
    StudyError : KEY, if the file is encrypted and no key is named, or the key cannot be read; FILE, if the key does not
        open it; DAMAGED, if it is an artefact and not as it was written.
    """
    if not is_encrypted(verified(path)):
        return Path(path)
    key, place = named_key(), "/".join(Path(path).parts[-2:])
    if key is None:
        remedy = f"Set governance.encryption.enabled, or name the key file in environment variable {KEY_VARIABLE}"
        raise StudyError("KEY", place, "the file is encrypted and no key is named", remedy)
    with Path(path).open("rb") as stream:
        return decrypted(stream, key, place)


@cache
def results_contract() -> dict[str, Any]:
    """The documented tables of `results/aggregate`: columns, types, meanings, and which columns count people."""
    return load_yaml(CONTRACT_FILE)["tables"]


def contract_schema(table: str) -> dict[str, Any]:
    """Column name -> polars type of a documented results table, in order."""
    return {column["name"]: DTYPES[column["type"]] for column in results_contract()[table]["columns"]}


def write_results(frame: pl.DataFrame, table: str, path: str | os.PathLike[str]) -> None:
    """Write a results table as CSV with exactly the columns, in the order, that `schemas/results.yaml` documents.

    Raises
    ------
    StudyError : CONTRACT, if columns are missing or undocumented.
    """
    schema = contract_schema(table)
    if set(frame.columns) != set(schema):
        differing = sorted(set(frame.columns) ^ set(schema))
        raise StudyError(
            "CONTRACT",
            f"results table {table}",
            f"columns differ from schemas/results.yaml: {differing}",
            "Change both together",
        )
    with atomic(path, frame.height) as temporary:
        frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items()).write_csv(temporary)


def read_results(table: str, path: str | os.PathLike[str]) -> pl.DataFrame:
    """Read a results table with its documented types; codes such as "007" keep their zeros.

    Raises
    ------
    StudyError : DAMAGED, if it is not as it was written.
    """
    return pl.read_csv(verified(path), schema=contract_schema(table))


def pool_results(table: str, parts: list[str], path: str | os.PathLike[str]) -> None:
    """Concatenate the per-LA or per-outcome parts of a results table in the order given."""
    frames = [read_results(table, part) for part in parts]
    write_results(pl.concat(frames) if frames else pl.DataFrame(schema=contract_schema(table)), table, path)
