"""E-values, Rosenbaum's gamma and effect sizes: published examples and cases by hand."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from scripts.models.sensitivity import (
    cox_index,
    e_value,
    e_value_of_difference,
    e_value_of_risk_difference,
    hedges_g,
    rosenbaum_gamma,
    signed_rank_p,
)

# Lead in the blood (micrograms per decilitre) of 33 children of workers exposed to lead, less that of a neighbour's
# child (Morton and others 1982; Rosenbaum 2002, section 4.3; the example of R's rbounds::psens).
EXPOSED = [38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35, 49, 48, 44, 35, 43]
EXPOSED += [39, 34, 13, 73, 25, 27]
CONTROL = [16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19, 7, 18, 19, 12, 11, 22]
CONTROL += [25, 16, 13, 11, 13]
LEAD = np.array(EXPOSED) - np.array(CONTROL)


@pytest.mark.parametrize(("ratio", "expected"), [(3.9, 7.26), (1.8, 3.0), (0.80, 1.81), (0.91, 1.43), (1.0, 1.0)])
def test_published_e_values(ratio: float, expected: float) -> None:
    """VanderWeele and Ding (2017): 3.9 (1.8, 8.7) and .80 (.71, .91)."""
    assert e_value(ratio) == pytest.approx(expected, abs=5e-3)


def test_e_values_of_a_risk_difference_by_hand() -> None:
    """From .2 to .3, RR 1.5: 1.5 + sqrt(.75); nearest limit .04, RR 1.2: 1.2 + sqrt(.24)."""
    found = e_value_of_risk_difference(0.1, 0.04, 0.16, 0.2)
    assert (found.estimate, found.limit) == pytest.approx((1.5 + 0.75**0.5, 1.2 + 0.24**0.5))
    mirrored = e_value_of_risk_difference(-0.1, -0.16, 0.01, 0.2)
    assert (mirrored.estimate, mirrored.limit) == pytest.approx((2 + 2**0.5, 1.0))
    assert e_value_of_risk_difference(-0.2, -0.3, -0.1, 0.2).estimate == float("inf")
    assert e_value_of_risk_difference(0.1, 0.0, 0.2, 0.0) is None


def test_e_values_of_a_difference_by_hand() -> None:
    """d = -.5, its nearest limit -.25."""
    found = e_value_of_difference(-5.0, -7.5, -2.5, 10.0)
    assert (found.estimate, found.limit) == pytest.approx((e_value(np.exp(0.455)), e_value(np.exp(0.2275))))
    assert e_value_of_difference(-5.0, -7.5, 2.5, 10.0).limit == 1.0
    assert e_value_of_difference(1.0, 0.0, 2.0, 0.0) is None


@pytest.mark.parametrize(("gamma", "expected"), [(2, 0.0018), (3, 0.0136), (4, 0.0388), (4.25, 0.0468), (5, 0.0740)])
def test_rosenbaums_example(gamma: float, expected: float) -> None:
    """Rosenbaum (2002), table 4.1, by the normal approximation, which the same ranks give to its digits. The exact p is
    below it, because the sum is skewed to the left; it is that of 200,000 draws to four of their standard errors."""
    values = LEAD[LEAD != 0]
    ranks, share = stats.rankdata(np.abs(LEAD))[LEAD != 0], gamma / (1 + gamma)
    mean, variance = share * ranks.sum(), share * (1 - share) * (ranks**2).sum()
    assert stats.norm.sf((ranks[values > 0].sum() - mean) / variance**0.5) == pytest.approx(expected, abs=5e-5)
    signs = np.random.default_rng(4).random((200_000, len(ranks))) < share
    exact = signed_rank_p(LEAD, gamma)
    drawn = (signs @ ranks >= ranks[values > 0].sum()).mean()
    assert exact == pytest.approx(drawn, abs=4 * np.sqrt(expected / 200_000))
    assert exact < expected


def test_gamma_of_rosenbaums_example_lies_where_the_published_p_crosses() -> None:
    assert 4.25 < rosenbaum_gamma(LEAD, 0.05) < 5


def test_signed_rank_equals_enumeration_and_scipy() -> None:
    rng = np.random.default_rng(2)
    values = np.array([3.0, -1.0, 2.0, 2.0, 5.0, 0.0, -0.5])
    ranks = stats.rankdata(np.abs(values))[values != 0]
    observed = ranks[values[values != 0] > 0].sum()
    share = 1.7 / 2.7
    expected = sum(
        share ** sum(signs) * (1 - share) ** (len(signs) - sum(signs))
        for signs in product((0, 1), repeat=len(ranks))
        if np.dot(signs, ranks) >= observed
    )
    assert signed_rank_p(values, 1.7) == pytest.approx(expected)
    free = rng.normal(1.0, 1.0, 12)
    assert signed_rank_p(free, 1.0) == pytest.approx(stats.wilcoxon(free, alternative="greater", method="exact").pvalue)
    assert signed_rank_p(-free, 1.3) == signed_rank_p(free, 1.3)


def test_gamma_by_hand() -> None:
    """Five groups that agree: (g / (1 + g))^5 = .05; four cannot be significant, nor none."""
    share = 0.05**0.2
    assert rosenbaum_gamma(np.arange(1.0, 6.0), 0.05) == pytest.approx(share / (1 - share))
    assert rosenbaum_gamma(np.arange(1.0, 5.0), 0.05) is None
    assert rosenbaum_gamma(np.zeros(3), 0.05) is None


def test_effect_sizes_by_hand() -> None:
    """g: 2/8 x (1 - 3/391). Cox: odds .25 to 3/7, over 1.65."""
    assert hedges_g(2.0, 8.0, 100) == pytest.approx(0.25 * (1 - 3 / 391))
    assert cox_index(0.1, 0.2, 100) == pytest.approx(np.log(12 / 7) / 1.65 * (1 - 3 / 391))
    assert cox_index(-0.3, 0.2, 100) is None
    assert hedges_g(2.0, 0.0, 100) is None
