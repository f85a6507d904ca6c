"""Ids are re-keyed: the same child the same pseudonym within an LA, and none that means anything outside."""

import base64
import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from scripts.errors import StudyError
from scripts.privacy.keys import ROOT, key_id, key_path, pseudonyms, read_key

KEY, OTHER = bytes(32), bytes([1] * 32)


def frame(*ids: str | None) -> pl.DataFrame:
    return pl.DataFrame({"child_id": ids}, schema={"child_id": pl.String})


def keyed(*ids: str | None, la: str = "501", key: bytes = KEY) -> list[str | None]:
    return pseudonyms(frame(*ids), ["child_id", "pupil_id"], la, key)["child_id"].to_list()


def test_tables_of_an_la_still_join_and_those_of_two_las_or_projects_do_not() -> None:
    first, second, gap, again = keyed("1", "2", None, "1")
    assert first == again == keyed("1")[0] and first != second and gap is None
    assert keyed("1", la="502") != [first] and keyed("1", key=OTHER) != [first]
    assert first and len(first) == 16 and "1" not in first


def test_the_pseudonym_never_changes_for_a_key() -> None:
    """Pinned: BLAKE2b of "501", a unit separator and "1" under 32 zero bytes, 10 bytes, in base 32."""
    assert keyed("1") == ["evlmztx5mnqsnmlu"]


def test_pseudonyms_are_base_32_of_the_keyed_hash() -> None:
    """As the standard library writes it, for ids of every length; no ids make none."""
    ids = [str(7**power) for power in range(60)]
    hashes = [hashlib.blake2b(f"501\x1f{each}".encode(), key=KEY, digest_size=10).digest() for each in ids]
    assert keyed(*ids) == [base64.b32encode(each).decode("ascii").lower() for each in hashes]
    assert keyed(None, None) == [None, None] and keyed() == []


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "key"
    assert key_id(path, create=False) is None and not path.exists()
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: key_id(path, create=True), range(32)))
    assert len(made) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (only,) = made
    assert only is not None and only not in path.read_text() and key_id(path, create=False) == only


@pytest.mark.parametrize("content", ["", "0" * 63, "g" * 64, "é"])
def test_a_key_that_is_none_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(StudyError, match=r"privacy\.key_file.*does not hold a key") as caught:
        read_key(path)
    assert not content or content not in str(caught.value)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key_id(path, create=True)
    path.chmod(0o640)
    with pytest.raises(StudyError, match="others than its owner"):
        read_key(path)


def test_a_folder_that_cannot_be_written_to_is_named_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"privacy\.key_file.*cannot be made") as caught:
        key_id(tmp_path / "file" / "key", create=True)
    assert caught.value.__context__ is None


def test_the_key_may_not_lie_in_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOMEWHERE", str(tmp_path))
    assert key_path("$SOMEWHERE/key") == tmp_path / "key"
    assert key_path("~/key") == Path(os.path.expanduser("~")) / "key"
    for inside in (f"{ROOT}/results/key", "key"):
        with pytest.raises(StudyError, match="inside the project's folder"):
            key_path(inside)
