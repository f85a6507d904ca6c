"""An outcome as data: its population, its measure and their settings, from config `outcomes`.

Populations and measures are small functions registered by name, so that a new outcome is a config entry and, at most,
one more function.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from scripts.dates import HolidayCalendar


@dataclass(frozen=True)
class Tables:
    """The cleaned tables of one LA."""

    children: pl.DataFrame
    referrals: pl.DataFrame
    conferences: pl.DataFrame
    plans: pl.DataFrame
    assessments: pl.DataFrame
    care_episodes: pl.DataFrame


@dataclass(frozen=True)
class OutcomeDefinition:
    """What one entry of config `outcomes` says; `extra` holds the settings only its population or measure knows."""

    key: str
    population: str
    measure: str
    window_days: int
    censor_days: int
    data_start: date
    data_end: date
    calendar: HolidayCalendar
    elevated_risk_days: int
    school_age: tuple[int, int]
    extra: dict[str, Any] = field(default_factory=dict)
    # Days on which a reorganisation ended or began one of the LA's members; nobody can be followed past one.
    boundaries: tuple[date, ...] = ()

    @classmethod
    def from_config(
        cls, key: str, outcome: dict[str, Any], dates: dict[str, Any], school_age: list[int], boundaries: list[str]
    ) -> "OutcomeDefinition":
        """Build from the outcome's config block, the `dates` block and the LA's boundaries (ISO dates)."""
        own = {"population", "measure", "window_days", "censor_days"}
        return cls(
            key=key,
            **{name: outcome[name] for name in own},
            data_start=date.fromisoformat(dates["data_start"]),
            data_end=date.fromisoformat(dates["data_end"]),
            calendar=HolidayCalendar(**dates["bank_holidays"]),
            elevated_risk_days=dates["elevated_risk_days"],
            school_age=(school_age[0], school_age[1]),
            extra={name: value for name, value in outcome.items() if name not in own},
            boundaries=tuple(date.fromisoformat(boundary) for boundary in boundaries),
        )


@dataclass
class Flow:
    """How many rows and distinct children are left after each step, for the flow diagram and for "empty because"."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)

    def step(self, label: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Record `frame` under `label` and return it."""
        self.steps.append((label, frame.height, frame["child_id"].n_unique()))
        return frame


Population = Callable[[Tables, OutcomeDefinition, Flow], pl.DataFrame]
Measure = Callable[[pl.DataFrame, Tables, OutcomeDefinition, Flow], pl.DataFrame]
