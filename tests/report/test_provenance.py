"""Choices, protocol, checklist and target trial say what the configuration says."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scripts.config.strict_yaml import read_yaml
from scripts.config.variants import overlaid
from scripts.decisions import decisions, found, in_short, sources, values
from scripts.errors import StudyError
from scripts.report.checklist import items
from scripts.report.page import PARTS
from scripts.report.protocol import DECIDING, differences, fingerprint, flat, protocol_of
from scripts.report.sections import SECTIONS
from scripts.report.trial import target_trial

ROOT = Path(__file__).parents[2]
DEFAULT = read_yaml(ROOT / "config.yaml")
REPLICATION = overlaid(DEFAULT, read_yaml(ROOT / "config" / "replication.yaml"))
BLOCKS = ("cleaning", "outcomes", "covariates", "matching", "imputation", "models", "inference", "evidence")


def test_every_key_that_a_decision_names_is_in_the_configuration() -> None:
    absent = [name for each in decisions() for name in each.keys if not found(name, DEFAULT)]
    assert absent == []


@pytest.mark.parametrize("block", [*BLOCKS, "variants", "completeness"])
def test_every_block_that_decides_has_a_record(block: str) -> None:
    assert any(name.split(".")[0] == block for each in decisions() for name in each.keys)


def test_letters_of_sources_are_explained() -> None:
    used = {letter for each in decisions() for letter in "SRPULWD" if f"[{letter}]" in each.alternatives + each.ours}
    assert used <= set(sources())


def test_a_choice_has_the_values_of_the_run() -> None:
    (which,) = [each for each in decisions() if each.choice.startswith("Which re-referral")]
    key = "outcomes.rereferral_escalation.which_rereferral"
    assert values(which, DEFAULT) == [(key, "first")] and values(which, REPLICATION) == [(key, "last")]


def test_a_star_means_every_key_there_and_long_values_are_counted() -> None:
    assert found("a.*.b", {"a": {"x": {"b": 1}, "y": {"c": 2}, "z": {"b": 3}}}) == [("a.x.b", 1), ("a.z.b", 3)]
    assert in_short(list(range(100))) == "100 entries" and in_short(None) == "null" and in_short("x") == "x"


def study(change: dict[str, Any], deviations: dict[str, str], files: list[str]) -> dict[str, Any]:
    protocol = {"files": files, "registered": "at a registry", "deviations": deviations}
    return overlaid(deepcopy(DEFAULT), change | {"study": {"protocol": protocol}})


def test_nothing_differs_from_ones_own_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told = protocol_of(DEFAULT)
    assert told["differences"] == [] and told["sha256"] == fingerprint(DEFAULT) and told["files"] == ["config.yaml"]
    assert protocol_of(study({}, {}, [])) == {}


def test_a_deviation_is_listed_with_its_reason_or_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    change = {"outcomes": {"icpc": {"window_days": 60}}, "imputation": {"m": 9}}
    told = protocol_of(study(change, {"imputation": "More were wanted."}, ["config.yaml"]))
    assert [(each["key"], each["protocol"], each["now"], each["reason"]) for each in told["differences"]] == [
        ("outcomes.icpc.window_days", 90, 60, None),
        ("imputation.m", 5, 9, "More were wanted."),
    ]


def test_the_replication_differs_from_the_protocol_and_where_extracts_lie_does_not() -> None:
    changed = overlaid(DEFAULT, {"extracts": {"folder": "elsewhere"}, "governance": {"folder": "x"}})
    assert differences(changed, DEFAULT) == [] and fingerprint(changed) == fingerprint(DEFAULT)
    assert "outcomes.kinship.kinship_definition" in {each["key"] for each in differences(REPLICATION, DEFAULT)}
    assert fingerprint(REPLICATION) != fingerprint(DEFAULT)


def test_idle_deviations_and_absent_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(StudyError, match=r"nothing differs from the protocol at imputation\.m"):
        protocol_of(study({}, {"imputation.m": "?"}, ["config.yaml"]))
    with pytest.raises(StudyError, match=r"study\.protocol\.files"):
        protocol_of(study({}, {}, ["nowhere.yaml"]))


def test_the_blocks_compared_exist() -> None:
    assert set(DECIDING) <= set(DEFAULT)
    assert flat({"a": {"b": [1, 2], "c": {}}, "d": 3}) == {"a.b": [1, 2], "a.c": {}, "d": 3}


def test_every_item_of_the_checklists_is_answered_by_a_section_or_a_note() -> None:
    assert {item.guideline for item in items()} == {"STROBE", "RECORD", "TARGET"}
    assert [item for item in items() if bool(item.section) == bool(item.note)] == []
    assert {item.section for item in items() if item.section} <= set(SECTIONS)
    numbers = {name: [item.number for item in items() if item.guideline == name] for name in ("STROBE", "RECORD")}
    assert numbers["STROBE"] == [str(n) for n in range(1, 23)] and len(set(numbers["RECORD"])) == 13


def test_the_pages_sections_come_in_their_order() -> None:
    assert [name for name in SECTIONS if name in PARTS] == list(PARTS)
    assert set(SECTIONS) - set(PARTS) == {"findings", "limits"}


@pytest.mark.parametrize("config", [DEFAULT, REPLICATION])
def test_the_target_trial_follows_the_configuration(config: dict[str, Any]) -> None:
    told = {component: imitation for component, _, imitation in target_trial(config)}
    assert set(told) >= {"Eligibility", "Strategies", "Assignment", "Outcomes", "Contrast", "Assumptions", "Analysis"}
    assert f"imputed {config['imputation']['m']} times" in told["Analysis"]
    changed = overlaid(config, {"matching": {"children": {"method": "entropy"}}})
    assert "entropy balancing" in {row[0]: row[2] for row in target_trial(changed)}["Assignment"]
