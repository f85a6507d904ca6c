"""The design: reference levels, bands, LA panels, and which columns can stand together."""

import numpy as np
import pytest

from scripts.models.columns import COLLINEAR, EMPTY, independent_columns
from scripts.models.design import RARE, TOO_MANY_GAPS, build_design
from scripts.models.la_panel import CONSTANT, standardised
from tests.matching.cohorts import cohort, settings


def test_the_most_frequent_level_is_the_reference_and_missing_a_level() -> None:
    frame = cohort(n_groups=1, gaps=0.2)
    genders = (["2", "2", "1", "Missing"] * frame.height)[: frame.height]
    design = build_design(frame.with_columns(gender=np.array(genders), age=1.0, disability=0), settings())
    assert [name for name in design.columns if name.startswith("gender")] == ["gender[1]", "gender[Missing]"]
    assert design.references[0] == "gender[2]"
    codes = next(part for part in design.parts if part.names[0] == "gender[1]").codes_of_levels
    assert np.array_equal(codes >= 0, np.array(genders) == "2")


def test_columns_are_the_constant_then_child_covariates_then_bands_of_subgroups() -> None:
    design = build_design(cohort(n_groups=2), settings())
    assert design.columns[0] == "const"
    assert design.columns[2:4] == ("age", "disability")
    assert design.columns[4:] == ("age[5 to below 13]", "age[13 and above]", "age[Missing]")
    assert design.roles == ("const", "child", "child", "child", "band", "band", "band")
    without = build_design(cohort(n_groups=2), settings(models={"subgroups": ["gender"], "min_level_children": 0}))
    assert "band" not in without.roles


@pytest.mark.parametrize(("n_children", "has_column"), [(9, False), (10, True), (11, True)])
def test_a_level_of_fewer_than_ten_children_has_no_column_and_joins_the_most_frequent(
    n_children: int, has_column: bool
) -> None:
    frame = cohort(n_groups=2)
    of = frame.select("la_code", "child_id").unique(maintain_order=True).head(n_children)
    rare = frame.join(of.with_columns(rare=True), on=["la_code", "child_id"], how="left", maintain_order="left")["rare"]
    is_rare = rare.fill_null(False).to_numpy()
    frame = frame.with_columns(gender=np.where(is_rare, "9", "2"), disability=is_rare.astype(np.int64))
    chosen = settings()
    chosen["models"]["min_level_children"] = 10
    design = build_design(frame, chosen)
    assert [name in design.columns for name in ("gender[9]", "disability")] == [has_column] * 2
    assert design.left_out == (() if has_column else (("gender[9]", RARE), ("disability", RARE)))
    if not has_column:
        assert not any(name.startswith("gender") for name in design.columns)


def test_blocks_of_rows_are_rows_of_the_whole() -> None:
    frame = cohort(n_groups=2)
    design = build_design(frame, settings())
    whole = design.block(slice(0, frame.height))
    assert np.array_equal(design.block(slice(5, 9)), whole[5:9])
    age = frame["age"].to_numpy()
    values = dict(zip(design.columns, whole.T, strict=True))
    assert np.array_equal(values["age"], age)
    assert np.array_equal(values["age[5 to below 13]"], (age >= 5) & (age < 13))
    assert (values["const"] == 1).all()


def test_levels_behind_a_binary_covariate_are_counted_and_those_of_a_number_are_not() -> None:
    design = build_design(cohort(n_groups=1), settings())
    parts = {part.names[0]: part for part in design.parts}
    assert parts["disability"].names_of_levels == ("disability[0]", "disability[1]")
    assert parts["age"].names_of_levels == ()
    assert np.array_equal(parts["disability"].codes_of_levels, design.block(slice(0, design.n_rows))[:, 3])


def test_a_covariate_that_left_in_imputation_is_reported() -> None:
    design = build_design(cohort(n_groups=2).drop("age"), settings())
    assert design.left_out == (("age", TOO_MANY_GAPS),)


def test_la_covariates_are_standardised_over_la_years_not_cells() -> None:
    """LA-years have values 0, 0, 3 (mean 1, sd sqrt 3), however many cells each has."""
    la, year = np.array([0, 0, 0, 0, 1]), np.array([2010, 2010, 2010, 2011, 2010])
    values = np.column_stack([[0.0, 0.0, 0.0, 0.0, 3.0], np.ones(5), np.full(5, np.nan)])
    columns, left_out = standardised(values, la, year, ("density", "constant", "unknown"), 0.3)
    assert columns["density"] == pytest.approx(np.array([-1, -1, -1, -1, 2]) / np.sqrt(3))
    assert left_out == [("constant", CONSTANT), ("unknown", TOO_MANY_GAPS)]


def test_an_la_year_without_value_takes_the_mean_unless_too_many_lack_it() -> None:
    la, year = np.arange(4), np.full(4, 2010)
    values = np.array([[1.0], [3.0], [np.nan], [2.0]])
    columns, left_out = standardised(values, la, year, ("density",), 0.25)
    assert columns["density"][2] == 0 and not left_out
    assert columns["density"].std(ddof=1) == pytest.approx(1)
    assert standardised(values, la, year, ("density",), 0.24) == ({}, [("density", TOO_MANY_GAPS)])


def test_later_columns_leave_when_earlier_ones_explain_them() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 3))
    x = np.column_stack([x, np.zeros(50), x[:, 0] - 1e3 * x[:, 2], x[:, 1] + 1e-3 * rng.normal(size=50)])
    kept = independent_columns(x.T @ x)
    assert kept.positions.tolist() == [0, 1, 2, 5]
    assert kept.omitted == {3: EMPTY, 4: COLLINEAR}
