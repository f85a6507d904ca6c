"""A run as a crate: what it says is true of the files, and holds nothing about single children."""

import json
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from scripts.integrity.digest import file_digest
from scripts.provenance.crate import PROFILE, Software, Step, moment, run_crate

SOFTWARE = Software("0.1.0", "abc123", "3.11.7", {"polars": "2.1.0", "numpy": "2.4.6"})
STUDY = {"title": "A study", "description": "Results", "conditions": "Stay inside", "organisation": "A university"}
EXTRACT = {"name": "510/CIN_2014.csv", "size_bytes": 12, "sha256": "0" * 64}
STEPS = [
    Step("clean", "scripts.clean.job", ("ledger",), 8, 1.5, 1000.0, 1010.0),
    Step("impute", "scripts.imputation.job", (), 14, 60.0, 1005.0, 1100.0),
    Step("report", "scripts.report.job", (), 1, 2.0, 1100.0, 1102.0),
]


@pytest.fixture
def crate(tmp_path: Path) -> ROCrate:
    """The crate as the library that others read it with does."""
    paths = ("aggregate/ledger.csv", "report/index.html", "crate/config.json")
    for path in paths:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    files = {p: {"label": f"About {p}", "bytes": len(p), "sha256": file_digest(tmp_path / p)} for p in paths}
    told = run_crate(STUDY, SOFTWARE, [EXTRACT], files, STEPS, "2026-11-27")
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(told))
    return ROCrate(tmp_path)


def test_the_root_conforms_to_the_profile_and_says_whose_it_is(crate: ROCrate) -> None:
    root = crate.root_dataset
    assert root["conformsTo"].id == PROFILE and root["name"] == "A study" and str(root["datePublished"]) == "2026-11-27"
    assert root["publisher"]["name"] == root["author"]["name"] == "A university"
    assert root["license"]["description"] == "Stay inside"


def test_files_are_there_with_their_checksums(crate: ROCrate) -> None:
    files = {entity.id: entity for entity in crate.data_entities}
    assert set(files) == {"aggregate/ledger.csv", "report/index.html", "crate/config.json"}
    for path, entity in files.items():
        assert entity["sha256"] == file_digest(Path(crate.source) / path) and entity["contentSize"] == str(len(path))


def test_the_run_used_software_configuration_and_extracts_to_make_the_results(crate: ROCrate) -> None:
    run = crate.get("#run")
    software = run["instrument"]
    assert software["softwareVersion"] == "0.1.0" and "abc123" in software["identifier"]
    assert {each["name"]: each["softwareVersion"] for each in software["softwareRequirements"]} == {
        "polars": "2.1.0",
        "numpy": "2.4.6",
        "Python": "3.11.7",
    }
    assert {each["name"] for each in run["object"]} == {"About crate/config.json", "510/CIN_2014.csv"}
    assert {each.id for each in run["result"]} == {"aggregate/ledger.csv", "report/index.html"}
    assert (run["startTime"], run["endTime"]) == (moment(1000), moment(1102)) and "23 jobs of 3 stages" in run[
        "description"
    ]


def test_every_stage_is_an_action_with_what_it_made(crate: ROCrate) -> None:
    actions = {each.id: each for each in crate.root_dataset["mentions"]}
    assert set(actions) == {"#run", "#stage-clean", "#stage-impute", "#stage-report"}
    assert actions["#stage-clean"]["result"].id == "aggregate/ledger.csv"
    assert actions["#stage-report"]["result"].id == "report/index.html"
    assert actions["#stage-impute"]["result"]["name"] == "Files that are no part of the crate"
    assert actions["#stage-impute"]["description"] == "14 jobs of scripts.imputation.job, 60.0 seconds in all"


def test_equal_runs_make_equal_crates() -> None:
    arguments = (STUDY, SOFTWARE, [EXTRACT], {}, STEPS, "2026-11-27")
    assert run_crate(*arguments) == run_crate(*arguments)
