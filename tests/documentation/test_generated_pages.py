"""The pages written out of schemas, configuration and code are those that the project carries."""

from pathlib import Path

import polars as pl
import pytest
import yaml

from scripts.config.load import load_study
from scripts.documentation.job import pages
from scripts.documentation.lineage import COVARIATE, OUTCOME, uses
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS

ROOT = Path(__file__).parent.parent.parent


def test_dictionary_and_minimisation_page_are_up_to_date() -> None:
    """After a change of schemas, aliases, register or outcomes: `snakemake --cores 1 documentation`."""
    files = [ROOT / "config.yaml"]
    study = load_study(yaml.safe_load(files[0].read_text()), files, set(POPULATIONS), set(MEASURES))
    for name, text in pages(study).items():
        carried = (ROOT / "docs" / f"{name.replace('_', '-')}.md").read_text(encoding="utf-8")
        assert carried == text, name


def test_what_an_outcome_uses_is_found_by_spoiling_a_column() -> None:
    table = pl.DataFrame({"child_id": ["a", "b", "c"], "day": [1, 2, 3], "need": ["x", "y", "z"], "idle": [7, 8, 9]})

    def analyse(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        frame = tables["t"]
        dates = [frame["day"].alias(name) for name in ("index_date", "event_end", "post_date", "outcome")]
        return {"o": frame.select("child_id", *dates, "need")}

    found = uses({"t": table}, analyse)
    assert found == {("t", "day"): {"o": OUTCOME}, ("t", "need"): {"o": COVARIATE}, ("t", "idle"): {}}


def test_a_column_the_sample_leaves_empty_cannot_be_judged() -> None:
    empty = pl.DataFrame({"child_id": ["a"], "day": [None]})
    with pytest.raises(ValueError, match=r"no value in t\.day"):
        uses({"t": empty}, lambda tables: {})
