"""Randomisation inference against regressions on child rows, one for every assignment."""

from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import polars as pl
import pytest

from scripts.models.cells import accumulate
from scripts.models.covariance import crv1
from scripts.models.fitted import Fitted, assignment, fit_specification
from scripts.models.inversion import DrawnStatistics
from scripts.models.moments import Moments
from scripts.models.randomisation import assignments, randomisation
from tests.matching.cohorts import settings
from tests.models.child_rows import MAX_MISSING_SHARE, SPECIFICATIONS, Regression, fitted, matched, written_out
from tests.models.test_panel import demeaned_rows

N_LAS, N_TREATED = 9, 3


def drawn_for(frame: pl.DataFrame, name: str) -> tuple[Fitted, DrawnStatistics]:
    """The fit and all assignments of a specification."""
    found = fitted(frame, name)
    needed = assignment(SPECIFICATIONS[name], found, [accumulate(frame, settings())], MAX_MISSING_SHARE)
    position = len(found.kept) - 1
    estimate, error = found.fits[0].params[position], np.sqrt(crv1(found.fits[0])[position, position])
    draws = randomisation(needed.moments, needed.arm, needed.treated, estimate, error, comb(N_LAS, N_TREATED), 1)
    assert draws is not None
    return found, draws


def by_hand(frame: pl.DataFrame, names: list[str], name: str, effect: float) -> tuple[np.ndarray, float]:
    """t statistics of all assignments of the outcome less `effect` x the data's treatment, and that of the data."""
    whole = written_out(frame, name).only(names)
    outcome = whole.outcome - effect * whole.columns["post_x_treated"]
    las, found = np.unique(whole.la), []
    post = written_out(frame, "did" if name != "placebo_date" else name).columns["post"]
    for chosen in combinations(las, N_TREATED):
        arm = np.isin(whole.la, chosen).astype(float)
        columns = whole.columns | {"post_x_treated": arm * post}
        columns |= {"treated": arm} if "treated" in columns else {}
        found.append(t_statistic(replace(whole, columns=columns, outcome=outcome)))
    return np.array(found), t_statistic(replace(whole, outcome=outcome))


def t_statistic(regression: Regression) -> float:
    """Of the last coefficient; NaN if the regression's columns are collinear."""
    if np.linalg.matrix_rank(regression.x) < regression.x.shape[1]:
        return np.nan
    params, covariance = regression.clustered()
    return float(params[-1] / np.sqrt(covariance[-1, -1]))


@pytest.mark.parametrize("name", ["did", "unadjusted", "two_way", "fixed_effects", "placebo_date"])
@pytest.mark.parametrize("effect", [0.0, -3.0])
def test_draws_equal_regressions_with_other_las_treated(name: str, effect: float) -> None:
    frame = matched(n_groups=3, rows=40)
    found, draws = drawn_for(frame, name)
    expected, observed = by_hand(frame, [each.name for each in found.used], name, effect)
    t = (draws.n0 + effect * draws.n1) / np.sqrt(draws.v0 + effect * draws.v1 + effect**2 * draws.v2)
    identified = expected[np.isfinite(expected)]
    assert t == pytest.approx(identified, rel=1e-6, abs=1e-8)
    assert draws.p_value(effect) == np.mean(np.abs(identified) >= abs(observed) * (1 - 1e-8))


def test_the_interval_is_that_of_a_grid_of_hypotheses() -> None:
    frame = matched(n_groups=3, rows=40)
    found, draws = drawn_for(frame, "did")
    names = [each.name for each in found.used]
    low, high = draws.interval(0.95)
    assert low is not None and high is not None

    def p_value(effect: float) -> float:
        every, observed = by_hand(frame, names, "did", effect)
        return float(np.mean(np.abs(every) >= abs(observed) * (1 - 1e-9)))

    assert all(p_value(effect) >= 0.05 for effect in np.linspace(low + 1e-6, high - 1e-6, 5))
    assert all(p_value(effect) < 0.05 for effect in (low - 1e-6, high + 1e-6))


def test_random_effects_take_the_theta_of_the_data() -> None:
    """So the assignment of the data gives the data's statistic, and others those of equally demeaned rows."""
    frame = matched(n_groups=3, rows=40)
    found, draws = drawn_for(frame, "random_effects")
    whole = written_out(frame, "did").only([each.name for each in found.used])
    expected = []
    for chosen in combinations(np.unique(whole.la), N_TREATED):
        arm = np.isin(whole.la, chosen).astype(float)
        columns = whole.columns | {"treated": arm, "post_x_treated": arm * whole.columns["post"]}
        expected.append(t_statistic(demeaned_rows(replace(whole, columns=columns), theta_of=whole)))
    assert draws.n0 / np.sqrt(draws.v0) == pytest.approx(expected, rel=1e-6, abs=1e-8)
    data = draws.estimate / draws.std_error
    assert np.abs(draws.n0 / np.sqrt(draws.v0) - data).min() < 1e-9 * abs(data)


def test_all_assignments_if_few_and_random_ones_if_many() -> None:
    treated = np.array([True, True, False, False, False])
    every, exact = assignments(treated, 10, 1)
    assert exact and len({tuple(row) for row in every}) == 10
    assert (every.sum(axis=1) == 2).all()
    some, exact = assignments(treated, 9, 1)
    assert not exact and len(some) == 9 and (some.sum(axis=1) == 2).all()
    assert np.array_equal(some, assignments(treated, 9, 1)[0])


def test_every_la_is_called_treated_equally_often() -> None:
    drawn, _ = assignments(np.arange(30) < 9, 20_000, 1)
    # Six standard errors of a share of 9/30 among 20,000 draws.
    assert drawn.mean(axis=0) == pytest.approx(np.full(30, 0.3), abs=6 * np.sqrt(0.21 / 20_000))


def test_imputations_are_pooled_assignment_by_assignment() -> None:
    cells = [accumulate(matched(n_groups=3, rows=40, seed=seed), settings()) for seed in (1, 2)]
    found = fit_specification(SPECIFICATIONS["unadjusted"], cells, MAX_MISSING_SHARE)
    assert isinstance(found, Fitted)
    needed = assignment(SPECIFICATIONS["unadjusted"], found, cells, MAX_MISSING_SHARE)
    one, two, both = (
        randomisation(moments, needed.arm, needed.treated, 1.0, 1.0, 84, 1)
        for moments in ([needed.moments[0]], [needed.moments[1]], needed.moments)
    )
    assert one is not None and two is not None and both is not None
    assert both.n0 == pytest.approx((one.n0 + two.n0) / 2)
    assert both.v0 == pytest.approx((one.v0 + two.v0) / 2 + 1.5 * (one.n0 - two.n0) ** 2 / 2)


def test_an_effect_that_hardly_any_assignment_identifies_has_no_draws() -> None:
    """Only two of eight LAs have rows after embedding; 12 of 28 pairs hold one of them, which is what it takes."""
    rows = np.array([[1.0, 1.0, post, post, 0.3 * post + 0.1 * la] for la in range(8) for post in (0, la < 2)])
    las = np.repeat(np.arange(8), 2)
    moments = Moments(np.stack([rows[las == la].T @ rows[las == la] for la in range(8)]), len(rows))
    arm = np.array([False, True, False, True])
    assert randomisation([moments], arm, np.isin(np.arange(8), (0, 2)), 0.3, 0.1, 100, 1) is None
    without_two = Moments(moments.matrices[:6], 12)
    some = randomisation([without_two], arm, np.isin(np.arange(6), (0, 2)), 0.3, 0.1, 100, 1)
    # With six LAs it is 8 of 15; only these are counted.
    assert some is not None and len(some.n0) == 8
