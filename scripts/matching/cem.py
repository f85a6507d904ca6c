"""Coarsened exact matching within (matched group x period) (study-design section 4.2).

What enters: the cohort and its covariates. What leaves: a stratum number per row and whether the row has a counterpart
of the other arm in its stratum; rows without one drop out. Method: Iacus, King and Porro (2012), with the study's
bands or automatic ones; exact matching is the same without bands. The stratum key is a mixed-radix number of the
covariates' levels, so that matching is linear in rows.
"""

import numpy as np
import polars as pl

from scripts.matching.covariates import (
    MARKABLE,
    STUDY_CUTS,
    ChildCovariate,
    Levels,
    coarsened,
    exact_levels,
    renumber,
    text_levels,
)


def stratum_numbers(cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...], cuts: str = STUDY_CUTS) -> np.ndarray:
    """Stratum of each row: matched group x period x levels of the matching covariates, numbered in that order. (n,)"""
    matching = [coarsened(cohort, covariate, cuts) for covariate in covariates if covariate.match]
    return cross([*period_factors(cohort), *matching], cohort.height)


def exact_numbers(cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> np.ndarray:
    """As `stratum_numbers`, without coarsening: every distinct value of a matching covariate is a level. Shape (n,)."""
    matching = [exact_levels(cohort, covariate) for covariate in covariates if covariate.match]
    return cross([*period_factors(cohort), *matching], cohort.height)


def period_factors(cohort: pl.DataFrame) -> list[Levels]:
    """Matched group and pre/post: whatever the method, children are matched within these."""
    return [text_levels(cohort["group"]), Levels(("pre", "post"), cohort["post"].to_numpy().astype(np.int64))]


def covariate_cells(cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> np.ndarray:
    """Cell of each row in the cross-tabulation of the matching covariates alone. Shape (n,)."""
    return cross([cell_levels(cohort, covariate) for covariate in covariates if covariate.match], cohort.height)


def cell_levels(cohort: pl.DataFrame, covariate: ChildCovariate) -> Levels:
    """A covariate in the study's bands, or where it states none in Sturges' bins (methods without bands)."""
    return coarsened(cohort, covariate, STUDY_CUTS if covariate.kind != "numeric" or covariate.cuts else "sturges")


def cross(factors: list[Levels], n_rows: int) -> np.ndarray:
    """Number 0..s-1 of each row's combination of levels, in lexicographic order; only combinations that occur count."""
    key, size = np.zeros(n_rows, dtype=np.int64), 1
    for factor in factors:
        # Renumbered as seldom as the range allows, for every time costs a pass over the rows.
        if size * len(factor.names) > MARKABLE:
            key, size = renumber(key, size)
        key, size = key * len(factor.names) + factor.codes, size * len(factor.names)
    return renumber(key, size)[0]


def has_counterpart(stratum: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """Whether a row's stratum holds both arms. `stratum` and `treated` (0/1) of shape (n,); bool (n,)."""
    if not len(stratum):
        return np.zeros(0, dtype=bool)
    size = int(stratum.max()) + 1
    table = np.bincount(stratum * 2 + treated, minlength=2 * size).reshape(size, 2)
    return (table > 0).all(axis=1)[stratum]
