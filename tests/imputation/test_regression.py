"""The draws of chained equations: donors, linear and logistic predictions."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from scripts.imputation.regression import BLOCK_ROWS, PRIOR_SD, expit, gram, linear_draw, logistic_draw, nearest_donors


def design(n: int, seed: int = 1) -> np.ndarray:
    """A constant, two predictors and a target that depends on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    target = 1 + x @ [0.5, -1.0] + rng.normal(size=n)
    return np.column_stack([np.ones(n), x, target])


@given(
    st.lists(st.integers(-4, 4), min_size=1, max_size=30),
    st.lists(st.integers(-6, 6), max_size=10),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_donors_are_among_the_nearest(donors: list[int], recipients: list[int], n_donors: int, seed: int) -> None:
    values, targets = np.array(donors, dtype=float), np.array(recipients, dtype=float)
    chosen = nearest_donors(values, targets, n_donors, np.random.default_rng(seed))
    for target, donor in zip(targets, chosen, strict=True):
        allowed = np.sort(np.abs(values - target))[min(n_donors, len(values)) - 1]
        assert abs(values[donor] - target) <= allowed


def test_all_equal_donors_are_used() -> None:
    """200 equal donors, 20,000 recipients: each serves about 100, near the ends of the random order 20-220."""
    counts = np.bincount(nearest_donors(np.zeros(200), np.zeros(20000), 5, np.random.default_rng(1)), minlength=200)
    assert counts.min() > 0
    assert (counts > 50).sum() >= 190
    assert counts.max() < 250


def test_cross_products_do_not_depend_on_blocks() -> None:
    matrix = design(BLOCK_ROWS + 100)
    rows = np.flatnonzero(matrix[:, 1] > -1)
    weights = np.random.default_rng(0).random(len(rows))
    assert np.allclose(gram(matrix, rows, weights), matrix[rows].T @ (weights[:, None] * matrix[rows]), rtol=1e-10)


def test_linear_draws_have_the_posterior_of_the_coefficients() -> None:
    """Predictions at the unit vectors are the coefficients: 400 draws against statsmodels, three Monte Carlo errors."""
    matrix = design(300)
    observed = np.arange(200)
    ols = sm.OLS(matrix[observed, 3], matrix[observed, :3]).fit()
    probes = np.vstack([matrix, np.eye(4)])
    rng = np.random.default_rng(5)
    draws = np.array([linear_draw(probes, 3, observed, rng)[1][-4:-1] for _ in range(400)])
    assert linear_draw(probes, 3, observed, rng)[0][-4:-1] == pytest.approx(ols.params, abs=1e-4)
    assert np.abs(draws.mean(axis=0) - ols.params).max() < 3 * ols.bse.max() / 20
    assert draws.std(axis=0) == pytest.approx(ols.bse, rel=0.12)


def test_logistic_draws_have_the_posterior_of_the_coefficients() -> None:
    """As above, through the logit; the weak prior moves coefficients by well under a Monte Carlo error."""
    matrix = design(600)
    matrix[:, 3] = np.random.default_rng(2).random(600) < expit(-1 + 0.8 * matrix[:, 1])
    observed = np.arange(500)
    fitted = sm.Logit(matrix[observed, 3], matrix[observed, :3]).fit(disp=0)
    probes = np.vstack([matrix, np.eye(4)])
    rng = np.random.default_rng(6)
    probability = np.array([logistic_draw(probes, 3, observed, matrix[observed, 3], rng)[0][-4:-1] for _ in range(300)])
    draws = np.log(probability / (1 - probability))
    assert np.abs(draws.mean(axis=0) - fitted.params).max() < 4 * fitted.bse.max() / np.sqrt(300)
    assert draws.std(axis=0) == pytest.approx(fitted.bse, rel=0.15)


def test_a_separated_predictor_keeps_finite_probabilities() -> None:
    matrix = design(200)
    matrix[:, 1] = (np.arange(200) < 20) * 3.0
    matrix[:, 3] = matrix[:, 1] > 0
    probability, _ = logistic_draw(matrix, 3, np.arange(150), matrix[:150, 3], np.random.default_rng(1))
    assert np.isfinite(probability).all()
    assert probability[:20].min() > 0.5 > probability[20:].max()


def test_a_level_seen_once_is_shrunk_and_does_not_throw_the_fit_off() -> None:
    """One row has the level, and the event: without a prior its coefficient would be infinite, and Newton's full step
    overshoots by thousands. The posterior mode solves score = slope / variance, checked here by a general optimiser."""
    rng = np.random.default_rng(3)
    n = 4000
    level = np.zeros(n)
    level[0] = 1.0
    matrix = np.column_stack([np.ones(n), rng.standard_normal(n), level - level.mean(), np.zeros(n)])
    response = (rng.random(n) < expit(-2.3 + 0.4 * matrix[:, 1])).astype(float)
    response[0] = 1.0
    matrix[:, 3] = response
    precision = np.array([0.0, PRIOR_SD**-2, PRIOR_SD**-2])

    def penalty(slope: np.ndarray) -> float:
        linear = matrix[:, :3] @ slope
        return float(np.logaddexp(0.0, linear).sum() - response @ linear + precision @ slope**2 / 2)

    mode = minimize(penalty, np.zeros(3), method="BFGS", options={"gtol": 1e-8}).x
    probes = np.vstack([matrix, [0.0, 0.0, 1.0, 0.0]])
    rows = np.arange(n)
    draws = [logistic_draw(probes, 3, rows, response, np.random.default_rng(seed))[0][-1] for seed in range(200)]
    slopes = np.log(np.array(draws) / (1 - np.array(draws)))
    assert abs(slopes.mean() - mode[2]) < 3 * slopes.std() / np.sqrt(200)
    assert 1.0 < slopes.std() < PRIOR_SD


def test_the_search_for_the_mode_ends_there_whatever_its_start() -> None:
    """From no slopes, from the mode itself and from far off; the difference is that of the search's tolerance."""
    matrix = design(600)
    matrix[:, 3] = np.random.default_rng(2).random(600) < expit(-1 + 0.8 * matrix[:, 1])
    observed = np.arange(500)
    starts = (None, np.array([3.0, -2.0, 2.0]))
    cold, far = (logistic_draw(matrix, 3, observed, matrix[observed, 3], np.random.default_rng(7), s) for s in starts)
    warm = logistic_draw(matrix, 3, observed, matrix[observed, 3], np.random.default_rng(7), cold[1])
    assert far[1] == pytest.approx(cold[1], abs=1e-4) and far[0] == pytest.approx(cold[0], abs=1e-4)
    assert warm[1] is cold[1] and warm[0] == pytest.approx(cold[0], abs=1e-4)
