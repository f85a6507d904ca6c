"""Published statistical neighbours: the shape of the file, its mistakes, and the third-party file itself."""

from pathlib import Path

import pytest

from scripts.errors import StudyError
from scripts.matching.neighbours import neighbours_of, read_neighbours

HEADER = "LA num,LA Name,LA number,GOInd,GOReg,SN1,SNP,SN2,SNP,SN3,SNP,"
# As published: a byte order mark, a comma at the end of each line, blank lines, a heading before former LAs.
LINES = [
    "501,Ashmere,501,3,Inner,503,Very Close,502,Close,999,Not Close,",
    "502,Brackenford,502,3,Inner,501,Close,504,Close,503,Not Close,",
    ",,,,,,,,,,,",
    ",Old SNs:,,,,,,,,,,",
    "504,Dunmarsh (Pre LG),504,3,Inner,505,Close,506,Close,503,Close,",
]
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published"
FILE = PUBLISHED / "New_Statistical_Neighbour_Groupings_April_2021.csv"


def written(folder: Path, header: str = HEADER, lines: list[str] = LINES) -> str:
    file = folder / "neighbours.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8-sig")
    return str(file)


def test_the_repeated_header_the_blank_lines_and_the_former_las_are_read(tmp_path: Path) -> None:
    assert read_neighbours(written(tmp_path)) == {
        "501": ["503", "502", "999"],
        "502": ["501", "504", "503"],
        "504": ["505", "506", "503"],
    }


def test_ranks_come_from_the_header_and_not_from_the_order_of_columns(tmp_path: Path) -> None:
    header = "LA num,LA Name,LA number,GOInd,GOReg,SN2,SNP,SN1,SNP,SN3,SNP,"
    assert read_neighbours(written(tmp_path, header))["501"] == ["502", "503", "999"]


def test_neighbours_are_las_of_the_analysis_and_keep_their_published_place(tmp_path: Path) -> None:
    members = {la: [la] for la in ("501", "502", "503")}
    found = neighbours_of(written(tmp_path), ["502", "501"], members)
    assert found.rows() == [("501", "503", 1), ("501", "502", 2), ("502", "501", 1), ("502", "503", 3)]


def test_a_neighbour_that_is_part_of_an_analysis_la_stands_for_it_once(tmp_path: Path) -> None:
    members = {"501": ["501"], "504": ["504"], "600": ["505", "506"], "503": ["503"]}
    assert neighbours_of(written(tmp_path), ["504"], members).rows() == [("504", "600", 1), ("504", "503", 3)]


def test_a_pilot_without_a_row_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as error:
        neighbours_of(written(tmp_path), ["501", "777"], {})
    assert "neighbours.csv, column LA number: there is no row for pilot LAs 777" in str(error.value)


@pytest.mark.parametrize(
    ("header", "lines", "expected"),
    [
        (HEADER.replace("LA number", "Number"), LINES, "column LA number: occurs 0 times in the header"),
        (HEADER.replace("LA num,", "LA number,"), LINES, "column LA number: occurs 2 times in the header"),
        (HEADER.replace("SN1", "First"), LINES, "column SN1: missing"),
        (HEADER.replace("SN2", "SN4"), LINES, "column SN2: missing"),
        (HEADER.replace("SN2", "SN1"), LINES, "column SN2: missing"),
        (HEADER.replace("SNP,SN3", "SN3,SN3"), LINES, "column SN3: occurs 2 times in the header"),
        ("la_code,name", ["501,A"], "column SN1: missing"),
        (HEADER, [LINES[0].replace("503", "E06000001")], "column SN1: 1 values are no three-digit LA codes"),
        (HEADER, [LINES[0].replace("502", "")], "column SN2: 1 values are no three-digit LA codes"),
        (HEADER, [LINES[0].replace(",501,", ",,")], "column LA number: 1 values are no three-digit LA codes"),
        (HEADER, [LINES[0], LINES[0]], "column LA number: 1 LAs have a second row"),
        (HEADER, [LINES[0].replace("999", "503")], "SN1 to SN3: 1 LAs have a neighbour twice, or are their own"),
        (HEADER, [LINES[0].replace("999", "501")], "SN1 to SN3: 1 LAs have a neighbour twice, or are their own"),
        (HEADER, ["501,Ashmere,501,3"], "1 rows do not have the 12 columns of the header"),
        (HEADER, [], "it has 1 lines"),
    ],
)
def test_a_malformed_file_is_refused_by_column(tmp_path: Path, header: str, lines: list[str], expected: str) -> None:
    with pytest.raises(StudyError) as error:
        read_neighbours(written(tmp_path, header, lines))
    assert error.value.code == "NEIGHBOURS" and str(error.value).startswith("NEIGHBOURS: neighbours.csv")
    assert expected in str(error.value)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "neighbours.csv"
    file.write_text("\n".join([HEADER, LINES[0].replace("Ashmere", "Ashm\xe8re")]), encoding="latin-1")
    with pytest.raises(StudyError, match="not UTF-8"):
        read_neighbours(str(file))


@pytest.mark.skipif(not FILE.is_file(), reason=f"the published file is not there: {FILE}")
def test_the_file_as_published() -> None:
    """152 LAs and the four that a reorganisation had ended; three neighbours read off the file."""
    lists = read_neighbours(str(FILE))
    assert len(lists) == 156 and {len(codes) for codes in lists.values()} == {10}
    assert (lists["201"][0], lists["202"][9], lists["928"][0]) == ("207", "302", "886")
    assert {code for codes in lists.values() for code in codes} <= set(lists)
