"""The matching job leaves its files, also for a cohort without rows, and the same bytes each time."""

from pathlib import Path

import polars as pl
import pytest

from scripts.artefacts import read_results
from scripts.matching.job import match
from tests.matching.cohorts import cohort, settings


def run(folder: Path, frame: pl.DataFrame) -> list[bytes]:
    """Run the job; the bytes of its outputs."""
    frame.write_parquet(folder / "cohort.parquet")
    matched = folder / "matched.parquet"
    tables = {name: str(folder / f"{name}.csv") for name in ("balance", "balance_overall", "dropped", "overlap")}
    match(str(folder / "cohort.parquet"), str(matched), tables, settings() | {"overlap_bins": 4})
    return [Path(path).read_bytes() for path in (matched, *tables.values())]


@pytest.mark.parametrize("rows", [None, 0])
def test_outputs_follow_the_contract(tmp_path: Path, rows: int | None) -> None:
    frame = cohort(gaps=0.1).head(rows) if rows is not None else cohort(gaps=0.1)
    run(tmp_path, frame)
    matched = pl.read_parquet(tmp_path / "matched.parquet")
    added = {"stratum": pl.UInt32, "individual_weight": pl.Float64, "weight": pl.Float64}
    assert matched.schema == dict(frame.schema) | added
    overall = read_results("balance_overall", tmp_path / "balance_overall.csv")
    after = overall.filter(pl.col("stage") == "after")
    assert after["n_rows_treated"].sum() + after["n_rows_comparator"].sum() == matched.height
    assert {"age"} <= set(read_results("balance", tmp_path / "balance.csv")["covariate"])


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    assert run(tmp_path, cohort()) == run(tmp_path, cohort())
