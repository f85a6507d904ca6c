"""National files: fingerprints see content and not order; every LA gets its own rows."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.errors import StudyError
from scripts.ingest.discovery import discover, discover_national
from scripts.ingest.partition import fingerprint, partition, partition_names
from tests.ingest.conftest import Extracts, Run
from tests.privacy.test_gate import PRIVACY

Files = dict[str, list[str]]
National = Callable[..., Files]
HEADER = "CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA,CIN_ReferralDate,HomeLA"
ROWS = [
    "c1,2013/2014,501,2013-05-06,x",
    "c2,2013/2014,501,2013-05-07,",
    "c1,2013/2014,502,2013-05-08,x",
    "c3,2013/2014,503,2013-05-09,x",
]
DISABILITIES = ["c1,AUT", "c2,LD", "c3,VIS", "c8,LD"]


def lines(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture
def national(extracts: Extracts) -> National:
    def write(rows: list[str] = ROWS, disabilities: list[str] = DISABILITIES) -> Files:
        folder = extracts({
            "CIN_2013.csv": lines(HEADER, rows),
            "CIN_Disabilities_2009_2019.csv": lines("CIN_LAchildID_Anon,CIN_Disability", disabilities),
            "WWCSC_Assessments__2014_2019_CIN.csv": "a,b,c,d,e,f\n,2014/2015, 501,c1,2014-05-06,\n",
        })  # fmt: skip
        return discover_national(folder, "npd")

    return write


def prints(kind: str, files: Files) -> dict[str, dict[str, Any]]:
    return fingerprint(kind, files[kind][0], files, "npd")


def test_order_does_not_matter_and_rows_are_counted(national: National) -> None:
    before = prints("referrals", national())
    shuffled = ROWS.copy()
    random.Random(1).shuffle(shuffled)
    assert shuffled != ROWS
    assert prints("referrals", national(shuffled)) == before
    assert {la: entry["rows"] for la, entry in before.items()} == {"501": 2, "502": 1, "503": 1}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param([*ROWS[:2], "c1,2013/2014,502,2013-05-08,y", ROWS[3]], id="a value"),
        pytest.param([*ROWS, ROWS[2]], id="a repeated row"),
        pytest.param([*ROWS[:2], "c1,2013/2014,502,2013-05-08x,", ROWS[3]], id="a shifted value"),
        pytest.param([*ROWS[:2], ROWS[3]], id="no row"),
    ],
)
def test_a_change_in_one_la_changes_that_la_only(national: National, changed: list[str]) -> None:
    before, after = prints("referrals", national()), prints("referrals", national(changed))
    assert after.get("502") != before["502"]
    assert (after["501"], after["503"]) == (before["501"], before["503"])


def test_a_repeated_pair_of_rows_does_not_cancel_out(national: National) -> None:
    once, thrice = prints("referrals", national()), prints("referrals", national([*ROWS, ROWS[2], ROWS[2]]))
    assert once["502"] != thrice["502"]


def test_an_empty_text_is_not_the_same_as_another_columns(national: National) -> None:
    one = prints("referrals", national(["c1,2013/2014,501,,x"]))
    other = prints("referrals", national(["c1,2013/2014,501,x,"]))
    assert one != other


def test_disabilities_belong_to_the_las_whose_files_know_the_child(national: National) -> None:
    found = prints("disabilities", national())
    # c1 is known to 501 and 502; nobody knows c8.
    assert {la: entry["rows"] for la, entry in found.items()} == {"501": 2, "502": 1, "503": 1}


def test_assessments_are_divided_by_their_third_column(national: National) -> None:
    assert prints("assessments", national())["501"]["rows"] == 1


def test_every_la_gets_its_rows_of_every_file(national: National, tmp_path: Path) -> None:
    written = partition(
        national(), tmp_path / "parts", {"format": "npd", "las": ["501", "502", "504"], "privacy": PRIVACY}
    )
    assert written["CIN_2013"] == {"501": 2, "502": 1, "504": 0}
    frame = pl.read_parquet(tmp_path / "parts" / "501" / "CIN_2013.parquet")
    assert frame.columns == HEADER.split(",")
    assert set(frame.dtypes) == {pl.String}
    assert frame["CIN_LAchildID_Anon"].to_list() == ["c1", "c2"]
    disabilities = pl.read_parquet(tmp_path / "parts" / "502" / "CIN_Disabilities_2009_2019.parquet")
    assert disabilities["CIN_Disability"].to_list() == ["AUT"]
    assert not (tmp_path / "parts" / "503").exists()


def test_partitioned_files_are_what_ingest_discovers_and_reads(national: National, tmp_path: Path, run: Run) -> None:
    files = national()
    partition(files, tmp_path / "parts", {"format": "npd", "las": ["501"], "privacy": PRIVACY})
    assert discover(tmp_path / "parts", "501", "npd") == partition_names(files, tmp_path / "parts" / "501")
    frames, _ = run(tmp_path / "parts")
    assert {table: frame.height for table, frame in frames.items() if frame.height} == {
        "referrals": 2, "assessments": 1, "disabilities": 2,
    }  # fmt: skip


def test_the_order_of_the_national_file_does_not_reach_the_bytes(national: National, tmp_path: Path) -> None:
    contents = []
    for number, rows in enumerate((ROWS, ROWS[::-1])):
        folder = tmp_path / str(number)
        partition(national(rows), folder, {"format": "npd", "las": ["501"], "privacy": PRIVACY})
        contents.append((folder / "501" / "CIN_2013.parquet").read_bytes())
    assert contents[0] == contents[1]


def test_disabilities_without_cin_files_are_refused(national: National) -> None:
    files = national() | {"referrals": []}
    with pytest.raises(StudyError, match="no LA column"):
        prints("disabilities", files)


def test_the_census_format_has_no_national_files(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no national files"):
        discover_national(tmp_path, "census")


def test_columns_outside_the_register_are_refused_before_a_row_is_copied(national: National, tmp_path: Path) -> None:
    files = national()
    Path(files["disabilities"][0]).write_text("CIN_LAchildID_Anon,CIN_Disability,Surname\nc1,AUT,Example\n")
    settings = {"format": "npd", "las": ["501"], "privacy": PRIVACY}
    with pytest.raises(StudyError, match="Surname") as caught:
        partition(files, tmp_path / "parts", settings)
    assert caught.value.code == "PRIVACY" and "Example" not in str(caught.value)
    assert not (tmp_path / "parts").exists()


def test_discarded_columns_are_copied_empty(national: National, tmp_path: Path) -> None:
    files = national()
    Path(files["disabilities"][0]).write_text("CIN_LAchildID_Anon,CIN_Disability,Surname\nc1,AUT,Example\n")
    settings = {"format": "npd", "las": ["501"], "privacy": PRIVACY | {"discard": ["Surname"]}}
    partition(files, tmp_path / "parts", settings)
    frame = pl.read_parquet(tmp_path / "parts" / "501" / "CIN_Disabilities_2009_2019.parquet")
    assert frame.rows() == [("c1", "AUT", None)]
