"""Subject access: everything held about one child, from every stage, in plain words and sealed for one recipient.

In: the child's ids, the files of its LA's extract, results/individual. Out: a zip of a page in plain words and a CSV
file per table, encrypted for the recipient's certificate before it touches a disk, and facts about it in counts. Rows
are found by the child's id; where a stage's rows carry none, by their number in the cohort.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import atomic, write_json
from scripts.errors import StudyError
from scripts.governance.held_page import About, day_in_words, page_of
from scripts.governance.held_rows import Child, Held, held_rows, stages_of
from scripts.governance.sealing import fingerprint, recipient, sealed

# A spreadsheet runs what begins like this.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# A zip file cannot tell an earlier time; a fixed one makes equal content equal bytes.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
ABOUT = """What is held about a child: answer to request {reference}, {made}

{found}

index.html          Start here. Everything in plain words. Open it in any web browser; it needs no internet.
searched.csv        Every file that was searched, and how many rows about the child it holds.
*.csv in folders    The rows themselves, one folder for each stage of the study, one file for each table.
data-dictionary.md  What the columns and codes mean, for people who work with data.

The CSV files open in any spreadsheet. A spreadsheet runs a cell that begins with = + - @ or a tab as if it were a
formula. So that nothing is run, such a cell has an apostrophe (') put before it: '-3 means -3. Nothing else is changed.

These files are about a real person's life. Keep them where nobody else can read them, and delete them when they are no
longer needed.
"""


def held(
    child: Child,
    request: Mapping[str, str],
    extract_files: Mapping[str, list[str]],
    individual: str | Path,
    outputs: Mapping[str, str],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the sealed answer to a request and its facts; what is not sealed stays in memory.

    Parameters
    ----------
    request : reference; made, the day of the answer in ISO form; recipient, the path of a certificate in PEM form.
    extract_files : kind of file -> files of the child's LA. individual : results/individual.
    outputs : sealed, the path of the encrypted zip; facts, the path of the facts.
    settings : config, the whole study; contact; dictionary, the path of the data dictionary; synthetic.

    Returns
    -------
    The facts: files and rows in counts, SHA-256 of the sealed file and of the recipient's certificate.

    Raises
    ------
    StudyError : CERTIFICATE, before anything is searched; FILE or SCHEMA, if a file cannot be searched.
    """
    certificate = _certificate(request["recipient"])
    extracts = settings["config"]["extracts"]
    found = held_rows(child, extract_files, individual, extracts["format"], extracts["xml_max_bytes"])
    content = sealed(bundle(found, About.of(child, request, settings)), certificate)
    facts = facts_of(found) | {
        "request": request["reference"],
        "made": request["made"],
        "sealed_sha256": hashlib.sha256(content).hexdigest(),
        "certificate_sha256": fingerprint(certificate),
    }
    with atomic(outputs["sealed"]) as temporary:
        temporary.write_bytes(content)
    write_json(facts, outputs["facts"])
    return facts


def _certificate(path: str) -> bytes:
    """The recipient's certificate, read and found fit.

    Raises
    ------
    StudyError : CERTIFICATE.
    """
    try:
        content = Path(path).read_bytes()
    except OSError:
        content = None
    if content is None:
        remedy = "Ask the recipient for a certificate in PEM form and name its path"
        raise StudyError("CERTIFICATE", "recipient", "the certificate's file cannot be read", remedy)
    recipient(content)
    return content


def facts_of(found: Iterable[Held]) -> dict[str, Any]:
    """Counts alone: files searched and not, files with rows, rows of every stage."""
    found = list(found)
    rows = dict.fromkeys(stages_of(found), 0)
    for entry in found:
        rows[entry.stage] += entry.frame.height
    return {
        "files_searched": sum(entry.searched for entry in found),
        "files_not_searched": sum(not entry.searched for entry in found),
        "files_with_rows": sum(entry.frame.height > 0 for entry in found),
        "rows": rows,
    }


def bundle(found: Sequence[Held], about: About) -> bytes:
    """A zip of index.html, about.txt, the data dictionary, and a CSV file for every table with rows of the child.

    Equal rows give equal bytes: files are sorted and dated alike.
    """
    named = _csv_names(found)
    searched = pl.DataFrame(
        [(entry.stage, entry.table, entry.frame.height, "yes" if entry.searched else "no") for entry in found],
        schema=["stage", "file", "rows", "searched"],
        orient="row",
    )
    files = {
        "index.html": page_of(found, about),
        "about.txt": ABOUT.format(reference=about.reference, made=day_in_words(about.made), found=_found(len(named))),
        "data-dictionary.md": about.dictionary,
        "searched.csv": _csv(searched),
        **{name: _csv(entry.frame) for name, entry in named.items()},
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in sorted(files.items()):
            info = zipfile.ZipInfo(name, ZIP_DATE)
            info.create_system, info.external_attr, info.compress_type = 3, 0o600 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, text.encode())
    return stream.getvalue()


def _csv_names(found: Iterable[Held]) -> dict[str, Held]:
    """Name in the zip -> table with rows; two files of one name in two places are told apart by a number."""
    named: dict[str, Held] = {}
    for entry in found:
        if entry.frame.height:
            stem = f"{entry.stage}/{entry.table.removesuffix('.csv')}"
            names = chain([f"{stem}.csv"], (f"{stem}-{number}.csv" for number in count(2)))
            named[next(name for name in names if name not in named)] = entry
    return named


def _csv(frame: pl.DataFrame) -> str:
    """The frame as CSV in which no cell, nor a column's name, is a formula to a spreadsheet."""
    stream = io.StringIO()
    # With this end of line a return or a new line inside a cell is quoted, so that none begins a line of its own.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerows([_harmless(cell) for cell in row] for row in (frame.columns, *frame.rows()))
    return stream.getvalue()


def _harmless(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _found(n_tables: int) -> str:
    return f"Rows about the child were found in {n_tables} files." if n_tables else "No row about the child was found."
