"""LAs that consist of several LAs of the extracts: what the plan, the settings and the stamps make of them."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scripts.config.load import load_study
from scripts.workflow.digests import RememberedDigests
from scripts.workflow.plan import Plan
from scripts.workflow.settings import JobSettings
from scripts.workflow.study import Study
from tests.config.test_crosschecks import DEFAULT, MEASURES, POPULATIONS

CHANGE = {"date": "2014-04-01", "old_codes": ["601"], "successors": ["602"], "note": "One county after another"}


def merged(**las: Any) -> dict[str, Any]:
    """The default study with LA 510 made of 601 and 602; other keys of block `las` replaced."""
    study = deepcopy(DEFAULT)
    study["las"] |= {"reorganisations": [CHANGE]} | las
    study["las"]["codes"] = [
        entry | ({"members": ["601", "602"]} if entry["code"] == "510" else {}) for entry in study["las"]["codes"]
    ]
    study["extracts"] |= {"source": "per_la", "folder": "extracts"}
    return study


def test_members_are_sources_and_the_la_is_not() -> None:
    plan = Plan(merged())
    assert plan.members("510") == ["601", "602"] and plan.members("501") == ["501"]
    assert "510" in plan.las and "510" not in plan.sources
    assert plan.sources[8:12] == ["509", "601", "602", "511"] and len(plan.sources) == len(plan.las) + 1


def test_merged_members_are_a_valid_study() -> None:
    assert load_study(merged(), [], POPULATIONS, MEASURES)["las"]["codes"][9]["members"] == ["601", "602"]


def test_the_default_study_meets_no_reorganisation() -> None:
    plan = Plan(DEFAULT)
    assert not any(plan.boundaries(la) or plan.lifetimes(la) for la in plan.las)


def test_only_the_las_a_reorganisation_concerns_are_told_of_it() -> None:
    settings = JobSettings(Plan(merged()))
    assert settings.outcomes("icpc", "510")["outcome"]["boundaries"] == ["2014-04-01"]
    assert settings.outcomes("icpc", "511")["outcome"]["boundaries"] == []
    assert settings.clean("510")["lifetimes"] == {
        "601": {"begins": None, "ends": "2014-04-01"},
        "602": {"begins": "2014-04-01", "ends": None},
    }
    assert settings.clean("511")["lifetimes"] == {}


def test_t24_a_name_reaches_no_job_but_the_page() -> None:
    renamed = deepcopy(DEFAULT)
    for entry in renamed["las"]["codes"]:
        entry["name"] = f"{entry['name']}, County of"
    before, after = JobSettings(Plan(DEFAULT)), JobSettings(Plan(renamed))
    for la in before.plan.las:
        for stage in ("synthetic", "partition", "ingest", "clean"):
            assert before.of(stage, la) == after.of(stage, la)
    for outcome in before.plan.outcomes:
        for la in before.plan.las_of(outcome):
            assert before.of("outcomes", outcome, la) == after.of("outcomes", outcome, la)
        for stage in ("match_las", "cohort", "match", "missingness", "estimate"):
            assert before.of(stage, outcome) == after.of(stage, outcome)
    assert before.report() != after.report()


@pytest.fixture
def extracts(tmp_path: Path) -> Path:
    """A CIN file for every source LA."""
    for la in Plan(merged()).sources:
        (tmp_path / la).mkdir()
        (tmp_path / la / "CIN_2014.csv").write_text(f"LA\n{la}\n")
    return tmp_path


def study_of(folder: Path) -> Study:
    config = merged()
    config["extracts"]["folder"] = str(folder)
    return Study(config, RememberedDigests(folder / "digests.json"))


def test_a_members_file_reaches_its_la_and_no_other(extracts: Path) -> None:
    before = study_of(extracts)
    kept = {la: before.stamp("clean", la) for la in before.plan.las}
    (extracts / "602" / "CIN_2014.csv").write_text("LA\n602\n602\n")
    after = study_of(extracts)
    assert [la for la in after.plan.las if after.stamp("clean", la) != kept[la]] == ["510"]
    assert before.stamp("ingest", "601") == after.stamp("ingest", "601")
    assert set(after.stamp("clean", "510")["from"]["ingest"]) == {"601", "602"}


def test_what_is_read_is_reported_by_source_and_what_is_cleaned_by_la(extracts: Path) -> None:
    study = study_of(extracts)
    assert study.parts("ingest_report") == study.plan.sources
    assert study.parts("ledger") == study.plan.las
