"""What is held about one child: its rows in every file, from the extract to the imputed tables.

In: the child's ids, the files of its LA's extract, results/individual. Out: an entry per file that was searched, with
the child's rows and nobody else's. Rows are found by the child's id; where a stage's rows carry none, by their number
in the cohort.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import read_parquet
from scripts.governance.source_rows import Known, known_columns, source_rows
from scripts.ingest.tabular import place_of

SUPPLIED = "supplied"
# In the order of the data; a stage that is not named here comes after them.
STAGES = (SUPPLIED, "ingested", "cleaned", "outcomes", "cohort", "matched", "imputed")
# Below results/individual these hold extracts, which are searched as such.
EXTRACT_FOLDERS = ("extracts", "partitioned")
COHORT = "cohort"


@dataclass(frozen=True)
class Child:
    """The child asked about: its source LA, its ids in the extract, and its re-keyed ids everywhere after ingest."""

    la: str
    ids: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """What one file holds about the child.

    Parameters
    ----------
    stage : supplied, or the folder below results/individual. table : the file within its stage.
    frame : the child's rows; empty where there are none.
    kind, columns : of a supplied file, its kind in the alias table and what its columns are read as.
    searched : whether rows of the child could be told from those of others.
    """

    stage: str
    table: str
    frame: pl.DataFrame
    kind: str = ""
    columns: Mapping[str, Known] = field(default_factory=dict)
    searched: bool = True


def held_rows(
    child: Child,
    extract_files: Mapping[str, list[str]],
    individual: str | Path,
    source_format: str,
    xml_max_bytes: int | None,
) -> list[Held]:
    """The child's rows in every file, and the files without any, in the order of the data.

    Raises
    ------
    StudyError : FILE or SCHEMA, if a file cannot be searched.
    """
    supplied = []
    for kind, paths in extract_files.items():
        for path in paths:
            rows = source_rows(kind, path, child.la, child.ids, source_format, xml_max_bytes)
            columns = known_columns(kind, path, source_format) if rows.height else {}
            supplied.append(Held(SUPPLIED, place_of(path), rows, kind, columns))
    return supplied + _derived(Path(individual), child.keys)


def _derived(individual: Path, keys: Sequence[str]) -> list[Held]:
    """The same of everything below results/individual; ids are of one LA alone, so every LA's files are searched."""
    places = {path: path.relative_to(individual) for path in individual.rglob("*") if path.is_file()}
    ordered = sorted((path for path in places if places[path].parts[0] not in EXTRACT_FOLDERS), key=_numbers_in_order)
    rows = {path: _rows(path, "child_id", keys) if path.suffix == ".parquet" else None for path in ordered}
    cohort = {
        path.stem: frame["row_id"].to_list() if frame.height else []
        for path, frame in rows.items()
        if places[path].parts[0] == COHORT and frame is not None and (frame.is_empty() or "row_id" in frame.columns)
    }
    return _in_order_of_data(
        _entry(places[path], _by_number(path, places[path], cohort) if rows[path] is None else rows[path])
        for path in ordered
    )


def _numbers_in_order(path: Path) -> tuple[str, int, str]:
    return str(path.parent), len(path.stem) if path.stem.isdigit() else 0, path.name


def _in_order_of_data(found: Iterable[Held]) -> list[Held]:
    found = list(found)
    stages = stages_of(found)
    return sorted(found, key=lambda entry: stages.index(entry.stage))


def _entry(place: Path, rows: pl.DataFrame | None) -> Held:
    frame = pl.DataFrame() if rows is None else rows
    table = str(place.relative_to(place.parts[0]) if len(place.parts) > 1 else place)
    return Held(place.parts[0], table.removesuffix(".parquet"), frame, searched=rows is not None)


def _by_number(path: Path, place: Path, cohort: Mapping[str, list[int]]) -> pl.DataFrame | None:
    """Rows without a child's id, by their numbers in the cohort of the outcome that the file's path names."""
    outcome = next((name for name in place.with_suffix("").parts if name in cohort), None)
    return _rows(path, "row_id", cohort[outcome]) if outcome and path.suffix == ".parquet" else None


def _rows(path: Path, column: str, values: Sequence[Any]) -> pl.DataFrame | None:
    """The rows whose `column` is among the values; None if there is no such column. Only that is read of most files.

    Raises
    ------
    StudyError : DAMAGED.
    """
    try:
        wanted = read_parquet(path, [column])[column].is_in(list(values)).fill_null(False)
        return read_parquet(path).filter(wanted) if wanted.any() else pl.DataFrame()
    except pl.exceptions.ColumnNotFoundError:
        return None


def stages_of(found: Iterable[Held]) -> list[str]:
    """The stages in the order of the data."""
    present = {entry.stage for entry in found}
    return [stage for stage in (*STAGES, *sorted(present - {*STAGES})) if stage in present]
