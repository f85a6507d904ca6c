"""The table of gaps by hand, and the files of the imputation jobs."""

from pathlib import Path

import polars as pl

from scripts.artefacts import read_results
from scripts.imputation.job import impute, missingness
from scripts.imputation.missingness import missingness_table
from tests.matching.cohorts import cohort, settings


def test_gaps_are_counted_in_rows_and_children() -> None:
    frame = pl.DataFrame(
        {
            "la_code": ["1", "1", "1", "2", "2"],
            "child_id": ["a", "a", "b", "a", "b"],
            "treated": [1, 1, 1, 0, 0],
            "post": [0, 0, 0, 1, 1],
            "gender": ["Missing", "Missing", "1", "2", "1"],
            "age": [1.0, 2.0, 3.0, None, 5.0],
        }
    )
    table = missingness_table(frame, ["gender", "age"])
    assert table.rows() == [
        ("gender", 0, 1, 2, 0, 0.0, 2, 0),
        ("gender", 1, 0, 3, 2, 2 / 3, 2, 1),
        ("age", 0, 1, 2, 1, 0.5, 2, 1),
        ("age", 1, 0, 3, 0, 0.0, 2, 0),
    ]


def test_jobs_write_the_completed_rows_and_the_table(tmp_path: Path) -> None:
    frame = cohort(gaps=0.2).with_columns(disability=pl.lit(None, pl.Int8))
    frame.write_parquet(tmp_path / "rows.parquet")
    impute(str(tmp_path / "rows.parquet"), str(tmp_path / "completed.parquet"), settings())
    completed = pl.read_parquet(tmp_path / "completed.parquet")
    assert completed.columns == [name for name in frame.columns if name != "disability"]
    assert completed["age"].null_count() == 0
    missingness(str(tmp_path / "rows.parquet"), str(tmp_path / "missing.csv"), settings())
    table = read_results("missingness", tmp_path / "missing.csv")
    assert table.filter(pl.col("covariate") == "disability")["share_missing"].to_list() == [1.0] * 4
    assert set(table["covariate"]) == {"gender", "age", "disability", "density", "rating"}


def test_jobs_handle_a_cohort_without_rows(tmp_path: Path) -> None:
    cohort().head(0).write_parquet(tmp_path / "rows.parquet")
    impute(str(tmp_path / "rows.parquet"), str(tmp_path / "completed.parquet"), settings())
    missingness(str(tmp_path / "rows.parquet"), str(tmp_path / "missing.csv"), settings())
    assert pl.read_parquet(tmp_path / "completed.parquet").height == 0
    assert read_results("missingness", tmp_path / "missing.csv").height == 0
