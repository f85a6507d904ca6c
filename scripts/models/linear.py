"""Weighted least squares from moments per LA alone (methods.md section 2).

What enters: moments per LA of regressors that are independent. What leaves: coefficients, equal to those of the
regression on all child rows, the inverse of X'WX and each LA's score. The sum of the LAs' matrices is replaced by a
root R with R'R = [X y]'W[X y], whose k + 1 rows are pseudo-rows for statsmodels OLS.
"""

from dataclasses import dataclass

import numpy as np

from scripts.models.moments import Moments


@dataclass(frozen=True)
class LinearFit:
    """Coefficients (k,), `bread` = inverse of X'WX (k, k), `scores` X_g'W(y_g - X_g b) per LA (G, k), the moments."""

    params: np.ndarray
    bread: np.ndarray
    scores: np.ndarray
    moments: Moments


def root(matrix: np.ndarray) -> np.ndarray:
    """R with R'R = matrix, for positive semi-definite matrices (..., p, p) of any rank.

    Columns are brought to unit length first, so that long ones do not bury short ones in rounding.
    """
    length = np.sqrt(np.diagonal(matrix, axis1=-2, axis2=-1))
    scale = np.where(length > 0, length, 1.0)
    values, vectors = np.linalg.eigh(matrix / (scale[..., :, None] * scale[..., None, :]))
    return np.sqrt(np.maximum(values, 0.0))[..., :, None] * np.swapaxes(vectors, -2, -1) * scale[..., None, :]


def fit(moments: Moments) -> LinearFit:
    """Regress the outcome on all regressors of the moments, which must be independent."""
    from statsmodels.regression.linear_model import OLS

    rows = root(moments.matrices.sum(axis=0))
    result = OLS(rows[:, -1], rows[:, :-1]).fit()
    params = np.asarray(result.params)
    scores = moments.xy - moments.xx @ params
    return LinearFit(params, np.asarray(result.normalized_cov_params), scores, moments)


def refit(moments: Moments) -> LinearFit:
    """The same from the normal equations, for models that are fitted many times on parts of the cells.

    A pseudo-inverse, because a dummy may be left without rows: its coefficient is then 0 and the others stand.
    """
    xx = moments.xx.sum(axis=0)
    length = np.sqrt(np.diag(xx))
    scale = np.where(length > 0, length, 1.0)
    bread = np.linalg.pinv(xx / np.outer(scale, scale), rcond=1e-10, hermitian=True) / np.outer(scale, scale)
    params = bread @ moments.xy.sum(axis=0)
    return LinearFit(params, bread, moments.xy - moments.xx @ params, moments)
