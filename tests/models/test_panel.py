"""Random effects, Hausman and Breusch-Godfrey against rows written out, R's plm and statsmodels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.diagnostic import acorr_breusch_godfrey

from scripts.models.cells import accumulate
from scripts.models.covariance import crv1
from scripts.models.linear import fit
from scripts.models.moments import Moments
from scripts.models.panel import breusch_godfrey, hausman, quasi_demeaned, variance_components
from scripts.models.specification import EFFECT, model
from tests.matching.cohorts import settings
from tests.models.child_rows import MAX_MISSING_SHARE, SPECIFICATIONS, Regression, fitted, matched, written_out

REFERENCE = Path(__file__).parent.parent / "reference"
R = json.loads((REFERENCE / "models.json").read_text())


def demeaned_rows(regression: Regression, theta_of: Regression | None = None) -> Regression:
    """The regression less theta_g x its LA's weighted mean in every row, theta_g from the residuals of `theta_of`."""
    source = regression if theta_of is None else theta_of
    weight, codes = source.weight, np.unique(source.la, return_inverse=True)[1]
    residual = sm.WLS(source.outcome, source.x, weights=weight).fit().resid
    size = np.bincount(codes, weights=weight)
    mean = np.bincount(codes, weights=weight * residual) / size
    within = (weight * (residual - mean[codes]) ** 2).sum() / (size.sum() - len(size))
    between = max(0.0, ((size * mean**2).sum() - len(size) * within) / size.sum())
    theta = 1 - np.sqrt(within / (within + size * between))

    def less_its_mean(values: np.ndarray) -> np.ndarray:
        return values - (theta * np.bincount(codes, weights=weight * values) / size)[codes]

    columns = {name: less_its_mean(values) for name, values in regression.columns.items()}
    return replace(regression, columns=columns, outcome=less_its_mean(regression.outcome))


def test_random_effects_equal_least_squares_on_demeaned_rows() -> None:
    frame = matched()
    found = fitted(frame, "random_effects")
    expected = demeaned_rows(written_out(frame, "did"))
    params, covariance = expected.clustered()
    assert [each.name for each in found.used] == list(expected.columns)
    assert found.fits[0].params == pytest.approx(params, rel=1e-8, abs=1e-8)
    assert np.diag(crv1(found.fits[0])) == pytest.approx(np.diag(covariance), rel=2e-8)


def panel_rows() -> tuple[np.ndarray, np.ndarray]:
    """LA, and const, treated, post, x, treated x post, y of tests/reference/panel.csv."""
    data = pl.read_csv(REFERENCE / "panel.csv").to_dict(as_series=False)
    treated, post = np.array(data["treated"]), np.array(data["post"])
    rows = np.column_stack([np.ones(60), treated, post, data["x"], treated * post, data["y"]])
    return np.array(data["la"]), rows


def test_wallace_and_hussains_components_agree_with_plm() -> None:
    la, rows = panel_rows()
    moments = Moments(np.stack([rows[la == g].T @ rows[la == g] for g in range(1, 11)]), 60)
    expected = R["random"]
    assert variance_components(moments) == pytest.approx((expected["idiosyncratic"], expected["individual"]), rel=1e-10)
    assert fit(quasi_demeaned(moments)).params == pytest.approx(expected["coef"], rel=1e-10)


def test_without_variance_between_las_nothing_changes() -> None:
    rows = np.array([[1.0, 1.0], [1.0, -1.0], [1.0, 2.0], [1.0, -2.0]])
    moments = Moments(np.stack([rows[:2].T @ rows[:2], rows[2:].T @ rows[2:]]), 4)
    assert variance_components(moments)[1] == 0
    assert np.array_equal(quasi_demeaned(moments).matrices, moments.matrices)


def test_hausman_is_the_squared_difference_over_the_variance_of_the_difference() -> None:
    """The difference's variance from rows: both estimates' influences by LA, subtracted, squared and summed."""
    frame = matched()
    fixed, random = fitted(frame, "fixed_effects"), fitted(frame, "random_effects")
    regressions = (
        written_out(frame, "fixed_effects").only([each.name for each in fixed.used]),
        demeaned_rows(written_out(frame, "did")),
    )
    influences, estimates = [], []
    for each in regressions:
        weighted = each.x * each.weight[:, None]
        bread = np.linalg.inv(weighted.T @ each.x)
        params = bread @ (weighted.T @ each.outcome)
        scores = weighted * (each.outcome - each.x @ params)[:, None]
        influences.append(np.array([scores[each.la == la].sum(axis=0) for la in np.unique(each.la)]) @ bread[:, -1])
        estimates.append(params[-1])
    g, n, k = len(influences[0]), frame.height, len(fixed.kept)
    variance = g / (g - 1) * (n - 1) / (n - k) * ((influences[0] - influences[1]) ** 2).sum()
    statistic = (estimates[0] - estimates[1]) ** 2 / variance
    test = hausman(fixed.fits, fixed.position(EFFECT), random.fits, random.position(EFFECT))
    assert (test.statistic, test.df_numerator, test.df_denominator) == (pytest.approx(statistic, rel=1e-6), 1, g - 1)
    assert test.p_value == pytest.approx(stats.f.sf(statistic, 1, g - 1), rel=1e-6)


def one_unit(n_years: int) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """A cohort with one LA of weight one per year; its regressors const and x, and outcome."""
    data = pl.read_csv(REFERENCE / "panel.csv").head(n_years)
    frame = data.select(
        pl.lit("1").alias("group"),
        pl.lit("1").alias("la_code"),
        pl.int_range(pl.len()).cast(pl.String).alias("child_id"),
        (1960 + pl.int_range(pl.len())).alias("financial_year"),
        pl.lit(1).alias("treated"),
        pl.lit(0).alias("post"),
        (pl.int_range(pl.len()) - n_years).alias("years_since"),
        pl.col("x").alias("age"),
        pl.lit(1.0).alias("weight"),
        pl.col("y").alias("outcome"),
        pl.int_range(pl.len()).alias("row_id"),
    )
    return frame, np.column_stack([np.ones(n_years), data["x"].to_numpy()]), data["y"].to_numpy()


@pytest.mark.parametrize("lags", [1, 2])
def test_breusch_godfrey_of_one_series_agrees_with_statsmodels_and_r(lags: int) -> None:
    frame, x, y = one_unit(40)
    chosen = settings()
    age = [each for each in chosen["covariates"]["child"] if each["name"] == "age"]
    cells = accumulate(
        frame, chosen | {"covariates": {"child": age, "la": []}, "models": {"subgroups": [], "min_level_children": 0}}
    )
    whole = model(SPECIFICATIONS["did"], cells, MAX_MISSING_SHARE)
    # Without the dummies of years, which would leave a single series nothing.
    shown = replace(whole, regressors=tuple(each for each in whole.regressors if each.name in ("const", "age")))
    test = breusch_godfrey(shown, lags)
    statistic, p_value, *_ = acorr_breusch_godfrey(sm.OLS(y, x).fit(), nlags=lags, result_object=False)
    assert test is not None
    assert (test.statistic, test.p_value) == (pytest.approx(statistic, rel=1e-9), pytest.approx(p_value, rel=1e-9))
    assert (test.df_numerator, test.df_denominator) == (lags, None)
    if lags == R["serial"]["lags"]:
        assert test.statistic == pytest.approx(R["serial"]["statistic"], rel=1e-9)
        assert test.p_value == pytest.approx(R["serial"]["p_value"], rel=1e-9)


def test_breusch_godfrey_takes_an_las_own_year_before() -> None:
    """Against LA x year means and lags written out; an LA without the year before has lag 0."""
    frame = matched()
    regression = written_out(frame, "unadjusted")
    keys = np.array([f"{la} {year}" for la, year in zip(frame["la_code"], frame["financial_year"], strict=True)])
    las_years, position = np.unique(keys, return_inverse=True)
    weight = np.bincount(position, weights=regression.weight)
    x, y = (
        np.column_stack([np.bincount(position, weights=regression.weight * v) / weight for v in each])
        for each in (regression.x.T, [regression.outcome])
    )
    residual = np.asarray(sm.WLS(y[:, 0], x, weights=weight).fit().resid)
    by_key = dict(zip(las_years.tolist(), residual, strict=True))
    before = [by_key.get(f"{key[:3]} {int(key[4:]) - 1}", 0.0) for key in las_years.tolist()]
    auxiliary = sm.WLS(residual, np.column_stack([x, before]), weights=weight).fit()
    left = (weight * np.asarray(auxiliary.resid) ** 2).sum() / (weight * residual**2).sum()
    test = breusch_godfrey(model(SPECIFICATIONS["unadjusted"], accumulate(frame, settings()), MAX_MISSING_SHARE), 1)
    assert test is not None
    assert test.statistic == pytest.approx(len(las_years) * (1 - left), rel=1e-8)


def test_too_few_la_years_have_no_test_for_serial_correlation() -> None:
    frame = matched(n_groups=1, rows=30).filter(pl.col("financial_year") >= 2015)
    cells = accumulate(frame, settings())
    assert breusch_godfrey(model(SPECIFICATIONS["did"], cells, MAX_MISSING_SHARE), 1) is None


def test_hardly_more_rows_than_las_are_left_as_they_are() -> None:
    """No variance within LAs is left to weigh: neither an error nor a number that is none."""
    rng = np.random.default_rng(3)
    rows = np.column_stack([np.ones(4), rng.normal(size=4), rng.normal(size=4)])
    single = Moments(rows[:, :, None] * rows[:, None, :], 4)
    assert quasi_demeaned(single) is single
