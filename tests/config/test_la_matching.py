"""Keys of `matching.las` that demand something of each other, and what they make stale."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scripts.config.load import load_study
from scripts.errors import StudyError
from scripts.workflow.digests import RememberedDigests
from scripts.workflow.study import Study
from tests.config.test_crosschecks import DEFAULT, MEASURES, POPULATIONS


def changed(listed: bool = False, **las: Any) -> dict[str, Any]:
    """The default study with keys of `matching.las` replaced; the first pilot has no list of comparators."""
    study = deepcopy(DEFAULT)
    study["matching"]["las"] |= las
    if not listed:
        del study["las"]["pilots"][0]["comparators"]
    return study


@pytest.mark.parametrize(
    ("las", "expected"),
    [
        ({"method": "neighbours"}, "matching.las.neighbours_file: needed because matching.las.method is neighbours"),
        ({"method": "neighbour"}, 'matching.las.method: "neighbour" is not one of mahalanobis, neighbours'),
        ({"balance_thresholds": [0.25, 0.05]}, "[0.25, 0.05] is not in strictly ascending order"),
        ({"balance_thresholds": [0.05]}, "matching.las.balance_thresholds"),
        ({"variable_calipers": {"outcome_levle": 1.0}}, "did you mean `outcome_level`?"),
        ({"variable_calipers": {"outcome_level": 0}}, "matching.las.variable_calipers.outcome_level: 0"),
        ({"caliper": 0}, "matching.las.caliper: 0"),
        ({"min_known_share": 1.2}, "matching.las.min_known_share: 1.2"),
    ],
)
def test_mistakes_name_the_key(las: dict[str, Any], expected: str) -> None:
    with pytest.raises(StudyError) as error:
        load_study(changed(**las), [], POPULATIONS, MEASURES)
    assert expected in str(error.value)


def test_calipers_on_variables_outside_the_profile_are_allowed() -> None:
    las = {"profile": ["outcome_level"], "variable_calipers": {"outcome_trend": 1.0, "population_density": 0.5}}
    load_study(changed(**las, caliper=2.5), [], POPULATIONS, MEASURES)


def study(folder: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]) -> Study:
    monkeypatch.setenv("HOME", str(folder / "home"))
    (folder / "work").mkdir(exist_ok=True)
    monkeypatch.chdir(folder / "work")
    return Study(config, RememberedDigests(folder / "digests.json"), lambda: True)


def test_a_file_of_neighbours_is_known_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = {}
    for name, text in (("a.csv", "one"), ("b.csv", "one"), ("c.csv", "two")):
        path = tmp_path / name
        path.write_text(text)
        made = study(tmp_path, monkeypatch, changed(method="neighbours", neighbours_file=str(path)))
        assert made.neighbours_files("icpc") == [str(path)]
        stamps[name] = made.digest("match_las", "icpc")
    assert stamps["a.csv"] == stamps["b.csv"] != stamps["c.csv"]


def test_a_missing_file_of_neighbours_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(tmp_path, monkeypatch, changed(method="neighbours", neighbours_file="nowhere.csv"))
    with pytest.raises(StudyError, match=r"matching\.las\.neighbours_file: there is no such file"):
        made.stamp("match_las", "icpc")


@pytest.mark.parametrize(("method", "listed"), [("mahalanobis", False), ("neighbours", True)])
def test_a_file_that_decides_nothing_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, listed: bool
) -> None:
    config = changed(listed, method=method, neighbours_file="nowhere.csv")
    made = study(tmp_path, monkeypatch, config)
    assert made.neighbours_files("icpc") == [] and made.stamp("match_las", "icpc")["from"]["neighbours"] == []


def test_the_events_of_every_la_of_the_outcome_are_in_the_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = study(tmp_path, monkeypatch, changed(listed=True))
    assert set(listed.stamp("match_las", "icpc")["from"]) == {
        *listed.plan.las_of("icpc"),
        "la_covariates",
        "neighbours",
    }
    assert len(listed.plan.las_of("icpc")) < len(listed.plan.las)
