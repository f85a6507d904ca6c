"""Cross-products and pseudo-rows against the regression on all child rows, and against published numbers."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.models.cross_products import accumulate, load, save
from scripts.models.linear import PseudoRows, fit, pseudo_rows, root
from scripts.models.specification import specifications, terms, transformation
from tests.matching.cohorts import cohort, settings


def matched(**changes: int) -> pl.DataFrame:
    """Matched rows of a synthetic cohort."""
    return weighted_cohort(cohort(**changes), child_covariates(settings())).filter(pl.col("weight") > 0)


def from_cross_products(frame: pl.DataFrame, name: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Terms, coefficients and clustered standard errors of a specification without omitted terms."""
    products = accumulate(frame, settings())
    wanted = next(each for each in specifications(settings()) if each.name == name)
    columns = tuple(products.columns.tolist())
    regressors = terms(wanted, columns, tuple(products.roles.tolist()), tuple(products.event_times.tolist()))
    result = fit(pseudo_rows(products), transformation(regressors, columns))
    return [term.name for term in regressors], result.params, np.sqrt(np.diag(result.covariance))


def covariate_columns(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """const, treated, post, years and covariates written out row by row, independently of the design module."""
    years = sorted(set(frame["financial_year"]))
    la_years = frame.select("la_code", "financial_year", "density", "rating").unique().sort("la_code", "financial_year")
    filled = la_years.with_columns(pl.col("rating").fill_null(pl.col("rating").mean()))
    scaled = filled.with_columns((pl.col(c) - pl.col(c).mean()) / pl.col(c).std() for c in ("density", "rating"))
    rows = frame.drop("density", "rating").join(
        scaled, on=["la_code", "financial_year"], how="left", maintain_order="left"
    )
    reference = frame["gender"].value_counts().sort("count", "gender", descending=[True, False])["gender"][0]
    genders = [level for level in sorted(set(frame["gender"])) if level != reference]
    columns = {"const": pl.lit(1.0), "treated": pl.col("treated"), "post": pl.col("post")}
    columns |= {f"financial_year[{year}]": pl.col("financial_year") == year for year in years[1:]}
    columns |= {f"gender[{level}]": pl.col("gender") == level for level in genders}
    columns |= {name: pl.col(name) for name in ("age", "disability", "density", "rating")}
    chosen = rows.select(expression.cast(pl.Float64).alias(name) for name, expression in columns.items())
    return {name: np.broadcast_to(chosen[name].to_numpy(), frame.height) for name in chosen.columns}


def on_all_rows(frame: pl.DataFrame, columns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """statsmodels WLS on the child rows, clustered by LA."""
    la = frame["la_code"].cast(pl.Int64).to_numpy()
    model = sm.WLS(
        frame["outcome"].to_numpy(), np.column_stack(list(columns.values())), weights=frame["weight"].to_numpy()
    )
    result = model.fit(cov_type="cluster", cov_kwds={"groups": la})
    return result.params, result.bse


def test_difference_in_differences_equals_the_regression_on_all_rows() -> None:
    """Tolerance 1e-8: two different orders of summing a few thousand rows, and the square root of their products."""
    frame = matched()
    names, params, errors = from_cross_products(frame, "main")
    columns = covariate_columns(frame)
    columns["post_x_treated"] = columns["post"] * columns["treated"]
    assert list(columns) == names
    expected_params, expected_errors = on_all_rows(frame, columns)
    assert params == pytest.approx(expected_params, rel=1e-8, abs=1e-8)
    assert errors == pytest.approx(expected_errors, rel=1e-8)


@pytest.mark.parametrize(("name", "times"), [("event_study", [-3, -2, 0, 1]), ("lags_only", [0, 1])])
def test_event_terms_equal_the_regression_on_written_out_dummies(name: str, times: list[int]) -> None:
    frame = matched()
    names, params, errors = from_cross_products(frame, name)
    columns = covariate_columns(frame)
    since, treated = frame["years_since"].clip(-3, 1).to_numpy(), frame["treated"].to_numpy()
    columns |= {f"{name}[{time}]": (since == time) * treated for time in times}
    assert list(columns) == names
    expected_params, expected_errors = on_all_rows(frame, columns)
    assert params == pytest.approx(expected_params, rel=1e-8, abs=1e-8)
    assert errors == pytest.approx(expected_errors, rel=1e-8)


def test_grunfeld_reference_from_pseudo_rows() -> None:
    """CRV1 t of value in invest ~ value + capital, clustered by firm: 7.06982801522 (R fixest and sandwich)."""
    data = sm.datasets.grunfeld.load_pandas().data
    stacked = np.column_stack([np.ones(len(data)), data[["value", "capital", "invest"]].to_numpy()])
    firms = sorted(set(data["firm"]))
    roots = [
        root(stacked[(data["firm"] == firm).to_numpy()].T @ stacked[(data["firm"] == firm).to_numpy()])
        for firm in firms
    ]
    pseudo = PseudoRows(np.concatenate(roots), np.repeat(np.arange(len(firms)), 4), len(data), len(firms))
    result = fit(pseudo, np.eye(3))
    assert result.params[1] / np.sqrt(result.covariance[1, 1]) == pytest.approx(7.06982801522, rel=1e-11)


def test_a_root_of_a_singular_matrix_with_long_and_short_columns() -> None:
    rows = np.random.default_rng(1).normal(size=(3, 5)) * [1, 1e6, 1e-4, 0, 1]
    matrix = rows.T @ rows
    factor = root(matrix)
    assert np.allclose(factor.T @ factor, matrix, rtol=1e-9, atol=1e-12)


def test_cells_are_group_la_and_period_and_counts_are_of_distinct_children() -> None:
    frame = matched()
    products = accumulate(frame, settings())
    cells = (
        frame.group_by("group", "la_code", "post")
        .agg(pl.len(), pl.col("weight").sum())
        .sort("group", "la_code", "post")
    )
    assert products.cell_group.tolist() == cells["group"].to_list()
    assert products.cell_la.tolist() == cells["la_code"].to_list()
    assert products.cell_post.tolist() == cells["post"].to_list()
    assert products.cell_rows.tolist() == cells["len"].to_list()
    assert products.cell_weight == pytest.approx(cells["weight"].to_numpy())
    assert products.la_children.sum() == frame.select(pl.struct("la_code", "child_id")).n_unique()
    term = next(name for name in products.columns.tolist() if name.startswith("gender["))
    behind = frame.filter(pl.col("gender") == term[len("gender[") : -1])
    position = products.columns.tolist().index(term)
    assert products.column_rows[position] == behind.height
    assert products.column_children[position] == behind.select(pl.struct("la_code", "child_id")).n_unique()


def test_the_order_of_rows_does_not_change_a_byte(tmp_path: Path) -> None:
    frame = matched()
    for name, each in (("a", frame), ("b", frame.sample(fraction=1, shuffle=True, seed=1))):
        save(accumulate(each, settings()), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert load(tmp_path / "a").columns.tolist() == accumulate(frame, settings()).columns.tolist()
