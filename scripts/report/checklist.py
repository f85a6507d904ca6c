"""The reporting checklist: what STROBE, RECORD and TARGET ask of a report, and the section that answers."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.yaml_file import load_yaml

CHECKLIST_FILE = Path(__file__).parent.parent.parent / "schemas" / "reporting_checklist.yaml"


@dataclass(frozen=True)
class Item:
    """An item of a guideline: `section` answers it, or `note` says where it is answered or why it does not apply."""

    guideline: str
    number: str
    asks: str
    section: str | None = None
    note: str | None = None


@cache
def items() -> tuple[Item, ...]:
    """All items, by guideline."""
    content = load_yaml(CHECKLIST_FILE)
    return tuple(Item(name, **entry) for name, entries in content.items() for entry in entries)
