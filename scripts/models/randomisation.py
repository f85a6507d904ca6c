"""Randomisation inference over LAs: what the t statistic is when other LAs are called treated.

What enters: the moments of a model on every imputation, with its regressors marked that are zero for all but the
treated, and which LAs are treated. What leaves: draws of the studentised statistic (scripts.models.inversion). In a
draw as many LAs as are treated, chosen at random, take over the arm; their dates are those of their matched groups, and
weights stay. Studentised by the CRV1 error the test holds its size also where treated LAs are noisier (methods.md,
section 3; MacKinnon and Webb 2020). All assignments are taken if there are not more than `draws`. Under a hypothesised
effect b the outcome is the data's less b x the data's own treatment, so numerators are linear in b.
"""

from itertools import combinations
from math import comb

import numpy as np

from scripts.models.columns import independent_columns
from scripts.models.covariance import small_sample
from scripts.models.inversion import DrawnStatistics, pooled_draws
from scripts.models.moments import Moments

# An assignment that leaves so small a share of the effect's regressor unexplained has no estimate; it is not counted.
TOLERANCE = 1e-9
# Draws taken at a time: their regressors and coefficients stay in the processor's cache.
BLOCK_DRAWS = 1024


def assignments(treated: np.ndarray, draws: int, seed: int) -> tuple[np.ndarray, bool]:
    """Which LAs are called treated, 0/1 (B, G), and whether these are all ways to choose as many.

    The data's own assignment is among them if they are all, and is never counted among random ones.
    """
    n_las, n_treated = len(treated), int(treated.sum())
    if comb(n_las, n_treated) <= draws:
        chosen = np.array(list(combinations(range(n_las), n_treated)))
    else:
        rng = np.random.default_rng(seed)
        chosen = np.argsort(rng.random((draws, n_las)), axis=1)[:, :n_treated]
    drawn = np.zeros((len(chosen), n_las))
    np.put_along_axis(drawn, chosen, 1.0, axis=1)
    return drawn, comb(n_las, n_treated) <= draws


def randomisation(
    moments: list[Moments],
    arm: np.ndarray,
    treated: np.ndarray,
    estimate: float,
    std_error: float,
    draws: int,
    seed: int,
) -> DrawnStatistics | None:
    """Draws of the t statistic of the last regressor; None if hardly any assignment identifies it.

    Parameters
    ----------
    moments : per imputation, with regressors *as if every LA were treated*: those of `arm` not yet set to zero.
    arm : (k,) bool, regressors that are zero for LAs that are not treated; the last is the effect.
    treated : (G,) bool, the data's assignment. estimate, std_error : pooled, of the data.
    """
    drawn, exact = assignments(treated, draws, seed)
    parts = [_draws(each, arm, treated, drawn) for each in moments]
    usable = np.logical_and.reduce([np.isfinite(part[1]).all(axis=0) for part in parts])
    if usable.mean() < 0.5:
        return None
    numerators, variances = (np.stack([part[i][:, usable] for part in parts]) for i in (0, 1))
    return pooled_draws(estimate, std_error, numerators, variances, exact, strict=False)


def _draws(moments: Moments, arm: np.ndarray, treated: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numerators (2, B) and variances (3, B) of the effect under each assignment; NaN where it is not identified."""
    matrices, k = moments.matrices, moments.n_terms
    z, w = np.flatnonzero(~arm), np.flatnonzero(arm)
    zz_all = matrices[:, z[:, None], z]
    z = z[independent_columns(zz_all.sum(axis=0)).positions]
    zz, zw, ww = (matrices[:, rows[:, None], columns] for rows, columns in ((z, z), (z, w), (w, w)))
    # Two outcomes: the data's, and the data's own treatment, of which b times is taken off.
    own = treated[:, None].astype(float)
    zy, wy = (np.stack([matrices[:, rows, k], own * matrices[:, rows, k - 1]], axis=2) for rows in (z, w))
    scale = np.sqrt(np.diag(zz.sum(axis=0)))
    inverse = np.linalg.inv(zz.sum(axis=0) / np.outer(scale, scale)) / np.outer(scale, scale)
    zw_b, ww_b, wy_b = (np.tensordot(drawn, each, axes=1) for each in (zw, ww, wy))
    slope = inverse @ zw_b
    left = ww_b - np.swapaxes(zw_b, 1, 2) @ slope
    length = np.einsum("bqq->bq", ww_b)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.linalg.det(left / np.sqrt(length[:, :, None] * length[:, None, :]))
    # Not a number if a regressor is zero for all that are called treated.
    singular = ~(share >= TOLERANCE)
    left[singular] = np.eye(len(w))
    beta = np.linalg.solve(left, wy_b - np.swapaxes(slope, 1, 2) @ zy.sum(axis=0))
    gamma = inverse @ (zy.sum(axis=0) - zw_b @ beta)
    direction = np.linalg.inv(left)[:, :, -1]
    behind = np.einsum("bzq,bq->bz", slope, direction)
    y, d = _scores((zz, zw, ww, zy, wy), drawn, (behind, direction), (gamma, beta))
    factor = small_sample(moments.n_las, moments.n_rows, len(z) + len(w))
    variance = factor * np.stack([(y**2).sum(axis=0), -2 * (y * d).sum(axis=0), (d**2).sum(axis=0)])
    variance[:, singular] = np.nan
    return np.stack([beta[:, -1, 0], -beta[:, -1, 1]]), variance


def _scores(
    moments: tuple[np.ndarray, ...],
    drawn: np.ndarray,
    regressor: tuple[np.ndarray, np.ndarray],
    coefficients: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Every LA's score of the effect under each assignment, of both outcomes. (2, G, B)

    A score is a bilinear form in the LA's moments: the effect's residual regressor, -behind z + direction w, times the
    outcomes' residuals. The part of w is taken for the assignments alone in which the LA is called treated.
    """
    (zz, zw, ww, zy, wy), (behind, direction) = moments, regressor
    gamma, beta = (np.ascontiguousarray(np.moveaxis(each, 2, 0)) for each in coefficients)
    scores = np.empty((2, len(zz), len(drawn)))
    for start in range(0, len(drawn), BLOCK_DRAWS):
        part = slice(start, start + BLOCK_DRAWS)
        for g in range(len(zz)):
            columns = _columns_of(zz[g])
            pulled = behind[part][:, columns] @ zz[g][columns][:, columns]
            on = start + np.flatnonzero(drawn[part, g])
            side = direction[on] @ zw[g].T
            own = direction[on] @ ww[g] - behind[on] @ zw[g]
            for o in range(2):
                fitted = np.einsum("bz,bz->b", pulled, gamma[o, part][:, columns])
                scores[o, g, part] = fitted - behind[part] @ zy[g, :, o]
                fitted = np.einsum("bz,bz->b", side, gamma[o, on]) + np.einsum("bw,bw->b", own, beta[o, on])
                scores[o, g, on] += direction[on] @ wy[g, :, o] - fitted
    return scores


def _columns_of(products: np.ndarray) -> np.ndarray | slice:
    """The columns that an LA has, if they are few, as with dummies of all LAs; else all, which needs no copy."""
    some = np.flatnonzero(np.diagonal(products))
    return some if 2 * len(some) < len(products) else slice(None)
