"""docs/traps.md is true: every trap has a row, its choices exist, its counts exist, and a test of its number exists."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from scripts.artefacts import results_contract
from scripts.clean.traps import TITLES, counted_traps, trap_of_check, trap_of_reason

ROOT = Path(__file__).parent.parent.parent
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "traps.md").read_text(encoding="utf-8")
ROWS = {
    line[2:6]: [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| T-")
}
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
ALL = [f"T-{number:02d}" for number in range(1, 41)]


def trap_of(expression: pl.Expr) -> str | None:
    return pl.select(expression).item()


def test_the_forty_traps_are_on_the_page_under_their_titles() -> None:
    assert list(ROWS) == list(TITLES) == ALL
    assert all(ROWS[trap][0] == f"{trap} {TITLES[trap]}" for trap in ALL)


@pytest.mark.parametrize("trap", ALL)
def test_a_trap_has_a_test_of_its_number(trap: str) -> None:
    assert re.search(rf"def test_t{trap[2:]}_", TESTS)


@pytest.mark.parametrize("trap", ALL)
def test_the_choices_named_exist(trap: str) -> None:
    cell = ROWS[trap][3]
    keys = re.findall(r"`([^`]+)`", cell)
    assert keys or cell.startswith("none: ")
    for key in keys:
        if key.startswith("schemas/"):
            assert (ROOT / key).exists()
            continue
        node: Any = CONFIG
        for part in key.split("."):
            assert part in node, key
            node = node[part]


@pytest.mark.parametrize("trap", ALL)
def test_the_counts_named_are_counted_under_this_trap(trap: str) -> None:
    cell = ROWS[trap][4]
    by_book = re.findall(r"(ledger|ingest|table) ((?:`[^`]+`(?:, )?)+)", cell)
    assert by_book or "impossible by construction" in cell
    for book, names in by_book:
        for name in re.findall(r"`([^`]+)`", names):
            if book == "table":
                assert name in results_contract()
                continue
            expression = trap_of_reason if book == "ledger" else trap_of_check
            found = trap_of(expression(pl.lit(name.replace("…", "x"))))
            assert found == trap or (name == "open_episode" and found == "T-29"), name
    if trap in counted_traps():
        assert by_book
