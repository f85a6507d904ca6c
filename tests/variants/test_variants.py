"""Variants: what may be changed, and that changing nothing of substance gives the study's own estimate."""

from copy import deepcopy
from pathlib import Path

import pytest

from scripts.config.schema import schema_mistakes
from scripts.config.strict_yaml import read_yaml
from scripts.config.variants import overlaid, variant_mistakes

CHOICE = {"name": "a", "label": "A", "outcomes": ["icpc"]}


def test_a_change_replaces_only_what_it_names_and_alters_nothing() -> None:
    base = {"outcomes": {"a": {"x": 1, "y": [1, 2]}, "b": {"x": 2}}}
    before = deepcopy(base)
    assert overlaid(base, {"outcomes": {"a": {"y": [3]}}}) == {"outcomes": {"a": {"x": 1, "y": [3]}, "b": {"x": 2}}}
    assert base == before


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (CHOICE | {"change": {"dates.data_start": "2009-04-01"}}, "dates.data_start"),
        (CHOICE, "changes nothing"),
        (CHOICE | {"change": {"cleaning.nfa_conflict": "median"}}, "nfa_conflict"),
        (CHOICE | {"change": {"outcomes.icpc.windowdays": 3}}, "windowdays"),
    ],
)
def test_a_variant_that_cannot_be_run_is_refused_by_its_place(choice: dict, told: str) -> None:
    study = read_yaml(Path(__file__).parents[2] / "config.yaml")
    study["variants"]["choices"] = [choice]
    found = schema_mistakes(study) or list(variant_mistakes(study))
    lines = [f"{'.'.join(map(str, each.path))}: {each.problem}" for each in found]
    assert any(told in line and line.startswith("variants.choices.0") for line in lines), lines
