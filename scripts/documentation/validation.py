"""The tables of validation rules for docs/validation.md, written out of the rules themselves.

In: rules by return. Out: Markdown. A test keeps the page equal to the rules.
"""

from collections.abc import Iterable

from scripts.validation.rules import Rule


def rule_table(rules: Iterable[Rule]) -> str:
    """A row per rule: code, what breaks it, severity, census years, fields."""
    lines = ["| Rule | What breaks it | Severity | Census years | Fields |", "|---|---|---|---|---|"]
    lines += [
        f"| {rule.code} | {rule.message} | {rule.severity} | {_years(rule)} | {', '.join(rule.fields)} |"
        for rule in sorted(rules, key=lambda rule: rule.code)
    ]
    return "\n".join(lines) + "\n"


def _years(rule: Rule) -> str:
    bounds = (("from", rule.first), ("to", rule.last))
    return " ".join(f"{word} {year}" for word, year in bounds if year is not None) or "all"
