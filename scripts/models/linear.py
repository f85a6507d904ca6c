"""Weighted least squares with errors clustered by LA, from cross-products alone (methods.md section 2).

What enters: cross-products per cell. What leaves: coefficients and their CRV1 covariance, equal to those of the
regression on all child rows. Each LA's matrix is replaced by a root R with R'R = [X y]'W[X y]; the stacked roots are
pseudo-rows for statsmodels OLS, and the cluster covariance is scaled by G/(G-1) x (N-1)/(N-K) with N the child rows.
"""

from dataclasses import dataclass

import numpy as np

from scripts.models.cross_products import CrossProducts


@dataclass(frozen=True)
class PseudoRows:
    """Stacked roots: `rows` (P, K+1) with the outcome last, `la` (P,) LA numbers, N child rows and G LAs."""

    rows: np.ndarray
    la: np.ndarray
    n_rows: int
    n_las: int

    def products(self, transform: np.ndarray) -> np.ndarray:
        """X'WX of the transformed design columns; `transform` (K, k) gives (k, k)."""
        regressors = self.rows[:, :-1] @ transform
        return regressors.T @ regressors


@dataclass(frozen=True)
class LinearFit:
    """Coefficients (k,) and their CRV1 covariance (k, k)."""

    params: np.ndarray
    covariance: np.ndarray


def pseudo_rows(products: CrossProducts) -> PseudoRows:
    """Roots of the LAs' summed cross-products."""
    matrices = [products.matrices[products.cell_la == code].sum(axis=0) for code in products.la_codes]
    width = products.matrices.shape[1]
    rows = np.concatenate([root(matrix) for matrix in matrices]) if matrices else np.zeros((0, width))
    la = np.repeat(np.arange(len(matrices)), width)
    return PseudoRows(rows, la, int(products.cell_rows.sum()), len(matrices))


def root(matrix: np.ndarray) -> np.ndarray:
    """R with R'R = matrix, for a positive semi-definite (p, p) matrix of any rank.

    Columns are brought to unit length first, so that long ones do not bury short ones in rounding.
    """
    length = np.sqrt(np.diag(matrix))
    scale = np.where(length > 0, length, 1.0)
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T * scale


def fit(pseudo: PseudoRows, transform: np.ndarray) -> LinearFit:
    """Regress the outcome on the transformed design columns; `transform` (K, k) of independent regressors."""
    from statsmodels.regression.linear_model import OLS

    model = OLS(pseudo.rows[:, -1], pseudo.rows[:, :-1] @ transform)
    result = model.fit(cov_type="cluster", cov_kwds={"groups": pseudo.la, "use_correction": False})
    g, n, k = pseudo.n_las, pseudo.n_rows, transform.shape[1]
    factor = g / (g - 1) * (n - 1) / max(n - k, 1)
    return LinearFit(np.asarray(result.params), np.asarray(result.cov_params()) * factor)
