"""Intervals from draws: where the p-value crosses alpha, and ends that are open."""

import numpy as np
import pytest

from scripts.models.inversion import DrawnStatistics, pooled_draws


def linear(draws: np.ndarray, exact: bool = False, strict: bool = True) -> DrawnStatistics:
    """Estimate 2, error 1, and draws whose t statistic is the same under every hypothesis."""
    one, none = np.ones_like(draws), np.zeros_like(draws)
    return DrawnStatistics(2.0, 1.0, draws, none, one, none, none, exact, strict)


def test_p_values_count_the_data_only_among_random_draws() -> None:
    """|t| = 2 at 0: of 1, -2, 3 and -4 two are larger, and three not smaller."""
    draws = np.array([1.0, -2.0, 3.0, -4.0])
    assert linear(draws, exact=True, strict=True).p_value() == 2 / 4
    assert linear(draws, exact=True, strict=False).p_value() == 3 / 4
    assert linear(draws, exact=False, strict=True).p_value() == 3 / 5
    assert linear(draws, exact=False, strict=False).p_value() == 4 / 5


def test_the_interval_of_a_pivot_is_the_estimate_less_its_quantiles() -> None:
    """Of 999 draws 49 may be larger, (49 + 1) / 1000 being rejected: the ends are 2 -+ the 50th largest in size."""
    draws = np.random.default_rng(1).standard_normal(999)
    reach = np.sort(np.abs(draws))[-50]
    assert linear(draws).interval(0.95) == pytest.approx((2 - reach, 2 + reach), abs=1e-9)


def test_the_ends_are_where_the_p_value_crosses_alpha() -> None:
    """Numerators and variances depend on the hypothesis, as a bootstrap's do; a grid's ends differ by some draws."""
    rng = np.random.default_rng(2)
    n0, n1 = 0.3 * rng.standard_normal(1999), 0.01 * rng.standard_normal(1999)
    root0, root1 = 0.25 + 0.1 * rng.random(1999), 0.005 * rng.standard_normal(1999)
    drawn = DrawnStatistics(0.5, 0.3, n0, n1, root0**2, 2 * root0 * root1, root1**2, False, True)
    low, high = drawn.interval(0.95)
    assert low is not None and high is not None
    grid = np.arange(-1.5, 2.5, 0.001)
    kept = grid[[drawn.p_value(effect) > 0.05 for effect in grid]]
    assert (low, high) == pytest.approx((kept.min(), kept.max()), abs=0.1 * drawn.std_error)
    assert drawn.p_value(low + 1e-9) > 0.05 >= drawn.p_value(low - 1e-9)
    assert drawn.p_value(high - 1e-9) > 0.05 >= drawn.p_value(high + 1e-9)


def test_an_end_that_no_hypothesis_reaches_is_open() -> None:
    """Four draws of which two are larger than anything: no p-value is below 2/5."""
    assert linear(np.array([1e9, -1e9, 0.0, 0.0])).interval(0.95) == (None, None)


def test_pooling_adds_the_variance_between_imputations_at_every_hypothesis() -> None:
    rng = np.random.default_rng(3)
    numerators, variances = rng.normal(size=(3, 2, 5)), rng.random((3, 3, 5)) + 5
    pooled = pooled_draws(1.0, 1.0, numerators, variances, exact=False, strict=True)
    for effect in (0.0, 2.0):
        values = numerators[:, 0] + effect * numerators[:, 1]
        within = (variances * np.array([1, effect, effect**2])[None, :, None]).sum(axis=1).mean(axis=0)
        assert pooled.n0 + effect * pooled.n1 == pytest.approx(values.mean(axis=0))
        total = within + 4 / 3 * values.var(axis=0, ddof=1)
        assert pooled.v0 + effect * pooled.v1 + effect**2 * pooled.v2 == pytest.approx(total)


def test_one_imputation_needs_no_pooling() -> None:
    rng = np.random.default_rng(4)
    numerators, variances = rng.normal(size=(1, 2, 5)), rng.random((1, 3, 5))
    pooled = pooled_draws(1.0, 1.0, numerators, variances, exact=True, strict=False)
    assert np.array_equal(pooled.v0, variances[0, 0]) and np.array_equal(pooled.n1, numerators[0, 1])
