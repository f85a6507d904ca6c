"""The matching covariates as terms of a linear predictor, without ever writing out the design of all rows.

What enters: cohort columns. What leaves: a `Term` per covariate: the number of each row's level and a small table with
the design values of each level. Categorical and binary covariates are dummies of every level but the first, a gap being
the level "Missing"; a numeric covariate is its standardised value with, where it has gaps, zero there and a dummy for
them. Columns are made in blocks of rows; rows with the same levels are the same pattern and counted once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from scripts.matching.covariates import ChildCovariate, Levels, text_levels, value_levels

BLOCK = 1 << 12
# Fetching a row of a table costs the same for one column as for ten, as long as the table stays in the cache.
MERGED_LEVELS = 1 << 11


@dataclass(frozen=True)
class Term:
    """Level numbers `codes` (n,), design values `table` (L, k) of the levels, and whether it is numeric."""

    codes: np.ndarray
    table: np.ndarray
    numeric: bool = False


def terms(cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> tuple[Term, ...]:
    """A term for each matching covariate, in the order of the config."""
    return tuple(_term(cohort[covariate.name], covariate.kind) for covariate in covariates if covariate.match)


def _term(column: pl.Series, kind: str) -> Term:
    if kind != "numeric":
        levels = text_levels(column)
        return Term(levels.codes, np.eye(len(levels.names))[:, 1:])
    distinct, codes = value_levels(column.cast(pl.Float64).fill_null(np.nan).to_numpy())
    gap = np.isnan(distinct)
    counts, values = np.bincount(codes, minlength=len(distinct)) * ~gap, np.where(gap, 0.0, distinct)
    mean = counts @ values / max(counts.sum(), 1)
    scale = np.sqrt(counts @ (values - mean) ** 2 / max(counts.sum(), 1)) or 1.0
    standard = np.where(gap, 0.0, (values - mean) / scale)
    return Term(codes, np.column_stack([standard, gap]) if gap.any() else standard[:, None], numeric=True)


def as_levels(parts: tuple[Term, ...]) -> list[Levels]:
    """Terms as levels without names, for crossing."""
    return [Levels(("",) * len(part.table), part.codes) for part in parts]


def at(parts: tuple[Term, ...], rows: np.ndarray) -> tuple[Term, ...]:
    """The terms of some rows."""
    return tuple(Term(part.codes[rows], part.table, part.numeric) for part in parts)


def columns(parts: tuple[Term, ...], rows: slice | np.ndarray) -> np.ndarray:
    """Design of some rows: an intercept, then each term's columns. Shape (rows, 1 + sum of k)."""
    values = [part.table[part.codes[rows]] for part in parts]
    return np.hstack([np.ones((len(values[0]), 1)), *values])


def merged(parts: tuple[Term, ...]) -> tuple[Term, ...]:
    """The same columns from fewer, larger tables: neighbours become one term while their levels stay few."""
    result = [parts[0]]
    for part in parts[1:]:
        last, size = result[-1], len(part.table)
        if len(last.table) * size > MERGED_LEVELS:
            result.append(part)
            continue
        table = np.hstack([np.repeat(last.table, size, axis=0), np.tile(part.table, (len(last.table), 1))])
        result[-1] = Term(last.codes * size + part.codes, table)
    return tuple(result)


def blocks(n_rows: int) -> Iterator[slice]:
    """Slices of at most BLOCK rows: a block and its products stay in the cache."""
    for start in range(0, n_rows, BLOCK):
        yield slice(start, min(start + BLOCK, n_rows))


def predictor(parts: tuple[Term, ...], coefficients: np.ndarray) -> np.ndarray:
    """Linear predictor of each row (n,), by look-up of each level's part: rows of one pattern get the same bits."""
    total, start = np.full(len(parts[0].codes), coefficients[0]), 1
    for part in parts:
        width = part.table.shape[1]
        total += (part.table @ coefficients[start : start + width])[part.codes]
        start += width
    return total


def varying(parts: tuple[Term, ...]) -> tuple[Term, ...]:
    """The terms with levels that occur renumbered, dummies of the first of them left out, and constant terms gone.

    Within a part of the cohort some levels do not occur; a column of zeros would make the normal equations singular.
    """
    kept = []
    for part in parts:
        counts = np.bincount(part.codes, minlength=len(part.table))
        present = np.flatnonzero(counts)
        if len(present) < 2:
            continue
        table = part.table[present] - part.table[present[0]]
        moving = [j for j in range(table.shape[1]) if table[:, j].any()]
        number = np.zeros(len(part.table), dtype=np.int64)
        number[present] = np.arange(len(present))
        kept.append(Term(number[part.codes], table[:, moving], part.numeric))
    return tuple(kept)
