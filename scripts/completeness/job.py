"""The entry points of rules `profile` and `completeness`: cleaned tables and published files in, counts out."""

from datetime import date
from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, read_results, write_results
from scripts.completeness.compare import (
    COMPARED,
    PUBLISHED,
    REFUSED,
    Window,
    compare,
    recording_breaks,
    sum_of_members,
)
from scripts.completeness.profile import yearly_profile
from scripts.errors import StudyError
from scripts.published.ees import Release, comparable, find_table, layout, load_release, manifest, read_table

TABLES = ("completeness", "recording_breaks", "published_files")


def published_files(folder: str | None) -> dict[str, str]:
    """Table -> file of the published release that the counts are compared with; empty without a folder.

    Raises
    ------
    StudyError : FILE, if a table has no file or several.
    """
    return {table: str(find_table(folder, table)) for table in COMPARED} if folder else {}


def profile(la: str, inputs: dict[str, str], output: str) -> None:
    """Count one analysis LA's cleaned tables (`inputs`: table -> parquet file) by financial year."""
    tables = {name: read_parquet(path) for name, path in inputs.items()}
    write_results(yearly_profile(la, tables), "yearly_profile", output)


def completeness(profiles: str, files: dict[str, str], outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Compare every LA's yearly counts with those published, and look for breaks in recording.

    Parameters
    ----------
    profiles : the pooled results table `yearly_profile`; `files`: published_files.
    outputs : completeness, recording_breaks, published_files -> CSV file.
    settings : config block `completeness`, `dates` (data_start, data_end), `members` (analysis LA -> source LAs).

    Raises
    ------
    StudyError : INCOMPLETE, if on_failure is refuse and an LA-year is short, over, or of a failed return.
    """
    choices, dates = settings["completeness"], settings["dates"]
    window = Window(*(date.fromisoformat(dates[name]) for name in ("data_start", "data_end")))
    found, release = read_results("yearly_profile", profiles), load_release(choices["release"])
    found = found.with_columns(pl.col("census_year").cast(pl.Int32))
    published = _published(files, release) if files else None
    table = compare(
        found,
        published if published is None else sum_of_members(published, settings["members"]),
        window,
        choices | {"members": settings["members"]},
        layout()["failed_return"],
        release.rounding["la"],
    )
    if choices["on_failure"] == "refuse":
        _refuse(table)
    write_results(table, "completeness", outputs["completeness"])
    write_results(recording_breaks(found, window, choices), "recording_breaks", outputs["recording_breaks"])
    write_results(manifest(files, release.name), "published_files", outputs["published_files"])


def _published(files: dict[str, str], release: Release) -> pl.DataFrame:
    """The published count of each measure per source LA and year; one that covers less than its name says is none."""
    counts = [
        comparable(read_table(path, table, release, figures=[table]), table).rename({"figure": "measure"})
        for table, path in files.items()
    ]
    return pl.concat(counts).select(*PUBLISHED)


def _refuse(table: pl.DataFrame) -> None:
    """Stop at LA-years that are not complete, naming each."""
    bad = table.filter(pl.col("status").is_in(REFUSED))
    if bad.is_empty():
        return
    named = bad.select(pl.format("{} {} {} ({})", "la_code", "census_year", "measure", "status")).to_series()
    problem = f"{bad.height} counts are not near those published: {', '.join(named)}"
    remedy = "Ask the supplier for the rows, or set on_failure to flag to go on and have them listed"
    raise StudyError("INCOMPLETE", "completeness.on_failure refuse", problem, remedy)
