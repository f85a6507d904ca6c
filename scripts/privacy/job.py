"""The entry point of rule `privacy`: the files of one LA in, what may enter out, in counts, and their fingerprints."""

import hashlib
import io
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import contract_schema, parquet_source, write_results
from scripts.integrity.digest import file_digest
from scripts.integrity.supplied import refuse_differing
from scripts.privacy.gate import Gate


def inspect(
    la: str, files: dict[str, list[str]], report: str, inputs: str, checksums: str | None, settings: dict[str, Any]
) -> None:
    """Pass the files of an LA through the gate and write results tables `privacy` and `inputs`.

    Parameters
    ----------
    files : kind of file -> paths. checksums : the list of checksums that came with them, if any.
    settings : format, xml_max_bytes, max_rows and config block privacy without its key file.

    Raises
    ------
    StudyError : CHECKSUM, before anything is read, PRIVACY or FILE, never with a value out of a record.
    """
    if checksums:
        paths = [Path(path) for listed in files.values() for path in listed]
        refuse_differing(Path(checksums), {path: file_digest(path) for path in paths})
    passed = Gate.of(settings).pass_through(files)
    write_results(passed.select(pl.lit(la).alias("la_code"), pl.all()), "privacy", report)
    rows = [{"la_code": la, "file_kind": kind} | fingerprint(path) for kind in sorted(files) for path in files[kind]]
    write_results(pl.DataFrame(rows, schema=contract_schema("inputs")), "inputs", inputs)


def fingerprint(path: str) -> dict[str, Any]:
    """Name, size and SHA-256 of a file; of an encrypted one, those of what is inside, which is the same each time."""
    source = parquet_source(path)
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"file": Path(path).name, "size_bytes": stream.tell(), "sha256": digest}
