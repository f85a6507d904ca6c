"""Propensity score: the probability of being in a pilot LA given the matching covariates, by logistic regression.

What enters: the terms of the matching covariates, the arm and the individual weight of every row of a study. What
leaves: the linear predictor of each row. Method: Newton's on the log-likelihood, over patterns of covariates (rows with
the same levels enter once, with the sums of their weights by arm) in blocks, so that memory does not grow with columns.
Directions that the data do not determine (a dummy that is the sum of others) get coefficients of least norm, which
leaves the fitted values as they are.
"""

import numpy as np

from scripts.errors import StudyError
from scripts.matching.cem import cross
from scripts.matching.terms import Term, as_levels, at, blocks, columns, merged, predictor

# Newton's steps double the correct digits: a relative gain of the likelihood below this leaves none to gain.
TOLERANCE = 1e-13
MAX_ITERATIONS = 50
# A share of a direction's variance below this is rounding.
SINGULAR = 1e-12


def logit_predictor(parts: tuple[Term, ...], treated: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Linear predictor of the weighted logit of `treated` (0/1) on the terms, shape (n,).

    Raises
    ------
    StudyError : MATCHING, if the likelihood still grows after the last step. A level that occurs in one arm only does
        not lead there: its rows get a very small or large score.
    """
    if not parts or treated.min(initial=1) >= treated.max(initial=0):
        return np.zeros(len(treated))
    pattern = cross(as_levels(parts), len(treated))
    size = int(pattern.max()) + 1
    first = np.empty(size, dtype=np.int64)
    first[pattern[::-1]] = np.arange(len(pattern) - 1, -1, -1)
    patterns = at(parts, first)
    cases = np.bincount(pattern, weights=weight * treated, minlength=size)
    trials = np.bincount(pattern, weights=weight, minlength=size)
    return predictor(patterns, logit_coefficients(merged(patterns), cases, trials))[pattern]


def logit_coefficients(parts: tuple[Term, ...], cases: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Coefficients of intercept and columns from the weights of treated rows and of all rows per pattern, (p,)."""
    share = cases.sum() / trials.sum()
    coefficients = np.zeros(1 + sum(part.table.shape[1] for part in parts))
    coefficients[0] = np.log(share / (1 - share))
    likelihood = -np.inf
    for _ in range(MAX_ITERATIONS):
        gain, step = -likelihood, _newton(parts, cases, trials, coefficients)
        likelihood, direction = step
        if likelihood + gain <= TOLERANCE * abs(likelihood):
            return coefficients + direction
        coefficients = coefficients + direction
    raise StudyError(
        "MATCHING",
        "matching.children.method",
        f"the likelihood of the propensity score still grows after {MAX_ITERATIONS} steps",
        "Match on fewer covariates or use cem",
    )


def _newton(
    parts: tuple[Term, ...], cases: np.ndarray, trials: np.ndarray, coefficients: np.ndarray
) -> tuple[float, np.ndarray]:
    """Log-likelihood at the coefficients and Newton's step from there."""
    size = len(coefficients)
    likelihood, gradient, information = 0.0, np.zeros(size), np.zeros((size, size))
    for rows in blocks(len(cases)):
        design = columns(parts, rows)
        eta, k, n = design @ coefficients, cases[rows], trials[rows]
        # log(1 + e^eta) without overflow
        likelihood += float(k @ eta - n @ np.logaddexp(0, eta))
        p = 1 / (1 + np.exp(-eta))
        gradient += (k - n * p) @ design
        root = design * np.sqrt(n * p * (1 - p))[:, None]
        information += root.T @ root
    return likelihood, solve(information, gradient)


def solve(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Solution of least norm of a symmetric system, scaled so that columns of any unit count alike. Shape (p,)."""
    scale = np.sqrt(np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0))
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    usable = values > SINGULAR * values.max()
    inverse = np.where(usable, 1 / np.where(usable, values, 1.0), 0.0)
    return vectors @ (inverse * (vectors.T @ (vector / scale))) / scale
