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
from scripts.matching.cem import covariate_cells
from scripts.matching.covariates import (
    ChildCovariate,
    Levels,
    children,
    distinct_children,
    text_levels,
)

PERIODS = ("pre", "post")
MEAN = "mean"
KEYS = {"period": pl.String, "stage": pl.String}
ARMS = ("treated", "comparator")
COLUMNS = (
    KEYS
    | {"covariate": pl.String, "level": pl.String}
    | {f"mean_{arm}": pl.Float64 for arm in ARMS}
    | {f"n_children_{arm}": pl.Int64 for arm in ARMS}
    | dict.fromkeys(("smd", "variance_ratio", "ecdf_mean", "ecdf_max"), pl.Float64)
)
OVERALL_COLUMNS = (
    KEYS
    | {"l1": pl.Float64, "local_common_support": pl.Float64}
    | {f"{count}_{arm}": pl.Int64 for arm in ARMS for count in ("n_rows", "n_children", "n_las")}
    | {f"ess_{arm}": pl.Float64 for arm in ARMS}
)


@dataclass(frozen=True)
class Sample:
    """What balance needs of each row: period and arm as cell = 2 x post + treated, child number, weight per stage."""

    cell: np.ndarray
    child: np.ndarray
    weights: dict[str, np.ndarray]

    def table(self, stage: str, codes: np.ndarray, n_levels: int) -> np.ndarray:
        """Sums of weights, shape (2 periods, 2 arms, n_levels)."""
        sums = np.bincount(self.cell * n_levels + codes, weights=self.weights[stage], minlength=4 * n_levels)
        # Without rows bincount counts in integers.
        return sums.astype(float).reshape(2, 2, n_levels)

    def children(self, stage: str, codes: np.ndarray, n_levels: int) -> np.ndarray:
        """Distinct children with weight, shape (2 periods, 2 arms, n_levels)."""
        inside = np.where(self.weights[stage] > 0, self.cell * n_levels + codes, -1)
        return distinct_children(self.child, inside, 4 * n_levels).reshape(2, 2, n_levels)


def balance_tables(
    cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...], individual: np.ndarray, composite: np.ndarray
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The balance table per covariate level and the overall one, without their outcome column.

    Parameters
    ----------
    individual, composite : (n,) weights of every cohort row; composite is 0 where a row did not match.
    """
    cell = cohort["post"].to_numpy().astype(np.int64) * 2 + cohort["treated"].to_numpy()
    sample = Sample(cell, children(cohort), {"before": individual, "after": composite})
    rows = [row for covariate in covariates for row in _covariate_rows(sample, cohort[covariate.name], covariate)]
    return _frame(rows, COLUMNS), _frame(_overall_rows(sample, cohort, covariates), OVERALL_COLUMNS)


def _frame(rows: list[dict[str, Any]], columns: dict[str, Any]) -> pl.DataFrame:
    """Rows as a frame with the given columns, NaN as null."""
    return pl.DataFrame(rows, schema=columns).with_columns(pl.col(pl.Float64).fill_nan(None))


def _covariate_rows(sample: Sample, column: pl.Series, covariate: ChildCovariate) -> list[dict[str, Any]]:
    """Balance of one covariate: a row per level, or for a numeric one its mean and, with gaps, the share missing."""
    if covariate.kind != "numeric":
        levels = text_levels(column)
        return _level_rows(sample, covariate.name, levels, tuple(range(len(levels.names))))
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    gaps = Levels((MEAN, MISSING), np.isnan(values).astype(np.int64))
    rows = _numeric_rows(sample, covariate.name, values, gaps)
    return rows + _level_rows(sample, covariate.name, gaps, (1,) if gaps.codes.any() else ())


def _level_rows(sample: Sample, name: str, levels: Levels, shown: tuple[int, ...]) -> list[dict[str, Any]]:
    """A row per period, stage and shown level with the arms' shares and their standardised difference."""
    n_levels, rows = len(levels.names), []
    tables = {stage: sample.table(stage, levels.codes, n_levels) for stage in sample.weights}
    counts = {stage: sample.children(stage, levels.codes, n_levels) for stage in sample.weights}
    for period, stage in _period_stages(sample):
        shares, before = (_shares(tables[key][period]) for key in (stage, "before"))
        for level in shown:
            p, (comparator, treated) = before[1, level], shares[:, level]
            smd = _ratio(treated - comparator, np.sqrt(p * (1 - p)))
            rows.append(
                _row(period, stage, name, levels.names[level], treated, comparator, counts[stage][period, :, level])
                | {"smd": smd, "variance_ratio": np.nan, "ecdf_mean": np.nan, "ecdf_max": np.nan}
            )
    return rows


def _numeric_rows(sample: Sample, name: str, values: np.ndarray, gaps: Levels) -> list[dict[str, Any]]:
    """A row per period and stage with the arms' means, variance ratio and eCDF distances over the known values."""
    distinct, codes = np.unique(values, return_inverse=True)
    points, known = len(distinct), ~np.isnan(distinct)
    tables = {stage: sample.table(stage, codes, points)[:, :, known] for stage in sample.weights}
    squares = {stage: Sample(sample.cell, sample.child, {stage: w**2}) for stage, w in sample.weights.items()}
    counts = {stage: sample.children(stage, gaps.codes, 2) for stage in sample.weights}
    rows = []
    for period, stage in _period_stages(sample):
        moments = {
            key: _moments(
                tables[key][period], squares[key].table(key, codes, points)[period][:, known], distinct[known]
            )
            for key in {stage, "before"}
        }
        means, variances = moments[stage]
        distance = np.abs(np.diff(np.cumsum(_shares(tables[stage][period]), axis=1), axis=0))[0]
        rows.append(
            _row(period, stage, name, MEAN, means[1], means[0], counts[stage][period, :, 0])
            | {
                "smd": _ratio(means[1] - means[0], np.sqrt(moments["before"][1][1])),
                "variance_ratio": _ratio(variances[1], variances[0]),
                "ecdf_mean": distance.mean() if len(distance) else np.nan,
                "ecdf_max": distance.max() if len(distance) else np.nan,
            }
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
    n_cells = int(cells.max(initial=0)) + 1
    everyone, rows = np.zeros(cohort.height, dtype=np.int64), []
    for period, stage in _period_stages(sample):
        weight = sample.weights[stage]
        table, used = sample.table(stage, cells, n_cells)[period], weight > 0
        shares, filled = _shares(table), table > 0
        counts = sample.children(stage, everyone, 1)[period, :, 0]
        arms = {}
        for arm, label in ((1, ARMS[0]), (0, ARMS[1])):
            inside = used & (sample.cell == 2 * period + arm)
            arms |= {
                f"n_rows_{label}": int(inside.sum()),
                f"n_children_{label}": int(counts[arm]),
                f"n_las_{label}": len(np.unique(las.codes[inside])),
                f"ess_{label}": _ratio(weight[inside].sum() ** 2, (weight[inside] ** 2).sum()),
            }
        rows.append(
            {
                "period": PERIODS[period],
                "stage": stage,
                "l1": np.abs(shares[1] - shares[0]).sum() / 2,
                "local_common_support": _ratio(filled.all(axis=0).sum(), filled.any(axis=0).sum()),
            }
            | arms
        )
    return rows


def _period_stages(sample: Sample) -> list[tuple[int, str]]:
    """Every period with every stage, in order."""
    return [(period, stage) for period in range(2) for stage in sample.weights]


def _row(
    period: int, stage: str, name: str, level: str, treated: float, comparator: float, counts: np.ndarray
) -> dict[str, Any]:
    """The columns that every row of the balance table has."""
    return {
        "period": PERIODS[period],
        "stage": stage,
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
