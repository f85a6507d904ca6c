"""Extracts are what was sent, if a list of checksums came with them."""

import hashlib
from pathlib import Path

import pytest

from scripts.errors import StudyError
from scripts.integrity.supplied import read_list, refuse_differing, renew

TEXT = "a,b\n1,2\n3,4\n"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "501"
    (place / "903").mkdir(parents=True)
    (place / "CIN_2014.csv").write_text(TEXT)
    (place / "903" / "episodes.csv").write_text(TEXT)
    # Both forms that sha256sum writes, and one that Windows tools do.
    lines = [f"{digest(TEXT)}  CIN_2014.csv", f"{digest(TEXT).upper()} *903\\episodes.csv"]
    (place / "SHA256SUMS").write_text("\r\n".join(lines))
    return place


def check(folder: Path) -> None:
    files = [folder / "CIN_2014.csv", folder / "903" / "episodes.csv"]
    refuse_differing(folder / "SHA256SUMS", {path: digest(path.read_text()) for path in files if path.is_file()})


def test_files_as_listed_pass(folder: Path) -> None:
    check(folder)


def test_every_difference_is_told_at_once(folder: Path) -> None:
    (folder / "CIN_2014.csv").write_text(TEXT[:-4])
    (folder / "903" / "episodes.csv").unlink()
    with pytest.raises(StudyError) as caught:
        check(folder)
    text = str(caught.value)
    assert text.startswith("CHECKSUM: 501/SHA256SUMS")
    assert "CIN_2014.csv is not the file that was sent" in text
    assert "903/episodes.csv is in the list and not there" in text


def test_a_file_that_is_not_listed_is_refused(folder: Path) -> None:
    (folder / "SHA256SUMS").write_text(f"{digest(TEXT)}  CIN_2014.csv\n")
    with pytest.raises(StudyError, match=r"903/episodes\.csv is not in the list"):
        check(folder)


@pytest.mark.parametrize("content", [b"abc  CIN_2014.csv\n", b"\xff\xfe", b"0" * 64 + b"CIN_2014.csv"])
def test_a_list_of_another_form_is_refused(folder: Path, content: bytes) -> None:
    (folder / "SHA256SUMS").write_bytes(content)
    with pytest.raises(StudyError, match="1 lines are not a SHA-256 and a file name"):
        check(folder)


def test_a_list_that_did_not_come_is_told(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(StudyError, match="there is no list of checksums"):
        check(folder)


def test_a_file_that_rows_were_taken_out_of_is_listed_anew_and_others_stay(folder: Path) -> None:
    changed = folder / "903" / "episodes.csv"
    renew("SHA256SUMS", changed, digest("a,b\n"))
    assert read_list(folder / "SHA256SUMS") == {
        "CIN_2014.csv": digest(TEXT),
        "903/episodes.csv": digest("a,b\n"),
    }
    changed.write_text("a,b\n")
    check(folder)
