"""Taking rows out of the extracts themselves, because a row that stays in its source is not erased.

In: the files of an LA (or of all LAs) and the rows to delete. Out: the same files without those rows, every other byte
of a CSV file as it was; which rows of a file they are is found by reading it the way ingest does. XML returns and
databases are not edited: their owner supplies them anew.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from scripts.artefacts import atomic, leftovers
from scripts.errors import StudyError
from scripts.governance.effects import RowKey
from scripts.ingest.layout import FileLayout
from scripts.ingest.partition import CHILD, LA, children_of_las
from scripts.ingest.report import IngestReport
from scripts.ingest.sources import IngestSettings, Reading, numbered_rows, read_tables
from scripts.ingest.tabular import place_of
from scripts.integrity.digest import file_digest
from scripts.integrity.supplied import renew
from scripts.privacy.keys import pseudonyms

QUOTE = b'"'
Files = Mapping[str, list[str]]


def reading_of(la: str, files: Files, settings: IngestSettings) -> Reading:
    """How an LA's files are read; what is counted on the way is nobody's report."""
    return Reading(la=la, files=dict(files), settings=settings, report=IngestReport(la))


def take_out(
    reading: Reading, rows: Iterable[RowKey], key: bytes, national: bool, checksums: str | None = None
) -> dict[str, int]:
    """Delete rows from the files of an LA, each file replaced at once; running it again finds nothing more to do.

    Parameters
    ----------
    reading : the LA and its files, or, if `national`, those of all LAs.
    rows : the rows to delete, of re-keyed children; key : the project's. checksums : name of the lists of checksums
        that came with the files, which are told.

    Returns
    -------
    {file: rows taken out}, of the files that changed.

    Raises
    ------
    StudyError : SOURCE, before anything is changed, if a file that holds such rows cannot be edited.
    """
    wanted = list(rows)
    if _in_xml(reading, {row.child for row in wanted}, key):
        remedy = "Ask its owner for a new extract, and register it as the return"
        raise StudyError("SOURCE", f"LA {reading.la}", "rows cannot be taken out of an XML return", remedy)
    doomed = {path: found for path, found in _positions(reading, wanted, key, national) if found}
    for path, positions in doomed.items():
        rewrite_without(path, positions, checksums)
    # An interrupted edit left a copy of the file beside it.
    for folder in {Path(path).parent for _, path in _text_files(reading)}:
        for left in leftovers(folder.iterdir()):
            left.unlink(missing_ok=True)
    return {path: len(positions) for path, positions in doomed.items()}


def _positions(
    reading: Reading, rows: list[RowKey], key: bytes, national: bool
) -> Iterator[tuple[str, frozenset[int]]]:
    """Each file with the positions of the rows to delete, all found before any file is touched by the caller."""
    for layout, path in _text_files(reading):
        positions, canonical = numbered_rows(reading, layout, path)
        keyed = pseudonyms(canonical, ["child_id"], reading.la, key)
        table = layout.only_table().table
        tests = [row.matches(table) for row in rows if row.of(table)]
        doomed = positions.filter(keyed.select(pl.any_horizontal(tests)).to_series()) if tests else positions.clear()
        if len(doomed) and national and "la_code" not in layout.only_table().columns:
            _refuse_shared(reading, canonical, keyed, {row.child for row in rows}, path)
        yield path, frozenset(doomed)


def _text_files(reading: Reading) -> Iterator[tuple[FileLayout, str]]:
    for kind, layout in reading.layouts().items():
        for path in reading.files.get(kind, []):
            if not _is_xml(path) and "child_id" in layout.only_table().columns:
                yield layout, path


def _is_xml(path: str) -> bool:
    return Path(path).suffix.lower() == ".xml"


def _in_xml(reading: Reading, children: Collection[str], key: bytes) -> bool:
    """Whether an XML return of the LA has rows of some of the children (re-keyed)."""
    files = {kind: [path for path in paths if _is_xml(path)] for kind, paths in reading.files.items()}
    if not any(files.values()):
        return False
    frames = read_tables(reading_of(reading.la, files, reading.settings)).values()
    keyed = (pseudonyms(frame, ["child_id"], reading.la, key)["child_id"] for frame in frames)
    return any(ids.is_in(sorted(children)).any() for ids in keyed)


def _refuse_shared(
    reading: Reading, canonical: pl.DataFrame, keyed: pl.DataFrame, keys: Collection[str], path: str
) -> None:
    """A national file without an LA column cannot tell apart two children of one id."""
    ids = canonical.filter(keyed["child_id"].is_in(sorted(keys)))["child_id"].unique()
    owners = children_of_las(reading.files, reading.settings.format, place_of(path)).filter(
        pl.col(CHILD).is_in(ids.to_list())
    )
    if owners[LA].n_unique() > 1:
        problem = "the file has no LA column, and another LA uses the child's id too"
        raise StudyError("SOURCE", place_of(path), problem, "Ask its owner for a new extract without the rows")


def rewrite_without(path: str | Path, positions: Collection[int], checksums: str | None = None) -> None:
    """Replace a file by itself without the rows at some positions (from 0, header not counted).

    A list of checksums of that name is told first: interrupted in between, the same is done again.

    Raises
    ------
    StudyError : SOURCE, if its lines cannot be told apart as its reader does, or it may not be written.
    """
    path = Path(path)
    try:
        with atomic(path) as temporary:
            if path.suffix.lower() == ".parquet":
                frame = pl.read_parquet(path)
                kept = ~pl.int_range(pl.len()).is_in(sorted(positions))
                frame.filter(kept).write_parquet(temporary, compression="zstd", compression_level=1)
            else:
                _copy_records(path, temporary, frozenset(positions))
            if checksums:
                renew(checksums, path, file_digest(temporary))
    except PermissionError:
        problem = "the extract may not be changed here"
        raise StudyError("SOURCE", place_of(path), problem, "Ask its owner to delete the rows, or to let you") from None


def _copy_records(path: Path, target: Path, positions: frozenset[int]) -> None:
    with path.open("rb") as source, target.open("wb") as stream:
        records = _records(source)
        stream.write(next(records))
        for number, record in enumerate(records):
            if number not in positions:
                stream.write(record)


def _records(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The records of a CSV file: a line goes on while its quotes are not paired."""
    record = b""
    for line in lines:
        record += line
        if record.count(QUOTE) % 2 == 0:
            yield record
            record = b""
    if record:
        yield record


def holds_child(reading: Reading, child: str, key: bytes) -> bool:
    """Whether some file of the LA has a row of a child (re-keyed)."""
    return _in_xml(reading, [child], key) or any(
        child in pseudonyms(numbered_rows(reading, layout, path)[1], ["child_id"], reading.la, key)["child_id"]
        for layout, path in _text_files(reading)
    )


def pupil_ids(reading: Reading, children: Collection[str], key: bytes) -> frozenset[str]:
    """The original pupil ids of some children (re-keyed), less those that other children have too (trap T-05)."""
    own: set[str] = set()
    others: set[str] = set()
    for layout, path in _text_files(reading):
        _, canonical = numbered_rows(reading, layout, path)
        if "pupil_id" not in canonical.columns:
            continue
        theirs = pseudonyms(canonical.select("child_id"), ["child_id"], reading.la, key)["child_id"].is_in(
            sorted(children)
        )
        own.update(canonical.filter(theirs)["pupil_id"].drop_nulls())
        others.update(canonical.filter(~theirs)["pupil_id"].drop_nulls())
    return frozenset(own - others)
