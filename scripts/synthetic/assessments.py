"""Assessments: when they start and how many working days they last.

In: referral days and an `Authority`. Out: start and end days. Durations follow the published histogram of their year,
spike before day 45 included; an LA's level tilts it on the probit scale, which moves the mean and leaves the deadline
where it is. Effect: a treated assessment is shorter by min(duration, c) working days with c solved so that the
expected reduction is the planted one, the LA's own distribution given (a plain subtraction would lose what falls
below zero).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from scripts.errors import StudyError
from scripts.synthetic.authority import Authority
from scripts.synthetic.parameters import NO_DATE, Study, by_year, calendar_dates, model, published

OUTCOME = "assessment_duration"


@dataclass(frozen=True)
class Durations:
    """cumulative: P(duration <= d) by year, shape (years, days); change: effect in days to apply to each, by year."""

    cumulative: np.ndarray
    change: np.ndarray


@cache
def national_cumulative(years: tuple[int, ...]) -> np.ndarray:
    """P(duration <= d), shape (years, 251), from the published bins."""
    bins = published("duration_bins")
    counts = np.column_stack(
        [by_year({y: row[k] for y, row in published("durations").items()}, np.array(years)) for k in range(len(bins))]
    )
    shape = np.zeros((len(bins), bins[-1][1] + 1))
    for row, (low, high) in enumerate(bins):
        days = np.arange(low, high + 1)
        weights = np.ones(len(days))
        if (low, high) == (41, 45):
            weights = np.array(model("assessment")["deadline_weights"])
        if high == bins[-1][1]:
            weights = np.exp(-(days - low) / model("assessment")["tail_days"])
        shape[row, low : high + 1] = weights / weights.sum()
    mass = counts / counts.sum(axis=1, keepdims=True) @ shape
    return np.minimum(np.cumsum(mass, axis=1), 1)


def durations(authority: Authority, study: Study) -> Durations:
    """The LA's duration distribution and the size of the treatment's step, by year.

    Raises
    ------
    StudyError : EFFECT, if the planted reduction exceeds the mean duration of an LA.
    """
    national = national_cumulative(tuple(int(year) for year in study.years))
    days = np.arange(national.shape[1])
    mass = np.diff(national, axis=1, prepend=0)
    mean = mass @ days
    spread = np.sqrt(mass @ days**2 - mean**2)
    # A share of the mean as a shift on the probit scale; scaled so that the mixture over LAs is the national histogram.
    scale = (mean / spread)[:, None]
    mixture = np.sqrt(1 + (scale * study.la_effect_sd) ** 2)
    tilted = ndtr(mixture * ndtri(np.clip(national, 1e-12, 1 - 1e-12)) - scale * authority.departures[OUTCOME][:, None])
    tilted[:, -1] = 1.0
    scaled = np.stack([_rescaled(row, factor) for row, factor in zip(tilted, authority.duration_factor, strict=True)])
    effect = study.effects[OUTCOME] if authority.embedding_end is not None else 0.0
    return Durations(scaled, np.array([_step(row, effect) for row in scaled]))


def _rescaled(cumulative: np.ndarray, factor: float) -> np.ndarray:
    """The distribution of `factor` times the duration, rounded at random so that the mean scales exactly."""
    if factor == 1:
        return cumulative
    mass = np.diff(cumulative, prepend=0)
    target = np.arange(len(mass)) * factor
    whole = np.minimum(target.astype(np.int64), len(mass) - 2)
    fraction = np.clip(target - whole, 0, 1)
    result = np.bincount(whole, mass * (1 - fraction), len(mass)) + np.bincount(whole + 1, mass * fraction, len(mass))
    return np.minimum(np.cumsum(result), 1)


def _step(cumulative: np.ndarray, effect: float) -> float:
    """The c for which durations shortened by min(duration, c) fall by -effect on average; a rise is added as it is."""
    if effect >= 0:
        return effect
    reductions = np.concatenate([[0], np.cumsum(1 - cumulative)])
    if reductions[-1] <= -effect:
        raise StudyError(
            "EFFECT",
            "synthetic.effects.assessment_duration",
            "the planted reduction exceeds an LA's mean duration",
            "Plant a smaller one",
        )
    return -float(np.interp(-effect, reductions, np.arange(len(reductions))))


def assess(
    not_before: np.ndarray, authority: Authority, study: Study, distribution: Durations, uniform: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, end as recorded and end without the effect, in days, of assessments that begin soon after `not_before`.

    uniform: shape (4, n). Starts and ends are working days, so that the outcome's count is the duration drawn.
    """
    holidays = study.holidays()
    lag = (uniform[0] * model("assessment")["start_lag_days"]).astype(np.int64)
    start = np.busday_offset(calendar_dates(not_before + lag), 0, roll="forward", holidays=holidays)
    start_day = start.astype(np.int64)
    year = study.year_index(start_day)
    untreated = np.empty(len(start_day), dtype=np.int64)
    for index in range(len(study.years)):
        rows = year == index
        untreated[rows] = np.searchsorted(distribution.cumulative[index], uniform[1][rows], side="right")
    untreated = np.minimum(untreated, distribution.cumulative.shape[1] - 1)
    # A fraction of a day becomes a whole one at random; while embedding, a part of the children has the full effect.
    step = distribution.change[year]
    whole = np.trunc(step) + np.sign(step) * (uniform[2] < np.abs(step) % 1)
    whole = np.where(uniform[3] < authority.ramp(start_day), whole, 0).astype(np.int64)
    treated = np.maximum(untreated + whole, 0)
    ends = (np.busday_offset(start, duration, holidays=holidays).astype(np.int64) for duration in (treated, untreated))
    return start_day, *ends


def with_later_assessments(
    child: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    again: np.ndarray,
    authority: Authority,
    study: Study,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """First assessments and those of `again` (days on which a child is assessed anew, shape (n,), `NO_DATE` if not).

    Returns columns child, start, end (`NO_DATE` if after the data), within the data, thinned to what the extract
    holds in its year.
    """
    repeated = again != NO_DATE
    distribution = durations(authority, study)
    later_start, later_end, _ = assess(
        again[repeated], authority, study, distribution, rng.random((4, int(repeated.sum())))
    )
    rows = pl.DataFrame(
        {
            "child": np.concatenate([child, child[repeated]]),
            "start": np.concatenate([start, later_start]),
            "end": np.concatenate([end, later_end]),
        }
    )
    coverage = by_year(model("assessment")["coverage"], study.years)[study.year_index(rows["start"].to_numpy())]
    covered = pl.Series(rng.random(len(rows)) < coverage) & (rows["start"] <= study.last_day)
    ends = pl.when(pl.col("end") <= study.last_day).then("end").otherwise(NO_DATE)
    return (
        rows.with_columns(ends.alias("end"))
        .filter(covered)
        .unique(["child", "start"], keep="first")
        .sort("child", "start")
    )
