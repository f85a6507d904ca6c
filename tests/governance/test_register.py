"""The register: append-only, hash-chained, and no event that does not fit what went before."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import StudyError
from scripts.governance.register import FILE, append, blank_children, locked, read_register
from tests.workflow.conftest import ROOT

CHILD, KEY, OTHER_KEY = "1000164880", "a" * 16, "b" * 16


def received(request: str, kind: str = "deletion", day: str = "2026-01-10", **changes: Any) -> dict[str, Any]:
    event = {
        "request": request,
        "event": "received",
        "date": day,
        "kind": kind,
        "la": "510",
        "child": CHILD,
        "key": KEY,
    }
    return event | changes


def event(request: str, name: str, day: str, **fields: Any) -> dict[str, Any]:
    return {"request": request, "event": name, "date": day, **fields}


def returned(request: str, *forms: str, day: str = "2026-02-10") -> dict[str, Any]:
    return event(request, "returned", day, returns=list(forms), files={"effects.json": "0" * 64})


def completed(request: str, day: str = "2026-03-01", decision: str = "granted") -> dict[str, Any]:
    return event(request, "completed", day, decision=decision, reason="as_returned", files={})


def written(folder: Path, *events: dict[str, Any]) -> Path:
    for entry in events:
        append(folder, entry)
    return folder / FILE


SENT = event("R1", "sent", "2026-01-12")


def test_events_fold_into_the_state_of_a_request(tmp_path: Path) -> None:
    written(tmp_path, received("R1"), SENT, returned("R1", "delete"))
    request = read_register(tmp_path).requests["R1"]
    assert (request.received, request.sent, request.returned) == ("2026-01-10", "2026-01-12", "2026-02-10")
    assert request.status == "returned" and request.open and request.child == CHILD
    assert not (tmp_path / "nothing").exists() and read_register(tmp_path / "nothing").events == ()


def tampered(text: str, how: str) -> str:
    content = yaml.safe_load(text)
    events = content["events"]
    if how == "a date changed":
        events[1]["date"] = "2026-01-13"
    elif how == "an event removed":
        del events[1]
    elif how == "two events swapped":
        events[0], events[1] = events[1], events[0]
    elif how == "an event put in":
        events.insert(1, dict(events[1]))
    elif how == "the key of the child changed":
        events[0]["key"] = OTHER_KEY
    elif how == "a reason added":
        events[2]["reason"] = "exempt"
    return yaml.safe_dump(content, sort_keys=False)


@pytest.mark.parametrize(
    "how",
    [
        "a date changed",
        "an event removed",
        "two events swapped",
        "an event put in",
        "the key of the child changed",
        "a reason added",
    ],
)
def test_tampering_is_noticed_and_no_value_told(how: str, tmp_path: Path) -> None:
    file = written(tmp_path, received("R1"), SENT, returned("R1", "delete"))
    file.write_text(tampered(file.read_text(), how))
    with pytest.raises(StudyError, match=r"REGISTER.*hash does not fit") as error:
        read_register(tmp_path)
    assert CHILD not in str(error.value) and KEY not in str(error.value)


def test_events_cut_off_at_the_end_show_in_the_head(tmp_path: Path) -> None:
    file = written(tmp_path, received("R1"), SENT)
    head = read_register(tmp_path).head
    content = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({"events": content["events"][:1]}, sort_keys=False))
    assert read_register(tmp_path).head != head


def test_the_original_id_can_be_blanked_and_the_chain_holds(tmp_path: Path) -> None:
    file = written(tmp_path, received("R1"), SENT)
    head = read_register(tmp_path).head
    blank_children(tmp_path, ["R1"])
    assert CHILD not in file.read_text()
    assert read_register(tmp_path).head == head and read_register(tmp_path).requests["R1"].child is None


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "curiosity"), ("la", "51"), ("key", "UPPER"), ("date", "yesterday"), ("note", "Sam")]
)
def test_a_field_that_breaks_the_schema_is_named_without_its_value(field: str, value: str, tmp_path: Path) -> None:
    file = written(tmp_path, received("R1"))
    content = yaml.safe_load(file.read_text())
    content["events"][0][field] = value
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(StudyError, match=r"breaks schemas/requests.schema.json at events/0") as error:
        read_register(tmp_path)
    assert value not in str(error.value)


BEFORE: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "received": [received("R1")],
    "sent": [received("R1"), SENT],
    "returned": [received("R1"), SENT, returned("R1", "delete")],
    "completed": [received("R1"), SENT, returned("R1", "delete"), completed("R1")],
    "withdrawn": [received("R1"), event("R1", "withdrawn", "2026-01-20")],
    "restricted": [received("R1", "restriction")],
    "lifted": [received("R1", "restriction"), event("R1", "lifted", "2026-01-20")],
    "access sent": [received("R1", "access"), SENT],
    "rectification sent": [received("R1", "rectification"), SENT],
    "form deleted": [received("R1"), completed("R1", decision="refused"), event("R1", "form_deleted", "2026-03-02")],
    "destroyed": [received("R1"), event("R1", "withdrawn", "2026-01-20"), event(None, "destroyed", "2026-03-01")],  # type: ignore[arg-type]
    "erased by another": [
        received("R1", "access"),
        received("R2"),
        event("R2", "sent", "2026-01-12"),
        returned("R2", "delete"),
        event("R2", "purged", "2026-02-11", supersedes=["R1"]),
    ],
}


@pytest.mark.parametrize(
    ("before", "next_event", "told"),
    [
        ("nothing", SENT, "there is no such request"),
        ("received", received("R1"), "duplicate: a request of this id"),
        ("received", received("R2"), "duplicate: request R1 asks the same"),
        ("received", returned("R1", "delete"), "it is not sent yet"),
        ("received", event("R1", "sent", "2026-01-09"), "cannot be sent on 2026-01-09, before 2026-01-10"),
        ("received", event("R1", "lifted", "2026-01-20"), "nothing to lift"),
        ("sent", SENT, "duplicate: it is sent already"),
        ("sent", returned("R1", "rectify"), "a request for deletion is not answered by rectify"),
        ("sent", returned("R1"), "not answered by an empty return"),
        ("sent", returned("R1", "delete", day="2026-01-11"), "cannot be returned on 2026-01-11"),
        ("sent", event("R1", "purged", "2026-02-11"), "it is not returned yet"),
        ("returned", returned("R1", "delete"), "duplicate: it is returned already"),
        ("completed", returned("R1", "delete"), "late: it is completed already"),
        ("completed", completed("R1"), "late: it is completed already"),
        ("withdrawn", SENT, "late: it is withdrawn already"),
        ("restricted", returned("R1", "delete"), "it is not sent yet"),
        ("restricted", received("R2", "restriction"), "duplicate: request R1 asks the same"),
        ("lifted", event("R1", "lifted", "2026-01-21"), "duplicate: it is lifted already"),
        ("access sent", returned("R1", "delete"), "a request for access is not answered by delete"),
        ("rectification sent", returned("R1", "delete"), "a request for rectification is not answered by delete"),
        ("form deleted", event("R1", "form_deleted", "2026-03-03"), "duplicate: its form was deleted"),
        ("destroyed", received("R2", day="2026-03-02"), "late: all data were destroyed on 2026-03-01"),
        ("erased by another", SENT, "contradictory: the child was erased"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changed(
    before: str, next_event: dict[str, Any], told: str, tmp_path: Path
) -> None:
    file = written(tmp_path, *BEFORE[before])
    content = file.read_bytes() if file.exists() else b""
    with pytest.raises(StudyError, match=told) as error:
        append(tmp_path, next_event)
    assert error.value.code == "REQUEST" and CHILD not in str(error.value) and KEY not in str(error.value)
    assert (file.read_bytes() if file.exists() else b"") == content


def test_what_fits_is_not_refused(tmp_path: Path) -> None:
    another = received("R2", key=OTHER_KEY)
    written(tmp_path, *BEFORE["returned"], another, received("R3", "access"), completed("R1"))
    assert [request.open for request in read_register(tmp_path).requests.values()] == [False, True, True]


@pytest.mark.parametrize(
    ("events", "withholds"),
    [
        ([received("R1", "restriction")], True),
        ([received("R1", "objection")], True),
        ([received("R1", "deletion")], False),
        ([received("R1", "objection"), completed("R1")], True),
        ([received("R1", "objection"), completed("R1", decision="refused")], False),
        ([received("R1", "restriction"), event("R1", "withdrawn", "2026-01-20")], False),
        ([received("R1", "restriction"), completed("R1"), event("R1", "lifted", "2026-03-20")], False),
    ],
)
def test_a_restriction_is_in_force_from_receipt_until_it_ends(
    events: list[dict[str, Any]], withholds: bool, tmp_path: Path
) -> None:
    written(tmp_path, *events)
    assert read_register(tmp_path).requests["R1"].withholds is withholds


def test_writers_in_several_processes_lose_no_event(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from scripts.governance.register import append, locked\n"
        "folder, name = Path(sys.argv[1]), sys.argv[2]\n"
        "for number in range(5):\n"
        "    with locked(folder):\n"
        "        append(folder, {'request': f'{name}{number}', 'event': 'received', 'date': '2026-01-10',"
        " 'kind': 'access', 'la': '510', 'child': '1', 'key': name * 15 + 'abcde'[number]})\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], cwd=ROOT, env=os.environ) for name in "xyz"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(read_register(tmp_path).requests) == 15


def test_the_lock_is_let_go(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path):
            append(tmp_path, received("R1") if not (tmp_path / FILE).exists() else SENT)
    assert read_register(tmp_path).requests["R1"].sent
