"""Files appear whole or not at all, and results tables keep their contract."""

from pathlib import Path

import polars as pl
import pytest

from scripts.artefacts import atomic, contract_schema, pool_results, read_results, write_json, write_results
from scripts.errors import StudyError


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("old")
    with pytest.raises(RuntimeError), atomic(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_makes_its_folder_and_is_readable_by_the_group(tmp_path: Path) -> None:
    write_json({"b": 1, "a": 2}, tmp_path / "new" / "x.json")
    assert (tmp_path / "new" / "x.json").read_text() == '{\n "a": 2,\n "b": 1\n}\n'
    assert (tmp_path / "new" / "x.json").stat().st_mode & 0o400


def ledger(**columns: list[object]) -> pl.DataFrame:
    row = {
        "la_code": ["007"],
        "table": ["referrals"],
        "census_year": [2014],
        "kind": ["rows_in"],
        "reason": [None],
        "n_rows": [3],
        "trap": [None],
    }
    return pl.DataFrame(row | columns)


def test_a_results_table_is_written_in_documented_order_and_codes_keep_their_zeros(tmp_path: Path) -> None:
    write_results(ledger().select("n_rows", pl.exclude("n_rows")), "ledger", tmp_path / "l.csv")
    read = read_results("ledger", tmp_path / "l.csv")
    assert read.columns == list(contract_schema("ledger"))
    assert read["la_code"].item() == "007"


@pytest.mark.parametrize("frame", [ledger(extra=[1]), ledger().drop("n_rows")])
def test_an_undocumented_or_missing_column_is_refused(frame: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="CONTRACT"):
        write_results(frame, "ledger", tmp_path / "l.csv")
    assert not (tmp_path / "l.csv").exists()


def test_parts_are_pooled_in_the_order_given(tmp_path: Path) -> None:
    for name, count in (("b", 2), ("a", 1)):
        write_results(ledger(n_rows=[count]), "ledger", tmp_path / f"{name}.csv")
    pool_results("ledger", [str(tmp_path / "b.csv"), str(tmp_path / "a.csv")], tmp_path / "all.csv")
    assert read_results("ledger", tmp_path / "all.csv")["n_rows"].to_list() == [2, 1]
