"""What other tools let through when they were run (each a case), and that the gate does not."""

from pathlib import Path

import polars as pl
import pytest

from scripts.artefacts import contract_schema
from scripts.release.contract import disclosed
from scripts.release.gate import ROUND, SUPPRESS, Gate
from scripts.release.safe_csv import WITHHELD, read_safe, write_safe
from tests.release.small_study import gate, judge, tables
from tests.release.test_gate import with_values

SECONDS = 120.0
SMALL = (pl.col("covariate") == "gender") & (pl.col("level") == "1") & (pl.col("arm") == "treated")


@pytest.mark.parametrize("method", [ROUND, SUPPRESS])
def test_small_cells_of_integer_coded_categories_are_withheld_beside_their_margins(method: str) -> None:
    """Margins and categories coded 1, 2, 3 made a tool print what it had suppressed."""
    read = with_values("dropped", SMALL, n_children_dropped=7, n_rows_dropped=7)
    found = Gate.of(judge(read), {"dropped": method})
    found.withhold(SECONDS, whole_release=True)
    shown = found.shown("dropped")
    assert set(shown.filter(SMALL)["n_children_dropped"]) == {WITHHELD}
    assert (shown.filter(pl.col("covariate") == "all")["n_children"] != WITHHELD).any()
    assert found.audit(SECONDS).exposed == []


def test_children_count_and_not_their_rows() -> None:
    read = with_values("dropped", SMALL, n_children=60, n_children_dropped=9, n_rows=90, n_rows_dropped=30)
    found = judge(read).reasons(["dropped"])["dropped"]
    assert {found[i] for i in read["dropped"].with_row_index().filter(SMALL)["index"]} == {"min_children"}


def test_no_smallest_and_no_largest_value_is_among_the_columns_that_leave() -> None:
    leaving = {(name, column["name"]) for name, about in disclosed().items() for column in about.columns}
    words = ("minimum", "maximum", "smallest value", "largest value", "min_", "max_value")
    described = {
        (name, column["name"]): f"{column['name']} {column['description']}".lower()
        for name, about in disclosed().items()
        for column in about.columns
    }
    assert len(leaving) > 150
    assert [
        key
        for key in sorted(leaving)
        if any(word in described[key].replace("minimum detectable", "") for word in words)
    ] == []


def test_a_saturated_model_does_not_leave() -> None:
    size = tables()["estimation_status"]["parameters"].max()
    read = with_values("estimation_status", pl.lit(True), patterns=size, parameters=size)
    assert set(judge(read).reasons(["estimates"])["estimates"]) == {"saturated"}


def test_one_withheld_cell_is_never_the_total_less_the_others() -> None:
    """Tools without secondary suppression leave exactly that."""
    found = Gate.of(judge(), {"dropped": SUPPRESS, "balance": SUPPRESS, "balance_overall": SUPPRESS})
    assert found.audit(SECONDS).exposed
    found.withhold(SECONDS, whole_release=False)
    found.withhold(SECONDS, whole_release=True)
    assert found.audit(SECONDS).exposed == []


def test_what_leaves_is_written_alike_every_time_and_reads_back_with_its_types(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_safe(gate().shown("trends"), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_safe("trends", tmp_path / "one").schema == contract_schema("trends")
