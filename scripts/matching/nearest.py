"""Nearest-neighbour matching on a score, within strata (sensitivity analysis beside coarsened exact matching).

What enters: stratum, score and arm of every row. What leaves: the pairs of a treated row and a control. Method: greedy,
from the treated row with the highest score down, `ratio` rounds of one control each (Ho, Imai, King and Stuart 2011,
MatchIt's `nearest` with `m.order = "largest"`). Controls are sorted by stratum and score; links lead past those
already taken and are shortened at every search, so that the whole is almost linear in rows. Ties are
decided inside the stratum and by the order of the rows alone: a treated row before another by position; of two
controls as near, the one with the lower score; of controls with one score, on the upper side the first by position,
on the lower side the last.
"""

from dataclasses import dataclass

import numpy as np

SIGN = np.uint64(1 << 63)


@dataclass(frozen=True)
class Pairs:
    """Matched pairs: positions of the treated rows (m,) and of their controls (m,), by treated row, nearest first."""

    treated: np.ndarray
    control: np.ndarray


def nearest_pairs(
    stratum: np.ndarray, score: np.ndarray, treated: np.ndarray, ratio: int, caliper: float, replacement: bool
) -> Pairs:
    """Match every treated row to up to `ratio` controls of its stratum.

    Parameters
    ----------
    stratum : (n,) numbers 0..s-1; score : (n,) finite; treated : (n,) 0 or 1.
    caliper : largest distance of a pair in units of the score; infinity for none.
    replacement : whether a control can serve several treated rows; one treated row never gets a control twice.
    """
    from scripts.matching.kernels import sorted_rows, with_replacement, without_replacement

    n_strata = int(stratum.max(initial=-1)) + 1
    rows, key = [np.flatnonzero(treated == arm) for arm in (0, 1)], sortable(score)
    # Only strata that hold treated rows can use their controls.
    used = np.bincount(stratum[rows[1]], minlength=n_strata) > 0
    if not used.all():
        rows[0] = rows[0][used[stratum[rows[0]]]]
    controls, bounds = sorted_rows(stratum, key, rows[0], n_strata)
    # From the highest score down, with ties by position: in ascending order of the complements.
    focal, _ = sorted_rows(stratum, ~key, rows[1], n_strata)
    search = with_replacement if replacement else without_replacement
    chosen = search(stratum[focal], score[focal], score[controls], bounds, ratio, caliper)
    order = np.argsort(focal, kind="stable")
    chosen = chosen[order]
    found = chosen >= 0
    return Pairs(np.repeat(focal[order], found.sum(axis=1)), controls[chosen[found]])


def sortable(score: np.ndarray) -> np.ndarray:
    """Unsigned integers in the order of finite numbers. Shape (n,)."""
    # Zero has two signs and one place.
    bits = (score + 0.0).view(np.uint64)
    return np.where(bits & SIGN, ~bits, bits | SIGN)
