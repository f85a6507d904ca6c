"""A small study and its results tables, for the tests of the page: two outcomes, numbers that can be checked by eye."""

from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import contract_schema
from scripts.config.strict_yaml import read_yaml
from scripts.report.study import Study

DAYS, SHARE = "assessment_duration", "icpc"
ROOT = Path(__file__).parents[2]


def small_config() -> dict[str, Any]:
    """The default configuration with two outcomes."""
    config = read_yaml(ROOT / "config.yaml")
    return config | {"outcomes": {key: config["outcomes"][key] for key in (DAYS, SHARE)}}


STUDY = Study.of(small_config())


def rows(table: str, *given: dict[str, Any]) -> pl.DataFrame:
    """A results table of rows; columns that are not given are null."""
    return pl.DataFrame(list(given), schema=contract_schema(table))


def conclusion(outcome: str, **numbers: Any) -> dict[str, Any]:
    """A row of `conclusions`: an effect of low strength, unless told otherwise."""
    row = {"primary": 1, "finding": "effect", "rating": "low", "reason": "Because.", "method": "WCR"}
    counts = {"n_children": 1234, "n_las": 8, "n_treated_las": 3}
    return {"outcome": outcome} | row | counts | numbers
