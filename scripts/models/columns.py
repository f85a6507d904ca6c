"""Which regressors can be estimated together.

What enters: the cross-products X'WX of the regressors in order of priority. What leaves: those that stay and, for the
others, why. A regressor leaves if it is zero throughout, or if those before it explain it. Method: Cholesky in the
given order, a regressor being explained when the share of it that is left falls below a fixed tolerance.
"""

from dataclasses import dataclass

import numpy as np

EMPTY = "no rows"
COLLINEAR = "collinear with earlier terms"
# Share of a column's squared length that may be left by rounding in sums over millions of rows.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Kept:
    """Positions of the regressors that stay, in order, and position -> reason of those that leave."""

    positions: np.ndarray
    omitted: dict[int, str]


def independent_columns(products: np.ndarray) -> Kept:
    """Sweep the regressors of X'WX (K, K) in order and keep those not explained by the kept ones before them."""
    length = np.sqrt(np.diag(products))
    scale = np.where(length > 0, length, 1.0)
    left = products / np.outer(scale, scale)
    kept, omitted = [], {}
    for j in range(len(left)):
        if length[j] == 0:
            omitted[j] = EMPTY
        elif left[j, j] < TOLERANCE:
            omitted[j] = COLLINEAR
        else:
            kept.append(j)
            left = left - np.outer(left[:, j], left[j]) / left[j, j]
    return Kept(np.array(kept, dtype=np.int64), omitted)
