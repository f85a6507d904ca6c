"""The two draws that chained equations are made of, from cross-products gathered in blocks of rows.

What enters: a predictor matrix whose column `target` is the variable to impute. What leaves: predictions for all rows
under estimated and drawn coefficients. Methods: predictive mean matching with type-1 matching (Rubin 1986; van Buuren
2018, section 3.4) and Bayesian logistic regression (Rubin 1987), as in R's mice, with a weak normal prior on the slopes
where mice augments the data, so that separated levels have finite coefficients.
"""

import numpy as np

BLOCK_ROWS = 16384
# Relative ridge of the linear draw, mice's default: the smallest that keeps collinear predictors solvable.
RIDGE = 1e-5
# Prior sd of a logistic slope per unit of a 0/1 predictor or standard deviation of another (Gelman et al. 2008).
PRIOR_SD = 2.5
NEWTON_STEPS = 50
# Half the Newton decrement bounds how far the log posterior is from its maximum; this is far below sampling error.
NEWTON_TOLERANCE = 1e-8
# Beyond this linear predictor exp() adds nothing a probability can show.
LINEAR_LIMIT = 30.0


def gram(design: np.ndarray, rows: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """X'WX over the given row numbers, summed block by block in row order. Shape (K, K)."""
    total = np.zeros((design.shape[1], design.shape[1]))
    for start in range(0, len(rows), BLOCK_ROWS):
        block = design[rows[start : start + BLOCK_ROWS]]
        if weights is not None:
            block *= np.sqrt(weights[start : start + BLOCK_ROWS])[:, None]
        total += block.T @ block
    return total


def linear_draw(
    design: np.ndarray, target: int, observed: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of column `target` from the others: with estimated and with drawn coefficients. Each (n,)."""
    others = np.delete(np.arange(design.shape[1]), target)
    products = gram(design, observed)
    xx, xy, yy = products[np.ix_(others, others)], products[others, target], products[target, target]
    root = np.linalg.cholesky(xx + RIDGE * np.diag(np.diag(xx)))
    slope = np.linalg.solve(root.T, np.linalg.solve(root, xy))
    residual = max(yy - 2 * slope @ xy + slope @ xx @ slope, 0.0)
    sigma = np.sqrt(residual / rng.chisquare(max(len(observed) - len(others), 1)))
    drawn = slope + sigma * np.linalg.solve(root.T, rng.standard_normal(len(others)))
    return _predict(design, others, slope), _predict(design, others, drawn)


def nearest_donors(donors: np.ndarray, recipients: np.ndarray, n_donors: int, rng: np.random.Generator) -> np.ndarray:
    """For each recipient the position of a donor drawn from its nearest ones.

    Donors are sorted once; the nearest `n_donors` of a recipient lie in a window of 2 x n_donors around its place among
    them. Equal donors are put in random order and the window falls at random among them, so none is preferred.

    Parameters
    ----------
    donors, recipients : predicted values, (d,) with d >= 1, and (r,).

    Returns
    -------
    Positions in `donors`, shape (r,).
    """
    shuffled = rng.permutation(len(donors))
    order = shuffled[np.argsort(donors[shuffled], kind="stable")]
    ordered = donors[order]
    first, last = (np.searchsorted(ordered, recipients, side=side) for side in ("left", "right"))
    place = first + np.floor(rng.random(len(recipients)) * (last - first + 1)).astype(np.int64)
    window = place[:, None] + np.arange(-n_donors, n_donors)
    outside = (window < 0) | (window >= len(ordered))
    window = np.clip(window, 0, len(ordered) - 1)
    distance = np.where(outside, np.inf, np.abs(ordered[window] - recipients[:, None]))
    pool = np.argsort(distance, axis=1, kind="stable")[:, :n_donors]
    available = np.minimum(n_donors, (~outside).sum(axis=1))
    chosen = pool[np.arange(len(recipients)), np.floor(rng.random(len(recipients)) * available).astype(np.int64)]
    return order[window[np.arange(len(recipients)), chosen]]


def logistic_draw(
    design: np.ndarray,
    target: int,
    observed: np.ndarray,
    response: np.ndarray,
    rng: np.random.Generator,
    start: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of every row under coefficients drawn from their posterior, (n,), and its mode, (K - 1,).

    Parameters
    ----------
    target : column that holds the variable itself and is not a predictor; column 0 is the constant.
    observed, response : row numbers where it is known, and its values there, 0 or 1.
    start : where the search for the mode starts, as an earlier sweep found it; without it, at no slopes. The search
        ends at the same mode whatever its start, within its tolerance.
    """
    others = np.delete(np.arange(design.shape[1]), target)
    precision = np.full(len(others), PRIOR_SD**-2)
    precision[0] = 0.0
    root = np.eye(len(others))
    if start is None:
        share = response.mean()
        slope = np.append(np.log(share / (1 - share)), np.zeros(len(others) - 1))
    else:
        slope = start

    def fit(candidate: np.ndarray) -> tuple[np.ndarray, float]:
        """Linear predictor of the observed rows and log posterior, the latter up to a constant."""
        linear = _predict(design, others, candidate)[observed]
        return linear, response @ linear - np.logaddexp(0.0, linear).sum() - precision @ candidate**2 / 2

    linear, height = fit(slope)
    for _ in range(NEWTON_STEPS):
        probability = expit(linear)
        score = (_transposed_product(design, observed, response - probability))[others] - precision * slope
        information = gram(design, observed, probability * (1 - probability))[np.ix_(others, others)]
        root = np.linalg.cholesky(information + np.diag(precision))
        step = np.linalg.solve(root.T, np.linalg.solve(root, score))
        if score @ step / 2 < NEWTON_TOLERANCE:
            break
        # The log posterior is concave: a step that does not raise it went too far, and some shorter one does.
        candidate = slope + step
        linear, higher = fit(candidate)
        while not higher > height and np.abs(candidate - slope).max() > NEWTON_TOLERANCE:
            candidate = (candidate + slope) / 2
            linear, higher = fit(candidate)
        slope, height = candidate, higher
    drawn = slope + np.linalg.solve(root.T, rng.standard_normal(len(others)))
    return expit(_predict(design, others, drawn)), slope


def expit(value: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-value)), kept inside (0, 1)."""
    return 1.0 / (1.0 + np.exp(-np.clip(value, -LINEAR_LIMIT, LINEAR_LIMIT)))


def _predict(design: np.ndarray, columns: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Linear predictor of every row from some columns, without copying them. Shape (n,)."""
    full = np.zeros(design.shape[1])
    full[columns] = slope
    return design @ full


def _transposed_product(design: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """X'v over the given row numbers, without copying them. Shape (K,)."""
    full = np.zeros(len(design))
    full[rows] = values
    return full @ design
