"""National extracts, one file for all LAs: what each LA's rows are, and a file of its own for each LA.

In: the files of a national extract. Out: per file and LA the number of rows and a fingerprint of their content, so
that an LA goes stale if and only if its own rows changed; and {folder}/{la}/{stem}.parquet, every column as text,
rows sorted, so that equal content means equal bytes whatever the order of the national file. The LA column is found
through the alias table. A file without one (disabilities) gives each LA the rows of the children its CIN files know.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import write_parquet
from scripts.errors import StudyError
from scripts.ingest.layout import Positions, TableLayout, load_layouts, resolve, source_of
from scripts.ingest.tabular import collect, place_of, read_header, scan_text, without_fraction
from scripts.privacy.register import DISCARDED, Register

LA = "__la"
CHILD = "__child"
# The kind whose files know which child belongs to which LA.
CHILD_KIND = "referrals"
SEEDS = (1, 2)
HALF = 2**32
NULL, SEPARATOR = "\x00", "\x1f"

Files = dict[str, list[str]]


def fingerprint(kind: str, path: str | os.PathLike[str], files: Files, source_format: str) -> dict[str, dict[str, Any]]:
    """Rows and content of every LA in a national file, whatever the order of the rows; LAs sorted.

    Each row is hashed twice (64 bits, two seeds) and the hashes of an LA are summed, so that order does not matter
    and a repeated row counts; the sums, the number of rows and the header go into one digest. The hash is polars'
    own, so a new version of polars may give new fingerprints to old content; the reverse takes two collisions at once.

    Parameters
    ----------
    kind, path : the file and its kind in the alias table.
    files : all national files by kind; needed where the file has no LA column.

    Returns
    -------
    {la: {"rows": int, "fingerprint": hex}}

    Raises
    ------
    StudyError : FILE or SCHEMA, if the file or one it depends on cannot be read.
    """
    rows, header = _rows_by_la(kind, path, files, source_format)
    content = pl.concat_str(pl.col(header).fill_null(NULL), separator=SEPARATOR)
    hashes = {f"hash_{seed}": content.hash(seed) for seed in SEEDS}
    # Halves of 32 bits, because the sum of n numbers of 64 bits would overflow.
    high = [(pl.col(name) // HALF).sum().alias(f"{name}_high") for name in hashes]
    low = [(pl.col(name) % HALF).sum().alias(f"{name}_low") for name in hashes]
    sums = rows.select(LA, **hashes).group_by(LA).agg(pl.len().alias("rows"), *high, *low)
    counted = collect(sums, path, engine="streaming").sort(LA)
    return {
        row[LA]: {"rows": row["rows"], "fingerprint": _digest(header, row)} for row in counted.iter_rows(named=True)
    }


def _digest(header: list[str], row: dict[str, Any]) -> str:
    content = json.dumps([header, {name: value for name, value in row.items() if name != LA}], sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def partition_names(files: Files, folder: str | os.PathLike[str]) -> Files:
    """The files of one LA, by kind, that `partition` makes of the national `files`; `folder` is that LA's."""
    return {kind: [str(Path(folder) / f"{Path(path).stem}.parquet") for path in paths] for kind, paths in files.items()}


def partition(files: Files, folder: str | os.PathLike[str], settings: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Write {folder}/{la}/{stem}.parquet for every national file and LA; an LA without rows gets an empty file.

    Parameters
    ----------
    files : national files by kind, as `discover_national` gives them.
    settings : format; las, three-digit codes: rows of other LAs are not copied; privacy, the config block: columns that
        it discards are copied empty, so that those read by position keep their places.

    Returns
    -------
    {file stem: {la: rows}}, for logs.

    Raises
    ------
    StudyError : FILE or SCHEMA, if a file cannot be read. PRIVACY, before a row is copied, if a column may not be
        there.
    """
    discarded = _discarded(files, settings)
    written = {}
    for kind, paths in files.items():
        for path in paths:
            parts = _split(kind, path, files, settings["las"], settings["format"])
            empty = [pl.lit(None, pl.String).alias(name) for name in discarded[path]]
            frames = {la: part.with_columns(empty) for la, part in parts.items()}
            for la, frame in frames.items():
                (target,) = partition_names({kind: [path]}, Path(folder) / la)[kind]
                write_parquet(frame, target)
            written[Path(path).stem] = {la: len(frame) for la, frame in frames.items()}
    return written


def _discarded(files: Files, settings: dict[str, Any]) -> dict[str, list[str]]:
    """Path -> the columns that the study discards; every file passes the register by its names."""
    layouts, register = load_layouts(settings["format"]), Register.of(settings["privacy"], settings["format"])
    decided = {
        path: register.decide(read_header(path), [layouts[kind]], place_of(path))
        for kind, paths in files.items()
        for path in paths
    }
    return {path: [d.column for d in found if d.decision == DISCARDED] for path, found in decided.items()}


def _split(kind: str, path: str, files: Files, las: list[str], source_format: str) -> dict[str, pl.DataFrame]:
    """The rows of each LA, sorted by all columns."""
    rows, header = _rows_by_la(kind, path, files, source_format)
    wanted = collect(rows.filter(pl.col(LA).is_in(las)), path, engine="streaming")
    parts = wanted.partition_by(LA, as_dict=True)
    nothing = wanted.clear()
    return {la: parts.get((la,), nothing).select(header).sort(header) for la in sorted(las)}


def _rows_by_la(
    kind: str, path: str | os.PathLike[str], files: Files, source_format: str
) -> tuple[pl.LazyFrame, list[str]]:
    """The rows of a file with their LA in column `LA`, and the file's own columns; rows that no LA claims drop out."""
    layout = load_layouts(source_format)[kind].only_table()
    header, positions, scanned = _scan(layout, path)
    if "la_code" in positions:
        with_la = scanned.with_columns(_la(layout, header, positions).alias(LA))
        return with_la.filter(pl.col(LA).fill_null("") != ""), header
    children = children_of_las(files, source_format, place_of(path))
    child = source_of(header, positions["child_id"], layout.missing)
    return scanned.with_columns(child.alias(CHILD)).join(children.lazy(), on=CHILD, how="inner"), header


def _la(layout: TableLayout, header: list[str], positions: Positions) -> pl.Expr:
    return without_fraction(source_of(header, positions["la_code"], layout.missing))


def _scan(layout: TableLayout, path: str | os.PathLike[str]) -> tuple[list[str], Positions, pl.LazyFrame]:
    header = read_header(path)
    positions = resolve(layout, header, place_of(path))
    return header, positions, scan_text(path, header)


def children_of_las(files: Files, source_format: str, place: str) -> pl.DataFrame:
    """Every pair of LA and child id in the CIN files; an id that two LAs use belongs to both (trap T-3)."""
    if not files.get(CHILD_KIND):
        problem = "the file has no LA column, and there are no CIN files to find its children in"
        raise StudyError("FILE", place, problem, "Supply the CIN files")
    layout = load_layouts(source_format)[CHILD_KIND].only_table()
    pairs = []
    for path in files[CHILD_KIND]:
        header, positions, scanned = _scan(layout, path)
        la, child = _la(layout, header, positions), source_of(header, positions["child_id"], layout.missing)
        pairs.append(collect(scanned.select(la.alias(LA), child.alias(CHILD)).unique(), path, engine="streaming"))
    return pl.concat(pairs).drop_nulls().unique()
