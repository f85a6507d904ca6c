"""What the generator is told: the study's settings, the published figures and the random streams.

In: the settings dict cut from config.yaml and `schemas/calibration.yaml`. Out: one frozen `Study` and helpers for days
(int64 days since 1970, `NO_DATE` where there is none) that every module of this stage shares.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scripts.dates import HolidayCalendar, bank_holidays
from scripts.yaml_file import load_yaml

CALIBRATION_FILE = Path(__file__).parents[2] / "schemas" / "calibration.yaml"
STAGE = 20080401
# The same bits as numpy's NaT, so that a view as datetime64[D] is null exactly where there is no date.
NO_DATE = np.iinfo(np.int64).min
OUTCOMES = ("assessment_duration", "icpc", "nfa_rereferral", "rereferral_escalation", "kinship")
DAYS_PER_YEAR = 365.25


class Part(IntEnum):
    """One random stream per part of the generator, so that a change in one leaves the others' draws alone."""

    AUTHORITY = 0
    FIRST_REFERRALS = 1
    CHILDREN = 2
    CHAIN = 3
    CARE = 4
    TABLES = 5
    DIRT = 6
    COVARIATES = 7
    PILOT_COHORT = 8
    ASSESSMENTS = 9
    CARE_DIRT = 10


@dataclass(frozen=True)
class Study:
    """The settings of the generator. Days are days since 1970-01-01; effects in working days or probability."""

    seed: int
    first_day: int
    last_day: int
    calendar: HolidayCalendar
    las: dict[str, dict[str, str | None]]
    n_las: int
    referrals: int
    size_spread: float
    effects: dict[str, float]
    la_effect_sd: float
    shock_sd: float
    shock_persistence: float
    trend_per_year: float
    recording_breaks: tuple[dict[str, Any], ...]
    dirt: dict[str, float]
    windows: dict[str, int]
    relative_placements: tuple[str, ...]

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> "Study":
        """Build from the settings dict; `n_las` is the number of LAs that share `synthetic.referrals`."""
        dates, synthetic = settings["dates"], settings["synthetic"]
        return cls(
            seed=settings["seed"],
            first_day=day(dates["data_start"]),
            last_day=day(dates["data_end"]),
            calendar=HolidayCalendar(**dates["bank_holidays"]),
            las=settings["las"],
            n_las=settings["n_las"],
            referrals=synthetic["referrals"],
            size_spread=synthetic["size_spread"],
            effects=synthetic["effects"],
            la_effect_sd=synthetic["la_effect_sd"],
            shock_sd=synthetic["shock_sd"],
            shock_persistence=synthetic["shock_persistence"],
            trend_per_year=synthetic["trend_per_year"],
            recording_breaks=tuple(synthetic["recording_breaks"]),
            dirt=synthetic["dirt"],
            windows=synthetic["windows"],
            relative_placements=tuple(synthetic["kinship_placements"]),
        )

    @property
    def years(self) -> np.ndarray:
        """Financial years of the data, named by the year they start in."""
        first, last = financial_years(np.array([self.first_day, self.last_day]))
        return np.arange(first, last + 1)

    def stream(self, la: str, part: Part, *more: int) -> np.random.Generator:
        """The generator of one LA's part (and round): the same whichever other LAs the study has."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, STAGE, int(la), part, *more])))

    def holidays(self) -> np.ndarray:
        """Bank holidays from two years before the data to two after, datetime64[D]."""
        return bank_holidays(self.calendar, int(self.years[0]) - 2, int(self.years[-1]) + 4)

    def year_index(self, days: np.ndarray) -> np.ndarray:
        """Position of each day's financial year in `years`, days outside counted to the nearest year."""
        return np.clip(financial_years(days) - self.years[0], 0, len(self.years) - 1)


@cache
def calibration() -> dict[str, Any]:
    """The published figures, the measures compared, and the generator's assumptions."""
    return load_yaml(CALIBRATION_FILE)


def published(name: str) -> Any:
    """A published figure or table."""
    return calibration()["published"][name]


def model(name: str) -> Any:
    """An assumption of the generator."""
    return calibration()["model"][name]


def by_year(table: dict[int, Any], years: np.ndarray) -> np.ndarray:
    """A table keyed by year as an array over `years`; years outside take the nearest year's value."""
    known = np.array(sorted(table))
    nearest = known[np.abs(known[None, :] - np.asarray(years)[:, None]).argmin(axis=1)]
    return np.array([table[int(year)] for year in nearest], dtype=float)


def day(text: str) -> int:
    """Days since 1970 of an ISO date."""
    return int(np.datetime64(text, "D").astype(np.int64))


def calendar_dates(days: np.ndarray) -> np.ndarray:
    """Days as datetime64[D]; `NO_DATE` becomes NaT."""
    return np.asarray(days, dtype=np.int64).view("datetime64[D]")


def date_series(days: np.ndarray) -> pl.Series:
    """Days as a polars Date series; `NO_DATE` becomes null."""
    return pl.Series(calendar_dates(np.ascontiguousarray(days, dtype=np.int64)))


def financial_years(days: np.ndarray) -> np.ndarray:
    """Financial year of each day, named by the year it starts in (March 2019 is 2018)."""
    months = calendar_dates(np.asarray(days, dtype=np.int64)).astype("datetime64[M]").astype(np.int64)
    return (months - 3) // 12 + 1970


def year_start(years: np.ndarray) -> np.ndarray:
    """1 April of each financial year, in days."""
    return ((np.asarray(years) - 1970) * 12 + 3).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def year_end(years: np.ndarray) -> np.ndarray:
    """31 March that ends each financial year, in days."""
    return year_start(np.asarray(years) + 1) - 1


def weekday(days: np.ndarray) -> np.ndarray:
    """0 Monday to 6 Sunday (1970-01-01 was a Thursday)."""
    return (np.asarray(days) + 3) % 7


def expit(x: np.ndarray) -> np.ndarray:
    """Inverse of the logit."""
    return 1 / (1 + np.exp(-x))


def logit(p: float | np.ndarray) -> np.ndarray:
    """Log odds."""
    return np.log(p) - np.log1p(-np.asarray(p))


def pick(uniform: np.ndarray, shares: dict[str, float]) -> np.ndarray:
    """Keys of `shares` drawn with probability proportional to their shares, one per uniform number."""
    edges = np.cumsum(list(shares.values()))
    position = np.searchsorted(edges / edges[-1], uniform, side="right")
    return np.array(list(shares), dtype=object)[np.minimum(position, len(shares) - 1)]


def between(uniform: np.ndarray, low: np.ndarray | int, high: np.ndarray | int) -> np.ndarray:
    """Whole numbers low..high inclusive, one per uniform number."""
    low, high = np.asarray(low), np.asarray(high)
    return low + np.minimum((uniform * (high - low + 1)).astype(np.int64), high - low)


def pick_band(uniform: np.ndarray, within: np.ndarray, bands: list[list[float]]) -> np.ndarray:
    """Draws from a histogram [[low, high, share], ...], uniform inside each band; float."""
    low, high, share = np.array(bands, dtype=float).T
    edges = np.cumsum(share) / share.sum()
    band = np.minimum(np.searchsorted(edges, uniform, side="right"), len(bands) - 1)
    return low[band] + within * (high - low)[band]
