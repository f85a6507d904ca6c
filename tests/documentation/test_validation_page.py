"""The page of validation rules is what the rules say."""

from pathlib import Path

import pytest

from scripts.documentation.validation import rule_table
from scripts.validation import cin, ssda903

PAGE = (Path(__file__).parent.parent.parent / "docs" / "validation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rules", [cin.RULES, ssda903.RULES], ids=["cin", "ssda903"])
def test_the_page_lists_the_rules_as_they_are(rules: tuple) -> None:
    assert rule_table(rules) in PAGE


def test_a_rule_is_a_row_with_its_years() -> None:
    (rule,) = (rule for rule in cin.RULES if rule.code == "1570")
    assert rule_table([rule]).splitlines()[-1] == (
        "| 1570 | The child's local id is longer than 20 characters. | error | from 2024 | Child.LAchildID |"
    )
