"""What pictures and tables need to know of the study: labels, units and scales of its outcomes."""

from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

PERCENTAGE_POINTS = "percentage points"
# Editions of the page: on records of children, the same as it leaves, or on published figures of authorities
CHILDREN, RELEASE, AUTHORITIES = "children", "release", "authorities"


@dataclass(frozen=True)
class Outcome:
    """An outcome as the configuration names it; `smallest_effect` is in the unit of results tables."""

    key: str
    label: str
    unit: str
    primary: bool
    smallest_effect: float

    @property
    def scale(self) -> float:
        """Factor from the unit of results tables to the unit shown: probabilities become percentage points."""
        return 100.0 if self.unit == PERCENTAGE_POINTS else 1.0

    @property
    def short_unit(self) -> str:
        """The unit where there is little room."""
        return {PERCENTAGE_POINTS: "pct points"}.get(self.unit, self.unit)

    @property
    def level_unit(self) -> str:
        """The unit of a level of the outcome, not of a difference of levels."""
        return {PERCENTAGE_POINTS: "%"}.get(self.unit, self.unit)


@dataclass(frozen=True)
class Study:
    """The configuration's blocks, its outcomes by key and in order, names of LAs by code, and what the protocol said.

    `protocol`: as scripts.report.protocol.protocol_of gives it.
    """

    config: dict[str, Any]
    outcomes: dict[str, Outcome]
    las: dict[str, str]
    protocol: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, config: dict[str, Any], protocol: dict[str, Any] | None = None) -> "Study":
        """From a validated configuration."""
        smallest = config["evidence"]["smallest_effect"]
        outcomes = {
            key: Outcome(key, entry["label"], entry["unit"], entry["primary"], smallest[key])
            for key, entry in config["outcomes"].items()
        }
        return cls(config, outcomes, {entry["code"]: entry["name"] for entry in config["las"]["codes"]}, protocol or {})

    def with_names(self, tables: dict[str, pl.DataFrame]) -> "Study":
        """The same, with the names of LAs that published statistics bring."""
        if "published_values" not in tables:
            return self
        published = dict(tables["published_values"].select("la_code", "la_name").unique().drop_nulls().iter_rows())
        return replace(self, las=published | self.las)

    @property
    def primary(self) -> list[Outcome]:
        """The research questions."""
        return [outcome for outcome in self.outcomes.values() if outcome.primary]

    @property
    def headline(self) -> str:
        """The specification whose estimates are the study's."""
        return self.config["models"]["headline"]

    @property
    def method(self) -> str:
        """The method of inference whose intervals are the study's."""
        return self.config["inference"]["headline"]

    @property
    def edition(self) -> str:
        """CHILDREN, RELEASE or AUTHORITIES."""
        return self.config.get("edition", CHILDREN)

    def of_estimator(self, estimator: str) -> dict[str, Any]:
        """The first specification of an estimator, with its name; empty without one."""
        named = self.config["models"]["specifications"].items()
        return next(({"name": name} | entry for name, entry in named if entry["estimator"] == estimator), {})

    def la(self, code: str) -> str:
        """Name of an LA, its code if it has none."""
        return self.las.get(code, code)
