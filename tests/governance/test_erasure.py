"""A purge that is interrupted leaves a register and folders that go together, wherever it stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.artefacts import write_json
from scripts.governance import erasure
from scripts.governance.effects import Effects, RowKey, as_json
from scripts.governance.register import append, read_register
from scripts.governance.rights import EFFECTS, Rights
from scripts.integrity.digest import file_digest
from scripts.privacy.keys import key_id
from tests.governance.stores import OWN


@pytest.fixture
def governance(tmp_path: Path) -> Path:
    """A child with a rectification that was carried out, and a deletion that was returned."""
    folder = tmp_path / "governance"
    asked = {"la": "510", "child": "100", "key": OWN}
    for request, kind, form in (("R1", "rectification", "rectify"), ("R2", "deletion", "delete")):
        deleted = (RowKey(None, OWN, {}),) if form == "delete" else ()
        path = folder / "requests" / request / EFFECTS
        write_json(as_json(Effects(request, "510", deleted)), path)
        (path.parent / "return").mkdir()
        append(folder, {"request": request, "event": "received", "date": "2026-01-10", "kind": kind, **asked})
        append(folder, {"request": request, "event": "sent", "date": "2026-01-11"})
        files = {"returns": [form], "files": {EFFECTS: file_digest(path)}}
        append(folder, {"request": request, "event": "returned", "date": "2026-01-12", **files})
    return folder


def purge(governance: Path) -> Rights:
    """Purge as a run does, and the rights as the next run reads them."""
    key_id(governance.parent / "key", create=True)
    settings: dict[str, Any] = {"format": "npd", "max_unreadable_share": 0.5, "source": "per_la", "checksums": None}
    settings |= {"key_file": str(governance.parent / "key"), "results": str(governance.parent / "results")}
    rights, output = Rights(governance, file_digest), governance / "requests" / "R2" / "purged.json"
    erasure.purge("R2", "2026-01-13", rights, {}, [], str(output), settings)
    return Rights(governance, file_digest)


def test_a_purge_ends_the_effects_of_earlier_requests_about_the_child(governance: Path) -> None:
    rights = purge(governance)
    assert rights.register.requests["R1"].superseded and [r.id for r in rights.of_la("510")] == ["R2"]
    assert not (governance / "requests" / "R1" / EFFECTS).exists()
    assert not (governance / "requests" / "R1" / "return").exists()
    assert (governance / "requests" / "R2" / EFFECTS).exists()


@pytest.mark.parametrize("step", ["append", "_forget", "write_json"])
@pytest.mark.parametrize("before", [True, False])
def test_interrupted_before_or_after_any_step_it_is_done_again(
    step: str, before: bool, governance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Callable[..., Any] = getattr(erasure, step)

    def interrupted(*arguments: Any, **named: Any) -> None:
        if not before:
            original(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(erasure, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            purge(governance)
    # The next run can read what is in force, which a missing return would forbid.
    Rights(governance, file_digest).content(["510"])
    rights = purge(governance)
    events = [event["event"] for event in read_register(governance).events]
    assert events.count("purged") == 1 and [r.id for r in rights.of_la("510")] == ["R2"]
    assert not (governance / "requests" / "R1" / EFFECTS).exists()


def test_a_purge_done_again_leaves_later_requests_alone(governance: Path) -> None:
    purge(governance)
    asked = {"la": "510", "child": "100", "key": OWN}
    append(governance, {"request": "R3", "event": "received", "date": "2026-02-01", "kind": "restriction", **asked})
    (governance / "requests" / "R3" / "return").mkdir(parents=True)
    rights = purge(governance)
    assert rights.register.requests["R3"].withholds and (governance / "requests" / "R3" / "return").is_dir()
