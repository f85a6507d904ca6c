"""Weighted logit of a rare outcome and its average marginal effect on the treated, errors clustered by LA.

What enters: one completed matched cohort. What leaves: the effect on the probability scale with its variance. The
effect in a nonlinear difference-in-differences is, over treated rows after embedding, the mean of
P(y | x) - P(y | x with the interaction off) (Puhani 2012), its variance by the delta method from the sandwich
covariance of the coefficients, scaled by G/(G-1) x (N-1)/(N-K). A dummy whose rows all have the same outcome is
perfectly predicted: at the maximum likelihood its rows contribute nothing and have no effect, so dummy and rows leave
the fit, and the rows count as effect zero. The likelihood is maximised by Newton's method on blocks of rows, so that
memory does not grow with rows x regressors; statsmodels is its oracle in the tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from scripts.matching.covariates import la_covariates
from scripts.models.cells import Rows, cells_of, rows_by_cell
from scripts.models.columns import independent_columns
from scripts.models.covariance import small_sample
from scripts.models.design import Factor
from scripts.models.moments import expanded
from scripts.models.specification import EFFECT, Model, Specification, model

NOT_IDENTIFIED = "the effect is collinear with other terms"
PERFECT = "perfectly predicts the outcome"
SEPARATED = "the likelihood has no maximum (separation)"
BLOCK_ROWS = 65536
NEWTON_STEPS = 50
# The Newton decrement is twice the distance of the log likelihood from its maximum; errors of sampling are near 1.
CONVERGED = 1e-16
# A fitted probability this close to 0 or 1, on the logit scale, still runs away: some rows are separated.
SEPARATION = 25.0
# Of the information matrix brought to unit diagonal; below this a direction has no maximum.
REGULAR = 1e-10


@dataclass(frozen=True)
class LogitFit:
    """One completed data set's effect and variance (null if not estimable, with the reason), and what was omitted."""

    estimate: float | None
    variance: float | None
    reason: str
    kept: tuple[str, ...]
    omitted: dict[str, str]


@dataclass(frozen=True)
class Sample:
    """Outcome, weight, LA number and whether a row is treated and after embedding, each (n,).

    `model` and `rows` give the regressors `columns` (k,) of the rows `kept` (n,), written out block by block.
    """

    rows: Rows
    model: Model
    cell: np.ndarray
    kept: np.ndarray
    columns: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    la: np.ndarray
    treated_post: np.ndarray

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Runs of the n rows with their regressors (rows, k)."""
        regressors = tuple(self.model.regressors[j] for j in self.columns)
        place = 0
        for low in range(0, self.rows.frame.height, BLOCK_ROWS):
            run = slice(low, min(low + BLOCK_ROWS, self.rows.frame.height))
            inside = self.kept[run]
            design = self.rows.design.block(run)[inside]
            height = len(design)
            if height:
                yield slice(place, place + height), expanded(self.model, design, self.cell[run][inside], regressors)
            place += height


def fit_logit(frame: pl.DataFrame, specification: Specification, settings: dict[str, Any]) -> LogitFit:
    """Fit one specification on one completed matched cohort."""
    fault = _fault(frame)
    if fault:
        return LogitFit(None, None, fault, (), {})
    rows = rows_by_cell(frame, settings)
    cells = cells_of(rows, la_covariates(settings))
    chosen = model(specification, cells, settings["imputation"]["max_missing_share"])
    names = [each.name for each in chosen.regressors]
    kept, perfect = _perfectly_predicted(rows, names)
    numbers = {name: rows.frame[name].to_numpy() for name in ("outcome", "weight")}
    treated_post = (rows.integers("treated") == 1) & (rows.integers("post") == 1)
    columns = np.array([j for j, name in enumerate(names) if name not in perfect])
    la = cells.la_number[rows.cell]
    vectors = [each[kept] for each in (numbers["outcome"], numbers["weight"], la, treated_post)]
    sample = Sample(rows, chosen, rows.cell, kept, columns, *vectors)
    independent = independent_columns(_weighted_products(sample, sample.weight))
    omitted = dict.fromkeys(perfect, PERFECT)
    omitted |= {names[columns[j]]: why for j, why in independent.omitted.items()}
    sample = Sample(rows, chosen, rows.cell, kept, columns[independent.positions], *vectors)
    final = [names[j] for j in sample.columns]
    if EFFECT not in final:
        return LogitFit(None, None, NOT_IDENTIFIED, tuple(final), omitted)
    effect = marginal_effect(sample, final.index(EFFECT), numbers["weight"][treated_post].sum())
    estimate, variance = effect or (None, None)
    return LogitFit(estimate, variance, "" if effect else SEPARATED, tuple(final), omitted)


def _fault(frame: pl.DataFrame) -> str:
    """Why a logit difference-in-differences cannot be fitted at all, or an empty string."""
    if not set(frame["outcome"].unique()) <= {0.0, 1.0}:
        return "the outcome is not binary"
    cells = frame.group_by("treated", "post").agg(varies=pl.col("outcome").n_unique() == 2)
    if cells.height < 4:
        return "an arm has no rows before or after embedding"
    if not cells["varies"].all():
        return "the outcome does not vary in an arm before or after embedding (separation)"
    return ""


def _perfectly_predicted(rows: Rows, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """Which rows stay (n,), and the dummies whose rows all have one outcome; repeated until there is no such level.

    A reference level (no dummy of its factor) is looked at like the others: its rows leave, and of the dummies that
    then add up to the constant, the usual search for independent columns drops one.
    """
    outcome, perfect = rows.frame["outcome"].to_numpy(), []
    kept, before = np.ones(len(outcome), dtype=bool), -1
    factors = [factor for factor in _factors(rows) if factor[0] and factor[0][0] in names]
    while before != kept.sum():
        before = kept.sum()
        for columns, codes in factors:
            level = np.where(codes < 0, len(columns), codes)
            size = np.bincount(level[kept], minlength=len(columns) + 1)
            events = np.bincount(level[kept], weights=outcome[kept], minlength=len(columns) + 1)
            constant = (size > 0) & ((events == 0) | (events == size))
            perfect += [name for name, gone in zip(columns, constant, strict=False) if gone]
            kept &= ~constant[level]
    return kept, perfect


def _factors(rows: Rows) -> list[tuple[tuple[str, ...], np.ndarray]]:
    """Dummies of one covariate, or of the years, and for each row the one that is 1, -1 for none."""
    children = [part for part in rows.design.parts if part.role == "child"]
    dummies = [(part.names, part.codes) for part in children if isinstance(part, Factor) or part.names_of_levels]
    years = rows.integers("financial_year")
    known = np.unique(years)
    return [*dummies, (tuple(f"financial_year[{year}]" for year in known[1:]), np.searchsorted(known, years) - 1)]


def _weighted_products(sample: Sample, weight: np.ndarray) -> np.ndarray:
    """X'WX of the sample's regressors. (k, k)"""
    total = np.zeros((len(sample.columns), len(sample.columns)))
    for run, block in sample.blocks():
        total += block.T @ (block * weight[run, None])
    return total


def marginal_effect(sample: Sample, interaction: int, treated_post_weight: float) -> tuple[float, float] | None:
    """Average marginal effect on the treated and its variance; None where the likelihood has no maximum.

    Parameters
    ----------
    interaction : column of post x treated.
    treated_post_weight : weight of all treated rows after embedding, perfectly predicted ones included.
    """
    params = maximum_likelihood(sample)
    if params is None:
        return None
    k, n_las = len(params), int(sample.la.max()) + 1
    information, by_la, gradient, effect = np.zeros((k, k)), np.zeros((n_las, k)), np.zeros(k), 0.0
    for run, block in sample.blocks():
        probability = expit(block @ params)
        information += block.T @ (block * (probability * (1 - probability) * sample.weight[run])[:, None])
        np.add.at(by_la, sample.la[run], block * ((sample.outcome[run] - probability) * sample.weight[run])[:, None])
        inside = sample.treated_post[run]
        treated, untreated = block[inside], block[inside].copy()
        untreated[:, interaction] = 0.0
        weight = sample.weight[run][inside] / treated_post_weight
        p1, p0 = expit(treated @ params), expit(untreated @ params)
        gradient += (weight * p1 * (1 - p1)) @ treated - (weight * p0 * (1 - p0)) @ untreated
        effect += float(weight @ (p1 - p0))
    influence = by_la @ np.linalg.solve(information, gradient)
    factor = small_sample(len(np.unique(sample.la)), len(sample.outcome), k)
    return effect, float(factor * influence @ influence)


def maximum_likelihood(sample: Sample) -> np.ndarray | None:
    """Coefficients of the weighted logit, or None if the likelihood has no maximum. (k,)"""
    params, height = np.zeros(len(sample.columns)), -np.inf
    step = np.zeros_like(params)
    for _ in range(NEWTON_STEPS):
        higher, score, information = _likelihood(sample, params + step)
        # The log likelihood is concave: a step that lowers it went too far.
        while higher < height - abs(height) * 1e-13:
            step = step / 2
            higher, score, information = _likelihood(sample, params + step)
        params, height = params + step, higher
        length = np.sqrt(np.diag(information))
        if not (length > 0).all():
            return None
        scaled = information / np.outer(length, length)
        if np.linalg.eigvalsh(scaled)[0] < REGULAR:
            return None
        step = np.linalg.solve(scaled, score / length) / length
        if score @ step < CONVERGED * max(1.0, abs(height)):
            return None if _separated(sample, params) else params
    return None


def _separated(sample: Sample, params: np.ndarray) -> bool:
    """Whether some row's fitted probability has run to 0 or 1."""
    return any(float(np.abs(block @ params).max()) > SEPARATION for _, block in sample.blocks())


def _likelihood(sample: Sample, params: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log likelihood, score (k,) and information (k, k)."""
    height, score, information = 0.0, np.zeros(len(params)), np.zeros((len(params), len(params)))
    for run, block in sample.blocks():
        linear, outcome, weight = block @ params, sample.outcome[run], sample.weight[run]
        probability = expit(linear)
        height += float(weight @ (outcome * linear - np.logaddexp(0.0, linear)))
        score += ((outcome - probability) * weight) @ block
        information += block.T @ (block * (probability * (1 - probability) * weight)[:, None])
    return height, score, information
