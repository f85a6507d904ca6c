"""The joint test of leads against statsmodels, and the slope it would have missed."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from scripts.models.event_study import Leads, detectable_slope, lead_covariance, pretrend_test
from tests.models.child_rows import fitted, matched, written_out


def test_the_test_of_leads_is_statsmodels_wald_test() -> None:
    """Denominator degrees of freedom: LAs - 1."""
    frame = matched()
    found, regression = fitted(frame, "event_study"), written_out(frame, "event_study")
    positions = np.array([i for i, each in enumerate(found.used) if each.lead])
    assert [found.used[i].name for i in positions] == ["event_study[-3]", "event_study[-2]"]
    result = sm.WLS(regression.outcome, regression.x, weights=regression.weight).fit(
        cov_type="cluster", cov_kwds={"groups": np.unique(regression.la, return_inverse=True)[1]}, use_t=True
    )
    leads = Leads(positions, np.array([-2.0, -1.0]))
    restrictions = leads.restrictions(len(found.kept))
    assert restrictions.sum() == 2
    expected = result.f_test(restrictions)
    test = pretrend_test(found.fits, leads, found.counts.n_las - 1)
    assert test is not None
    assert (test.statistic, test.p_value) == pytest.approx((float(expected.fvalue), float(expected.pvalue)), rel=1e-6)
    assert (test.df_numerator, test.df_denominator) == (2, expected.df_denom)


def test_no_leads_no_test() -> None:
    found = fitted(matched(), "did")
    assert pretrend_test(found.fits, Leads(np.array([], dtype=np.int64), np.array([])), 10) is None


def test_a_trend_of_the_detectable_slope_is_found_with_that_power() -> None:
    """By simulation: leads drawn around the line, the F test with a covariance drawn from Wishart's distribution."""
    years, df = np.array([-3.0, -2.0, -1.0]), 40
    covariance = np.array([[2.0, 0.5, 0.3], [0.5, 1.0, 0.2], [0.3, 0.2, 0.5]])
    slope = detectable_slope(covariance, years, df, 0.05, 0.8)
    assert slope is not None and slope > 0
    rng = np.random.default_rng(1)
    leads = rng.multivariate_normal(slope * years, covariance, 20_000)
    # The F test divides by one estimate of scale with df degrees of freedom.
    scale = rng.chisquare(df, 20_000) / df
    f = np.einsum("bi,ij,bj->b", leads, np.linalg.inv(covariance), leads) / 3 / scale
    assert np.mean(f > stats.f.isf(0.05, 3, df)) == pytest.approx(0.8, abs=0.012)


def test_twice_the_errors_twice_the_slope_and_none_with_hardly_any_degrees_of_freedom() -> None:
    covariance, years = np.diag([1.0, 2.0]), np.array([-2.0, -1.0])
    slope = detectable_slope(covariance, years, 10, 0.05, 0.8)
    assert slope is not None
    assert detectable_slope(4 * covariance, years, 10, 0.05, 0.8) == pytest.approx(2 * slope)
    assert detectable_slope(covariance, years, 0.05, 0.05, 0.8) is None


def test_the_covariance_of_leads_is_part_of_that_of_all_terms() -> None:
    frame = matched()
    found = fitted(frame, "event_study")
    _, covariance = written_out(frame, "event_study").clustered()
    last = np.arange(len(found.kept))[-4:-2]
    leads = Leads(last, np.array([-2.0, -1.0]))
    assert lead_covariance(found.fits[0], leads) == pytest.approx(covariance[np.ix_(last, last)], rel=1e-6)
