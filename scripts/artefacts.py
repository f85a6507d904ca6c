"""Reading and writing the workflow's files: every write is atomic, every results table keeps its documented columns.

A file appears under its final name only when it is whole and on disk; an interrupted job leaves nothing that a later
one could mistake for a result.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from scripts.errors import StudyError

CONTRACT_FILE = Path(__file__).parent.parent / "schemas" / "results.yaml"
DTYPES = {"text": pl.String, "integer": pl.Int64, "number": pl.Float64}


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success sync it and rename it to `path`, on failure remove it."""
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
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


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
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_parquet(frame: pl.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a frame as parquet."""
    with atomic(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", compression_level=1)


def read_parquet(path: str | os.PathLike[str], columns: list[str] | None = None) -> pl.DataFrame:
    """Read a parquet file, or only `columns` of it."""
    return pl.read_parquet(path, columns=columns)


@cache
def results_contract() -> dict[str, Any]:
    """The documented tables of `results/aggregate`: columns, types, meanings, and which columns count people."""
    return yaml.safe_load(CONTRACT_FILE.read_text(encoding="utf-8"))["tables"]


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
    with atomic(path) as temporary:
        frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items()).write_csv(temporary)


def read_results(table: str, path: str | os.PathLike[str]) -> pl.DataFrame:
    """Read a results table with its documented types; codes such as "007" keep their zeros."""
    return pl.read_csv(path, schema=contract_schema(table))


def pool_results(table: str, parts: list[str], path: str | os.PathLike[str]) -> None:
    """Concatenate the per-LA or per-outcome parts of a results table in the order given."""
    frames = [read_results(table, part) for part in parts]
    write_results(pl.concat(frames) if frames else pl.DataFrame(schema=contract_schema(table)), table, path)
