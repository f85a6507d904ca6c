"""Specifications: which regressors they have, in which order, and what they need."""

import numpy as np
import pytest

from scripts.models.cells import Cells, accumulate
from scripts.models.specification import (
    Specification,
    has_reference,
    levels,
    model,
    specifications,
    subgroup_model,
)
from tests.matching.cohorts import settings
from tests.models.child_rows import MAX_MISSING_SHARE, SPECIFICATIONS, matched

EVENT = Specification("e", "event_study", False, False, -2, 1, -1)
LAGS = Specification("l", "lags_only", False, False, None, 1, None)
PLACEBO = Specification("p", "placebo_date", False, False, years_before=2)


@pytest.fixture(scope="module")
def cells() -> Cells:
    """Cells of a synthetic cohort."""
    return accumulate(matched(), settings())


def at(*times: int) -> Cells:
    """Cells of one treated and one comparator LA at some years since embedding."""
    both = np.repeat([1, 0], len(times))
    none = np.array([], dtype=str)
    since = np.array(times * 2)
    empty = np.array([], dtype=np.int64)
    return Cells(
        columns=np.array(["const"]),
        roles=np.array(["const"]),
        references=none,
        left_out_terms=none,
        left_out_reasons=none,
        term_names=none,
        term_rows=empty,
        term_children=empty,
        la_names=none,
        la_values=np.zeros((len(both), 0)),
        group=np.full(len(both), "1"),
        la=np.where(both == 1, "1", "2"),
        treated=both,
        post=(since >= 0).astype(np.int64),
        since=since,
        year=2015 + since,
        rows=np.ones(len(both), dtype=np.int64),
        matrices=np.ones((len(both), 2, 2)),
        la_codes=np.array(["1", "2"]),
        la_treated=np.array([True, False]),
        la_children=np.ones(2, dtype=np.int64),
    )


def events(specification: Specification, cells: Cells) -> dict[str, list[int]]:
    """The years since embedding that each effect of a specification covers, by its name."""
    effects = [each for each in model(specification, cells, 0.3).regressors if each.effect]
    return {each.name: cells.since[each.cell == 1].tolist() for each in effects}


def test_years_beyond_the_ends_fall_into_the_end_categories() -> None:
    some = at(-5, -3, -2, -1, 0, 1, 4)
    assert events(EVENT, some) == {
        "event_study[-2]": [-5, -3, -2],
        "event_study[0]": [0],
        "event_study[1]": [1, 4],
    }
    assert events(LAGS, some) == {"lags_only[0]": [0], "lags_only[1]": [1, 4]}
    shown = model(EVENT, some, 0.3).regressors
    assert [each.lead for each in shown if each.effect] == [True, False, False]
    assert next(each for each in shown if each.effect).counts == ("event[-5]", "event[-3]", "event[-2]")


def test_the_reference_period_needs_treated_rows() -> None:
    assert has_reference(EVENT, at(-1, 0))
    assert not has_reference(EVENT, at(-3, -2, 0, 1))
    assert not has_reference(LAGS, at(0, 1))
    assert has_reference(PLACEBO, at(-3, -1, 0))
    assert not has_reference(PLACEBO, at(-2, -1, 0))


def test_a_placebo_date_stands_for_embedding_and_later_rows_leave() -> None:
    placed = model(PLACEBO, at(-4, -3, -2, -1, 0, 1), 0.3)
    assert sorted(set(placed.cells.since.tolist())) == [-4, -3, -2, -1]
    effect = placed.regressors[-1]
    assert placed.cells.since[effect.cell == 1].tolist() == [-2, -1]
    assert effect.counts == ("event[-2]", "event[-1]")


def test_nuisances_stand_before_effects_and_only_the_arms_regressors_are_marked(cells: Cells) -> None:
    for specification in SPECIFICATIONS.values():
        shown = model(specification, cells, MAX_MISSING_SHARE).regressors
        assert [each.effect for each in shown] == sorted(each.effect for each in shown)
        for each in shown:
            comparators = model(specification, cells, MAX_MISSING_SHARE).cells.treated == 0
            # LA dummies of comparators and other nuisances are not zero there; what the arm has of its own is.
            if each.arm:
                assert not each.cell[comparators].any(), each.name
            elif not each.name.startswith("la["):
                assert each.cell[comparators].any(), each.name


def test_specifications_choose_their_covariates(cells: Cells) -> None:
    names = [each.name for each in model(SPECIFICATIONS["unadjusted"], cells, MAX_MISSING_SHARE).regressors]
    years = [f"financial_year[{year}]" for year in np.unique(cells.year)[1:]]
    assert names == ["const", "treated", "post", *years, "post_x_treated"]


def test_entries_of_the_config_become_specifications() -> None:
    entries = {
        "e": {"estimator": "event_study", "first": -3, "last": 1, "reference": -1},
        "p": {"estimator": "did", "placebo_outcome": {"covariate": "gender", "level": 2}},
        "d": {"estimator": "placebo_date", "years_before": 2},
    }
    flags = {"child_covariates": True, "la_covariates": False}
    chosen = settings(models={"specifications": {name: entry | flags for name, entry in entries.items()}})
    assert specifications(chosen) == (
        Specification("e", "event_study", True, False, first=-3, last=1, reference=-1),
        Specification("p", "did", True, False, placebo_level=("gender", "2")),
        Specification("d", "placebo_date", True, False, years_before=2),
    )


def test_a_placebo_outcome_takes_the_place_of_the_outcome_and_is_no_covariate(cells: Cells) -> None:
    placebo = model(SPECIFICATIONS["placebo_outcome"], cells, MAX_MISSING_SHARE)
    assert placebo.outcome[-1] == 0
    assert not any(each.name.startswith("gender") for each in placebo.regressors)
    assert "disability" in [each.name for each in placebo.regressors]


def test_levels_of_covariates_are_combinations_of_columns(cells: Cells) -> None:
    names = cells.columns.tolist()
    for variable in ("gender", "age", "disability"):
        found = levels(cells, variable)
        total = sum(found.values())
        assert total.tolist() == (np.array(names) == "const").astype(float).tolist()
    assert list(levels(cells, "gender")) == ["1", "2"]
    assert list(levels(cells, "disability")) == ["0", "1"]
    assert list(levels(cells, "age")) == ["13 and above", "5 to below 13", "Missing", "below 5"]


def test_a_number_without_bands_has_no_levels() -> None:
    without = accumulate(matched(), settings(models={"subgroups": ["gender"], "min_level_children": 0}))
    assert levels(without, "age") == {}
    assert levels(without, "unheard_of") == {}


def test_subgroups_have_their_own_level_even_without_child_covariates(cells: Cells) -> None:
    built, found = subgroup_model(SPECIFICATIONS["unadjusted"], cells, MAX_MISSING_SHARE, "gender")
    names = [each.name for each in built.regressors]
    assert found == ("1", "2")
    assert len([name for name in names if name in ("gender[1]", "gender[2]")]) == 1
    assert names[-2:] == ["gender[1]:post_x_treated", "gender[2]:post_x_treated"]
