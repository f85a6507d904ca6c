"""Erasing a child's rows for good, and proving it: the purge, and the receipt of the scan after the next run.

In: a request whose return was registered. `purge` takes the rows out of the extracts, deletes every artefact that holds
the child and what else is kept about it, and registers that. `receipt` searches the whole project and writes down what
it searched, or fails. Both can be interrupted anywhere and done again: what is deleted already is simply not there.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import leftovers, read_json, read_parquet, write_json
from scripts.errors import StudyError
from scripts.governance.fingerprints import row_fingerprints
from scripts.governance.needles import Prints
from scripts.governance.register import FILE, Request, append, locked, refuse_inconsistent
from scripts.governance.residue import AMBIGUOUS, Finding, Needles, Scan, Undecodable, scan
from scripts.governance.rights import EFFECTS, EXTRACT, FORM, HELD, NEEDLES, RETURN, Rights
from scripts.governance.source_edits import reading_of, take_out
from scripts.ingest.sources import IngestSettings
from scripts.integrity.records import delete
from scripts.privacy.keys import IDS, key_path, read_key

# What belongs to the tools and holds nothing of a record.
TOOLS = (".git", ".venv")

Files = Mapping[str, list[str]]


def purge(
    request_id: str,
    day: str,
    rights: Rights,
    files: Files,
    superseded: list[str],
    output: str,
    settings: dict[str, Any],
) -> None:
    """Erase what a return deletes from everywhere but the tables of others, and register it.

    Parameters
    ----------
    day : today, ISO. files : the extract in use, of the LA or national, by kind; none of a database, whose owner
        deletes the rows. superseded : the files that a returned extract replaced.
    settings : those of ingest; results, the folder; source and checksums of the extracts.

    Raises
    ------
    StudyError : REQUEST, if the request deletes nothing or the return is not registered; SOURCE, if an extract cannot
        be edited. Nothing is changed then.
    """
    event = {"request": request_id, "event": "purged", "date": day}
    request = rights.request(request_id)
    if not request.purged:
        refuse_inconsistent(rights.register, event)
    effects = rights.effects(request)
    if not effects.deleted and EXTRACT not in request.returns:
        raise StudyError("REQUEST", f"request {request_id}", "its return deletes nothing", "There is nothing to purge")
    key = read_key(key_path(settings["key_file"]))
    reading = reading_of(request.la, files, IngestSettings.of(settings))
    edited = {}
    if effects.deleted:
        national, listed = settings["source"] == "national", settings["checksums"]
        edited = take_out(reading, effects.deleted, key, national, listed)
    for path in superseded:
        Path(path).unlink(missing_ok=True)
    removed = list(_holding(Path(settings["results"]), request.key))
    for path in removed:
        delete(path)
    register = rights.register
    if not request.purged:
        others = _others_about(rights, request) if effects.erased_children else []
        with locked(rights.folder):
            register = append(rights.folder, event | {"supersedes": others})
    # Only now: a compiled return that is in force and missing would stop every run.
    for other in register.superseded_by(request_id):
        _forget(rights.of(other))
    record = {"request": request_id, "rows_taken_out": edited, "extracts_deleted": len(superseded)}
    record |= {"artefacts_deleted": len(removed), "owner_deletes_rows": settings["source"] == "database"}
    write_json(record, output)


def _holding(results: Path, key: str) -> Iterator[Path]:
    """Artefacts with rows of the child, which the next run makes anew, and what interrupted writes left."""
    for path in sorted(results.rglob("*")):
        if path.suffix == ".parquet" and _has(path, key):
            yield path
    yield from leftovers(results.rglob("*"))


def _has(path: Path, key: str) -> bool:
    """Whether a parquet file names the child; one that is damaged is made anew as well."""
    try:
        return key in read_parquet(path, ["child_id"])["child_id"]
    except pl.exceptions.ColumnNotFoundError:
        return False
    except (pl.exceptions.PolarsError, StudyError) as error:
        if isinstance(error, StudyError) and error.code != "DAMAGED":
            raise
        return True


def _others_about(rights: Rights, request: Request) -> list[str]:
    """Earlier requests about the same child."""
    requests = rights.register.requests.values()
    return [other.id for other in requests if other.key == request.key and other.id != request.id]


def _forget(folder: Path) -> None:
    """Delete what is kept about a child whose erasure ends an earlier request; an extract in use is of others too."""
    for name in (FORM, RETURN):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (EFFECTS, NEEDLES, HELD):
        (folder / name).unlink(missing_ok=True)


def receipt(request_id: str, asked: str, rights: Rights, output: str, settings: dict[str, Any]) -> None:
    """Search the project for what was erased; write what was searched, or fail.

    Parameters
    ----------
    asked : when the receipt was asked for, ISO. settings : as for `purge`; min_characters of ids
        searched inside texts; id_columns, what extracts call the columns of ids.

    Raises
    ------
    StudyError : RESIDUE, naming files and counts, if anything is found or a file cannot be decoded. REQUEST, if the
        request was not purged.
    """
    request = rights.request(request_id)
    folder = rights.of(request_id)
    if not request.purged or not (folder / NEEDLES).is_file():
        remedy = f"Run first: snakemake purge --config request={request_id}, then snakemake"
        raise StudyError("REQUEST", f"request {request_id}", "nothing was purged", remedy)
    key = read_key(key_path(settings["key_file"]))
    sought = read_json(folder / NEEDLES)
    fingerprints = {columns: frozenset(rows) for columns, rows in sought["fingerprints"].items()}
    if sought["unless_present"]:
        fingerprints = _less_present(fingerprints, Path(settings["results"]) / "individual/ingested" / request.la, key)
    # The list that keeps the child out has to know its key; the register and the needles are what is searched by.
    left_out = [rights.folder / FILE, folder / EFFECTS, folder / NEEDLES, folder / FORM, folder / RETURN]
    left_out += [Path(name) for name in TOOLS]
    needles = Needles(ids=tuple(sought["ids"]), fingerprints=fingerprints)
    found = scan(
        Path.cwd(),
        needles,
        key,
        (*IDS, *settings["id_columns"]),
        settings["min_characters"],
        [path.resolve() for path in left_out],
    )
    _refuse_residue(request_id, found)
    write_json(
        {
            "request": request_id,
            "scanned": asked,
            "outcome": "nothing found",
            "searched_for": {"ids": len(needles.ids), "rows": sum(map(len, fingerprints.values()))},
            "register_head": rights.register.head,
            "left_out": [str(path) for path in left_out],
            "sealed": found.sealed,
            "equal_to_a_short_id": [asdict(finding) for finding in found.findings],
            "files": [asdict(file) for file in found.files],
        },
        output,
    )


def _less_present(prints: Mapping[str, Collection[str]], folder: Path, key: bytes) -> dict[str, frozenset[str]]:
    """Fingerprints without the rows that the new extract still has."""
    present: Prints = {}
    for path in sorted(folder.glob("*.parquet")):
        columns, rows = row_fingerprints(read_parquet(path), key, IDS)
        present.setdefault(columns, []).extend(rows)
    return {columns: frozenset(rows) - set(present.get(columns, ())) for columns, rows in prints.items()}


def _refuse_residue(request_id: str, found: Scan) -> None:
    clear = [finding for finding in found.findings if finding.what != AMBIGUOUS]
    told = [f"{_inside(finding)}: {finding.count} x {finding.what}" for finding in clear]
    told += [f"{_inside(file)}: cannot be decoded, {file.problem}" for file in found.undecodable]
    if told:
        problem = f"the scan failed in {len(told)} places:\n  " + "\n  ".join(told) + "\n"
        remedy = "Delete those files or have their owner delete the rows, run snakemake, and ask for the receipt again"
        raise StudyError("RESIDUE", f"request {request_id}", problem, remedy)


def _inside(found: Finding | Undecodable) -> str:
    """A file, and where in it."""
    return f"{found.path}, {found.where}" if found.where else found.path
