"""Rows leave extract files, and every other byte stays."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import StudyError
from scripts.governance.effects import RowKey
from scripts.governance.source_edits import holds_child, pupil_ids, reading_of, rewrite_without, take_out
from scripts.ingest.discovery import discover, discover_national
from scripts.ingest.sources import IngestSettings
from scripts.integrity.digest import file_digest
from scripts.integrity.supplied import refuse_differing
from scripts.privacy.keys import pseudonyms
from tests.ingest.conftest import SHARED
from tests.ingest.test_census import CENSUS

KEY, LA = b"k" * 32, "510"
SETTINGS = IngestSettings(format="npd", max_unreadable_share=0.5)
CIN = (
    "CIN_LA,CIN_LAchildID_Anon,CIN_PupilMatchingRefAnonymous,CIN_ACADYR,CIN_ReferralDate,CIN_PrimaryNeedCode\r\n"
    "510,100,P1,2013/2014,2013-05-01,N1\r\n"
    "510, 100 ,P1,2013/2014,2013-07-01,N1\r\n"
    '510,200,P2,2013/2014,2013-05-01,"N,\n1"\r\n'
    "510,,P3,2013/2014,2013-05-01,N1\r\n"
    "\r\n"
    "510,100,PX,2013/2014,2013-05-01,N2"
)
SECTION47 = "CIN_LAchildID_Anon,CIN_LA,CIN_DateOfInitialCPC\n100,510,2013-06-01\n200,510,2013-06-01\n"


def keyed(child: str, la: str = LA) -> str:
    return pseudonyms(pl.DataFrame({"child_id": [child]}), ["child_id"], la, KEY)["child_id"].item()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / LA
    place.mkdir()
    (place / "CIN_2013.csv").write_text(CIN, newline="")
    (place / "CIN_Section47.csv").write_text(SECTION47)
    return tmp_path


def erase(folder: Path, *rows: RowKey) -> dict[str, int]:
    done = take_out(reading_of(LA, discover(folder, LA, "npd"), SETTINGS), rows, KEY, national=False)
    return {Path(path).name: count for path, count in done.items()}


def test_a_whole_child_leaves_every_file_and_nothing_else_changes(folder: Path) -> None:
    assert erase(folder, RowKey(None, keyed("100"), {})) == {"CIN_2013.csv": 3, "CIN_Section47.csv": 1}
    lines = CIN.split("\r\n")
    left = "\r\n".join([lines[0], lines[3], lines[4], lines[5], ""])
    assert (folder / LA / "CIN_2013.csv").read_bytes().decode() == left
    assert erase(folder, RowKey(None, keyed("100"), {})) == {}


def test_a_list_of_checksums_stays_true_however_the_edit_is_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder / LA
    listed = {path.name: file_digest(path) for path in sorted(place.iterdir())}
    (place / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in listed.items()))
    reading, rows = reading_of(LA, discover(folder, LA, "npd"), SETTINGS), [RowKey(None, keyed("100"), {})]
    with monkeypatch.context() as patch:
        # After the list was told, before the file is in place.
        patch.setattr(Path, "replace", _interrupted_at("CIN_2013.csv"))
        with pytest.raises(KeyboardInterrupt):
            take_out(reading, rows, KEY, national=False, checksums="SHA256SUMS")
    assert file_digest(place / "CIN_2013.csv") == listed["CIN_2013.csv"]
    take_out(reading, rows, KEY, national=False, checksums="SHA256SUMS")
    refuse_differing(place / "SHA256SUMS", {path: file_digest(path) for path in place.glob("*.csv")})


def _interrupted_at(name: str) -> Callable[[Path, Path], Path]:
    replace = Path.replace

    def interrupted(path: Path, target: Path) -> Path:
        if target.name == name:
            raise KeyboardInterrupt
        return replace(path, target)

    return interrupted


def test_single_rows_leave_by_their_canonical_values(folder: Path) -> None:
    row = RowKey("referrals", keyed("100"), {"referral_date": "2013-05-01", "primary_need": "N1"})
    assert erase(folder, row) == {"CIN_2013.csv": 1}
    assert "510,100,P1,2013/2014,2013-05-01,N1\r\n" not in (folder / LA / "CIN_2013.csv").read_bytes().decode()
    assert (folder / LA / "CIN_Section47.csv").read_text() == SECTION47


def test_the_mode_of_a_file_without_such_rows_and_its_time_stay(folder: Path) -> None:
    before = (folder / LA / "CIN_2013.csv").stat()
    assert erase(folder, RowKey("section47", keyed("100"), {})) == {"CIN_Section47.csv": 1}
    after = (folder / LA / "CIN_2013.csv").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_parquet_keeps_its_types(folder: Path) -> None:
    path = folder / LA / "CIN_2013.parquet"
    (folder / LA / "CIN_2013.csv").unlink()
    frame = pl.DataFrame(
        {
            "CIN_LA": [510, 510],
            "CIN_LAchildID_Anon": [100, 200],
            "CIN_ACADYR": ["2013/2014"] * 2,
            "CIN_ReferralDate": ["2013-05-01"] * 2,
        }
    )
    frame.write_parquet(path)
    assert erase(folder, RowKey(None, keyed("100"), {})) == {"CIN_2013.parquet": 1, "CIN_Section47.csv": 1}
    assert pl.read_parquet(path).equals(frame[1:])


def test_a_national_file_loses_the_rows_of_the_la_alone(folder: Path) -> None:
    national = folder / "national"
    national.mkdir()
    other = "511,100,P9,2013/2014,2013-05-01,N1\r\n"
    (national / "CIN_2013.csv").write_text(CIN + "\r\n" + other, newline="")
    reading = reading_of(LA, discover_national(national, "npd"), SETTINGS)
    take_out(reading, [RowKey(None, keyed("100"), {})], KEY, national=True)
    left = (national / "CIN_2013.csv").read_bytes().decode()
    assert other in left and left.count(",100,") == 1


def test_a_national_file_without_las_cannot_tell_two_children_of_one_id_apart(folder: Path) -> None:
    national = folder / "national"
    national.mkdir()
    (national / "CIN_2013.csv").write_text(CIN + "\r\n511,100,P9,2013/2014,2013-05-01,N1\r\n", newline="")
    (national / "CIN_Disabilities_2009_2019.csv").write_text("CIN_LAchildID_Anon,CIN_Disability\n100,MOB\n")
    reading = reading_of(LA, discover_national(national, "npd"), SETTINGS)
    before = {path: path.read_bytes() for path in national.iterdir()}
    with pytest.raises(StudyError, match="another LA uses the child's id too"):
        take_out(reading, [RowKey(None, keyed("100"), {})], KEY, national=True)
    assert {path: path.read_bytes() for path in national.iterdir()} == before


def test_rows_in_an_xml_return_are_refused_and_others_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "cin.xml").write_text(CENSUS)
    settings = IngestSettings(format="census", max_unreadable_share=0.5)
    reading = reading_of("501", {"cin_xml": [str(tmp_path / "cin.xml")]}, settings)
    own, another = keyed("c1", "501"), keyed("c2", "501")
    assert holds_child(reading, own, KEY) and not holds_child(reading, another, KEY)
    with pytest.raises(StudyError, match="cannot be taken out of an XML return"):
        take_out(reading, [RowKey(None, own, {})], KEY, national=False)
    assert take_out(reading, [RowKey(None, another, {})], KEY, national=False) == {}
    assert pupil_ids(reading, [own], KEY) == frozenset()


def test_an_extract_that_may_not_be_changed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(path)

    monkeypatch.setattr("scripts.governance.source_edits.atomic", refuse)
    with pytest.raises(StudyError, match="may not be changed here"):
        erase(folder, RowKey(None, keyed("100"), {}))


def test_a_child_is_found_and_its_own_pupil_ids_are(folder: Path) -> None:
    reading = reading_of(LA, discover(folder, LA, "npd"), SETTINGS)
    assert holds_child(reading, keyed("100"), KEY) and not holds_child(reading, keyed("300"), KEY)
    assert not holds_child(reading, keyed("100", "511"), KEY)
    assert pupil_ids(reading, [keyed("100")], KEY) == {"P1", "PX"}
    with (folder / LA / "CIN_2013.csv").open("a", newline="") as stream:
        stream.write("\r\n510,200,P1,2013/2014,2013-08-01,N1\r\n")
    assert pupil_ids(reading, [keyed("100")], KEY) == {"PX"}


@given(
    st.lists(st.lists(st.text("ab,\"\n '", max_size=4), min_size=2, max_size=2), min_size=1, max_size=8),
    st.data(),
)
def test_what_is_left_is_what_a_csv_reader_reads(rows: list[list[str]], data: st.DataObject) -> None:
    """Against the csv module as the independent reader: any text, quoted as polars writes it."""
    doomed = data.draw(st.sets(st.integers(0, len(rows) - 1)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        pl.DataFrame(rows, schema=["x", "y"], orient="row").write_csv(path, quote_style="always")
        rewrite_without(path, doomed)
        with path.open(newline="") as stream:
            left = list(csv.reader(stream))
    assert left == [["x", "y"], *(row for number, row in enumerate(rows) if number not in doomed)]


RECORDS = SHARED / "records"


@pytest.mark.skipif(not RECORDS.is_dir(), reason="the third-party example files are not beside the project")
def test_a_child_leaves_a_return_that_others_made(tmp_path: Path) -> None:
    """An SSDA903 return of 5,050 episodes; against the csv module as the independent reader."""
    folder = tmp_path / "975" / "ssda903"
    folder.mkdir(parents=True)
    for name in ("header", "episodes", "uasc"):
        shutil.copy(RECORDS / "ssda903-d2i" / f"{name}.csv", folder)
    before = {path: list(csv.reader(path.open(newline=""))) for path in sorted(folder.iterdir())}
    child = before[folder / "episodes.csv"][1][0]
    reading = reading_of("975", discover(tmp_path, "975", "census"), IngestSettings("census", 0.5))
    taken = take_out(reading, [RowKey(None, keyed(child, "975"), {})], KEY, national=False)
    for path, rows in before.items():
        kept = [rows[0], *(row for row in rows[1:] if row[0] != child)]
        assert list(csv.reader(path.open(newline=""))) == kept
        assert taken.get(str(path), 0) == len(rows) - len(kept)
    assert taken[str(folder / "episodes.csv")] >= 1 and not holds_child(reading, keyed(child, "975"), KEY)
