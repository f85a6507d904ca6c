"""Effects by cohort and year, ATT(g,t), when LAs embed at different times (Callaway and Sant'Anna 2021).

What enters: mean outcomes per unit and time in blocks, a block being treated units and the comparators they are
compared with, such as a matched group. What leaves: ATT(g,t) of every cohort g (the time its effect can begin) and time
t, and their aggregations simple, dynamic, group and calendar, each with an error by leaving one LA out in turn.

Method: comparators are never treated and there are no covariates. A unit's change since its reference time is compared
within the block only: the change of its treated units less that of its comparators, both weighted by the weight at the
later time, so that neither LAs that come, go or grow nor years of different blocks are compared. Blocks are averaged by
the weight of their treated units. No effect is ever compared with another effect, hence no weight is negative. Times
after treatment are measured against the block's last time before it; times before it against the time before them
(`varying`, the default of R's did) or against that same last time (`universal`). With one block per cohort and constant
weights this is did::att_gt and did::aggte (control_group "nevertreated", no covariates).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scripts.models.cells import Cells

SIMPLE, DYNAMIC, GROUP, CALENDAR = AGGREGATIONS = ("simple", "dynamic", "group", "calendar")
Base = Literal["varying", "universal"]


@dataclass(frozen=True)
class Panel:
    """Rows (n,) of means by block, unit, period and time, and what blocks (K,) are.

    block, unit : (n,) integers from 0; a unit is what the jackknife leaves out, the same number in every block.
    treated, post : (n,) bool; a block may have rows before and after treatment in one and the same time.
    time : (n,) integers. weight : (n,) positive. outcome : (n,) means.
    cohort, base : (K,) the time each block's effect can begin, and the last time before it.
    """

    block: np.ndarray
    unit: np.ndarray
    treated: np.ndarray
    post: np.ndarray
    time: np.ndarray
    weight: np.ndarray
    outcome: np.ndarray
    cohort: np.ndarray
    base: np.ndarray


@dataclass(frozen=True)
class Effect:
    """An effect of a cohort, a time or an event time (`key`); no error where one unit alone identifies it."""

    key: int
    estimate: float
    std_error: float | None


@dataclass(frozen=True)
class GroupTime:
    """ATT(g,t) in units of the outcome; `post` says whether the rows of that time are those after treatment."""

    cohort: int
    time: int
    post: bool
    weight: float
    estimate: float
    std_error: float | None


@dataclass(frozen=True)
class Aggregation:
    """An aggregation, the parts (q,) it is an average of, and their jackknife covariance (q, q), NaN where unknown.

    Parts of `dynamic` before treatment (key < 0) are shown but are no part of the average; `simple` has no parts.
    """

    name: str
    estimate: float
    std_error: float | None
    df: int
    parts: tuple[Effect, ...]
    covariance: np.ndarray


@dataclass(frozen=True)
class Staggered:
    """ATT(g,t) in the order of cohort, period and time, and the aggregations by name."""

    effects: tuple[GroupTime, ...]
    aggregations: dict[str, Aggregation]


@dataclass(frozen=True)
class _Replicates:
    """Effects and weights (R, J) of J block-times, of all units in row 0 and without each unit in the others.

    A weight of 0 means that a replicate cannot tell the effect. block, time, post, event : (J,).
    """

    effect: np.ndarray
    weight: np.ndarray
    block: np.ndarray
    time: np.ndarray
    post: np.ndarray
    event: np.ndarray


def cohort_panel(
    unit: np.ndarray, time: np.ndarray, weight: np.ndarray, outcome: np.ndarray, cohort: np.ndarray
) -> Panel:
    """The panel in which every unit that is never treated (cohort 0) is a comparator of every cohort.

    Parameters
    ----------
    unit, time, weight, outcome, cohort : (n,), one row per unit and time; cohort is the first treated time, constant
        within units. Cohorts without a time before treatment cannot be compared and are left out.
    """
    cohorts = np.unique(cohort[cohort > time.min()])
    numbers = np.unique(unit, return_inverse=True)[1]
    rows = [np.flatnonzero((cohort == g) | (cohort == 0)) for g in cohorts]
    block = np.repeat(np.arange(len(cohorts)), [len(each) for each in rows])
    chosen = np.concatenate([*rows, np.zeros(0, dtype=np.int64)]).astype(np.int64)
    return Panel(
        block=block,
        unit=numbers[chosen],
        treated=cohort[chosen] > 0,
        post=time[chosen] >= cohorts[block],
        time=time[chosen],
        weight=weight[chosen].astype(float),
        outcome=outcome[chosen].astype(float),
        cohort=cohorts,
        base=np.array([time[time < g].max() for g in cohorts], dtype=np.int64),
    )


def cells_panel(cells: Cells) -> Panel:
    """The panel of a matched cohort: a block is a matched group, a unit an LA, a time a financial year.

    A group's cohort is the first year in which its pilot has rows after embedding, its base the last year in which it
    has rows before; what was dropped between them is in neither. A group whose pilot lacks either is left out.
    """
    groups, group = np.unique(cells.group, return_inverse=True)
    treated, post = cells.treated == 1, cells.post == 1
    first = np.full(len(groups), np.iinfo(np.int64).max)
    np.minimum.at(first, group[treated & post], cells.year[treated & post])
    last = np.full(len(groups), np.iinfo(np.int64).min)
    np.maximum.at(last, group[treated & ~post], cells.year[treated & ~post])
    whole = np.isin(np.arange(len(groups)), group[treated & post]) & np.isin(
        np.arange(len(groups)), group[treated & ~post]
    )
    used = whole[group] & (cells.weight > 0)
    number = np.cumsum(whole) - 1
    keys = np.column_stack([number[group], cells.la_number, treated, post, cells.year])[used]
    rows, position = np.unique(keys, axis=0, return_inverse=True)
    weight = np.bincount(position.ravel(), cells.weight[used], minlength=len(rows))
    total = np.bincount(position.ravel(), cells.matrices[used, 0, -1], minlength=len(rows))
    block, unit, arm, period, year = rows.T.astype(np.int64)
    return Panel(block, unit, arm == 1, period == 1, year, weight, total / weight, first[whole], last[whole])


def staggered(panel: Panel, base: Base = "varying") -> Staggered | None:
    """ATT(g,t) and their aggregations; None if no block can be compared after treatment."""
    replicates = _replicates(panel, base)
    if replicates is None or not replicates.post.any():
        return None
    units = len(replicates.effect) - 1
    cohort = panel.cohort[replicates.block]
    keys = np.column_stack([cohort, replicates.post, replicates.time])
    labels, position = np.unique(keys, axis=0, return_inverse=True)
    averages, weights = _averages(replicates, position.ravel(), len(labels))
    errors = np.sqrt(np.diag(_covariance(averages, units)))
    effects = tuple(
        GroupTime(int(g), int(t), bool(after), float(size), float(estimate), _known(error))
        for (g, after, t), size, estimate, error in zip(labels, weights[0], averages[0], errors, strict=True)
    )
    by = {DYNAMIC: replicates.event, GROUP: cohort, CALENDAR: replicates.time}
    found = {SIMPLE: _simple(replicates, units)}
    return Staggered(effects, found | {name: _aggregation(name, replicates, key, units) for name, key in by.items()})


def _replicates(panel: Panel, base: Base) -> _Replicates | None:
    """Effects of every block and time, with all units and without each; None if there are none."""
    if not len(panel.block):
        return None
    times, at = np.unique(panel.time, return_inverse=True)
    units, unit = np.unique(panel.unit, return_inverse=True)
    n_times, shape = len(times), (len(panel.cohort), len(units), 2 * len(times))
    slot = at + n_times * panel.post
    weight, outcome = np.zeros(shape), np.full(shape, np.nan)
    weight[panel.block, unit, slot], outcome[panel.block, unit, slot] = panel.weight, panel.outcome
    treated = np.zeros(shape[:2], dtype=bool)
    treated[panel.block, unit] = panel.treated
    reference = _references(treated, weight, n_times, np.searchsorted(times, panel.base), base)
    change = outcome - np.take_along_axis(outcome, np.maximum(reference, 0)[:, None, :], axis=2)
    valid = (reference >= 0)[:, None, :] & ~np.isnan(change)
    weight, change = np.where(valid, weight, 0.0), np.where(valid, change, 0.0)
    one, size = _means(treated[:, :, None] & valid, weight, change)
    other, _ = _means(~treated[:, :, None] & valid, weight, change)
    known = ~np.isnan(one) & ~np.isnan(other)
    block, slot = np.nonzero(known[0])
    time, post = times[slot % n_times], slot >= n_times
    event = np.where(post, time - panel.cohort[block], time - panel.base[block] - 1)
    pick = (slice(None), block, slot)
    effect = np.where(known, one - other, 0.0)[pick]
    return _Replicates(effect, np.where(known, size, 0.0)[pick], block, time, post, event)


def _references(treated: np.ndarray, weight: np.ndarray, n_times: int, base: np.ndarray, kind: Base) -> np.ndarray:
    """The slot every block's slot is compared with, -1 for none. (K, S); slots are times before, then times after."""
    has_rows = (treated[:, :, None] & (weight > 0)).any(axis=1)
    reference = np.full(has_rows.shape, -1)
    for block, rows in enumerate(has_rows):
        before, after = np.flatnonzero(rows[:n_times]), n_times + np.flatnonzero(rows[n_times:])
        reference[block, after] = base[block]
        if kind == "varying":
            reference[block, before[1:]] = before[:-1]
        else:
            reference[block, before[before != base[block]]] = base[block]
    return reference


def _means(mask: np.ndarray, weight: np.ndarray, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean change and weight by block and slot, of all units and without each. (U+1, K, S), NaN without any.

    Whether units are left is counted, not read off the weights, which subtraction leaves near but not at zero.
    """

    def without_each(values: np.ndarray) -> np.ndarray:
        total = values.sum(axis=1)
        return np.concatenate([total[None], total - np.moveaxis(values, 1, 0)])

    count, size = without_each(mask.astype(np.int64)), without_each(np.where(mask, weight, 0.0))
    total = without_each(np.where(mask, weight * change, 0.0))
    return np.where(count > 0, total / np.where(count > 0, size, 1.0), np.nan), np.where(count > 0, size, 0.0)


def _averages(replicates: _Replicates, position: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Weighted averages of the block-times that share a position, NaN without any, and their weights. (R, n)"""
    member = position[:, None] == np.arange(n)
    weights = replicates.weight @ member
    totals = (replicates.weight * replicates.effect) @ member
    return np.where(weights > 0, totals / np.where(weights > 0, weights, 1.0), np.nan), weights


def _covariance(values: np.ndarray, units: int) -> np.ndarray:
    """Jackknife covariance, (U-1)/U x products of changes, as CRV3; NaN where a replicate is missing. (q, q)"""
    change = values[1:] - values[0]
    return (units - 1) / units * change.T @ change


def _known(error: float) -> float | None:
    """An error as a number, None where it is unknown."""
    return float(error) if np.isfinite(error) else None


def _after(replicates: _Replicates) -> _Replicates:
    """The block-times after treatment alone."""
    chosen = [getattr(replicates, name)[..., replicates.post] for name in _Replicates.__dataclass_fields__]
    return _Replicates(*chosen)


def _simple(replicates: _Replicates, units: int) -> Aggregation:
    """The average over all treated rows after treatment."""
    after = _after(replicates)
    averages, _ = _averages(after, np.zeros(len(after.time), dtype=np.int64), 1)
    error = np.sqrt(_covariance(averages, units)[0, 0])
    return Aggregation(SIMPLE, float(averages[0, 0]), _known(error), units - 1, (), np.zeros((0, 0)))


def _aggregation(name: str, replicates: _Replicates, key: np.ndarray, units: int) -> Aggregation:
    """The average of averages by event time, cohort or time; without a unit, over those that the others identify.

    Event times and times count alike; cohorts by the mean weight of their treated units per time.
    """
    shown = replicates if name == DYNAMIC else _after(replicates)
    key = key if name == DYNAMIC else key[replicates.post]
    labels, position = np.unique(key, return_inverse=True)
    averages, weights = _averages(shown, position, len(labels))
    if name == GROUP:
        pairs = np.unique(np.column_stack([position, shown.time]), axis=0)
        share = weights / np.bincount(pairs[:, 0])
    else:
        share = (weights > 0) & ((labels >= 0) if name == DYNAMIC else True)
    with np.errstate(invalid="ignore"):
        overall = (np.where(share > 0, averages, 0.0) * share).sum(axis=1) / share.sum(axis=1)
    covariance = _covariance(averages, units)
    parts = tuple(
        Effect(int(label), float(estimate), _known(error))
        for label, estimate, error in zip(labels, averages[0], np.sqrt(np.diag(covariance)), strict=True)
    )
    error = np.sqrt(_covariance(overall[:, None], units)[0, 0])
    return Aggregation(name, float(overall[0]), _known(error), units - 1, parts, covariance)
