"""Ingest one LA: its extract files in, canonical tables and the ingest report out.

Individual-level parquet files are written only after every table has been read and validated, so a faulty extract
leaves none of them half new.
"""

import os
from typing import Any

import polars as pl

from schemas import tables
from scripts.artefacts import write_parquet, write_results
from scripts.errors import StudyError
from scripts.governance.effects import without_erased
from scripts.governance.rights import of_settings
from scripts.ingest import report as checks
from scripts.ingest.layout import TABLES
from scripts.ingest.report import IngestReport
from scripts.ingest.sources import IngestSettings, Reading, read_tables
from scripts.ingest.typed import count_codes
from scripts.privacy.keys import IDS, key_path, pseudonyms, read_key

StrPath = str | os.PathLike[str]


def ingest(
    la: str, files: dict[str, list[str]], outputs: dict[str, StrPath], report: StrPath, settings: dict[str, Any]
) -> None:
    """Read the extract of one LA and write its canonical tables.

    Parameters
    ----------
    la : three-digit code; every row that states an LA must state this one.
    files : kind of file -> paths, as `scripts.ingest.discovery` gives them.
    outputs : canonical table -> parquet path.
    report : path of the results table `ingest_report`, counts only.
    settings : those of `IngestSettings`; key_file, the path of the key that re-keys ids; rights, the governance folder
        and the LA: rows that were erased from the extracts stay out if a later extract brings them again.

    Raises
    ------
    StudyError : CONFIG, FILE, SCHEMA, LA, YEAR, VALUES, CODES or KEY; never with a value out of a record.
    """
    unknown = sorted(set(outputs) - set(TABLES))
    if unknown:
        raise StudyError("CONFIG", "outputs of ingest", f"no such tables: {unknown}", f"Use {list(TABLES)}")
    key = read_key(key_path(settings["key_file"]))
    counts = IngestReport(la)
    reading = Reading(la=la, files=files, settings=IngestSettings.of(settings), report=counts)
    place = f"LA {la}"
    frames = read_tables(reading)
    for table in outputs:
        if kind := reading.kind_of(table):
            count_codes(frames[table], table, kind, place, counts)
        frames[table] = pseudonyms(tables.validate(frames[table], table, place), IDS, la, key)
    frames = _without_erased(frames, reading, settings)
    for table, path in outputs.items():
        write_parquet(frames[table], path)
    write_results(counts.frame(), "ingest_report", report)


def _without_erased(
    frames: dict[str, pl.DataFrame], reading: Reading, settings: dict[str, Any]
) -> dict[str, pl.DataFrame]:
    """The tables without rows erased earlier, each counted in the report."""

    def note(_: str, table: str, rows: pl.DataFrame) -> None:
        if kind := reading.kind_of(table):
            reading.report.add_by_year(rows, pl.lit(True), table, kind, checks.ERASED)

    return without_erased(frames, of_settings(settings).purged_effects(reading.la), note)
