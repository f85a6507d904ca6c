"""Rubin's rules by hand and against R (tests/reference/statistics.R)."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.models.pooling import pool, pool_joint

REFERENCE = json.loads((Path(__file__).parent.parent / "reference" / "statistics.json").read_text())


def test_rubins_rules_by_hand() -> None:
    """Estimates 1, 2, 3 with variance 1: mean 2, between 1, total 1 + 4/3 = 7/3, share 4/7, old df 2 / (4/7)^2."""
    pooled = pool(np.array([[1.0], [2.0], [3.0]]), np.ones((3, 1)), 10)
    observed = 11 / 13 * 10 * 3 / 7
    df = 1 / (16 / 98 + 1 / observed)
    assert (pooled.estimate[0], pooled.variance[0]) == (2, pytest.approx(7 / 3))
    assert pooled.df[0] == pytest.approx(df)
    assert pooled.fmi[0] == pytest.approx((4 / 3 + 2 / (df + 3)) / (7 / 3))


def test_pooling_agrees_with_mice() -> None:
    """Printed to 15 digits by R."""
    r = REFERENCE["pool"]
    pooled = pool(np.array(r["estimates"])[:, None], np.array(r["variances"])[:, None], r["df_complete"])
    found = [part[0] for part in (pooled.estimate, pooled.variance, pooled.df, pooled.fmi)]
    assert found == pytest.approx([r[name] for name in ("estimate", "variance", "df", "fmi")], rel=1e-12)


def test_the_joint_test_agrees_with_mitml() -> None:
    """mitml differentiates the constraints numerically, which leaves it nine digits."""
    r = REFERENCE["joint"]
    test = pool_joint(np.array(r["estimates"]), np.array(r["covariances"]), r["df_complete"])
    found = (test.statistic, test.df_numerator, test.df_denominator, test.p_value)
    expected = [r[name] for name in ("statistic", "df_numerator", "df_denominator", "p_value")]
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("m", [1, 4])
def test_without_gaps_the_complete_data_degrees_of_freedom_hold(m: int) -> None:
    rounding = 1 + 1e-15 * np.arange(m)[:, None]
    pooled = pool(rounding * [[1.0, 2.0]], np.full((m, 2), 0.5), 12)
    assert pooled.df.tolist() == [12, 12]
    assert pooled.fmi.tolist() == [0, 0]
    assert pooled.variance.tolist() == [0.5, 0.5]
    test = pool_joint(np.tile([1.0, 2.0], (m, 1)), np.tile(np.eye(2), (m, 1, 1)), 12)
    assert (test.statistic, test.df_denominator) == (2.5, 12)


def test_a_covariance_without_full_rank_has_no_joint_test() -> None:
    assert pool_joint(np.ones((2, 2)), np.ones((2, 2, 2)), 12) is None
    assert pool_joint(np.ones((2, 2)), np.zeros((2, 2, 2)), 12) is None


@pytest.mark.parametrize(("k", "m", "df"), [(1, 2, 20), (3, 5, 3), (2, 10, 4)])
def test_few_clusters_never_gain_degrees_of_freedom_from_imputation(k: int, m: int, df: int) -> None:
    rng = np.random.default_rng(k)
    test = pool_joint(rng.normal(size=(m, k)), np.tile(np.eye(k), (m, 1, 1)), df)
    assert 0 < test.df_denominator <= df


def test_slightly_different_singular_covariances_are_not_taken_for_a_regular_one() -> None:
    """Their mean has full rank by rounding and differences alone; inverted, it would make any F enormous."""
    rng = np.random.default_rng(1)
    estimates = 0.1 * rng.standard_normal((5, 4))
    factors = [np.column_stack([np.ones(4), np.arange(4.0)]) + 1e-3 * rng.standard_normal((4, 2)) for _ in range(5)]
    covariances = np.stack([factor @ factor.T for factor in factors])
    assert np.linalg.matrix_rank(covariances.mean(axis=0)) == 4
    assert pool_joint(estimates, covariances, 10.0) is None
    assert pool_joint(estimates, covariances + np.eye(4), 10.0) is not None
