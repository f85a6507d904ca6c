"""Every method on cohorts with gaps and reused comparators: totals, order of rows, balance, and who dropped out."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from scripts.errors import StudyError
from scripts.matching.balance import balance_tables, sample
from scripts.matching.covariates import ChildCovariate, automatic_cuts, encoded, text_levels, value_levels
from scripts.matching.dropped import dropped_table
from scripts.matching.job import weighted_cohort
from scripts.matching.propensity import logit_predictor
from scripts.matching.terms import columns, terms
from tests.matching.cohorts import cohort

COVARIATES = (
    ChildCovariate("gender", "categorical", True, ()),
    ChildCovariate("age", "numeric", True, (5, 13)),
    ChildCovariate("disability", "binary", True, ()),
)
NEAREST = {"ratio": 2, "caliper": 0.5, "scale": "logit", "exact": ["gender"], "replacement": False}
METHODS: dict[str, dict[str, Any]] = {
    "cem": {"method": "cem", "cem": {"cuts": "study"}},
    "sturges": {"method": "cem", "cem": {"cuts": "sturges"}},
    "scott": {"method": "cem", "cem": {"cuts": "scott"}},
    "fd": {"method": "cem", "cem": {"cuts": "fd"}},
    "exact": {"method": "exact"},
    "nearest": {"method": "nearest", "nearest": NEAREST},
    "replacement": {"method": "nearest", "nearest": NEAREST | {"replacement": True, "scale": "probability"}},
    "entropy": {"method": "entropy", "entropy": {"tolerance": 1e-10, "max_iterations": 100}},
}


@pytest.mark.parametrize("name", METHODS)
def test_composite_weights_sum_to_individual_weights_of_the_matched(name: str) -> None:
    weighted = weighted_cohort(cohort(gaps=0.1), COVARIATES, METHODS[name]).filter(pl.col("weight") > 0)
    sums = weighted.group_by("group", "post", "treated").agg(pl.col("weight", "individual_weight").sum())
    assert sums.height == 16
    assert np.allclose(sums["weight"], sums["individual_weight"], rtol=1e-12)
    assert (weighted.filter(pl.col("treated") == 1)["weight"] == 1).all()
    arms = weighted.group_by("stratum").agg(pl.struct("group", "post").n_unique())
    assert (arms["group"] == 1).all()


@pytest.mark.parametrize("name", METHODS)
def test_rows_in_another_order_get_the_same_weights(name: str) -> None:
    frame = cohort(gaps=0.1)
    weights = weighted_cohort(frame, COVARIATES, METHODS[name])["weight"]
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3).sort("row_id")
    assert weighted_cohort(shuffled, COVARIATES, METHODS[name])["weight"].to_list() == weights.to_list()


@pytest.mark.parametrize("name", METHODS)
def test_numbers_instead_of_text_change_nothing(name: str) -> None:
    frame = cohort(gaps=0.1)
    coded = encoded(frame, COVARIATES)
    assert coded["gender"].dtype == pl.Enum
    plain, numbered = (weighted_cohort(each, COVARIATES, METHODS[name]) for each in (frame, coded))
    assert plain["weight"].to_list() == numbered["weight"].to_list()
    both = [
        balance_tables(each, COVARIATES, each["individual_weight"].to_numpy(), each["weight"].to_numpy())
        for each in (plain, numbered)
    ]
    for one, other in zip(*both, strict=True):
        assert one.drop(pl.selectors.float()).equals(other.drop(pl.selectors.float()))
        numbers = [each.select(pl.selectors.float()).fill_null(-1.0).to_numpy() for each in (one, other)]
        assert np.allclose(*numbers, rtol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_an_empty_cohort_stays_empty(name: str) -> None:
    assert weighted_cohort(cohort().head(0), COVARIATES, METHODS[name]).height == 0


def test_entropy_balancing_makes_the_means_of_every_group_and_period_equal() -> None:
    frame = weighted_cohort(cohort(gaps=0.1), COVARIATES, METHODS["entropy"]).filter(pl.col("weight") > 0)
    parts = terms(frame, COVARIATES)
    design = columns(parts, slice(0, frame.height))
    for _, part in frame.with_row_index("place").group_by("group", "post"):
        x, weight, arm = design[part["place"].to_numpy()], part["weight"].to_numpy(), part["treated"].to_numpy()
        means = [np.average(x[arm == each], axis=0, weights=weight[arm == each]) for each in (0, 1)]
        assert np.abs(means[1] - means[0]).max() < 1e-8


def test_entropy_balancing_without_solution_says_so() -> None:
    """The treated are all older than every comparator: no weights can make the mean ages equal."""
    frame = cohort(n_groups=1).with_columns(age=pl.col("treated") * 100.0 + pl.col("age").fill_null(0))
    with pytest.raises(StudyError, match=r"MATCHING: .* 2 of 2 matched groups"):
        weighted_cohort(frame, COVARIATES, METHODS["entropy"])


def test_weighted_logit_with_gaps_as_statsmodels() -> None:
    frame = cohort(gaps=0.1)
    weight = np.random.default_rng(1).integers(1, 4, frame.height).astype(float)
    treated, parts = frame["treated"].to_numpy().astype(np.int64), terms(frame, COVARIATES)
    design = columns(parts, slice(0, frame.height))
    repeated = np.repeat(np.arange(frame.height), weight.astype(int))
    fit = sm.Logit(treated[repeated], design[repeated]).fit(disp=0, tol=1e-14, maxiter=100)
    assert np.abs(logit_predictor(parts, treated, weight) - design @ fit.params).max() < 1e-8


def test_automatic_cuts_are_inner_edges_of_equal_bins() -> None:
    """Eight values: Sturges makes 1 + log2(8) = 4 bins of 0 to 8, hence cuts at 2, 4 and 6. One value has one cut."""
    assert automatic_cuts(pl.Series([0.0, 1, 2, 3, 5, 6, 7, 8, None]), "sturges") == (2, 4, 6)
    assert len(automatic_cuts(pl.Series([3.0, 3.0]), "sturges")) >= 1
    assert automatic_cuts(pl.Series([None], dtype=pl.Float64), "fd") == (0.0,)


@pytest.mark.parametrize("values", [[3.0, np.nan, -2.0, 3.0], [0.5, 1.0, np.nan], [1e9, 0.0], [np.nan], [], [2.0]])
def test_values_are_numbered_in_order(values: list[float]) -> None:
    distinct, codes = value_levels(np.array(values))
    expected = np.unique(np.array(values))
    assert np.array_equal(distinct, expected, equal_nan=True)
    assert np.array_equal(distinct[codes], np.array(values), equal_nan=True)


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([10, 9, None, 9], dtype=pl.Int8),
        pl.Series([True, None, False]),
        pl.Series(["b", None, "a", "Missing"], dtype=pl.Enum(["b", "z", "a", "Missing"])),
        pl.Series(["b", None, "a"], dtype=pl.Categorical),
        pl.Series(["b", "Missing", None, "a"]),
    ],
)
def test_levels_of_every_type_are_those_of_its_text(column: pl.Series) -> None:
    text = (column.cast(pl.Int8) if column.dtype == pl.Boolean else column).cast(pl.String).fill_null("Missing")
    levels = text_levels(column)
    assert levels.names == tuple(sorted(set(text)))
    assert [levels.names[code] for code in levels.codes] == text.to_list()


def test_who_dropped_out_by_hand() -> None:
    """Comparators: child c twice among girls, once matched; child d, a boy, never. Treated: a girl, matched."""
    frame = pl.DataFrame(
        {
            "la_code": ["1", "2", "2", "2"],
            "child_id": ["a", "c", "c", "d"],
            "index_date": [date(2012, 1, 1), date(2012, 1, 1), date(2013, 1, 1), date(2012, 1, 1)],
            "treated": [1, 0, 0, 0],
            "post": [0] * 4,
            "gender": ["f", "f", "f", "m"],
        }
    )
    rows = sample(frame, np.ones(4), np.array([1.0, 1.0, 0.0, 0.0]))
    table = dropped_table(rows, frame, (COVARIATES[0],)).filter(
        pl.col("arm") == "comparator", pl.col("period") == "pre"
    )
    counts = {(r["covariate"], r["level"]): tuple(r.values())[4:] for r in table.to_dicts()}
    assert counts["all", "all"] == (3, 2, 2, 1, pytest.approx(2 / 3), 0.5)
    assert counts["gender", "f"] == (2, 1, 1, 0, 0.5, 0.0)
    assert counts["gender", "m"] == (1, 1, 1, 1, 1.0, 1.0)
