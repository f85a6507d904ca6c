"""Every rule at its boundary, and files of rules that are refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import StudyError
from scripts.release.rules import read_rules
from tests.release.small_study import RULES, rules


@pytest.mark.parametrize(
    ("n", "reason"), [(0, "zeros"), (1, "min_children"), (9, "min_children"), (10, None), (11, None)]
)
def test_children(n: int, reason: str | None) -> None:
    assert rules().children(n) == reason


def test_a_declared_zero_is_shown_and_few_children_are_not() -> None:
    assert rules().children(0, structural=True) is None
    assert rules().children(9, structural=True) == "min_children"
    assert rules().children(None) is None


@pytest.mark.parametrize(
    ("largest", "two_largest", "reason"),
    [
        (0.40, 0.60, None),
        (0.4374, 0.60, None),
        (0.4375, 0.60, "dominance_one"),
        (0.43, 0.669, None),
        (0.43, 0.67, "dominance_abs"),
        (0.43, 0.859, "dominance_abs"),
        (0.43, 0.86, "dominance_two"),
        (0.43, 0.899, "dominance_two"),
        (0.43, 0.90, "dominance_nk"),
        # What the others hold: 0.042 is less than a tenth of 0.43.
        (0.43, 0.958, "dominance_nk"),
        (None, None, None),
    ],
)
def test_dominance_by_both_sets(largest: float | None, two_largest: float | None, reason: str | None) -> None:
    assert rules().dominance(largest, two_largest) == reason


def test_the_p_percent_rule_alone(tmp_path: Path) -> None:
    """With (n, k) and the shares out of the way: others hold 0.049 of 0.5, just less than a tenth, or 0.051."""
    loose = {"dominance_nk": {"contributors": 2, "share": 0.99}, "dominance_one": 0.99, "dominance_two": 0.99}
    loose |= {"dominance_abs": {"one": 0.99, "two": 0.99}}
    judged = read_rules(str(changed(tmp_path, **{f"{name}.value": value for name, value in loose.items()})))
    assert judged.dominance(0.5, 0.951) == "dominance_p"
    assert judged.dominance(0.5, 0.949) is None


@pytest.mark.parametrize(
    ("below", "above", "reason"),
    [(9, 10, "percentile_children"), (10, 9, "percentile_children"), (10, 10, None), (11, 10, None)],
)
def test_percentiles_have_ten_children_on_each_side(below: int, above: int, reason: str | None) -> None:
    assert rules().percentile(below, above) == reason


@pytest.mark.parametrize(("df", "reason"), [(9, "residual_df"), (10, None), (11, None)])
def test_residual_degrees_of_freedom(df: int, reason: str | None) -> None:
    assert rules().regression(n_rows=100 + df, n_terms=100, n_patterns=1000) == reason


@pytest.mark.parametrize(("patterns", "reason"), [(9, "saturated"), (10, "saturated"), (11, None)])
def test_saturated_models_are_refused(patterns: int, reason: str | None) -> None:
    assert rules().regression(n_rows=1000, n_terms=10, n_patterns=patterns) == reason


@pytest.mark.parametrize(
    ("n", "reason"), [(9, "term_children"), (10, None), (11, None), (91, "term_children"), (90, None), (100, None)]
)
def test_terms_have_ten_children_and_leave_ten_outside_or_none(n: int, reason: str | None) -> None:
    assert rules().term(n, 100) == reason


@pytest.mark.parametrize(
    ("other", "too_alike"),
    [(500, False), (501, True), (509, True), (510, False), (511, False), (491, True), (490, False)],
)
def test_populations_differ_by_none_or_ten(other: int, too_alike: bool) -> None:
    assert rules().difference(500, other) == too_alike


def test_used_rules_are_remembered_and_those_nobody_read_are_named() -> None:
    judged = rules()
    assert judged.unconfirmed() == []
    judged.percentile(20, 20)
    assert [rule.name for rule in judged.of_used()] == ["percentile_children"]
    assert judged.unconfirmed() == ["percentile_children"]


def changed(folder: Path, **changes: Any) -> Path:
    """The rules with parts changed: `name.field`, or a whole rule; None removes a rule."""
    content = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for path, value in changes.items():
        name, _, part = path.partition(".")
        if part:
            content["rules"][name][part] = value
        elif value is None:
            del content["rules"][name]
        else:
            content["rules"][name] = value
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("min_children", None, "min_children"),
        ("min_childern", {}, "min_childern"),
        ("min_children.value", 0, "min_children.value"),
        ("min_children.value", "ten", "min_children.value"),
        ("dominance_one.value", 43.75, "dominance_one.value"),
        ("dominance_nk.value", {"contributors": 2}, "dominance_nk.value"),
        ("zeros.value", "maybe", "zeros.value"),
        ("zeros.grade", "A", "zeros.grade"),
        ("zeros.confirmed_by", None, "confirmed_by"),
        ("zeros", {"value": "block"}, "zeros needs exactly"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_the_rule(tmp_path: Path, path: str, value: Any, told: str) -> None:
    with pytest.raises(StudyError, match=told):
        read_rules(str(changed(tmp_path, **{path: value})))


def test_a_file_that_is_not_there_or_says_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such file"):
        read_rules(str(tmp_path / "none.yaml"))
    (tmp_path / "empty.yaml").write_text("version: 1\n")
    with pytest.raises(StudyError, match="RULES"):
        read_rules(str(tmp_path / "empty.yaml"))
