"""Balance tables against numbers worked out by hand and against plain numpy on the rows."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from scripts.matching.balance import balance_tables
from scripts.matching.covariates import ChildCovariate
from scripts.matching.job import weighted_cohort
from tests.matching.cohorts import cohort

AGE = ChildCovariate("age", "numeric", True, (5, 13))
SEX = ChildCovariate("gender", "categorical", True, ())


def small() -> pl.DataFrame:
    """Four treated and four comparator children before embedding, one comparator twice."""
    return pl.DataFrame(
        {
            "la_code": ["1"] * 4 + ["2"] * 5,
            "child_id": ["a", "b", "c", "d", "a", "b", "c", "d", "d"],
            "index_date": [date(2012, 1, 1)] * 9,
            "treated": [1] * 4 + [0] * 5,
            "post": [0] * 9,
            "age": [2.0, 4.0, 6.0, 8.0, 2.0, 2.0, 6.0, None, None],
            "gender": ["f", "f", "m", "m", "f", "m", "m", "m", "m"],
            "outcome": [1, 0, 0, 0, 1, 0, 0, 1, 0],
        }
    )


def row(table: pl.DataFrame, **keys: str) -> dict[str, float]:
    """The one row with the given keys."""
    return table.filter(pl.all_horizontal(pl.col(name) == value for name, value in keys.items())).row(0, named=True)


def test_balance_before_matching_by_hand() -> None:
    """Girls: 2/4 treated, 1/4 comparators (the repeated record counts once); sd sqrt(.5 x .5) = .5, so the SMD is .5.

    Age: treated mean 5, variance 20/3; comparators (2, 2, 6) mean 10/3, variance 16/3. Distribution functions at 2, 4,
    6, 8: treated 1/4, 2/4, 3/4, 1; comparators 2/3, 2/3, 1, 1: distances 5/12, 1/6, 1/4, 0.
    """
    weights = np.array([1.0] * 7 + [0.5] * 2)
    table, overall = balance_tables(small(), (AGE, SEX), weights, np.zeros(9))
    girls = row(table, period="pre", stage="before", covariate="gender", level="f")
    assert (girls["mean_treated"], girls["mean_comparator"], girls["smd"]) == (0.5, 0.25, 0.5)
    assert (girls["n_children_treated"], girls["n_children_comparator"]) == (2, 1)
    age = row(table, period="pre", stage="before", covariate="age", level="mean")
    assert age["mean_treated"] == 5
    assert age["mean_comparator"] == pytest.approx(10 / 3)
    assert age["smd"] == pytest.approx((5 - 10 / 3) / np.sqrt(20 / 3))
    assert age["variance_ratio"] == pytest.approx((20 / 3) / (16 / 3))
    assert age["ecdf_max"] == pytest.approx(5 / 12)
    assert age["ecdf_mean"] == pytest.approx((5 / 12 + 1 / 6 + 1 / 4) / 4)
    assert row(table, period="pre", stage="before", covariate="age", level="Missing")["mean_comparator"] == 0.25
    whole = row(overall, period="pre", stage="before")
    assert (whole["n_rows_comparator"], whole["n_children_comparator"], whole["n_las_comparator"]) == (5, 4, 1)
    assert whole["ess_comparator"] == pytest.approx(16 / 3.5)


def test_l1_and_common_support_by_hand() -> None:
    """Cells (age band, gender): treated (<5,f) 2/4, (5-,m) 2/4; comparators (<5,f), (<5,m), (5-,m), (gap,m) 1/4 each.

    L1 = (1/4 + 1/4 + 1/4 + 1/4) / 2 = 1/2; two of four non-empty cells hold both arms.
    """
    weights = np.array([1.0] * 7 + [0.5] * 2)
    _, overall = balance_tables(small(), (AGE, SEX), weights, np.zeros(9))
    before = row(overall, period="pre", stage="before")
    assert (before["l1"], before["local_common_support"]) == (0.5, 0.5)


def test_matched_balance_agrees_with_numpy_on_the_rows() -> None:
    everyone = weighted_cohort(cohort(gaps=0.1), (AGE, SEX))
    weight = everyone["weight"].to_numpy()
    table, overall = balance_tables(everyone, (AGE, SEX), everyone["individual_weight"].to_numpy(), weight)
    post = everyone.filter((pl.col("post") == 1) & (pl.col("weight") > 0))
    arms = [post.filter((pl.col("treated") == arm) & pl.col("age").is_not_null()) for arm in (0, 1)]
    means = [np.average(arm["age"], weights=arm["weight"]) for arm in arms]
    age = row(table, period="post", stage="after", covariate="age", level="mean")
    assert [age["mean_comparator"], age["mean_treated"]] == pytest.approx(means, rel=1e-12)
    assert age["n_children_comparator"] == arms[0].select(pl.struct("la_code", "child_id")).n_unique()
    comparators = post.filter(pl.col("treated") == 0)["weight"]
    ess = row(overall, period="post", stage="after")["ess_comparator"]
    assert ess == pytest.approx(comparators.sum() ** 2 / (comparators**2).sum())


def test_matching_within_one_group_leaves_no_difference_in_the_cells() -> None:
    everyone = weighted_cohort(cohort(n_groups=1), (AGE, SEX))
    arguments = (everyone["individual_weight"].to_numpy(), everyone["weight"].to_numpy())
    table, overall = balance_tables(everyone, (AGE, SEX), *arguments)
    assert row(overall, period="pre", stage="before")["l1"] > 0.01
    assert row(overall, period="pre", stage="after")["l1"] == pytest.approx(0, abs=1e-12)
    assert row(table, period="pre", stage="after", covariate="gender", level="1")["smd"] == pytest.approx(0, abs=1e-12)


def test_an_empty_cohort_has_counts_of_zero_and_no_numbers() -> None:
    table, overall = balance_tables(cohort().head(0), (AGE, SEX), np.zeros(0), np.zeros(0))
    assert overall["n_rows_treated"].to_list() == [0] * 4
    assert overall["l1"].null_count() == 4
    assert table["smd"].null_count() == table.height


def test_children_with_and_without_an_outcome_and_the_largest_shares_by_hand() -> None:
    """Comparator d has a row with and one without. Ages: treated 2 + 4 + 6 + 8, comparators 2 + 2 + 6 (d unknown)."""
    table, overall = balance_tables(small(), (AGE, SEX), np.array([1.0] * 7 + [0.5] * 2), np.zeros(9))
    before, age = row(overall, period="pre", stage="before"), row(table, period="pre", stage="before", covariate="age")
    assert [before[f"n_children_{which}_treated"] for which in ("with", "without")] == [1, 3]
    assert [before[f"n_children_{which}_comparator"] for which in ("with", "without")] == [2, 3]
    assert age["share_largest_treated"] == pytest.approx(0.4)
    assert age["share_two_largest_treated"] == pytest.approx(0.7)
    assert age["share_largest_comparator"] == pytest.approx(0.6)
    assert age["share_two_largest_comparator"] == pytest.approx(0.8)
    assert table.filter(pl.col("covariate") == "gender")["share_largest_treated"].null_count() == 8
