"""Which results tables may leave, and what of them: schemas/disclosure/tables.yaml with the columns of results.yaml."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from scripts.artefacts import results_contract
from scripts.yaml_file import load_yaml

FILE = Path(__file__).parents[2] / "schemas" / "disclosure" / "tables.yaml"
COUNTED = ("children", "rows", "las")
# Files of a registered release
NUMBERS, MANIFEST = "numbers.json", "manifest.json"

# Tables that the gate reads whether they leave or not: what stands behind regressions and samples
BEHIND = (
    "estimates",
    "model_terms",
    "estimation_status",
    "balance_overall",
    "leave_one_out",
    "conclusions",
    "la_matches",
)


@dataclass(frozen=True)
class Disclosed:
    """How a results table is judged; each field as the head of schemas/disclosure/tables.yaml says."""

    name: str
    title: str
    keys: tuple[str, ...]
    population: str
    weights: str
    children: tuple[str, ...] = ()
    complements: dict[str, str] = field(default_factory=dict)
    whole: dict[str, Any] | None = None
    dominance: tuple[tuple[str, str], ...] = ()
    percentile: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    shares: dict[str, tuple[str, str]] = field(default_factory=dict)
    every: tuple[str, ...] = ()
    not_applicable: tuple[str, ...] = ()
    model: bool = False

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The documented columns that leave, in order."""
        return [column for column in results_contract()[self.name]["columns"] if column["name"] not in self.inside]

    @property
    def numbers(self) -> list[str]:
        """Columns of numbers that leave and name no row: what a withheld row does not show."""
        return [c["name"] for c in self.columns if c["type"] != "text" and c["name"] not in self.keys]

    @property
    def counts(self) -> dict[str, str]:
        """Columns that count and leave -> children, rows or las."""
        return {c["name"]: c["counts"] for c in self.columns if "counts" in c}


@cache
def disclosed() -> dict[str, Disclosed]:
    """Every results table that may leave."""
    return {name: _disclosed(name, entry) for name, entry in load_yaml(FILE)["tables"].items()}


def _disclosed(name: str, entry: dict[str, Any]) -> Disclosed:
    lists = ("keys", "children", "percentile", "inside", "every", "not_applicable")
    made = {key: tuple(value) if key in lists else value for key, value in entry.items()}
    if "dominance" in made:
        made["dominance"] = tuple(tuple(pair) for pair in made["dominance"])
    if "shares" in made:
        made["shares"] = {share: tuple(of) for share, of in made["shares"].items()}
    return Disclosed(name, **made)
