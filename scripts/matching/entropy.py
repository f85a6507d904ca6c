"""Entropy balancing within matched group x period (sensitivity analysis beside coarsened exact matching).

What enters: the terms of the matching covariates, period, arm and individual weight of every row. What leaves: weights
of the comparators under which the mean of every column (share of every level, mean of every numeric covariate) is that
of the treated, while they stay as near their individual weights as that allows. Method: Hainmueller (2012), Newton's on
the dual with step halving. A treated row with a level that no comparator of its group and period has cannot be
reproduced and drops out; a comparator with a level that no treated row has gets no weight.
"""

import numpy as np

from scripts.errors import StudyError
from scripts.matching.cem import cross
from scripts.matching.propensity import solve
from scripts.matching.terms import Term, as_levels, at, columns, varying

HALVINGS = 40


def entropy_weights(
    parts: tuple[Term, ...],
    period: np.ndarray,
    treated: np.ndarray,
    individual: np.ndarray,
    tolerance: float,
    max_iterations: int,
) -> np.ndarray:
    """Weights (n,): the individual one for treated rows, for comparators summing to their individual ones per period.

    Parameters
    ----------
    period : (n,) numbers of matched group x pre/post.
    tolerance : largest difference of means that is left, columns being dummies and standardised values.

    Raises
    ------
    StudyError : MATCHING, if in some periods no weights reach balance.
    """
    weight, failed = np.zeros(len(period)), 0
    order = np.argsort(period, kind="stable")
    starts = np.flatnonzero(np.diff(period[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        rows = rows[_with_common_levels(at(parts, rows), treated[rows])]
        arms = [rows[treated[rows] == arm] for arm in (0, 1)]
        if not (len(arms[0]) and len(arms[1])):
            continue
        found = _balanced(at(parts, rows), treated[rows], individual[rows], tolerance, max_iterations)
        failed += found is None
        weight[rows] = 0.0 if found is None else found
    if failed:
        raise StudyError(
            "MATCHING",
            "matching.children.method",
            f"entropy balancing finds no weights in {failed} of {len(starts)} matched groups and periods",
            "Match on fewer covariates or use cem",
        )
    return weight


def _with_common_levels(parts: tuple[Term, ...], treated: np.ndarray) -> np.ndarray:
    """Rows whose every categorical level occurs in both arms among the rows kept. Bool (n,)."""
    kept = np.ones(len(treated), dtype=bool)
    left = -1
    while left != kept.sum():
        left = kept.sum()
        for part in parts:
            size = len(part.table)
            # A numeric covariate has values rather than levels: only its gaps must have a counterpart.
            group = _level_or_gap(part)
            table = np.bincount(group[kept] * 2 + treated[kept], minlength=2 * size).reshape(-1, 2) > 0
            kept &= table.all(axis=1)[group]
    return kept


def _level_or_gap(part: Term) -> np.ndarray:
    """Level of each row; of a numeric term, 1 for a gap and 0 for any value."""
    if part.numeric:
        gap = part.table[:, 1] if part.table.shape[1] > 1 else np.zeros(len(part.table))
        return gap.astype(np.int64)[part.codes]
    return part.codes


def _balanced(
    parts: tuple[Term, ...], treated: np.ndarray, individual: np.ndarray, tolerance: float, max_iterations: int
) -> np.ndarray | None:
    """Weights (n,) of one group and period; None if Newton's steps do not reach balance."""
    parts, arms = varying(parts), [treated == 0, treated == 1]
    if not parts:
        return individual
    pattern = cross(as_levels(parts), len(treated))
    size = int(pattern.max()) + 1
    first = np.empty(size, dtype=np.int64)
    first[pattern[::-1]] = np.arange(len(pattern) - 1, -1, -1)
    design = columns(parts, first)[:, 1:]
    mass = [np.bincount(pattern[arm], weights=individual[arm], minlength=size) for arm in arms]
    tilt = _tilt(design - mass[1] @ design / mass[1].sum(), mass[0] / mass[0].sum(), tolerance, max_iterations)
    if tilt is None:
        return None
    return np.where(arms[1], individual, individual * tilt[pattern])


def _tilt(centred: np.ndarray, base: np.ndarray, tolerance: float, max_iterations: int) -> np.ndarray | None:
    """Factors (u,) whose products with the shares `base` (u,) sum to 1 and give the centred columns (u, k) mean 0."""
    dual = np.zeros(centred.shape[1])
    value, factor = _potential(centred, base, dual)
    for _ in range(max_iterations):
        share = base * factor
        gradient = share @ centred
        if np.abs(gradient).max() <= tolerance:
            return factor
        root = (centred - gradient) * np.sqrt(share)[:, None]
        step, size = solve(root.T @ root, -gradient), 1.0
        for _ in range(HALVINGS):
            trial, trial_factor = _potential(centred, base, dual + size * step)
            # Near the optimum the value changes by less than its rounding.
            if trial <= value + 1e-12 * abs(value) + 1e-15:
                break
            size /= 2
        dual, value, factor = dual + size * step, trial, trial_factor
    return None


def _potential(centred: np.ndarray, base: np.ndarray, dual: np.ndarray) -> tuple[float, np.ndarray]:
    """Dual objective log(sum of base e^(x dual)), without overflow, and the factors at `dual`."""
    eta = centred @ dual
    top = eta[base > 0].max()
    factor = np.exp(np.minimum(eta - top, 0.0))
    total = base @ factor
    return float(np.log(total) + top), factor / total
