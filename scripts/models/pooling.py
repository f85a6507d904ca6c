"""Rubin's rules with the small-sample degrees of freedom of Barnard and Rubin (1999).

What enters: estimates and variances of m completed data sets, and the degrees of freedom a complete data set would have
(clusters - 1). What leaves: pooled estimates, total variances, degrees of freedom and fractions of missing information;
and the pooled joint test D1 (Li, Raghunathan and Rubin 1991) with Reiter's (2007) denominator degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

# Variance between completed data sets, relative to that within, which rounding in sums over many rows can make.
ROUNDING = 1e-12
# Eigenvalues below this of a matrix with unit diagonal are rounding: clustered covariances have at most as many others
# as clusters.
RANK_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Pooled:
    """Pooled scalars, each (k,)."""

    estimate: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    fmi: np.ndarray


@dataclass(frozen=True)
class JointTest:
    """A pooled F test that some coefficients are zero together."""

    statistic: float
    df_numerator: int
    df_denominator: float
    p_value: float


def pool(estimates: np.ndarray, variances: np.ndarray, df_complete: float) -> Pooled:
    """Pool (m, k) estimates and variances.

    Where nothing differs between the data sets (m = 1, or no gaps) the complete-data degrees of freedom hold.
    """
    m = len(estimates)
    within = variances.mean(axis=0)
    between = estimates.var(axis=0, ddof=1) if m > 1 else np.zeros(estimates.shape[1])
    # Coefficients that no imputed value touches differ between the data sets by rounding only.
    between = np.where(between > ROUNDING * within, between, 0.0)
    total = within + (1 + 1 / m) * between
    with np.errstate(divide="ignore", invalid="ignore"):
        missing = np.where(total > 0, (1 + 1 / m) * between / total, 0.0)
        df_imputation = (m - 1) / missing**2
        df_observed = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - missing)
        df = np.where(between > 0, df_imputation * df_observed / (df_imputation + df_observed), df_complete)
        increase = missing / (1 - missing)
        fmi = np.where(between > 0, (increase + 2 / (df + 3)) / (1 + increase), 0.0)
    return Pooled(estimates.mean(axis=0), total, df, fmi)


def pool_joint(estimates: np.ndarray, covariances: np.ndarray, df_complete: float) -> JointTest | None:
    """Pooled Wald test of (m, k) estimates with (m, k, k) covariances; None unless each of them has full rank.

    Each, not their mean: that of several slightly different singular matrices looks regular, with a monstrous inverse.
    """
    m, k = estimates.shape
    if not all(has_full_rank(covariance) for covariance in covariances):
        return None
    within, mean = covariances.mean(axis=0), estimates.mean(axis=0)
    between = np.atleast_2d(np.cov(estimates, rowvar=False)) if m > 1 else np.zeros((k, k))
    increase = (1 + 1 / m) * float(np.trace(np.linalg.solve(within, between))) / k
    statistic = float(mean @ np.linalg.solve(within, mean)) / (k * (1 + increase))
    df = _joint_df(increase, k, m, df_complete)
    return JointTest(statistic, k, df, float(fdtrc(k, df, statistic)))


def has_full_rank(covariance: np.ndarray) -> bool:
    """Whether a covariance matrix, brought to unit diagonal, is regular beyond rounding."""
    spread = np.sqrt(np.diag(covariance))
    if not (spread > 0).all():
        return False
    scaled = covariance / np.outer(spread, spread)
    return np.linalg.matrix_rank(scaled, tol=RANK_TOLERANCE, hermitian=True) == len(spread)


def _joint_df(increase: float, k: int, m: int, df_complete: float) -> float:
    """Denominator degrees of freedom of D1: Reiter (2007) where it is defined, never above the complete-data ones."""
    t = k * (m - 1)
    if increase <= 0:
        return df_complete
    if t <= 4:
        return min(df_complete, t * (1 + 1 / k) * (1 + 1 / increase) ** 2 / 2)
    a = increase * t / (t - 2)
    observed = (df_complete + 1) / (df_complete + 3) * df_complete
    c0, c1, c2 = 1 / (t - 4), observed - 2 * (1 + a), observed - 4 * (1 + a)
    if c2 <= 0:
        return min(df_complete, 4.0)
    z = 1 / c2 + c0 * (
        a**2 * c1 / ((1 + a) ** 2 * c2)
        + 8 * a**2 * c1 / ((1 + a) * c2**2)
        + 4 * a**2 / ((1 + a) * c2)
        + 4 * a**2 / (c2 * c1)
        + 16 * a**2 * c1 / c2**3
        + 8 * a**2 / c2**2
    )
    return min(df_complete, 4 + 1 / z)
