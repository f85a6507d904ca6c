"""Coarsened exact matching within (matched group x period) (study-design section 4.2).

What enters: the cohort and its covariates. What leaves: a stratum number per row and whether the row has a counterpart
of the other arm in its stratum; rows without one drop out. Method: Iacus, King and Porro (2012), with the study's
bands; the stratum key is a mixed-radix number of the covariates' levels, so that matching is linear in rows.
"""

import numpy as np
import polars as pl

from scripts.matching.covariates import ChildCovariate, Levels, coarsened, dense, text_levels

# A key range up to this size is renumbered by marking instead of sorting.
MARKABLE = 1 << 26


def stratum_numbers(cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> np.ndarray:
    """Stratum of each row: matched group x period x levels of the matching covariates, numbered in that order. (n,)"""
    return cross(
        [
            text_levels(cohort["group"]),
            Levels(("pre", "post"), cohort["post"].to_numpy().astype(np.int64)),
            *(coarsened(cohort, covariate) for covariate in covariates if covariate.match),
        ],
        cohort.height,
    )


def covariate_cells(cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> np.ndarray:
    """Cell of each row in the cross-tabulation of the matching covariates alone. Shape (n,)."""
    return cross([coarsened(cohort, covariate) for covariate in covariates if covariate.match], cohort.height)


def cross(factors: list[Levels], n_rows: int) -> np.ndarray:
    """Number 0..s-1 of each row's combination of levels, in lexicographic order; only combinations that occur count."""
    key, size = np.zeros(n_rows, dtype=np.int64), 1
    for factor in factors:
        key, size = key * len(factor.names) + factor.codes, size * len(factor.names)
        if size > MARKABLE // 64:
            key, size = _renumber(key, size)
    return _renumber(key, size)[0]


def _renumber(key: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Renumber keys below `size` 0..s-1 in order."""
    if size > MARKABLE:
        return dense(key)
    seen = np.zeros(size, dtype=bool)
    seen[key] = True
    return (np.cumsum(seen) - 1)[key], int(seen.sum())


def has_counterpart(stratum: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """Whether a row's stratum holds both arms. `stratum` and `treated` (0/1) of shape (n,); bool (n,)."""
    if not len(stratum):
        return np.zeros(0, dtype=bool)
    size = int(stratum.max()) + 1
    arms = [np.bincount(stratum[treated == arm], minlength=size) > 0 for arm in (0, 1)]
    return (arms[0] & arms[1])[stratum]
