"""`bin/rights`: the register of requests on the command line, independent of Snakemake.

In: arguments, and what lies in a request's folder. Out: an event more in the register, or one error and nothing
changed. The child's id is asked for when it is not given, so that it stays out of the shell's history.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

from scripts.artefacts import read_json
from scripts.config.load import load_study
from scripts.config.strict_yaml import read_yaml
from scripts.config.variants import overlaid
from scripts.errors import StudyError
from scripts.governance.acceptance import accept, ingested, key_of
from scripts.governance.register import ANSWERS, Register, Request, append, blank_children, locked
from scripts.governance.rights import EFFECTS, FORM, HELD, NEEDLES, RECEIPT, RETURN, Rights
from scripts.integrity.digest import file_digest
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from scripts.privacy.encryption import name_key
from scripts.workflow.digests import RememberedDigests
from scripts.workflow.study import Study

DAYS = ("received", "sent", "returned", "purged", "completed", "lifted", "withdrawn", "form_deleted")
HELP = {
    "add": "register a request that was received; a restriction or objection is in force from then on",
    "sent": "register that the request was sent to the DfE",
    "returned": "check and register the forms in governance/requests/ID/return/",
    "lift": "end a restriction or objection; the child's rows come back",
    "withdraw": "register that the person withdrew the request; what was returned has no effect any more",
    "complete": "register the decision; what proves that it was carried out has to be there",
    "delete-form": "delete the request's form and return, which have to go some months after the DfE's response",
    "show": "list the requests",
    "verify": "check the register's chain of hashes",
}


def study_of(config_files: list[Path]) -> Study:
    """The study of config.yaml and further configuration files laid over it, as Snakemake has it."""
    files = [Path("config.yaml"), *config_files]
    config = reduce(overlaid, (read_yaml(path) for path in files))
    study = load_study(config, files, set(POPULATIONS), set(MEASURES))
    name_key(study)
    return Study(study, RememberedDigests(Path(".snakemake/digests.json")))


def add(study: Study, given: argparse.Namespace) -> Register:
    """Register a request.

    Raises
    ------
    StudyError : REQUEST, if the LA is none of the study's or nothing is held about the child. Only a request for access
        is registered then, because "nothing" is an answer to it.
    """
    if given.la not in study.plan.sources:
        raise StudyError("REQUEST", f"LA {given.la}", "it is no LA of the extracts", f"Use {study.plan.sources}")
    child = (given.child or input("Child id in the extract: ")).strip()
    key = key_of(study, given.la, child)
    held = any(key in frame["child_id"] for frame in ingested(given.la).values())
    if not held and given.kind != "access":
        problem = "unknown: nothing is held about this child of the LA"
        raise StudyError("REQUEST", f"request {given.request}", problem, "Check the id and the LA")
    named = {"kind": given.kind, "la": given.la, "child": child, "key": key}
    return _append(study.rights, {"request": given.request, "event": "received", "date": given.date} | named)


def returned(study: Study, given: argparse.Namespace) -> Register:
    """Check, compile and register a return; counts of what it was checked against are printed."""
    register = accept(study, given.request, given.date)
    for form, counts in read_json(study.rights.of(given.request) / EFFECTS)["counts"].items():
        print(f"{form}: " + ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items()))
    print("Preview what it means: snakemake -n")
    return register


def sent(study: Study, given: argparse.Namespace) -> Register:
    """Register that a request was sent to the DfE."""
    return _append(study.rights, {"request": given.request, "event": "sent", "date": given.date})


def lift(study: Study, given: argparse.Namespace) -> Register:
    """End a restriction or objection."""
    return _append(study.rights, {"request": given.request, "event": "lifted", "date": given.date})


def withdraw(study: Study, given: argparse.Namespace) -> Register:
    """Register that a request was withdrawn.

    Raises
    ------
    StudyError : REQUEST, if rows were purged already, which cannot be undone.
    """
    request = study.rights.request(given.request)
    if request.purged:
        raise StudyError("REQUEST", f"request {request.id}", "its rows were purged already", "Complete it")
    register = _append(study.rights, {"request": given.request, "event": "withdrawn", "date": given.date})
    return _done_with(study.rights, request, register)


def complete(study: Study, given: argparse.Namespace) -> Register:
    """Register a decision, with the digests of what proves that it was carried out.

    Raises
    ------
    StudyError : REQUEST, if the proof is missing, or what was returned says otherwise than the decision.
    """
    rights, reasons = study.rights, study.plan.config["governance"]["reasons"]
    request = rights.request(given.request)
    if given.reason not in reasons:
        problem = "the reason is none of governance.reasons"
        raise StudyError("REQUEST", f"request {request.id}", problem, f"Use one of {', '.join(reasons)}")
    proof = _proof(rights, request) if given.decision == "granted" else _refused(request)
    decided = {"decision": given.decision, "reason": given.reason, "files": {p.name: file_digest(p) for p in proof}}
    event = {"request": request.id, "event": "completed", "date": given.date}
    return _done_with(rights, request, _append(rights, event | decided))


def _proof(rights: Rights, request: Request) -> list[Path]:
    """The files that show that a request was carried out."""
    folder = rights.of(request.id)
    if request.kind == "access":
        return _present(request, [folder / HELD], f"snakemake held --config request={request.id} recipient=cert.pem")
    if request.kind == "rectification":
        return _present(request, [folder / EFFECTS], f"bin/rights returned {request.id}")
    if request.kind == "restriction" or (request.kind == "objection" and not request.returned):
        return []
    proof = _present(request, [folder / RECEIPT], f"snakemake receipt --config request={request.id}")
    after = {event["hash"] for event in rights.register.events[_purged_at(rights.register, request) :]}
    if not request.purged or read_json(proof[0])["register_head"] not in after:
        problem = "its receipt is older than the purge"
        raise StudyError("REQUEST", f"request {request.id}", problem, "Ask for the receipt again")
    return proof


def _purged_at(register: Register, request: Request) -> int:
    """Position of the event that registered the purge."""
    named = [e["number"] for e in register.events if (e["request"], e["event"]) == (request.id, "purged")]
    return named[0] - 1 if named else len(register.events)


def _present(request: Request, files: list[Path], remedy: str) -> list[Path]:
    if absent := [path.name for path in files if not path.is_file()]:
        problem = f"{', '.join(absent)} is missing, which proves that it was carried out"
        raise StudyError("REQUEST", f"request {request.id}", problem, f"Run first: {remedy}")
    return files


def _refused(request: Request) -> list[Path]:
    if set(request.returns) - {"held"}:
        problem = "contradictory: the DfE returned what is to be done, so it is not refused"
        raise StudyError("REQUEST", f"request {request.id}", problem, "Grant it, or withdraw it")
    return []


def _done_with(rights: Rights, request: Request, register: Register) -> Register:
    """Nobody has to find the child in an extract any more."""
    with locked(rights.folder):
        blank_children(rights.folder, [request.id])
    (rights.of(request.id) / NEEDLES).unlink(missing_ok=True)
    return register


def delete_form(study: Study, given: argparse.Namespace) -> Register:
    """Delete a request's form, return and sealed export, and register that.

    Raises
    ------
    StudyError : REQUEST, if the request is still open.
    """
    request = study.rights.request(given.request)
    if request.open:
        problem = "it is still open, and its form may be needed"
        raise StudyError("REQUEST", f"request {request.id}", problem, "Complete or withdraw it first")
    folder = study.rights.of(request.id)
    for path in (folder / FORM, folder / RETURN):
        shutil.rmtree(path, ignore_errors=True)
    (folder / HELD).unlink(missing_ok=True)
    register = _append(study.rights, {"request": request.id, "event": "form_deleted", "date": given.date})
    return _done_with(study.rights, request, register)


def show(study: Study, given: argparse.Namespace) -> Register:
    """List requests, or the one given; never the child's id."""
    register = study.rights.register
    for request in register.requests.values():
        days = {name: getattr(request, name) for name in DAYS}
        told = ", ".join(f"{name} {day}" for name, day in days.items() if day)
        in_force = "; in force" if request.withholds else ""
        print(f"{request.id}: {request.kind}, LA {request.la}, {request.status}{in_force} ({told})")
    return register


def verify(study: Study, given: argparse.Namespace) -> Register:
    """Check the chain, which reading does, and tell its head."""
    register = study.rights.register
    print(f"{len(register.events)} events; head {register.head}")
    return register


def _append(rights: Rights, event: dict[str, Any]) -> Register:
    with locked(rights.folder):
        return append(rights.folder, event)


COMMANDS: dict[str, Callable[[Study, argparse.Namespace], Register]] = {
    "add": add,
    "sent": sent,
    "returned": returned,
    "lift": lift,
    "withdraw": withdraw,
    "complete": complete,
    "delete-form": delete_form,
    "show": show,
    "verify": verify,
}


def parser() -> argparse.ArgumentParser:
    """The arguments of `bin/rights`."""
    top = argparse.ArgumentParser(prog="bin/rights", description="The register of requests (docs/governance.md).")
    top.add_argument("--configfile", action="append", type=Path, default=[], help="as Snakemake was given; repeatable")
    commands = top.add_subparsers(dest="command", required=True)
    for name, help_text in HELP.items():
        command = commands.add_parser(name, help=help_text, description=help_text)
        if name in ("show", "verify"):
            continue
        command.add_argument("request", help="the request's id, of your choice")
        today = date.today().isoformat()
        command.add_argument("--date", type=_day, default=today, help="when it happened, yyyy-mm-dd; today if left out")
        if name == "add":
            command.add_argument("--kind", choices=list(ANSWERS), required=True)
            command.add_argument("--la", required=True, help="source LA, three digits")
            command.add_argument("--child", help="the pseudonymous id in the extract; asked for if left out")
        if name == "complete":
            command.add_argument("--decision", choices=("granted", "refused"), required=True)
            command.add_argument("--reason", required=True, help="a key of governance.reasons")
    return top


def _day(text: str) -> str:
    """A date that is not in the future."""
    day = date.fromisoformat(text)
    if day > date.today():
        raise argparse.ArgumentTypeError("the day is in the future")
    return day.isoformat()


def main(arguments: list[str]) -> int:
    """Carry out one command; exit status 1 after a StudyError, with its one line on standard error."""
    given = parser().parse_args(arguments)
    try:
        register = COMMANDS[given.command](study_of(given.configfile), given)
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1
    if given.command not in ("show", "verify"):
        print(f"Registered as event {len(register.events)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
