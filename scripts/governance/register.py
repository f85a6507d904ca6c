"""The register of requests: events in the order they happened, appended and never changed, each hashing the one before.

In: `requests.yaml`. Out: the state of every request, which is a fold over its events; or an error that says which event
was tampered with. A request is never edited, so what was known and decided on a day can be shown later. The hash leaves
out the original id of the child, so that it can be blanked when the request is done and the chain still holds; the
re-keyed id is covered and means nothing once the key is destroyed (disclosure-and-governance section 5).
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from scripts.artefacts import write_text
from scripts.config.strict_yaml import read_yaml
from scripts.errors import StudyError

FILE = "requests.yaml"
SCHEMA_FILE = Path(__file__).parents[2] / "schemas" / "requests.schema.json"
FIRST = "0" * 64
NOT_HASHED = ("hash", "child")
WITHHOLDING = ("restriction", "objection")
HEADER = "# Written by bin/rights and the workflow alone; a change by hand breaks the chain and stops every run.\n"

Event = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A request as its events leave it. Dates are ISO texts, None where the event has not happened.

    key : the re-keyed id of the child; child : the one in the extract, None once blanked. effects : SHA-256 of the
    compiled return. superseded : whether a later erasure of the child ended its effects.
    """

    id: str
    kind: str
    la: str
    key: str
    received: str
    child: str | None = None
    sent: str | None = None
    returned: str | None = None
    returns: tuple[str, ...] = ()
    effects: str | None = None
    purged: str | None = None
    lifted: str | None = None
    withdrawn: str | None = None
    completed: str | None = None
    decision: str | None = None
    reason: str | None = None
    form_deleted: str | None = None
    superseded: bool = False

    @property
    def open(self) -> bool:
        """Whether something is still to be done about it."""
        return not (self.completed or self.withdrawn)

    @property
    def withholds(self) -> bool:
        """Whether the child's rows are kept out of everything derived: from receipt until lifted or refused."""
        ended = self.lifted or self.withdrawn or self.superseded or self.decision == "refused"
        return self.kind in WITHHOLDING and not ended

    @property
    def status(self) -> str:
        """One word for listings."""
        for name in ("superseded", "withdrawn", "lifted", "completed", "purged", "returned", "sent"):
            if getattr(self, name):
                return name
        return "received"


@dataclass(frozen=True)
class Register:
    """The events of a register that has been checked, and the requests they make."""

    events: tuple[Event, ...] = ()

    @property
    def head(self) -> str:
        """Hash of the last event: who has noted it can tell later whether events were cut off."""
        return self.events[-1]["hash"] if self.events else FIRST

    @property
    def destroyed(self) -> str | None:
        """The day on which all individual-level data were destroyed."""
        return next((event["date"] for event in self.events if event["event"] == "destroyed"), None)

    def superseded_by(self, request: str) -> list[str]:
        """The earlier requests whose effects ended when a request was purged."""
        purges = (event for event in self.events if (event["request"], event["event"]) == (request, "purged"))
        return [other for event in purges for other in event.get("supersedes", [])]

    @cached_property
    def requests(self) -> dict[str, Request]:
        """Id -> request, in order of receipt."""
        found: dict[str, Request] = {}
        for event in self.events:
            if event["event"] == "received":
                named = {name: event[name] for name in ("kind", "la", "key", "child")}
                found[event["request"]] = Request(event["request"], received=event["date"], **named)
            elif event["request"] is not None:
                found[event["request"]] = _after(found[event["request"]], event)
            for other in event.get("supersedes", []):
                found[other] = replace(found[other], superseded=True)
        return found


def _after(request: Request, event: Event) -> Request:
    changes: dict[str, Any] = {event["event"]: event["date"]}
    if event["event"] == "returned":
        changes |= {"returns": tuple(event["returns"]), "effects": event["files"]["effects.json"]}
    if event["event"] == "completed":
        changes |= {"decision": event["decision"], "reason": event["reason"]}
    return replace(request, **changes)


def read_register(folder: Path) -> Register:
    """The register of a governance folder; an empty one if there is none.

    Raises
    ------
    StudyError : REGISTER, if it breaks its schema or its chain; CONFIG, if it is no YAML. No field's value is told.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return Register()
    content = read_yaml(path)
    broken = sorted({"/".join(map(str, error.absolute_path)) or "top" for error in _validator().iter_errors(content)})
    if broken:
        problem = f"breaks schemas/{SCHEMA_FILE.name} at {', '.join(broken)}"
        raise StudyError("REGISTER", str(path), problem, "Restore it from a backup; only bin/rights writes it")
    previous = FIRST
    for position, event in enumerate(content["events"], start=1):
        if (event["number"], event["previous"], event["hash"]) != (position, previous, hash_of(event)):
            problem = f"event {position} was changed, removed or put in afterwards: its hash does not fit"
            raise StudyError("REGISTER", str(path), problem, "Restore it from a backup; only bin/rights writes it")
        previous = event["hash"]
    return Register(tuple(content["events"]))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def hash_of(event: Event) -> str:
    """SHA-256 of an event as JSON with sorted keys, without its hash and the child's original id."""
    hashed = {name: value for name, value in event.items() if name not in NOT_HASHED}
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the register's lock, so that of two writers the second sees what the first wrote."""
    Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    with (Path(folder) / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def append(folder: Path, event: Event) -> Register:
    """Add an event (its fields without number and hashes) and return the register; the caller holds `locked`.

    Raises
    ------
    StudyError : REQUEST, if the event does not fit what went before; nothing is changed then.
    """
    register = read_register(folder)
    refuse_inconsistent(register, event)
    chained = {"number": len(register.events) + 1, **event, "previous": register.head}
    return _write(folder, (*register.events, chained | {"hash": hash_of(chained)}))


def blank_children(folder: Path, requests: list[str]) -> None:
    """Remove the original ids of these requests' children; the hashes do not cover them."""
    events = read_register(folder).events
    blanked = (event | {"child": None} if _names(event, requests) else event for event in events)
    _write(folder, tuple(blanked))


def _names(event: Event, requests: list[str]) -> bool:
    return event["event"] == "received" and event["request"] in requests


def _write(folder: Path, events: tuple[Event, ...]) -> Register:
    text = yaml.safe_dump({"events": list(events)}, sort_keys=False, allow_unicode=True)
    write_text(HEADER + text, Path(folder) / FILE)
    return Register(events)


# Event -> what must have happened before, and what must not have.
_BEFORE = {"sent": ("received",), "returned": ("sent",), "purged": ("returned",), "lifted": ("received",)}
# Kind of a request -> the forms that answer it.
ANSWERS = {
    "access": {"held"},
    "rectification": {"rectify", "extract"},
    "deletion": {"delete", "extract"},
    "restriction": set(),
    "objection": {"delete", "extract"},
}


def refuse_inconsistent(register: Register, event: Event) -> None:
    """Check an event against all that went before.

    Raises
    ------
    StudyError : REQUEST, naming the request, the rule it breaks and what to do.
    """
    kind, name = event["event"], event["request"]
    if register.destroyed and kind not in ("form_deleted", "destroyed"):
        _refuse(name, f"late: all data were destroyed on {register.destroyed}", "Nothing is left to act on")
    if kind == "destroyed":
        return
    requests = register.requests
    if kind == "received":
        _refuse_repeated(requests, event)
        return
    request = requests.get(name)
    if request is None:
        _refuse(name, "there is no such request", f"Add it first; known: {', '.join(requests) or 'none'}")
    _refuse_out_of_order(request, event)
    if kind == "returned":
        _refuse_return(request, event)
    if kind == "lifted" and not request.withholds:
        _refuse(name, "there is nothing to lift", "Only a restriction or objection in force can be lifted")


def _refuse(request: str | None, problem: str, remedy: str) -> None:
    raise StudyError("REQUEST", f"request {request}", problem, remedy)


def _refuse_repeated(requests: dict[str, Request], event: Event) -> None:
    if event["request"] in requests:
        _refuse(event["request"], "duplicate: a request of this id is registered", "Choose another id")
    for other in requests.values():
        if (other.kind, other.key) == (event["kind"], event["key"]) and (other.open or other.withholds):
            remedy = f"Complete or withdraw {other.id} first"
            _refuse(event["request"], f"duplicate: request {other.id} asks the same for this child", remedy)


def _refuse_out_of_order(request: Request, event: Event) -> None:
    kind = event["event"]
    if kind == "form_deleted":
        if request.form_deleted:
            _refuse(request.id, "duplicate: its form was deleted already", "Nothing is left to do")
    elif kind != "lifted" and not request.open:
        _refuse(request.id, f"late: it is {request.status} already", "Register a new request")
    if kind != "form_deleted" and getattr(request, kind):
        _refuse(request.id, f"duplicate: it is {kind} already", "Nothing was changed")
    if request.superseded and kind in ("sent", "returned", "purged"):
        _refuse(request.id, "contradictory: the child was erased on a later request", "Withdraw it")
    for needed in _BEFORE.get(kind, ()):
        if not getattr(request, needed):
            _refuse(request.id, f"it is not {needed} yet", f"Register that it was {needed} first")
    dates = (request.received, request.sent, request.returned, request.purged, request.completed)
    latest = max(day for day in dates if day)
    if event["date"] < latest:
        _refuse(request.id, f"it cannot be {kind} on {event['date']}, before {latest}", "Correct the date")


def _refuse_return(request: Request, event: Event) -> None:
    unfit = sorted(set(event["returns"]) - ANSWERS[request.kind])
    if unfit or not event["returns"]:
        allowed = " or ".join(sorted(ANSWERS[request.kind])) or "nothing: register the decision"
        problem = f"a request for {request.kind} is not answered by {', '.join(unfit) or 'an empty return'}"
        _refuse(request.id, problem, f"Expected: {allowed}")
