"""A destruction that is interrupted anywhere can be done again, because what is left can still be read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.artefacts import write_json
from scripts.errors import StudyError
from scripts.governance import destruction
from scripts.governance.effects import Effects, RowKey, as_json
from scripts.governance.register import append
from scripts.governance.rights import EFFECTS, Rights
from scripts.integrity.digest import file_digest
from tests.governance.stores import OWN

TITLE = "A study"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Artefacts, an extract, a key and a request with a return in force."""
    artefacts = ("results/individual/a/b.parquet", "results/checksums/individual/a/b.parquet.json")
    for name in (*artefacts, "results/aggregate/c.csv", "extracts/510/CIN_2013.csv", "key"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("content")
    governance = tmp_path / "governance"
    effects = governance / "requests" / "R1" / EFFECTS
    write_json(as_json(Effects("R1", "510", (RowKey(None, OWN, {}),))), effects)
    asked = {"kind": "deletion", "la": "510", "child": "100", "key": OWN}
    append(governance, {"request": "R1", "event": "received", "date": "2026-01-10", **asked})
    append(governance, {"request": "R1", "event": "sent", "date": "2026-01-11"})
    files = {"returns": ["delete"], "files": {EFFECTS: file_digest(effects)}}
    append(governance, {"request": "R1", "event": "returned", "date": "2026-01-12", **files})
    return tmp_path


def settings(project: Path) -> dict[str, Any]:
    keys = {"key of the ids": str(project / "key")}
    results = str(project / "results")
    return {"title": TITLE, "results": results, "source": "per_la", "encrypted": False, "keys": keys}


def extracts(project: Path) -> list[str]:
    return [str(path) for path in (project / "extracts").rglob("*.csv")]


def destroy(project: Path, confirmation: str | None = TITLE) -> dict[str, Any]:
    rights, output = Rights(project / "governance", file_digest), project / "governance" / "certificate.json"
    destruction.destroy("2026-06-01", confirmation, rights, extracts(project), str(output), settings(project))
    return json.loads(output.read_text())


def readable(project: Path) -> bool:
    """Whether the next run can start: returns in force are there, and extracts, unless all is said to be destroyed."""
    rights = Rights(project / "governance", file_digest)
    rights.content(["510"])
    return bool(rights.register.destroyed or extracts(project))


def test_everything_individual_goes_and_the_certificate_counts_it(project: Path) -> None:
    certificate = destroy(project)
    left = sorted(str(path.relative_to(project)) for path in project.rglob("*") if path.is_file())
    assert left == [
        "governance/.lock",
        "governance/certificate.json",
        "governance/requests.yaml",
        "results/aggregate/c.csv",
    ]
    assert {entry["what"]: entry["files"] for entry in certificate["listed_for_deletion"]} == {
        "individual-level artefacts": 1,
        "checksums of individual-level artefacts": 1,
        "key of the ids": 1,
        "forms, returns and exports of requests": 1,
        "extracts": 1,
    }
    rights = Rights(project / "governance", file_digest)
    assert rights.register.destroyed == "2026-06-01" and rights.register.requests["R1"].child is None


@pytest.mark.parametrize("confirmation", [None, "yes", TITLE.lower()])
def test_without_the_title_nothing_is_deleted(project: Path, confirmation: str | None) -> None:
    with pytest.raises(StudyError, match="CONFIRM"):
        destroy(project, confirmation)
    assert (
        extracts(project)
        and (project / "key").exists()
        and not Rights(project / "governance", file_digest).register.destroyed
    )


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("step", "call"), [("_delete", 1), ("_delete", 2), ("_delete", 3), ("_register", 1), ("write_json", 2)]
)
def test_interrupted_at_any_step_it_is_done_again(
    step: str, call: int, before: bool, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Callable[..., Any] = getattr(destruction, step)
    calls = 0

    def interrupted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            raise KeyboardInterrupt
        done = original(*arguments)
        if calls == call:
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patch:
        patch.setattr(destruction, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            destroy(project)
    assert readable(project)
    counted = {entry["what"]: entry["files"] for entry in destroy(project)["listed_for_deletion"]}
    assert counted == {"individual-level artefacts": 1, "key of the ids": 1, "extracts": 1} | {
        "forms, returns and exports of requests": 1,
        "checksums of individual-level artefacts": 1,
    }


def test_an_extract_that_may_not_be_deleted_is_its_owners_and_a_key_fails(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {project / "key"}
    unlink = Path.unlink

    def refusing(path: Path, missing_ok: bool = False) -> None:
        if path in kept:
            raise PermissionError(path)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refusing)
    with pytest.raises(StudyError, match="1 files or folders could not be deleted"):
        destroy(project)
    assert not Rights(project / "governance", file_digest).register.destroyed
    kept.clear()
    kept.update(map(Path, extracts(project)))
    assert any("their owner deletes them" in line for line in destroy(project)["not_claimed"])
