"""Tables as they leave: symbols, digits, no formulas, and the same numbers when they are read back."""

from pathlib import Path

import polars as pl
import pytest

from scripts.release.safe_csv import NOT_APPLICABLE, formula_safe, number_text, read_safe, write_safe


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.123456, "0.1235"),
        (-5.14477, "-5.145"),
        (1.4, "1.4"),
        (0.0, "0"),
        (12345.678, "12350"),
        (1e-9, "0.000000001"),
        (7, "7"),
        (None, ":"),
        (float("nan"), ":"),
    ],
)
def test_numbers_have_four_significant_digits(value: float | int | None, told: str) -> None:
    assert number_text(value, 4) == told


def test_a_gap_can_mean_that_there_is_nothing_to_tell() -> None:
    assert number_text(None, 4, NOT_APPLICABLE) == "z"


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-cmd|' /C calc'!A0", "@A1", "\t=1", "\r=1"])
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    assert formula_safe(pl.DataFrame({"name": [text]}))["name"][0] == f"'{text}"


@pytest.mark.parametrize("text", ["-0.5", "+3", "1e-4", "-1 to 4"])
def test_numbers_stay_numbers(text: str) -> None:
    kept = formula_safe(pl.DataFrame({"name": [text]}))["name"][0]
    assert kept == (text if text != "-1 to 4" else f"'{text}")


def test_what_is_read_back_has_the_documented_columns_and_symbols_are_gaps(tmp_path: Path) -> None:
    shown = pl.DataFrame(
        {
            "outcome": ["icpc", "icpc"],
            "covariate": ["age", "age"],
            "treated": ["1", "0"],
            "post": ["0", "0"],
            "n_rows": ["120", "c"],
            "share_missing": ["0.1", "c"],
            "n_children": [":", "c"],
        }
    )
    write_safe(shown, tmp_path / "missingness.csv")
    read = read_safe("missingness", tmp_path / "missingness.csv")
    assert read["n_rows"].to_list() == [120, None] and read["share_missing"].to_list() == [0.1, None]
    assert read["n_children"].to_list() == [None, None] and read["n_children_missing"].null_count() == 2
    assert read["treated"].dtype == pl.Int64


def test_equal_tables_are_equal_bytes(tmp_path: Path) -> None:
    table = pl.DataFrame({"outcome": ["=a", "b"], "n": ["c", "0.5"]})
    for name in ("one", "two"):
        write_safe(table, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
