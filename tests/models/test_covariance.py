"""CRV1, CRV3 and CR2 against published numbers, R's clubSandwich and sandwich, and matrices as large as the rows."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from scripts.models.covariance import cr2, crv1, crv3, without_each_la
from scripts.models.inference import CR2, clustered
from scripts.models.linear import LinearFit, fit
from scripts.models.moments import Moments
from tests.models.child_rows import Regression, fitted, matched, written_out
from tests.models.test_linear import grunfeld

REFERENCE = Path(__file__).parent.parent / "reference"
R = json.loads((REFERENCE / "models.json").read_text())


def panel(la_effects: bool) -> LinearFit:
    """The weighted regression of tests/reference/models.R."""
    data = pl.read_csv(REFERENCE / "panel.csv")
    la, treated, post, x, y = (data[name].to_numpy().astype(float) for name in ("la", "treated", "post", "x", "y"))
    first = [la == each for each in range(1, 11)] if la_effects else [np.ones(len(la)), treated]
    rows = np.column_stack([*first, post, x, treated * post, y]) * np.sqrt(data["weight"].to_numpy())[:, None]
    return fit(Moments(np.stack([rows[la == g].T @ rows[la == g] for g in range(1, 11)]), len(rows)))


def test_grunfeld_reference() -> None:
    """Published digits: CRV3 .0166787009528; CR2 .01666695742 with 2.35348 degrees of freedom."""
    result = grunfeld()
    bent = cr2(result, np.array([1]))
    assert np.sqrt(crv3(result)[1, 1]) == pytest.approx(0.0166787009528, rel=1e-11)
    assert np.sqrt(bent.variance[0]) == pytest.approx(0.01666695742, rel=1e-9)
    assert bent.df[0] == pytest.approx(2.35348, rel=2e-6)


def test_weighted_rows_agree_with_r() -> None:
    """Fifteen digits printed; clubSandwich's own matrix roots leave some ten."""
    result, expected = panel(la_effects=False), R["weighted"]
    bent = cr2(result, np.arange(5))
    assert result.params == pytest.approx(expected["coef"], rel=1e-11)
    assert np.sqrt(np.diag(crv1(result))) == pytest.approx(expected["crv1"], rel=1e-11)
    assert np.sqrt(np.diag(crv3(result))) == pytest.approx(expected["crv3"], rel=1e-9)
    assert np.sqrt(bent.variance) == pytest.approx(expected["cr2"], rel=1e-9)
    assert bent.df == pytest.approx(expected["df"], rel=1e-9)


def test_directions_that_an_la_alone_determines_agree_with_r() -> None:
    result, expected = panel(la_effects=True), R["within"]
    bent = cr2(result, np.array([12]))
    found = [result.params[12], np.sqrt(bent.variance[0]), bent.df[0]]
    assert found == pytest.approx([expected[name] for name in ("coef", "cr2", "df")], rel=1e-8)


def with_large_matrices(regression: Regression, j: int) -> tuple[float, float]:
    """CR2 variance and degrees of freedom of coefficient j by n x n matrices over the child rows."""
    root = np.sqrt(regression.weight)[:, None]
    x, y = regression.x * root, regression.outcome[:, None] * root
    bread = np.linalg.pinv(x.T @ x)
    rest = np.eye(len(x)) - x @ bread @ x.T
    residual, vectors = rest @ y, []
    for la in np.unique(regression.la):
        inside = np.flatnonzero(regression.la == la)
        values, axes = np.linalg.eigh(rest[np.ix_(inside, inside)])
        power = np.where(values > 1e-9, np.maximum(values, 1e-9) ** -0.5, 0.0)
        vector = np.zeros(len(x))
        vector[inside] = axes @ (power * (axes.T @ x[inside] @ bread[:, j]))
        vectors.append(vector)
    a = np.stack(vectors, axis=1)
    gram = (rest @ a).T @ (rest @ a)
    return float(((a.T @ residual) ** 2).sum()), np.trace(gram) ** 2 / (gram**2).sum()


@pytest.mark.parametrize("name", ["did", "two_way", "event_study"])
def test_cr2_equals_matrices_over_all_rows(name: str) -> None:
    frame = matched(n_groups=3, rows=40)
    found = fitted(frame, name)
    regression = written_out(frame, name).only([each.name for each in found.used])
    bent = cr2(found.fits[0], np.array([len(found.kept) - 1]))
    expected = with_large_matrices(regression, len(found.kept) - 1)
    assert (bent.variance[0], bent.df[0]) == pytest.approx(expected, rel=1e-7)


def test_the_jackknife_leaves_out_every_la_in_turn() -> None:
    frame = matched(n_groups=3, rows=60)
    found = fitted(frame, "did")
    changes = []
    for g, la in enumerate(sorted(set(frame["la_code"]))):
        inside = (frame["la_code"] != la).to_numpy()
        whole = written_out(frame, "did")
        root = np.sqrt(whole.weight[inside])
        params = np.linalg.lstsq(whole.x[inside] * root[:, None], whole.outcome[inside] * root, rcond=None)[0]
        assert without_each_la(found.fits[0])[g] == pytest.approx(params, rel=1e-7, abs=1e-8)
        changes.append(params - found.fits[0].params)
    n_las = len(changes)
    expected = (n_las - 1) / n_las * sum(np.outer(change, change) for change in changes)
    assert np.diag(crv3(found.fits[0])) == pytest.approx(np.diag(expected), rel=1e-6)


def test_an_effect_of_the_minimum_detectable_size_is_found_with_that_power() -> None:
    """A t statistic shifted by it exceeds the critical value with probability .8, the other tail left aside."""
    found = clustered(CR2, [grunfeld()], 1, 0.95, power=0.8)
    assert found.mdes is not None and found.df is not None and found.std_error is not None
    critical = stats.t.ppf(0.975, found.df)
    assert stats.t.sf(critical - found.mdes / found.std_error, found.df) == pytest.approx(0.8)
