"""Balance of the arms before and after matching, on all rows.

What enters: the cohort with its individual and composite weights. What leaves: one row per period x stage x covariate
level, and one per period x stage for the whole. Before matching rows carry their individual weight (a record that
serves several groups counts once), after matching the composite one. Everything comes from weighted tables of levels:
linear in rows, no sampling. Conventions: standardised mean difference over the treated sd *before* matching (ATT;
Stuart 2010), dummies with sd sqrt(p(1-p)); variance ratio and eCDF distances for numeric covariates, the distances over
the distinct values (as MatchIt); multivariate L1 and local common support over the cells of the matching covariates
(Iacus, King and Porro 2011); effective sample size (sum w)^2 / sum w^2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scripts.codes import MISSING
from scripts.contributions import shares_of_largest
from scripts.matching.cem import covariate_cells
from scripts.matching.covariates import (
    ChildCovariate,
    Levels,
    children,
    text_levels,
    value_levels,
)

PERIODS = ("pre", "post")
STAGES = ("before", "after")
BEFORE = 0
# Every period with every stage, in the order of the rows.
PERIOD_STAGES = [(period, stage) for period in range(len(PERIODS)) for stage in range(len(STAGES))]
MEAN = "mean"
# Levels that fit a byte
BYTE = 1 << 8
KEYS = {"period": pl.String, "stage": pl.String}
ARMS = ("treated", "comparator")
# Children with and without an outcome that is 0 or 1
WITH = ("n_children_with", "n_children_without")
COLUMNS = (
    KEYS
    | {"covariate": pl.String, "level": pl.String}
    | {f"mean_{arm}": pl.Float64 for arm in ARMS}
    | {f"n_children_{arm}": pl.Int64 for arm in ARMS}
    | dict.fromkeys(("smd", "variance_ratio", "ecdf_mean", "ecdf_max"), pl.Float64)
    | {f"share_{which}_{arm}": pl.Float64 for arm in ARMS for which in ("largest", "two_largest")}
)
OVERALL_COLUMNS = (
    KEYS
    | {"l1": pl.Float64, "local_common_support": pl.Float64}
    | {f"{count}_{arm}": pl.Int64 for arm in ARMS for count in ("n_rows", "n_children", "n_las", *WITH)}
    | {f"ess_{arm}": pl.Float64 for arm in ARMS}
)


@dataclass(frozen=True)
class Tally:
    """Sums of weights and their squares, rows and distinct children with weight; each (2 stages, 2 periods, 2 arms, L).

    Periods are pre and post, arms comparator and treated, stages before and after matching.
    """

    sums: np.ndarray
    squares: np.ndarray
    rows: np.ndarray
    children: np.ndarray


@dataclass(frozen=True)
class Sample:
    """The rows in the order of their children (n,): which row, period and arm as 2 x post + treated, child, weights."""

    order: np.ndarray
    cell: np.ndarray
    child: np.ndarray
    weights: np.ndarray

    def tally(self, codes: np.ndarray, n_levels: int) -> Tally:
        """What stands behind each of 0..n_levels-1 levels; `codes` (n,) in the order of the cohort's rows."""
        from scripts.matching.kernels import tally

        # Reordered before the loop and narrow: fetched one by one inside it they would be most of the time.
        placed = codes.astype(np.uint8 if n_levels <= BYTE else np.int32)[self.order]
        tables = tally(placed, self.cell, self.child, self.weights, n_levels)
        return Tally(*(table.reshape(len(STAGES), 2, 2, n_levels) for table in tables))

    def shares_of_largest(self, values: np.ndarray) -> dict[tuple[int, int], dict[str, float | None]]:
        """(stage, period) -> shares that the children with most of a number hold in its weighted sum, by arm.

        `values`: (n,) in the order of the cohort's rows, 0 where unknown.
        """
        starts = np.flatnonzero(np.diff(self.child, prepend=-1) != 0)
        size, found = np.abs(values)[self.order], {}
        for period, stage in PERIOD_STAGES:
            found[stage, period] = {}
            for arm, name in ((1, ARMS[0]), (0, ARMS[1])):
                here = np.where(self.cell == 2 * period + arm, self.weights[stage] * size, 0.0)
                by_child = np.add.reduceat(here, starts) if len(starts) else here
                one, two = shares_of_largest(by_child, float(by_child.sum()))
                found[stage, period] |= {f"share_largest_{name}": one, f"share_two_largest_{name}": two}
        return found


def sample(cohort: pl.DataFrame, individual: np.ndarray, composite: np.ndarray) -> Sample:
    """The cohort's rows with their weights before and after matching, (n,) each."""
    from scripts.matching.kernels import sorted_rows

    child = children(cohort)
    nothing = np.zeros(len(child), dtype=np.uint64)
    order, _ = sorted_rows(child, nothing, np.arange(len(child)), int(child.max(initial=-1)) + 1)
    cell = cohort["post"].to_numpy().astype(np.int64) * 2 + cohort["treated"].to_numpy()
    return Sample(order, cell[order], child[order], np.stack([individual[order], composite[order]]))


def balance_tables(
    cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...], individual: np.ndarray, composite: np.ndarray
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The balance table per covariate level and the overall one, without their outcome column.

    Parameters
    ----------
    individual, composite : (n,) weights of every cohort row; composite is 0 where a row did not match.
    """
    return balance_of(sample(cohort, individual, composite), cohort, covariates)


def balance_of(
    rows: Sample, cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As `balance_tables`, for a sample that was taken before."""
    levels = [row for covariate in covariates for row in _covariate_rows(rows, cohort[covariate.name], covariate)]
    return _frame(levels, COLUMNS), _frame(_overall_rows(rows, cohort, covariates), OVERALL_COLUMNS)


def _frame(rows: list[dict[str, Any]], columns: dict[str, Any]) -> pl.DataFrame:
    """Rows as a frame with the given columns, NaN as null."""
    return pl.DataFrame(rows, schema=columns).with_columns(pl.col(pl.Float64).fill_nan(None))


def _covariate_rows(sample: Sample, column: pl.Series, covariate: ChildCovariate) -> list[dict[str, Any]]:
    """Balance of one covariate: a row per level, or for a numeric one its mean and, with gaps, the share missing."""
    if covariate.kind != "numeric":
        levels = text_levels(column)
        return _level_rows(sample, covariate.name, levels, tuple(range(len(levels.names))))
    distinct, codes = value_levels(column.cast(pl.Float64).fill_null(np.nan).to_numpy())
    gaps = Levels((MEAN, MISSING), np.isnan(distinct).astype(np.int64)[codes])
    rows = _numeric_rows(sample, covariate.name, Levels(("",) * len(distinct), codes), distinct, gaps)
    return rows + _level_rows(sample, covariate.name, gaps, (1,) if np.isnan(distinct).any() else ())


def _level_rows(sample: Sample, name: str, levels: Levels, shown: tuple[int, ...]) -> list[dict[str, Any]]:
    """A row per period, stage and shown level with the arms' shares and their standardised difference."""
    rows, tally = [], sample.tally(levels.codes, len(levels.names))
    for period, stage in PERIOD_STAGES:
        shares, before = (_shares(tally.sums[key, period]) for key in (stage, BEFORE))
        for level in shown:
            p, (comparator, treated) = before[1, level], shares[:, level]
            counts = tally.children[stage, period, :, level]
            rows.append(
                _row(period, stage, name, levels.names[level], treated, comparator, counts)
                | {"smd": _ratio(treated - comparator, np.sqrt(p * (1 - p)))}
                | dict.fromkeys(("variance_ratio", "ecdf_mean", "ecdf_max"), np.nan)
            )
    return rows


def _numeric_rows(
    sample: Sample, name: str, values: Levels, distinct: np.ndarray, gaps: Levels
) -> list[dict[str, Any]]:
    """A row per period and stage with the arms' means, variance ratio and eCDF distances over the known values.

    `distinct`: (L,) the value of each level of `values`, NaN for a gap.
    """
    rows, known = [], ~np.isnan(distinct)
    shares = sample.shares_of_largest(np.nan_to_num(distinct)[values.codes])
    tally, counted = sample.tally(values.codes, len(distinct)), sample.tally(gaps.codes, 2)
    sums, squares, points = tally.sums[..., known], tally.squares[..., known], distinct[known]
    for period, stage in PERIOD_STAGES:
        means, variances = _moments(sums[stage, period], squares[stage, period], points)
        before = _moments(sums[BEFORE, period], squares[BEFORE, period], points)[1]
        distance = np.abs(np.diff(np.cumsum(_shares(sums[stage, period]), axis=1), axis=0))[0]
        rows.append(
            _row(period, stage, name, MEAN, means[1], means[0], counted.children[stage, period, :, 0])
            | {
                "smd": _ratio(means[1] - means[0], np.sqrt(before[1])),
                "variance_ratio": _ratio(variances[1], variances[0]),
                "ecdf_mean": distance.mean() if len(distance) else np.nan,
                "ecdf_max": distance.max() if len(distance) else np.nan,
            }
            | shares[stage, period]
        )
    return rows


def _moments(table: np.ndarray, squares: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and variance per arm, (2,) each; the variance over sum w - sum w^2 / sum w, unbiased when w = 1."""
    shares, total = _shares(table), table.sum(axis=1)
    means = shares @ values
    spread = (shares * (values - means[:, None]) ** 2).sum(axis=1)
    return means, np.array(
        [_ratio(s, 1 - _ratio(q, t**2)) for s, q, t in zip(spread, squares.sum(axis=1), total, strict=True)]
    )


def _overall_rows(sample: Sample, cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> list[dict[str, Any]]:
    """A row per period and stage: L1, local common support, rows, children, LAs and effective sample size by arm."""
    cells, las = covariate_cells(cohort, covariates), text_levels(cohort["la_code"])
    in_cells = sample.tally(cells, int(cells.max(initial=0)) + 1)
    in_las = sample.tally(las.codes, max(len(las.names), 1))
    whole, rows = sample.tally(np.zeros(cohort.height, dtype=np.int64), 1), []
    outcome = cohort["outcome"].cast(pl.Float64).to_numpy()
    binary = bool(np.isin(outcome, (0.0, 1.0)).all())
    with_outcome = sample.tally((outcome != 0).astype(np.int64), 2)
    for period, stage in PERIOD_STAGES:
        table = in_cells.sums[stage, period]
        shares, filled = _shares(table), table > 0
        arms = {}
        for arm, label in ((1, ARMS[0]), (0, ARMS[1])):
            here = (stage, period, arm)
            arms |= {
                f"n_rows_{label}": int(whole.rows[here][0]),
                f"n_children_{label}": int(whole.children[here][0]),
                f"n_las_{label}": int((in_las.rows[here] > 0).sum()),
                f"ess_{label}": _ratio(whole.sums[here][0] ** 2, whole.squares[here][0]),
            }
            for name, has in zip(WITH, (1, 0), strict=True):
                arms[f"{name}_{label}"] = int(with_outcome.children[here][has]) if binary else None
        rows.append(
            {
                "period": PERIODS[period],
                "stage": STAGES[stage],
                "l1": np.abs(shares[1] - shares[0]).sum() / 2,
                "local_common_support": _ratio(filled.all(axis=0).sum(), filled.any(axis=0).sum()),
            }
            | arms
        )
    return rows


def _row(
    period: int, stage: int, name: str, level: str, treated: float, comparator: float, counts: np.ndarray
) -> dict[str, Any]:
    """The columns that every row of the balance table has."""
    return {
        "period": PERIODS[period],
        "stage": STAGES[stage],
        "covariate": name,
        "level": level,
        "mean_treated": treated,
        "mean_comparator": comparator,
        "n_children_treated": int(counts[1]),
        "n_children_comparator": int(counts[0]),
    }


def _shares(table: np.ndarray) -> np.ndarray:
    """Rows of a table of sums as shares of their total; NaN where the total is zero."""
    total = table.sum(axis=-1, keepdims=True)
    return np.divide(table, total, out=np.full_like(table, np.nan), where=total > 0)


def _ratio(numerator: float, denominator: float) -> float:
    """Quotient, NaN where the denominator is zero or undefined."""
    return float(numerator / denominator) if denominator > 0 else np.nan
