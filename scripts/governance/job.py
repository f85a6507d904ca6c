"""Entry points of the steps on request: purge, receipt, held, retention and destroy."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from scripts.artefacts import write_text
from scripts.errors import StudyError
from scripts.governance import destruction, erasure
from scripts.governance.command import Command
from scripts.governance.held import held as write_held
from scripts.governance.held_rows import Child
from scripts.governance.register import Register
from scripts.governance.retention import clocks, overdue, table
from scripts.governance.rights import Rights

Files = dict[str, list[str]]


def purge(
    command: Command, rights: Rights, files: Files, superseded: list[str], output: str, settings: dict[str, Any]
) -> None:
    """Erase what the request's return deletes; see scripts.governance.erasure."""
    request = command.required("request")
    erasure.purge(request, command.today, rights, files, superseded, output, settings)


def receipt(command: Command, rights: Rights, output: str, settings: dict[str, Any]) -> None:
    """Search the project for what was erased; see scripts.governance.erasure."""
    erasure.receipt(command.required("request"), command.asked, rights, output, settings)


def held(command: Command, rights: Rights, files: Files, outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Write everything held about the request's child, sealed for the recipient; see scripts.governance.held.

    Raises
    ------
    StudyError : REQUEST, if it is no open request for access.
    """
    request = rights.request(command.required("request"))
    if request.kind != "access" or not request.open or request.child is None:
        problem = "it is no open request for access"
        raise StudyError("REQUEST", f"request {request.id}", problem, "bin/rights show lists all requests")
    child = Child(la=request.la, ids=(request.child,), keys=(request.key,))
    told = {"reference": request.id, "made": command.today, "recipient": command.required("recipient")}
    write_held(child, told, files, Path(settings["results"]) / "individual", outputs, settings)


def retention(command: Command, register: Register, output: str, settings: dict[str, Any]) -> None:
    """Print both clocks, and write them.

    Raises
    ------
    StudyError : OVERDUE, if one ran out.
    """
    today = date.fromisoformat(command.today)
    months = settings["retention"]
    found = clocks(register, settings["project_completed"], months["data_months"], months["request_months"])
    text = f"Retention on {today}\n{table(found, today)}"
    print(text, flush=True)
    write_text(f"{text}\n", output)
    if late := overdue(found, today):
        problem = f"overdue: {', '.join(clock.what for clock in late)}"
        remedy = "Delete them: snakemake destroy, or bin/rights delete-form REQUEST"
        raise StudyError("OVERDUE", "retention", problem, remedy)


def destroy(command: Command, rights: Rights, extracts: Iterable[str], output: str, settings: dict[str, Any]) -> None:
    """Delete all individual-level data; see scripts.governance.destruction."""
    destruction.destroy(command.today, command.confirm, rights, extracts, output, settings)
