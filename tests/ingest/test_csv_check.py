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
