"""Wild cluster bootstrap with the null imposed (WCR; Cameron, Gelbach and Miller 2008), from moments per LA.

What enters: the fits of a model on every imputation. What leaves: draws of the t statistic of a coefficient under any
hypothesis (scripts.models.inversion), or the p-value of a joint hypothesis. A draw multiplies the restricted residuals
of an LA by one random weight; the statistic then needs the LAs' restricted scores alone (MacKinnon 2023), which are
linear in the hypothesis. Weights are Rademacher's, all of them if LAs are few enough; with very few LAs they are Webb's
(2014) six points, because signs alone have too few combinations. Imputations share the draws.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from scripts.models.covariance import crv1, small_sample
from scripts.models.inversion import DrawnStatistics, pooled_draws
from scripts.models.linear import LinearFit
from scripts.models.pooling import RANK_TOLERANCE, has_full_rank

WEBB = np.sqrt([1.5, 1.0, 0.5])
# Draws of a joint test taken at a time: memory is LAs x hypotheses x this.
BLOCK_DRAWS = 2000


@dataclass(frozen=True)
class WildWeights:
    """Weights (G, B), and whether they are all that there are."""

    values: np.ndarray
    exact: bool


def wild_weights(n_las: int, settings: dict[str, Any], seed: int) -> WildWeights:
    """Weights of the bootstrap as `inference.wild_bootstrap` says.

    All combinations of signs are taken up to an overall sign, which changes no statistic's size.
    """
    rng = np.random.default_rng(seed)
    if n_las <= settings["webb_up_to"]:
        points = np.concatenate([-WEBB, WEBB])
        return WildWeights(points[rng.integers(0, len(points), (n_las, settings["draws"]))], False)
    if n_las <= settings["enumerate_up_to"]:
        signs = np.array(list(product((1.0, -1.0), repeat=n_las - 1))).T
        return WildWeights(np.vstack([np.ones(signs.shape[1]), signs]), True)
    return WildWeights(rng.choice([-1.0, 1.0], (n_las, settings["draws"])), False)


def bootstrap(
    fits: list[LinearFit], position: int, estimate: float, std_error: float, weights: WildWeights
) -> DrawnStatistics:
    """Draws of the t statistic (CRV1 error) of the coefficient at `position`; `estimate`, `std_error` are pooled."""
    parts = [_draws(fit, position, weights.values) for fit in fits]
    numerators, variances = (np.stack([part[i] for part in parts]) for i in (0, 1))
    return pooled_draws(estimate, std_error, numerators, variances, weights.exact, strict=True)


def _draws(fit: LinearFit, position: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numerators (2, B) and variances (3, B) of the bootstrapped coefficient less its hypothesised value.

    Under effect b the restricted scores of an LA are s + (estimate - b) h, with h = X_g'X_g A e / A_jj.
    """
    direction = fit.bread[:, position]
    pull = fit.moments.xx @ direction / direction[position]
    scores = [fit.scores + fit.params[position] * pull, -pull]
    own = [score @ direction for score in scores]
    spread = direction[position] * pull @ fit.bread
    # Products are taken in the cheaper order, through regressors or through LAs, whichever are fewer.
    residual = [
        z[:, None] * weights - np.linalg.multi_dot([spread, score.T, weights])
        for z, score in zip(own, scores, strict=True)
    ]
    moments = fit.moments
    factor = small_sample(moments.n_las, moments.n_rows, moments.n_terms)
    variance = [
        np.einsum("gb,gb->b", residual[0], residual[0]),
        2 * np.einsum("gb,gb->b", residual[0], residual[1]),
        np.einsum("gb,gb->b", residual[1], residual[1]),
    ]
    return np.stack([z @ weights for z in own]), factor * np.stack(variance)


@dataclass(frozen=True)
class JointDraws:
    """A Wald statistic, pooled over imputations, and its bootstrap p-value."""

    statistic: float
    p_value: float


def joint_bootstrap(fits: list[LinearFit], restrictions: np.ndarray, weights: WildWeights) -> JointDraws | None:
    """Bootstrap test that `restrictions` (q, k) times the coefficients are all zero; None without a regular covariance.

    The statistic is Wald's with the CRV1 covariance, over imputations the mean within plus (1 + 1/m) between.
    """
    values = np.stack([restrictions @ fit.params for fit in fits])[:, :, None]
    covariances = np.stack([restrictions @ crv1(fit) @ restrictions.T for fit in fits])
    if not all(has_full_rank(covariance) for covariance in covariances):
        return None
    observed = float(_wald(values, covariances[:, None])[0])
    drawn = []
    for start in range(0, weights.values.shape[1], BLOCK_DRAWS):
        block = weights.values[:, start : start + BLOCK_DRAWS]
        parts = [_joint_draws(fit, restrictions, block) for fit in fits]
        drawn.append(_wald(np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts])))
    statistics = np.concatenate(drawn)
    extreme, extra = int((statistics > observed * (1 + 1e-9)).sum()), 0 if weights.exact else 1
    return JointDraws(observed, (extreme + extra) / (len(statistics) + extra))


def _joint_draws(fit: LinearFit, restrictions: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrapped restricted values (q, B) and their CRV1 covariances (B, q, q)."""
    direction = fit.bread @ restrictions.T
    push = fit.moments.xx @ direction
    multiplier = np.linalg.solve(restrictions @ direction, restrictions @ fit.params)
    scores = fit.scores + push @ multiplier
    own = scores @ direction
    drift = fit.bread @ (scores.T @ weights)
    residual = own.T[:, :, None] * weights - np.einsum("gkq,kb->qgb", push, drift)
    moments = fit.moments
    factor = small_sample(moments.n_las, moments.n_rows, moments.n_terms)
    return own.T @ weights, factor * np.einsum("qgb,rgb->bqr", residual, residual)


def _wald(values: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Wald statistics of values (m, q, B) with covariances (m, B, q, q), pooled over m. (B,)"""
    m, mean = len(values), values.mean(axis=0).T
    total = covariances.mean(axis=0)
    if m > 1:
        change = values - values.mean(axis=0)
        total = total + (1 + 1 / m) / (m - 1) * np.einsum("mqb,mrb->bqr", change, change)
    inverse = np.linalg.pinv(total, rcond=RANK_TOLERANCE, hermitian=True)
    return np.einsum("bq,bqr,br->b", mean, inverse, mean)
