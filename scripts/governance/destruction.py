"""Destroying all individual-level data at the end of a project, and a certificate that claims only what is true.

In: the study's folders, extracts, keys and register. Out: none of them but the register and the results that hold no
single child; a certificate of what was deleted, what was not, and what only the host of the machine can do. Deleting a
file does not overwrite it, which is not reliable on today's disks anyway; where artefacts were encrypted, destroying
the key is what makes them unreadable (NIST SP 800-88r2, cryptographic erase). An interrupted destruction is done again.
"""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.artefacts import read_json, write_json
from scripts.errors import StudyError
from scripts.governance.register import append, blank_children, locked, read_register
from scripts.governance.rights import PURGED, RECEIPT, Rights
from scripts.integrity.records import CHECKSUMS

PROOF = {RECEIPT, PURGED}
INVENTORY = "inventory.json"
EXTRACTS = "extracts"
CANNOT_TELL = [
    "Backups, snapshots and copies that the host of this machine keeps: ask the host to delete them, keep the answer.",
    "What a disk still holds of deleted files: nothing was overwritten, which is not reliable on flash storage and "
    "copy-on-write file systems.",
    "Copies of the keys that were made for safekeeping, and extracts that lie elsewhere.",
]


def destroy(
    day: str, confirmation: str | None, rights: Rights, extracts: Iterable[str], output: str, settings: dict[str, Any]
) -> None:
    """Delete individual-level artefacts, extracts, request material and keys; register it and write the certificate.

    Parameters
    ----------
    day : today, ISO. confirmation : what was given as `--config confirm=`; has to be the study's title.
    extracts : the files that the study reads; none of a database.
    settings : title; results, the folder; keys, {what: path}; source, of the extracts; encrypted, whether artefacts
        are.

    Raises
    ------
    StudyError : CONFIRM, before anything is deleted. DESTROY, naming artefacts or keys that could not be deleted.
    """
    if confirmation != settings["title"]:
        remedy = f'To go on: snakemake destroy --config confirm="{settings["title"]}"'
        raise StudyError("CONFIRM", "confirm", "destruction is not confirmed by the study's title", remedy)
    results = Path(settings["results"])
    made = {
        "individual-level artefacts": [results / "individual"],
        "checksums of individual-level artefacts": [results / CHECKSUMS / "individual"],
        **{what: [Path(path)] for what, path in settings["keys"].items()},
    }
    kept = {"forms, returns and exports of requests": _request_material(rights.folder)}
    came = {EXTRACTS: [Path(path) for path in extracts]}
    inventory = _inventory(made | kept | came, rights.folder / INVENTORY)
    _refuse_left(_delete(made))
    # While the register does not tell of it, a run that lacks extracts or returns stops before it does anything.
    _register(rights, day)
    _refuse_left(_delete(kept))
    write_json(_certificate(day, inventory, len(_delete(came)), settings), output)
    (rights.folder / INVENTORY).unlink()


def _request_material(folder: Path) -> list[Path]:
    """Everything in the folders of requests but what proves that they were dealt with."""
    return [path for path in sorted(folder.glob("requests/*/*")) if path.name not in PROOF]


def _inventory(doomed: Mapping[str, list[Path]], kept: Path) -> dict[str, dict[str, int]]:
    """Kind -> file -> bytes of what is to be deleted, and what an interrupted destruction listed before."""
    listed = read_json(kept) if kept.is_file() else {}
    for what, paths in doomed.items():
        files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
        listed.setdefault(what, {}).update({str(file): file.stat().st_size for file in files})
    write_json(listed, kept)
    return listed


def _delete(doomed: Mapping[str, list[Path]]) -> list[Path]:
    """Delete files and folders; returns those that could not be."""
    paths = [path for listed in doomed.values() for path in listed]
    for path in paths:
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return [path for path in paths if path.exists()]


def _refuse_left(left: list[Path]) -> None:
    if left:
        problem = f"{len(left)} files or folders could not be deleted: {', '.join(map(str, left))}"
        raise StudyError("DESTROY", "destroy", problem, "Have them deleted by whoever may, then run this again")


def _register(rights: Rights, day: str) -> None:
    with locked(rights.folder):
        register = read_register(rights.folder)
        if register.destroyed:
            return
        blank_children(rights.folder, list(register.requests))
        for request in (found.id for found in register.requests.values() if not found.form_deleted):
            append(rights.folder, {"request": request, "event": "form_deleted", "date": day})
        append(rights.folder, {"request": None, "event": "destroyed", "date": day})


def _certificate(
    day: str, inventory: Mapping[str, Mapping[str, int]], n_left: int, settings: dict[str, Any]
) -> dict[str, Any]:
    encrypted = "were encrypted, and their key is destroyed" if settings["encrypted"] else "were not encrypted"
    true = [
        "No individual-level artefact, request form, return, export or key of this study is left where it was kept.",
        f"Individual-level artefacts {encrypted}.",
        "Without the key of the ids, nobody can tell from a re-keyed id which record it stood for.",
    ]
    not_claimed = list(CANNOT_TELL)
    if n_left:
        not_claimed.insert(
            0, f"{n_left} files of the extracts, which may not be deleted from here: their owner deletes them."
        )
    if settings["source"] == "database":
        not_claimed.insert(0, "The tables of the database that the extracts came from: their owner deletes them.")
    return {
        "study": settings["title"],
        "day": day,
        "listed_for_deletion": [
            {"what": what, "files": len(files), "bytes": sum(files.values())} for what, files in inventory.items()
        ],
        "true": true,
        "kept": ["The register of requests, receipts, and results about groups of children, small counts among them."],
        "not_claimed": not_claimed,
    }
