"""Per-LA moments of a model: all that least squares and its inference need.

What enters: a model over cells. What leaves: for every LA the matrix [X y]'W[X y] of its regressors and outcome. The
sum over an LA's cells of D'MD, where D combines the design columns of a cell into regressors.
"""

from dataclasses import dataclass

import numpy as np

from scripts.models.specification import Model, Regressor


@dataclass(frozen=True)
class Moments:
    """Moments of G LAs and k regressors: `matrices` (G, k+1, k+1) with the outcome last, N child rows."""

    matrices: np.ndarray
    n_rows: int

    @property
    def n_las(self) -> int:
        """G."""
        return len(self.matrices)

    @property
    def n_terms(self) -> int:
        """k."""
        return self.matrices.shape[1] - 1

    @property
    def xx(self) -> np.ndarray:
        """X_g'X_g of every LA. (G, k, k)"""
        return self.matrices[:, :-1, :-1]

    @property
    def xy(self) -> np.ndarray:
        """X_g'y_g of every LA. (G, k)"""
        return self.matrices[:, :-1, -1]

    def terms(self, kept: np.ndarray) -> "Moments":
        """The moments of some regressors."""
        chosen = np.append(kept, self.n_terms)
        return Moments(self.matrices[:, chosen[:, None], chosen], self.n_rows)


def moments_of(model: Model) -> Moments:
    """Moments of every LA, in the order of `cells.la_codes`.

    An LA has no part in most dummies of other LAs and years; its products are those of the regressors it has.
    """
    cells, shape = model.cells, len(model.regressors) + 1
    basis, value = np.zeros((len(model.outcome), shape)), np.ones((len(cells.la), shape))
    for j, regressor in enumerate(model.regressors):
        basis[:-1, j], value[:, j] = regressor.basis, regressor.cell
    basis[:, -1] = model.outcome
    order = np.argsort(cells.la_number, kind="stable")
    runs = np.split(order, np.searchsorted(cells.la_number[order], np.arange(1, len(cells.la_codes))))
    matrices = np.zeros((len(runs), shape, shape))
    for matrix, own in zip(matrices, runs, strict=True):
        present = np.flatnonzero(value[own].any(axis=0))
        columns, scale = basis[:, present], value[own][:, present]
        products = columns.T @ cells.matrices[own] @ columns * scale[:, :, None] * scale[:, None, :]
        matrix[np.ix_(present, present)] = products.sum(axis=0)
    return Moments(matrices, int(cells.rows.sum()))


def expanded(model: Model, rows: np.ndarray, cell: np.ndarray, regressors: tuple[Regressor, ...]) -> np.ndarray:
    """Regressors row by row, of design columns `rows` (n, P) in cells `cell` (n,). Float64 (n, k)."""
    basis = np.column_stack([each.basis for each in regressors])
    value = np.column_stack([each.cell for each in regressors])
    return rows @ basis * value[cell]
