"""The design: reference levels, event columns, LA panels, terms, and which columns can stand together."""

import numpy as np
import polars as pl
import pytest

from scripts.models.columns import COLLINEAR, EMPTY, independent_columns
from scripts.models.design import build_design
from scripts.models.la_panel import TOO_MANY_GAPS, la_year_columns
from scripts.models.specification import Specification, has_reference, specifications, terms, transformation
from tests.matching.cohorts import cohort, settings

EVENT = Specification("e", "event_study", False, False, -2, 1, -1)
LAGS = Specification("l", "lags_only", False, False, None, 1, None)


def test_la_covariates_are_standardised_over_la_years_not_rows() -> None:
    """LA-years have values 0, 0, 3 (mean 1, sd sqrt 3), however many rows each has."""
    frame = pl.DataFrame(
        {
            "la_code": ["1", "1", "1", "1", "2"],
            "financial_year": [2010, 2010, 2010, 2011, 2010],
            "density": [0.0, 0.0, 0.0, 0.0, 3.0],
            "constant": [1.0] * 5,
            "unknown": [None] * 5,
        }
    )
    wanted = ("density", "constant", "unknown")
    columns, left_out = la_year_columns(frame.with_columns(pl.col("unknown").cast(pl.Float64)), wanted, 0.3)
    assert columns["density"] == pytest.approx(np.array([-1, -1, -1, -1, 2]) / np.sqrt(3))
    assert left_out == [("constant", "does not vary"), ("unknown", TOO_MANY_GAPS)]


def test_the_most_frequent_level_is_the_reference_and_missing_a_level() -> None:
    frame = cohort(n_groups=1, gaps=0.2).with_columns(
        gender=pl.Series(["2", "2", "1", "Missing"] * 200).head(cohort(n_groups=1, gaps=0.2).height),
        age=1.0,
        disability=0,
    )
    design = build_design(frame, settings())
    assert [name for name in design.columns if name.startswith("gender")] == ["gender[1]", "gender[Missing]"]
    years = sorted(set(frame["financial_year"]))
    assert [name for name in design.columns if name.startswith("fin")] == [f"financial_year[{y}]" for y in years[1:]]


def test_blocks_of_rows_are_rows_of_the_whole() -> None:
    frame = cohort(n_groups=2)
    design = build_design(frame, settings())
    whole = design.block(np.arange(frame.height))
    assert np.array_equal(design.block(np.array([5, 2, 9])), whole[[5, 2, 9]])
    treated = frame["treated"].to_numpy()
    events = [i for i, role in enumerate(design.roles) if role == "event"]
    assert np.array_equal(whole[:, events].sum(axis=1), treated)
    assert np.array_equal(whole[:, design.columns.index("post_x_treated")], treated * frame["post"].to_numpy())


def test_a_covariate_that_left_in_imputation_is_reported() -> None:
    design = build_design(cohort(n_groups=2).drop("age"), settings())
    assert ("age", "child", TOO_MANY_GAPS) in design.left_out


def test_years_beyond_the_ends_fall_into_the_end_categories() -> None:
    times = (-5, -3, -2, -1, 0, 1, 4)
    chosen = {term.name: term.columns for term in terms(EVENT, (), (), times)}
    assert chosen == {
        "event_study[-2]": ("event[-5]", "event[-3]", "event[-2]"),
        "event_study[0]": ("event[0]",),
        "event_study[1]": ("event[1]", "event[4]"),
    }
    assert {term.name: term.columns for term in terms(LAGS, (), (), times)} == {
        "lags_only[0]": ("event[0]",),
        "lags_only[1]": ("event[1]", "event[4]"),
    }
    assert [term.lead for term in terms(EVENT, (), (), times)] == [True, False, False]


def test_terms_sum_their_columns() -> None:
    columns = ("const", "event[-3]", "event[-2]", "event[0]")
    matrix = transformation(terms(EVENT, columns, ("const", "event", "event", "event"), (-3, -2, 0)), columns)
    assert matrix.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]


def test_the_reference_period_needs_treated_rows() -> None:
    assert has_reference(EVENT, (-1, 0))
    assert not has_reference(EVENT, (-3, -2, 0, 1))
    assert not has_reference(LAGS, (0, 1))


def test_specifications_choose_their_covariates() -> None:
    unadjusted = next(each for each in specifications(settings()) if each.name == "unadjusted")
    columns, roles = (
        ("const", "treated", "age", "density", "post_x_treated"),
        ("const", "treated", "child", "la", "effect"),
    )
    assert [term.name for term in terms(unadjusted, columns, roles, ())] == ["const", "treated", "post_x_treated"]


def test_later_columns_leave_when_earlier_ones_explain_them() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 3))
    x = np.column_stack([x, np.zeros(50), x[:, 0] - 1e3 * x[:, 2], x[:, 1] + 1e-3 * rng.normal(size=50)])
    kept = independent_columns(x.T @ x)
    assert kept.positions.tolist() == [0, 1, 2, 5]
    assert kept.omitted == {3: EMPTY, 4: COLLINEAR}
