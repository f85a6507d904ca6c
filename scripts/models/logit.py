"""Weighted logit of a rare outcome and its average marginal effect on the treated, errors clustered by LA.

What enters: one completed matched cohort. What leaves: the effect on the probability scale with its variance. The
effect in a nonlinear difference-in-differences is, over treated rows after embedding, the mean of
P(y | x) - P(y | x with the interaction off) (Puhani 2012), its variance by the delta method from the sandwich
covariance of the coefficients, scaled by G/(G-1) x (N-1)/(N-K). A dummy whose rows all have the same outcome is
perfectly predicted: at the maximum likelihood its rows contribute nothing and have no effect, so dummy and rows leave
the fit, and the rows count as effect zero. statsmodels GLM maximises the likelihood.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scripts.matching.covariates import text_levels
from scripts.models.columns import independent_columns
from scripts.models.design import build_design
from scripts.models.specification import Specification, Term, terms, transformation

NOT_IDENTIFIED = "the effect is collinear with other terms"
PERFECT = "perfectly predicts the outcome"
INTERACTION = "post_x_treated"
DUMMY_ROLES = ("year", "child")


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
    """Regressors (n, k), outcome, weight, LA number and whether a row is treated and after embedding; each (n,)."""

    regressors: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    la: np.ndarray
    treated_post: np.ndarray

    def where(self, rows: np.ndarray, columns: np.ndarray) -> "Sample":
        """Some rows and columns of the sample."""
        return Sample(
            self.regressors[np.ix_(rows, columns)],
            *(vector[rows] for vector in (self.outcome, self.weight, self.la, self.treated_post)),
        )


def fit_logit(frame: pl.DataFrame, specification: Specification, settings: dict[str, Any]) -> LogitFit:
    """Fit one specification on one completed matched cohort."""
    fault = _fault(frame)
    if fault:
        return LogitFit(None, None, fault, (), {})
    frame = frame.sort("group", "la_code", "post", "row_id")
    design = build_design(frame, settings)
    regressors = terms(specification, design.columns, design.roles, design.event_times)
    names = [term.name for term in regressors]
    treated_post = (frame["treated"].to_numpy() == 1) & (frame["post"].to_numpy() == 1)
    full = Sample(
        design.block(np.arange(frame.height)) @ transformation(regressors, design.columns),
        *(frame[name].to_numpy() for name in ("outcome", "weight")),
        text_levels(frame["la_code"]).codes,
        treated_post,
    )
    dummies = [j for j, term in enumerate(regressors) if _is_dummy(term, design.columns, design.roles, full, j)]
    rows, perfect = _perfectly_predicted(full, dummies, names)
    columns = np.array([j for j in range(len(names)) if j not in perfect])
    sample = full.where(rows, columns)
    weighted = sample.regressors * np.sqrt(sample.weight)[:, None]
    kept = independent_columns(weighted.T @ weighted)
    omitted = {names[j]: PERFECT for j in perfect} | {names[columns[j]]: why for j, why in kept.omitted.items()}
    final = [names[j] for j in columns[kept.positions]]
    if INTERACTION not in final:
        return LogitFit(None, None, NOT_IDENTIFIED, tuple(final), omitted)
    sample = sample.where(np.arange(len(rows)), kept.positions)
    effect = _marginal_effect(sample, final.index(INTERACTION), full.weight[treated_post].sum())
    reason = "" if effect else "the likelihood has no maximum (separation)"
    estimate, variance = effect or (None, None)
    return LogitFit(estimate, variance, reason, tuple(final), omitted)


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


def _is_dummy(term: Term, columns: tuple[str, ...], roles: tuple[str, ...], sample: Sample, j: int) -> bool:
    """Whether a regressor is a 0/1 covariate."""
    role = roles[columns.index(term.columns[0])]
    return role in DUMMY_ROLES and bool(np.isin(sample.regressors[:, j], (0.0, 1.0)).all())


def _perfectly_predicted(sample: Sample, dummies: list[int], names: list[str]) -> tuple[np.ndarray, set[int]]:
    """Rows that stay, and the dummies whose rows all have one outcome; repeated until no level is left that has.

    A reference level (all dummies of its covariate 0) is looked at like the others: its rows leave, and of the dummies
    that then add up to the constant, the usual search for independent columns drops one.
    """
    rows, perfect, before = np.arange(len(sample.outcome)), set(), -1
    factors: dict[str, list[int]] = {}
    for j in dummies:
        factors.setdefault(names[j].partition("[")[0], []).append(j)
    while before != len(rows):
        before = len(rows)
        for levels in factors.values():
            for j in levels:
                inside = sample.regressors[rows, j] == 1
                if _constant(sample.outcome[rows[inside]]):
                    perfect.add(j)
                    rows = rows[~inside]
            reference = (sample.regressors[np.ix_(rows, levels)] == 0).all(axis=1)
            if _constant(sample.outcome[rows[reference]]):
                rows = rows[~reference]
    return rows, perfect


def _constant(values: np.ndarray) -> bool:
    """Whether there are values and all are equal."""
    return len(values) > 0 and bool(values.min() == values.max())


def _marginal_effect(sample: Sample, interaction: int, treated_post_weight: float) -> tuple[float, float] | None:
    """Average marginal effect on the treated and its variance; None where the likelihood has no maximum.

    Parameters
    ----------
    interaction : column of post x treated.
    treated_post_weight : weight of all treated rows after embedding, perfectly predicted ones included.
    """
    params = _maximum_likelihood(sample)
    if params is None:
        return None
    probability = _expit(sample.regressors @ params)
    slope = probability * (1 - probability) * sample.weight
    information = (sample.regressors * slope[:, None]).T @ sample.regressors
    scores = sample.regressors * ((sample.outcome - probability) * sample.weight)[:, None]
    las, la = np.unique(sample.la, return_inverse=True)
    by_la = np.zeros((len(las), scores.shape[1]))
    np.add.at(by_la, la, scores)
    treated = sample.regressors[sample.treated_post]
    untreated = treated.copy()
    untreated[:, interaction] = 0.0
    weight = sample.weight[sample.treated_post] / treated_post_weight
    p1, p0 = _expit(treated @ params), _expit(untreated @ params)
    gradient = (weight * p1 * (1 - p1)) @ treated - (weight * p0 * (1 - p0)) @ untreated
    influence = by_la @ np.linalg.solve(information, gradient)
    (n, k), g = scores.shape, len(las)
    factor = g / (g - 1) * (n - 1) / max(n - k, 1)
    return float(weight @ (p1 - p0)), float(factor * influence @ influence)


def _maximum_likelihood(sample: Sample) -> np.ndarray | None:
    """Coefficients of the weighted logit, or None if it does not converge."""
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    model = GLM(sample.outcome, sample.regressors, family=Binomial(), var_weights=sample.weight)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = model.fit(method="newton", maxiter=100, disp=False)
        except np.linalg.LinAlgError:
            return None
    return result.params if result.mle_retvals["converged"] and np.isfinite(result.bse).all() else None


def _expit(value: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-value))."""
    return 0.5 * (1.0 + np.tanh(value / 2.0))
