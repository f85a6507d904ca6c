"""How large may violations of parallel trends be before an effect is no longer told from zero?

What enters: the estimates of an event study, leads first and then lags, without the reference time between them, and
their covariance. What leaves: robust confidence intervals of a weighted sum of the lags' effects when the change of the
difference in trends from one time to the next is, after treatment, at most Mbar times its largest change before
(relative magnitudes); and the breakdown value, the largest Mbar at which the interval excludes zero.

Method: Rambachan and Roth (2023), with the conditional test of Andrews, Roth and Pakes (2023) and its least-favourable
first stage: "C-LF" of the R package HonestDiD, its default for this restriction, on moments after treatment alone as
there. The restriction is a union over the pair of times with the largest change before and its sign; each is linear.
Given a value of the effect the test statistic is a linear programme over the other lags' effects; its dual has few
enough corners that all are listed, and the optimum, its conditional support and the simulated first stage are maxima
over them, for all values of the effect at once. No solver is needed, and there is nothing to converge. Estimates are
taken as normal with a known covariance, which with few clusters is optimistic.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

# Share of the size that goes to the first stage, as Andrews, Roth and Pakes recommend.
FIRST_STAGE = 0.1
# The interval is looked for this many standard errors and the largest bias around the estimate (as HonestDiD), and in
# twice that, so many times, as long as its ends are not rejected.
REACH, DOUBLINGS = 20.0, 10
# Corners whose weights are negative, and slopes that differ from one, by rounding only.
ROUNDING = 1e-9
# Decimals of a breakdown value, so that 39 steps of .05 are 1.95.
DIGITS = 9


class Bound(NamedTuple):
    """The robust interval under `mbar`; infinite where it leaves the range searched."""

    mbar: float
    low: float
    high: float


@dataclass(frozen=True)
class EventStudy:
    """Estimates (k,) with covariance (k, k), `n_leads` of them leads in order of time, and weights (l,) over the lags.

    A lead and a lag are a time each, one apart, the reference time lying between them. Raises ValueError without leads,
    with weights that are not one per lag or all zero, or with an estimate without variance.
    """

    estimates: np.ndarray
    covariance: np.ndarray
    n_leads: int
    weights: np.ndarray

    def __post_init__(self) -> None:
        if self.n_leads < 1 or len(self.estimates) != self.n_leads + len(self.weights) or not self.weights.any():
            raise ValueError("an event study needs a lead, and a weight for every lag, of which one is not zero")
        if not (np.diag(self.covariance) > 0).all():
            raise ValueError("an estimate without variance was not estimated")

    @property
    def effect(self) -> float:
        """The weighted sum of the lags' estimates."""
        return float(self.weights @ self.estimates[self.n_leads :])

    @property
    def std_error(self) -> float:
        """Standard error of the effect under parallel trends."""
        lags = self.covariance[self.n_leads :, self.n_leads :]
        return float(np.sqrt(self.weights @ lags @ self.weights))

    def bias(self, mbar: float) -> float:
        """Largest bias if the changes before treatment were known to be as estimated."""
        steps = np.diff(np.append(self.estimates[: self.n_leads], 0.0))
        return float(mbar * np.abs(steps).max() * (np.arange(1, len(self.weights) + 1) @ np.abs(self.weights)))


def relative_magnitudes(
    study: EventStudy, mbars: list[float], alpha: float, grid_points: int, draws: int, seed: int
) -> list[Bound]:
    """The robust interval of the effect under every bound.

    Parameters
    ----------
    mbars : largest change of trend after treatment relative to before, each >= 0.
    grid_points : values of the effect tried; those around either end are then tried again as finely, so that an end is
        found to 1 / grid_points of the first step, about 40 standard errors / grid_points squared without bias.
    draws, seed : of the normals that the critical value of the first stage is simulated with.
    """
    errors = _errors(study, draws, seed)
    return [_bound(study, mbar, alpha, grid_points, errors) for mbar in mbars]


def breakdown(study: EventStudy, step: float, largest: float, alpha: float, draws: int, seed: int) -> float | None:
    """Largest multiple of `step` up to `largest` under which zero is excluded, by bisection.

    None if zero is not excluded even under parallel trends (Mbar 0). `largest` means at least that much.
    """
    errors = _errors(study, draws, seed)

    def excluded(multiple: int) -> bool:
        return not _accepted(_tests(study, multiple * step, alpha, errors), np.zeros(1))[0]

    low, high = 0, int(np.floor(largest / step + ROUNDING))
    if not excluded(low):
        return None
    if excluded(high):
        return round(high * step, DIGITS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excluded(middle) else (low, middle)
    return round(low * step, DIGITS)


def _errors(study: EventStudy, draws: int, seed: int) -> np.ndarray:
    """Normal draws with the covariance of the estimates, which may be singular. (draws, k)"""
    values, vectors = np.linalg.eigh(study.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.random.default_rng(seed).standard_normal((draws, len(values))) @ root.T


def _bound(study: EventStudy, mbar: float, alpha: float, grid_points: int, errors: np.ndarray) -> Bound:
    """The smallest and largest value of the effect that is not rejected."""
    tests = _tests(study, mbar, alpha, errors)
    reach = study.bias(mbar) + REACH * study.std_error
    for _ in range(DOUBLINGS):
        if not _accepted(tests, study.effect + np.array([-reach, reach])).any():
            break
        reach *= 2
    grid = np.linspace(study.effect - reach, study.effect + reach, grid_points)
    inside = np.flatnonzero(_accepted(tests, grid))
    if not len(inside):
        return Bound(mbar, np.nan, np.nan)
    ends = []
    for at, outward in ((inside[0], -1), (inside[-1], 1)):
        if not 0 <= at + outward < grid_points:
            ends.append(outward * np.inf)
            continue
        fine = np.linspace(grid[at], grid[at + outward], grid_points)
        ends.append(float(fine[np.flatnonzero(_accepted(tests, fine))[-1]]))
    return Bound(mbar, *ends)


@dataclass(frozen=True)
class _Test:
    """The test of one pair of times and sign: c corners with statistics `at_zero` - value x `direction`, each (c,).

    overlap : (c, c) covariance of the corners' statistics. kappa, first_stage : size and critical value of its stage.
    """

    at_zero: np.ndarray
    direction: np.ndarray
    overlap: np.ndarray
    alpha: float
    kappa: float
    first_stage: float


def _tests(study: EventStudy, mbar: float, alpha: float, errors: np.ndarray) -> list[_Test]:
    """The tests whose union of accepted values is the confidence set."""
    kappa, weights = FIRST_STAGE * alpha, study.weights
    complement, tests = _complement(weights), []
    for lead in range(study.n_leads):
        for sign in (1.0, -1.0):
            moments = _moments(len(study.estimates), study.n_leads, lead, sign, mbar)
            lags = moments[:, study.n_leads :]
            scale = np.sqrt(np.einsum("ij,jk,ik->i", moments, study.covariance, moments))
            corners = _corners(lags @ complement, scale)
            combined = corners @ moments
            first_stage = float(np.quantile((errors @ combined.T).max(axis=1), 1 - kappa))
            direction = corners @ lags @ weights / (weights @ weights)
            overlap = combined @ study.covariance @ combined.T
            tests.append(_Test(combined @ study.estimates, direction, overlap, alpha, kappa, first_stage))
    return tests


def _moments(k: int, n_leads: int, lead: int, sign: float, mbar: float) -> np.ndarray:
    """A with A d <= 0 if no change after treatment exceeds mbar x sign x the change that follows `lead`. (2l, k)"""
    levels = np.insert(np.eye(k), n_leads, 0.0, axis=0)
    changes = np.diff(levels, axis=0)
    after, largest = changes[n_leads:], sign * changes[lead]
    return np.concatenate([after - mbar * largest, -after - mbar * largest])


def _accepted(tests: list[_Test], values: np.ndarray) -> np.ndarray:
    """Which values of the effect some test does not reject. (v,) bool"""
    accepted = np.zeros(len(values), dtype=bool)
    for test in tests:
        left = np.flatnonzero(~accepted)
        if not len(left):
            break
        accepted[left] = _not_rejected(test, values[left])
    return accepted


def _not_rejected(test: _Test, values: np.ndarray) -> np.ndarray:
    """Conditional test of each value after the first stage. (v,) bool"""
    statistics = test.at_zero[:, None] - test.direction[:, None] * values
    best, top = statistics.argmax(axis=0), statistics.max(axis=0)
    spread = np.sqrt(np.maximum(np.diag(test.overlap)[best], 0.0))
    low, high = _support(statistics, top, best, test.overlap)
    size = (test.alpha - test.kappa) / (1 - test.kappa)
    scale = np.where(spread > ROUNDING, spread, 1.0)
    quantile = _truncated_quantile(size, low / scale, np.minimum(high, test.first_stage) / scale)
    # A statistic without variance is rejected as soon as it is positive.
    critical = np.where(spread > ROUNDING, spread * np.maximum(quantile, 0.0), 0.0)
    return (top <= test.first_stage) & (top <= critical)


def _complement(weights: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the directions in which the weighted sum does not change. (l, l-1)"""
    return np.linalg.svd(weights[None, :])[2][1:].T


def _corners(nuisance: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Corners of {g >= 0, g'nuisance = 0, g'scale = 1}. (c, m); nuisance : (m, q), scale : (m,)."""
    equations = np.column_stack([nuisance / scale[:, None], np.ones(len(scale))])
    m, size = equations.shape
    chosen = np.array(list(combinations(range(m), size)))
    systems = np.swapaxes(equations[chosen], 1, 2)
    regular = np.abs(np.linalg.det(systems)) > ROUNDING * np.abs(systems).max() ** size
    target = np.zeros((int(regular.sum()), size, 1))
    target[:, -1] = 1.0
    solved = np.linalg.solve(systems[regular], target)[:, :, 0]
    corners = np.zeros((len(solved), m))
    np.put_along_axis(corners, chosen[regular], solved, axis=1)
    corners = np.maximum(corners[(corners >= -ROUNDING).all(axis=1)], 0.0)
    return np.unique(corners.round(12), axis=0) / scale


def _support(
    statistics: np.ndarray, top: np.ndarray, best: np.ndarray, overlap: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Between what the optimum can move, all that is independent of it fixed, while its corner stays optimal. 2 x (v,)

    Another corner's statistic moves by `slope` when the optimum moves by one.
    """
    variance = np.diag(overlap)[best]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(variance > 0, overlap[:, best] / variance, 0.0)
        limit = (statistics - slope * top) / (1 - slope)
    low = np.where(slope < 1 - ROUNDING, limit, -np.inf).max(axis=0)
    high = np.where(slope > 1 + ROUNDING, limit, np.inf).min(axis=0)
    return low, high


def _truncated_quantile(size: float, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The value that a standard normal between low and high exceeds with probability `size`, exact in the tails."""
    # P(Z > q) = size P(Z > low) + (1 - size) P(Z > high), by logarithms of upper tails.
    upper = np.logaddexp(np.log(size) + log_ndtr(-low), np.log1p(-size) + log_ndtr(-high))
    return np.clip(-ndtri_exp(upper), low, high)
