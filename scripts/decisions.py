"""The record of contested choices (schemas/decisions.yaml), and the values that a study's configuration gives them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.yaml_file import load_yaml

DECISIONS_FILE = Path(__file__).parent.parent / "schemas" / "decisions.yaml"
ANY = "*"
# A longer value is told by what it is.
LONGEST = 70


@dataclass(frozen=True)
class Decision:
    """A contested choice: what sources do, what we do, and the dotted keys that settle it (`*`: every one there)."""

    choice: str
    alternatives: str
    ours: str
    keys: tuple[str, ...]


@cache
def sources() -> dict[str, str]:
    """Letter of a source -> what it is."""
    return _content()["sources"]


@cache
def decisions() -> tuple[Decision, ...]:
    """All records, in order."""
    return tuple(Decision(**entry | {"keys": tuple(entry["keys"])}) for entry in _content()["decisions"])


@cache
def _content() -> dict[str, Any]:
    return load_yaml(DECISIONS_FILE)


def values(decision: Decision, config: dict[str, Any]) -> list[tuple[str, str]]:
    """The keys of a decision that the configuration has, without wildcards, and their values in short."""
    return [(key, in_short(value)) for name in decision.keys for key, value in found(name, config)]


def found(name: str, config: dict[str, Any]) -> list[tuple[str, Any]]:
    """Every key that a dotted name with wildcards means, with its value."""
    nodes: list[tuple[str, Any]] = [("", config)]
    for part in name.split("."):
        nodes = [
            (f"{path}.{key}".lstrip("."), child)
            for path, node in nodes
            if isinstance(node, dict)
            for key, child in node.items()
            if part in (ANY, key)
        ]
    return nodes


def in_short(value: Any) -> str:
    """A value on one line; of a long one how much there is."""
    told = yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
    if len(told) <= LONGEST:
        return told
    return f"{len(value)} entries" if isinstance(value, (dict, list)) else f"{told[:LONGEST]} …"
