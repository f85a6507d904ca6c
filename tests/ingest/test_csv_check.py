"""Ragged lines are found whatever the quoting, the line ends and the chunks the file is read in."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import StudyError
from scripts.ingest import tabular

CELL = st.text(alphabet='ab,"\n é', max_size=4)
LINES = st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=8)


@given(LINES, st.integers(1, 7), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_count_agrees_with_a_csv_reader(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], chunk: int, end: str, quoted: bool
) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(lines)
    path = tmp_path_factory.getbasetemp() / "check.csv"
    path.write_bytes(stream.getvalue().encode())
    width = len(lines[0])
    ragged = sum(len(line) not in (0, width) for line in csv.reader(io.StringIO(stream.getvalue(), newline="")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular, "CHUNK_BYTES", chunk)
        if not ragged:
            tabular.check_csv(path, width)
            return
        with pytest.raises(StudyError, match=rf"{ragged} lines do not have the {width} fields"):
            tabular.check_csv(path, width)


@pytest.mark.parametrize("content", ["a,b\n1,2", "a,b\n1,2\n\n", "a,b\r\n\r\n1,2\r\n", "\ufeffa,b\n1,2\n"])
def test_blank_lines_and_a_missing_last_line_end_are_let_pass(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content.encode())
    tabular.check_csv(path, 2)
    assert tabular.read_header(path) == ["a", "b"]


def test_a_last_line_without_an_end_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,2\n3")
    with pytest.raises(StudyError, match="1 lines"):
        tabular.check_csv(path, 2)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('a,b\nx"y,2\n"1",2\n', "not paired"),
        ('a,b\nx"y"z,2\n', "2 quotation marks are misplaced"),
        ('a,b\n"x"y,2\n', "1 quotation marks are misplaced"),
        ('a,b\n x"",2\n', "misplaced"),
        ('a,b\n"1","2"x', "misplaced"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_quotes_surround_whole_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, problem: str, chunk: int
) -> None:
    """Readers differ about quotes elsewhere, so what a field holds would depend on the reader."""
    path = tmp_path / "x.csv"
    path.write_text(content)
    monkeypatch.setattr(tabular, "CHUNK_BYTES", chunk)
    with pytest.raises(StudyError, match=problem):
        tabular.check_csv(path, 2)


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_quotes_doubled_inside_and_fields_over_lines_are_let_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'\xef\xbb\xbf"a","b"\r\n"say ""no""","two\r\nlines"\r\n"",""""\r\n')
    monkeypatch.setattr(tabular, "CHUNK_BYTES", chunk)
    tabular.check_csv(path, 2)
    assert tabular.read_header(path) == ["a", "b"]


@pytest.mark.parametrize("header", ["2014-05-06,b", "P1000703784,b", "510,b", '"a\nb",c', "=1+1,b", "a,12"])
def test_a_header_that_looks_like_values_is_refused_without_telling_them(tmp_path: Path, header: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{header}\n1,2\n")
    with pytest.raises(StudyError, match=r"names of the header look like values \(columns [12]\)") as caught:
        tabular.read_header(path)
    assert not any(name in str(caught.value) for name in header.split(",") if len(name) > 2)


@pytest.mark.parametrize("name", ["CIN_LA_09", "FSMeligible_SPR14", "EVERFSM_6_P", "la_9code", "IDACIScore_15"])
def test_names_with_digits_are_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{name},\n1,2\n")
    assert tabular.read_header(path) == [name, "unnamed 2"]
