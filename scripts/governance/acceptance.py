"""Accepting a DfE return: the forms are checked against the store and compiled, and only then is the event registered.

In: the study, a request and the forms in its folder. Out: beside them `effects.json` (what the workflow applies;
re-keyed), `needles.json` if rows are to be erased (what a later scan looks for), a swapped-in extract, and the
register's event with their digests. Whatever does not fit is refused before anything is written, and an interrupted
acceptance leaves the register as it was, so it is simply done again.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, write_json
from scripts.errors import StudyError
from scripts.governance import forms
from scripts.governance.effects import Frames, RowKey, as_json
from scripts.governance.forms import Store
from scripts.governance.needles import INDIVIDUAL, needles
from scripts.governance.register import Register, Request, append, locked, refuse_inconsistent
from scripts.governance.rights import EFFECTS, EXTRACT, NEEDLES, RETURN
from scripts.governance.source_edits import holds_child, reading_of
from scripts.ingest.layout import TABLES, load_layouts
from scripts.ingest.sources import IngestSettings
from scripts.integrity.digest import file_digest
from scripts.privacy.keys import key_path, pseudonyms, read_key
from scripts.workflow.study import Study

ERASING = ("deletion", "objection")

Files = dict[str, list[str]]


def key_of(study: Study, la: str, child: str) -> str:
    """The re-keyed id of a child of a source LA."""
    frame = pl.DataFrame({"child_id": [child]}, schema={"child_id": pl.String})
    return pseudonyms(frame, ["child_id"], la, project_key(study))["child_id"].item()


def project_key(study: Study) -> bytes:
    """The key that re-keys ids."""
    return read_key(key_path(study.plan.config["privacy"]["key_file"]))


def ingested(la: str) -> Frames:
    """The canonical tables of a source LA as ingest left them.

    Raises
    ------
    StudyError : REQUEST, if the LA has not been ingested.
    """
    paths = {table: INDIVIDUAL / "ingested" / la / f"{table}.parquet" for table in TABLES}
    if not all(path.is_file() for path in paths.values()):
        raise StudyError("REQUEST", f"LA {la}", "its tables are not there to check against", "Run snakemake first")
    return {table: read_parquet(path) for table, path in paths.items()}


def accept(study: Study, request_id: str, day: str) -> Register:
    """Check, compile and register the return that lies in the request's folder.

    Raises
    ------
    StudyError : REQUEST or RETURN; nothing is changed then.
    """
    rights = study.rights
    folder = rights.of(request_id)
    with locked(rights.folder):
        event = {"request": request_id, "event": "returned", "date": day, "returns": forms.forms_in(folder / RETURN)}
        refuse_inconsistent(rights.register, event)
        request = rights.register.requests[request_id]
        earlier = rights.in_force([request.la]).effects
        store = Store(ingested(request.la), earlier, request.child or "", request.key)
        effects, counts = forms.compiled(folder / RETURN, request_id, request.la, store)
        facts: dict[str, Any] = {"counts": counts}
        if EXTRACT in event["returns"]:
            new_files = _new_files(study, request, folder / RETURN / EXTRACT)
            if request.kind in ERASING and not _holds(study, request, new_files):
                # The new extract has lost the child, so a later one may not bring it back.
                effects = replace(effects, deleted=(*effects.deleted, RowKey(None, request.key, {})))
            facts["before"] = {la: table_counts(ingested(la)) for la in study.replaced_las(request_id)}
            shutil.rmtree(folder / EXTRACT, ignore_errors=True)
            shutil.copytree(folder / RETURN / EXTRACT, folder / EXTRACT)
        if request.kind in ERASING:
            write_json(needles(study, request, store.supplied, effects, project_key(study)), folder / NEEDLES)
        write_json(as_json(effects) | facts, folder / EFFECTS)
        files = {f"{RETURN}/{path.name}": file_digest(path) for path in sorted((folder / RETURN).glob("*.csv"))}
        return append(rights.folder, event | {"files": files | {EFFECTS: file_digest(folder / EFFECTS)}})


def _holds(study: Study, request: Request, files: Files) -> bool:
    """Whether some row of these files is the child's."""
    settings = IngestSettings.of(study.settings.ingest(request.la))
    return holds_child(reading_of(request.la, files, settings), request.key, project_key(study))


def _new_files(study: Study, request: Request, folder: Path) -> Files:
    """The files of a returned extract by kind.

    Raises
    ------
    StudyError : RETURN, if nothing can be replaced by it, it lacks files, holds others' or is the one there is.
    """
    extracts, place = study.extracts, f"{request.id}/{RETURN}/{EXTRACT}"
    if extracts.source not in ("per_la", "national"):
        remedy = "Change the data where they are; only LAs whose rows changed run anew"
        raise StudyError("RETURN", place, f"extracts.source {extracts.source} has no files to replace", remedy)
    national = extracts.source == "national"
    found = extracts.in_folder(folder, request.la)
    lacking = [k for k, layout in load_layouts(extracts.format).items() if layout.required and not found[k]]
    foreign = [path.name for path in folder.iterdir() if not national and path.name != request.la]
    if lacking or foreign:
        problem = f"no {', '.join(lacking)} files" if lacking else f"holds {', '.join(foreign)} beside LA {request.la}"
        raise StudyError("RETURN", place, problem, "Lay it out like extracts.folder, with this LA alone")
    if _contents(found) == _contents(extracts.kept_files(request.la)):
        raise StudyError("RETURN", place, "duplicate: it is the extract that is there already", "Nothing was changed")
    return found


def _contents(files: Files) -> dict[str, str]:
    return {Path(path).name: file_digest(Path(path)) for paths in files.values() for path in paths}


def table_counts(frames: Frames) -> dict[str, dict[str, int]]:
    """Rows and distinct children of each table."""
    return {name: {"rows": len(f), "children": f["child_id"].n_unique()} for name, f in frames.items()}
