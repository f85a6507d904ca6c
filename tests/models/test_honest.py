"""Robust intervals against the published example of HonestDiD, linear programmes, and what has to hold of any."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog

from scripts.models import honest
from scripts.models.honest import EventStudy, breakdown, relative_magnitudes

REFERENCE = json.loads((Path(__file__).parent.parent / "reference" / "medicaid.json").read_text())
SEARCH = {"alpha": 0.05, "draws": 10_000, "seed": 1}


def medicaid(weights: tuple[float, ...] = (1.0, 0.0)) -> EventStudy:
    """Five leads and two lags of the Medicaid expansion (tests/reference/medicaid.py); effect of the first lag."""
    numbers = [np.array(REFERENCE[name]) for name in ("estimates", "covariance")]
    return EventStudy(*numbers, n_leads=5, weights=np.array(weights))


@pytest.mark.parametrize(
    ("mbar", "low", "high"),
    [(0.5, 0.0241, 0.0673), (1.0, 0.0171, 0.0720), (1.5, 0.00859, 0.0796), (2.0, -0.00107, 0.0883)],
)
def test_intervals_equal_those_published(mbar: float, low: float, high: float) -> None:
    """HonestDiD tries 1,000 values .0004 apart here and draws the first stage's critical value 1,000 times, whose
    noise moves an end by half of that: hence .0006."""
    (found,) = relative_magnitudes(medicaid(), [mbar], grid_points=200, **SEARCH)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-4)


def test_the_breakdown_value_is_where_the_interval_reaches_zero() -> None:
    """Published: 1.5 excludes zero, 2 does not."""
    found = breakdown(medicaid(), step=0.05, largest=5.0, **SEARCH)
    assert 1.5 <= found < 2.0
    below, above = relative_magnitudes(medicaid(), [found, found + 0.05], grid_points=100, **SEARCH)
    assert below.low > 0 > above.low
    assert breakdown(medicaid(), step=0.05, largest=0.5, **SEARCH) == pytest.approx(0.5)


def test_an_effect_that_is_none_has_no_breakdown_value() -> None:
    study = EventStudy(np.array([0.1, -0.1, 0.05, 0.05]), 0.04 * np.eye(4), 2, np.array([0.5, 0.5]))
    assert breakdown(study, step=0.1, largest=2.0, **SEARCH) is None


def test_statistics_equal_linear_programmes() -> None:
    """The smallest s with A (b - tau) <= s x scale over lags tau of the tested effect, by scipy's solver."""
    study = medicaid((0.3, 0.7))
    errors = honest._errors(study, 1000, 1)
    tests = honest._tests(study, 1.5, 0.05, errors)
    for i, test in enumerate(tests):
        moments = honest._moments(7, 5, i // 2, (1.0, -1.0)[i % 2], 1.5)
        scale = np.sqrt(np.diag(moments @ study.covariance @ moments.T))
        for value in (-0.1, 0.0, 0.03, 0.2):
            # unknowns: s, tau; tau's weighted sum is the value
            found = linprog(
                [1, 0, 0],
                A_ub=np.column_stack([-scale, -moments[:, 5:]]),
                b_ub=-moments @ study.estimates,
                A_eq=[[0, *study.weights]],
                b_eq=[value],
                bounds=(None, None),
            )
            assert (test.at_zero - test.direction * value).max() == pytest.approx(found.fun, abs=1e-9)


def test_one_lead_and_one_lag_without_bias_is_nearly_the_usual_interval() -> None:
    """With Mbar 0 and one lag the test is the two-sided t test of known variance, at 4.5 % and .5 %."""
    study = EventStudy(np.array([0.1, 1.0]), np.diag([0.04, 0.01]), 1, np.ones(1))
    (found,) = relative_magnitudes(study, [0.0], grid_points=300, alpha=0.05, draws=200_000, seed=2)
    assert (found.low, found.high) == pytest.approx((1 - 0.196, 1 + 0.196), abs=0.012)


def test_intervals_widen_with_mbar_and_shift_and_scale_with_the_outcome() -> None:
    mbars = [0.0, 0.5, 1.0, 2.0]
    found = relative_magnitudes(medicaid(), mbars, grid_points=100, **SEARCH)
    assert [each.mbar for each in found] == mbars
    assert all(a.low >= b.low and a.high <= b.high for a, b in pairwise(found))
    study = medicaid()
    scaled = EventStudy(-100 * study.estimates, 1e4 * study.covariance, 5, study.weights)
    turned = relative_magnitudes(scaled, mbars, grid_points=100, **SEARCH)
    expected = [(-100 * each.high, -100 * each.low) for each in found]
    # The draws fall differently on a negative outcome.
    assert np.array([(each.low, each.high) for each in turned]) == pytest.approx(np.array(expected), abs=0.1)


def test_the_interval_covers_the_effect_under_the_largest_violation_allowed() -> None:
    """200 draws of estimates whose trend goes on as before (Mbar 1 is just true): at least 95 % but for 2.5 errors."""
    rng = np.random.default_rng(6)
    truth = np.array([-0.3, -0.2, -0.1, 0.1, 0.2]) + np.array([0, 0, 0, 1.0, 1.0])
    covariance = 0.01 * (0.5 * np.eye(5) + 0.5)
    errors = rng.multivariate_normal(np.zeros(5), covariance, 200)
    studies = [EventStudy(truth + error, covariance, 3, np.array([0.5, 0.5])) for error in errors]
    bounds = [relative_magnitudes(each, [1.0], 0.05, 60, 1000, 1)[0] for each in studies]
    covered = np.mean([each.low <= 1.0 <= each.high for each in bounds])
    assert covered >= 0.95 - 2.5 * np.sqrt(0.05 * 0.95 / 200)


def test_truncated_quantiles_keep_their_digits_in_the_tails() -> None:
    low, high = np.array([-np.inf, -1.0, 8.0, 0.0]), np.array([np.inf, 1.0, 9.0, np.inf])
    found = honest._truncated_quantile(0.05, low, high)
    assert found == pytest.approx(stats.truncnorm.ppf(0.95, low, high), rel=1e-9)


@pytest.mark.parametrize(("n_leads", "weights"), [(0, [1.0, 1.0]), (1, [1.0, 1.0]), (1, [0.0])])
def test_an_event_study_without_leads_or_weights_is_refused(n_leads: int, weights: list[float]) -> None:
    with pytest.raises(ValueError, match="needs a lead"):
        EventStudy(np.zeros(2), np.eye(2), n_leads, np.array(weights))


def test_an_estimate_without_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="without variance"):
        EventStudy(np.zeros(2), np.diag([1.0, 0.0]), 1, np.ones(1))
