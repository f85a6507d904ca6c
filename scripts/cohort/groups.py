"""Matched groups: each pilot with its comparator LAs, which inherit the pilot's embedding dates.

Comparators are listed in the configuration per outcome; a pilot without a list gets computed ones
(scripts.matching.las) out of a profile of every LA: level and trend of the outcome, and LA covariates, before the
pilot's embedding. An explicit list always wins; its distances are computed for information.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from scripts.dates import financial_year_of
from scripts.matching.las import NEIGHBOURS, LaMatching, candidates, chosen, outcome_profile

EXPLICIT, COMPUTED = "explicit", "computed"
MATCH = {"distance": pl.Float64, "distance_kind": pl.String, "rank": pl.Int64, "neighbour_rank": pl.Int64}
COUNTS = ("n_wanted", "n_found", "n_candidates", "n_within_calipers")
GROUPS = (
    dict.fromkeys(("group", "la_code", "role", "embedding_start", "embedding_end", "source"), pl.String)
    | MATCH
    | dict.fromkeys(COUNTS, pl.Int64)
    | {"status": pl.String}
)
# Pilot -> profiles of all LAs before its embedding.
Profiles = dict[str, pl.DataFrame]


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
    profiles: Profiles,
    matching: LaMatching,
    neighbours: pl.DataFrame | None,
) -> pl.DataFrame:
    """Every group's LAs, pilot first: the columns of results table `la_matches` but the outcome.

    Parameters
    ----------
    all_pilots : LA codes; none of them is ever a computed comparator.
    profiles : as `la_profiles` returns them.
    neighbours : group, la_code, neighbour_rank; needed if the method is neighbours and a pilot has no explicit list.

    A pilot for which no comparator can be computed has a group of its own and contributes nothing to a comparison; how
    many were wanted, found and to be had stands in its own row.
    """
    rows = [row for pilot in pilots for row in _group(pilot, all_pilots, profiles[pilot.code], matching, neighbours)]
    return pl.DataFrame(rows, schema=GROUPS)


def _group(
    pilot: Pilot, all_pilots: list[str], profiles: pl.DataFrame, matching: LaMatching, neighbours: pl.DataFrame | None
) -> list[dict[str, Any]]:
    """The rows of one group."""
    found = candidates(profiles, pilot.code, all_pilots, matching)
    if pilot.comparators is None:
        published = None
        if matching.method == NEIGHBOURS:
            published = neighbours.filter(group=pilot.code).select("la_code", "neighbour_rank")
        wanted, source = matching.n_comparators, NEIGHBOURS if matching.method == NEIGHBOURS else COMPUTED
        matches = chosen(found, published, wanted)
        status = "complete" if matches.height == wanted else "fewer than wanted" if matches.height else "none"
    else:
        wanted, source, status = len(pilot.comparators), EXPLICIT, "as listed"
        listed = pl.DataFrame({"la_code": pilot.comparators}, schema={"la_code": pl.String})
        matches = listed.join(found, on="la_code", how="left", maintain_order="left")
    inherited = {
        "group": pilot.code,
        "embedding_start": pilot.embedding_start.isoformat(),
        "embedding_end": pilot.embedding_end.isoformat(),
    }
    counts = dict(zip(COUNTS, (wanted, matches.height, found.height, int(found["within"].sum())), strict=True))
    first = inherited | {"la_code": pilot.code, "role": "pilot", "source": EXPLICIT, "status": status} | counts
    told = matches.select("la_code", *(name for name in MATCH if name in matches.columns))
    return [first, *(inherited | {"role": "comparator", "source": source} | row for row in told.iter_rows(named=True))]


def la_profiles(pilots: list[Pilot], events: list[pl.DataFrame], covariates: pl.DataFrame) -> Profiles:
    """Pilot -> a row per LA with events before its embedding: la_code, outcome_level, outcome_trend, LA covariates.

    Parameters
    ----------
    events : per LA its index events: la_code, financial_year, event_end, outcome.
    covariates : la_code, financial_year and the LA covariates; averaged over the years before embedding.
    """
    known = [frame.drop_nulls("outcome").with_columns(pl.col("outcome").cast(pl.Float64)) for frame in events]
    starts = {pilot.embedding_start for pilot in pilots}
    by_start = {start: _profiles([frame for frame in known if frame.height], covariates, start) for start in starts}
    return {pilot.code: by_start[pilot.embedding_start] for pilot in pilots}


def _profiles(events: list[pl.DataFrame], covariates: pl.DataFrame, start: date) -> pl.DataFrame:
    """The profiles before one date."""
    summary = pl.concat(
        [pl.DataFrame(schema={"la_code": pl.String, "financial_year": pl.Int64, "n": pl.Int64, "mean": pl.Float64})]
        + [_yearly(frame, start) for frame in events]
    )
    before = financial_year_of(start)
    names = [name for name in covariates.columns if name not in ("la_code", "financial_year")]
    past = covariates.filter(pl.col("financial_year") < before).sort("la_code", "financial_year")
    averages = past.group_by("la_code", maintain_order=True).agg(pl.col(names).mean())
    # The year of embedding counts as far as it lies before the date.
    return outcome_profile(summary, before + 1).join(averages, on="la_code", how="left", maintain_order="left")


def _yearly(events: pl.DataFrame, start: date) -> pl.DataFrame:
    """One LA's events that ended before `start`, by financial year: la_code, financial_year, n, mean of the outcome."""
    # Strictly before: an event whose window reaches into embedding carries some of the effect.
    past = events.filter(pl.col("event_end") < start)
    # Sums in the order of the rows, so that equal input gives equal bytes on any number of cores.
    years, place = np.unique(past["financial_year"].to_numpy(), return_inverse=True)
    n = np.bincount(place, minlength=len(years))
    sums = np.bincount(place, weights=past["outcome"].to_numpy(), minlength=len(years))
    return pl.DataFrame(
        {
            "la_code": [events["la_code"][0]] * len(years),
            "financial_year": years.astype(np.int64),
            "n": n.astype(np.int64),
            "mean": sums / np.maximum(n, 1),
        },
        schema_overrides={"la_code": pl.String},
    )
