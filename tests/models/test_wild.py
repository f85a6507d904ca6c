"""The wild cluster bootstrap against resampled child rows and regressions on them, and a published p-value."""

from itertools import product

import numpy as np
import pytest

from scripts.models.covariance import crv1
from scripts.models.event_study import Leads
from scripts.models.fitted import Fitted
from scripts.models.inference import wild
from scripts.models.inversion import DrawnStatistics
from scripts.models.wild import WildWeights, bootstrap, joint_bootstrap, wild_weights
from tests.models.child_rows import Regression, fitted, matched, written_out
from tests.models.test_linear import grunfeld

SETTINGS = {"draws": 200, "webb_up_to": 5, "enumerate_up_to": 12}
HYPOTHESES = (0.0, -3.0, 2.5)


class ByHand:
    """Regressions of resampled outcomes on the child rows of a regression."""

    def __init__(self, regression: Regression) -> None:
        self.root = np.sqrt(regression.weight)
        self.x, self.y = regression.x * self.root[:, None], regression.outcome * self.root
        self.pseudo_inverse = np.linalg.pinv(self.x)
        self.codes = np.unique(regression.la, return_inverse=True)[1]
        g, (n, k) = self.codes.max() + 1, self.x.shape
        self.members = np.eye(g)[self.codes]
        self.factor = g / (g - 1) * (n - 1) / (n - k)

    def resampled(self, weights: np.ndarray, restrictions: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, ...]:
        """Restricted values less the target, and their CRV1 covariance, of one draw of weights (G,)."""
        inverse = self.pseudo_inverse @ self.pseudo_inverse.T
        params = self.pseudo_inverse @ self.y
        pull = inverse @ restrictions.T @ np.linalg.inv(restrictions @ inverse @ restrictions.T)
        restricted = params - pull @ (restrictions @ params - target)
        drawn = self.x @ restricted + weights[self.codes] * (self.y - self.x @ restricted)
        again = self.pseudo_inverse @ drawn
        scores = self.members.T @ (self.x * (drawn - self.x @ again)[:, None])
        influence = scores @ inverse @ restrictions.T
        return restrictions @ again - target, self.factor * influence.T @ influence


def small(name: str, seed: int = 1) -> tuple[Fitted, Regression]:
    """A cohort of nine LAs, fitted and written out."""
    frame = matched(n_groups=3, rows=40, seed=seed)
    found = fitted(frame, name)
    return found, written_out(frame, name).only([each.name for each in found.used])


def last_of(found: Fitted) -> np.ndarray:
    """The restriction to the last coefficient. (1, k)"""
    return np.eye(len(found.kept))[-1:]


def of(found: Fitted, weights: WildWeights) -> DrawnStatistics:
    """Draws for the last coefficient."""
    position = len(found.kept) - 1
    error = np.sqrt(crv1(found.fits[0])[position, position])
    return bootstrap(found.fits, position, found.fits[0].params[position], error, weights)


@pytest.mark.parametrize("name", ["did", "two_way", "lags_only"])
@pytest.mark.parametrize("effect", HYPOTHESES)
def test_draws_equal_regressions_on_resampled_rows(name: str, effect: float) -> None:
    """Every draw's t statistic at eight digits, and the p-value exactly."""
    found, regression = small(name)
    by_hand, weights = ByHand(regression), wild_weights(9, SETTINGS, 1)
    drawn, expected = of(found, weights), []
    for column in weights.values.T:
        value, variance = by_hand.resampled(column, last_of(found), np.array([effect]))
        expected.append(value[0] / np.sqrt(variance[0, 0]))
    t = (drawn.n0 + effect * drawn.n1) / np.sqrt(drawn.v0 + effect * drawn.v1 + effect**2 * drawn.v2)
    # With all weights equal every draw repeats the data.
    assert t == pytest.approx(expected, rel=1e-7, abs=1e-9)
    observed = abs(drawn.estimate - effect) / drawn.std_error
    assert drawn.p_value(effect) == np.mean(np.abs(expected) > observed * (1 + 1e-8))


def test_the_interval_is_that_of_a_grid_of_hypotheses() -> None:
    found, regression = small("did")
    by_hand, weights = ByHand(regression), wild_weights(9, SETTINGS, 1)
    drawn = of(found, weights)
    low, high = drawn.interval(0.95)
    assert low is not None and high is not None

    def p_value(effect: float) -> float:
        draws = [by_hand.resampled(column, last_of(found), np.array([effect])) for column in weights.values.T]
        t = np.array([abs(value[0]) / np.sqrt(variance[0, 0]) for value, variance in draws])
        return float(np.mean(t > abs(drawn.estimate - effect) / drawn.std_error * (1 + 1e-9)))

    for effect in np.linspace(low + 1e-6, high - 1e-6, 9):
        assert p_value(effect) >= 0.05
    for effect in (low - 1e-6, high + 1e-6):
        assert p_value(effect) < 0.05


def test_imputations_share_their_draws_and_are_pooled_draw_by_draw() -> None:
    pairs = [small("did", seed) for seed in (1, 2)]
    weights, restriction = wild_weights(9, SETTINGS, 1), last_of(pairs[0][0])
    draws = [
        [ByHand(regression).resampled(column, restriction, np.zeros(1)) for column in weights.values.T]
        for _, regression in pairs
    ]
    values = np.array([[value[0] for value, _ in each] for each in draws])
    variances = np.array([[variance[0, 0] for _, variance in each] for each in draws])
    expected = values.mean(axis=0) / np.sqrt(variances.mean(axis=0) + 1.5 * values.var(axis=0, ddof=1))
    fits = [found.fits[0] for found, _ in pairs]
    drawn = bootstrap(fits, len(restriction[0]) - 1, 1.0, 1.0, weights)
    assert drawn.n0 / np.sqrt(drawn.v0) == pytest.approx(expected, rel=1e-7)


def test_grunfeld_reference_by_full_enumeration() -> None:
    """fwildclusterboot: p = .00390625, four of the 1,024 signs up to an overall one (strictly larger statistics)."""
    assert wild([grunfeld()], 1, 0.95, wild_weights(11, SETTINGS, 1)).p_value == 0.00390625


def test_joint_draws_equal_regressions_on_resampled_rows() -> None:
    found, regression = small("lags_only")
    weights = wild_weights(9, SETTINGS, 1)
    leads = Leads(np.arange(len(found.kept) - 2, len(found.kept)), np.array([0.0, 1.0]))
    restrictions = leads.restrictions(len(found.kept))
    by_hand, statistics = ByHand(regression), []
    for column in weights.values.T:
        value, covariance = by_hand.resampled(column, restrictions, np.zeros(2))
        statistics.append(float(value @ np.linalg.solve(covariance, value)))
    params, covariance = regression.clustered()
    observed = float(params[-2:] @ np.linalg.solve(covariance[-2:, -2:], params[-2:]))
    test = joint_bootstrap(found.fits, restrictions, weights)
    assert test is not None
    assert test.statistic == pytest.approx(observed, rel=1e-7)
    assert test.p_value == np.mean(np.array(statistics) > observed * (1 + 1e-8))


def test_one_restriction_tested_jointly_is_the_test_of_its_coefficient() -> None:
    found, _ = small("did")
    weights = wild_weights(9, SETTINGS, 1)
    test = joint_bootstrap(found.fits, last_of(found), weights)
    assert test is not None and test.p_value == of(found, weights).p_value()


def test_restrictions_without_a_regular_covariance_have_no_joint_test() -> None:
    found, _ = small("did")
    assert joint_bootstrap(found.fits, np.repeat(last_of(found), 2, axis=0), wild_weights(9, SETTINGS, 1)) is None


def test_weights_are_all_signs_webbs_points_or_random_signs() -> None:
    every = wild_weights(6, SETTINGS, 1)
    assert every.exact
    assert {tuple(column) for column in every.values.T} == {(1.0, *rest) for rest in product((1.0, -1.0), repeat=5)}
    few, many = wild_weights(5, SETTINGS, 1), wild_weights(13, SETTINGS, 1)
    assert (few.exact, few.values.shape, many.exact, many.values.shape) == (False, (5, 200), False, (13, 200))
    assert set(np.round(few.values.ravel() ** 2, 12)) == {0.5, 1.0, 1.5}
    assert set(many.values.ravel()) == {-1.0, 1.0}
    assert np.array_equal(many.values, wild_weights(13, SETTINGS, 1).values)
    assert not np.array_equal(many.values, wild_weights(13, SETTINGS, 2).values)
