"""Errors clustered by LA: CRV1, CRV3 (jackknife) and CR2 with Bell-McCaffrey degrees of freedom.

What enters: a linear fit. What leaves: covariances of its coefficients. Sources: MacKinnon, Nielsen and Webb (2023) for
CRV1 and CRV3; Bell and McCaffrey (2002), Pustejovsky and Tipton (2018) for CR2 and its degrees of freedom, with
independent errors of equal variance as working model. Everything comes from the moments per LA: with X_g = Q R, Q of
orthonormal columns, the hat matrix of an LA is Q (R A R') Q', so (I - H_g)^(-1/2) acts on the p-dimensional root alone.
"""

from dataclasses import dataclass

import numpy as np

from scripts.models.linear import LinearFit, root

# Eigenvalues of I - H_g below this are zero but for rounding: directions that the LA alone determines, such as its own
# dummy. They have no residual, and the pseudo-inverse leaves them out (Pustejovsky and Tipton 2018, appendix).
SINGULAR = 1e-9


@dataclass(frozen=True)
class Bent:
    """CR2 variance and Bell-McCaffrey degrees of freedom of chosen coefficients, each (q,)."""

    variance: np.ndarray
    df: np.ndarray


def crv1(fit: LinearFit) -> np.ndarray:
    """Sandwich covariance scaled by G/(G-1) x (N-1)/(N-k). (k, k)"""
    g, n, k = fit.moments.n_las, fit.moments.n_rows, fit.moments.n_terms
    influence = fit.scores @ fit.bread
    return small_sample(g, n, k) * influence.T @ influence


def small_sample(g: int, n: int, k: int) -> float:
    """The factor of CRV1 for g clusters, n rows and k coefficients."""
    return g / (g - 1) * (n - 1) / max(n - k, 1)


def without_each_la(fit: LinearFit) -> np.ndarray:
    """Coefficients without each LA in turn. (G, k)

    A pseudo-inverse, because a dummy may be left without rows: its coefficient is then 0 and the others stand.
    """
    xx, xy = fit.moments.xx.sum(axis=0), fit.moments.xy.sum(axis=0)
    scale = np.sqrt(np.diag(xx))
    left = (xx - fit.moments.xx) / np.outer(scale, scale)
    inverse = np.linalg.pinv(left, rcond=1e-10, hermitian=True)
    return np.einsum("gij,gj->gi", inverse, (xy - fit.moments.xy) / scale) / scale


def crv3(fit: LinearFit) -> np.ndarray:
    """Jackknife covariance (G-1)/G x sum of squared changes when an LA is left out. (k, k)"""
    change = without_each_la(fit) - fit.params
    return (fit.moments.n_las - 1) / fit.moments.n_las * change.T @ change


def cr2(fit: LinearFit, chosen: np.ndarray) -> Bent:
    """CR2 variance and degrees of freedom of the coefficients at positions `chosen` (q,)."""
    # a[g] = (I - H_g)^(-1/2) X_g A e_j in the coordinates of the root of LA g; its length is k + 1 in every LA.
    roots = root(fit.moments.matrices)
    x, y = roots[:, :, :-1], roots[:, :, -1]
    hat = x @ fit.bread @ np.swapaxes(x, 1, 2)
    values, vectors = np.linalg.eigh(np.eye(hat.shape[1]) - hat)
    power = np.where(values > SINGULAR, np.maximum(values, SINGULAR) ** -0.5, 0.0)
    adjustment = (vectors * power[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    a = adjustment @ (x @ fit.bread[:, chosen])
    residual = y - x @ fit.params
    variance = (np.einsum("gpq,gp->gq", a, residual) ** 2).sum(axis=0)
    projected = np.swapaxes(x, 1, 2) @ a
    df = []
    for j in range(len(chosen)):
        overlap = projected[:, :, j]
        gram = np.diag((a[:, :, j] ** 2).sum(axis=1)) - overlap @ fit.bread @ overlap.T
        df.append(np.trace(gram) ** 2 / (gram**2).sum())
    return Bent(variance, np.array(df))
