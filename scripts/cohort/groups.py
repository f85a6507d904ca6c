"""Matched groups: each pilot with its comparator LAs, which inherit the pilot's embedding dates.

Comparators are listed in the configuration per outcome; a pilot without a list gets computed ones (nearest by
Mahalanobis distance on the pre-embedding level and trend of the outcome and LA covariates). An explicit list always
wins.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from scripts.dates import financial_year
from scripts.matching.las import LaMatching, computed_comparators, outcome_profile

EXPLICIT, COMPUTED = "explicit", "computed"


@dataclass(frozen=True)
class Pilot:
    """A pilot LA, its embedding dates, and its comparators for one outcome (None: to be computed)."""

    code: str
    embedding_start: date
    embedding_end: date
    comparators: tuple[str, ...] | None

    @classmethod
    def from_config(cls, pilot: dict[str, Any], outcome: str) -> "Pilot":
        """Build from an entry of config `las.pilots` for one outcome."""
        lists = pilot.get("comparators") or {}
        chosen = lists.get(outcome, lists.get("default"))
        return cls(
            code=pilot["code"],
            embedding_start=date.fromisoformat(pilot["embedding_start"]),
            embedding_end=date.fromisoformat(pilot["embedding_end"]),
            comparators=None if chosen is None else tuple(chosen),
        )

    def as_settings(self) -> dict[str, Any]:
        """What a job is told of the pilot; `from_settings` reads it."""
        dates = {"embedding_start": self.embedding_start.isoformat(), "embedding_end": self.embedding_end.isoformat()}
        return {"code": self.code, **dates, "comparators": self.comparators and list(self.comparators)}

    @classmethod
    def from_settings(cls, told: dict[str, Any]) -> "Pilot":
        """The pilot that `as_settings` told of."""
        return cls.from_config(told | {"comparators": {"default": told["comparators"]}}, "default")


def eligible_pilots(pilots: list[Pilot], exclude: list[str], embedded_before: str | None) -> list[Pilot]:
    """Pilots whose group takes part in the outcome: not excluded, and embedded before the configured date, if any."""
    last = date.max if embedded_before is None else date.fromisoformat(embedded_before)
    return [pilot for pilot in pilots if pilot.code not in exclude and pilot.embedding_end < last]


def matched_groups(
    pilots: list[Pilot],
    all_pilots: list[str],
    events: list[pl.DataFrame],
    covariates: pl.DataFrame,
    matching: LaMatching,
) -> pl.DataFrame:
    """Every group's LAs, pilot first: group, la_code, role, embedding_start, embedding_end (ISO), source, distance.

    `events` (la_code, financial_year, event_end, outcome) are only looked at for pilots without an explicit list; a
    pilot for which no comparator can be computed has a group of its own and contributes nothing to a comparison. No LA
    of `all_pilots` is ever a computed comparator.
    """
    rows: list[tuple[str | float | None, ...]] = []
    for pilot in pilots:
        dates = (pilot.embedding_start.isoformat(), pilot.embedding_end.isoformat())
        rows.append((pilot.code, pilot.code, "pilot", *dates, EXPLICIT, None))
        if pilot.comparators is not None:
            rows += [(pilot.code, la, "comparator", *dates, EXPLICIT, None) for la in pilot.comparators]
            continue
        profiles = _profiles(events, covariates, pilot, matching)
        nearest = computed_comparators(profiles, pilot.code, all_pilots, matching)
        rows += [
            (pilot.code, la, "comparator", *dates, COMPUTED, distance)
            for la, distance in nearest.select("la_code", "distance").iter_rows()
        ]
    text = ["group", "la_code", "role", "embedding_start", "embedding_end", "source"]
    return pl.DataFrame(rows, schema=dict.fromkeys(text, pl.String) | {"distance": pl.Float64}, orient="row")


def _profiles(events: list[pl.DataFrame], covariates: pl.DataFrame, pilot: Pilot, matching: LaMatching) -> pl.DataFrame:
    """One row per LA: level and trend of the outcome and mean LA covariates in the years before embedding."""
    # Strictly before: an event whose window reaches into embedding carries some of the effect.
    past_events = (frame.filter(pl.col("event_end") < pilot.embedding_start) for frame in events)
    summary = pl.concat(
        frame.group_by("la_code", "financial_year").agg(pl.len().alias("n"), pl.col("outcome").mean().alias("mean"))
        for frame in past_events
    )
    before = pl.select(financial_year(pl.lit(pilot.embedding_start))).item()
    wanted = [name for name in matching.profile if name in covariates.columns]
    past = covariates.filter(pl.col("financial_year") < before).sort("la_code", "financial_year")
    averages = past.group_by("la_code", maintain_order=True).agg(pl.col(wanted).mean())
    return outcome_profile(summary, before + 1).join(averages, on="la_code", how="left")
