"""Leave-one-out, effects by pilot and subgroups against regressions on the child rows that stay."""

import numpy as np
import polars as pl
import pytest

from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.models.cells import accumulate
from scripts.models.estimates import Outcome, Parameters, Tables, add_linear
from scripts.models.robustness import add_la_effects, add_leave_one_out, add_subgroups
from scripts.models.specification import Specification
from tests.matching.cohorts import cohort, settings

UNADJUSTED = Specification("main", "did", False, False)
CHILD = Specification("main", "did", True, False)


def matched(**changes: int) -> pl.DataFrame:
    """Matched rows without gaps."""
    frame = weighted_cohort(cohort(**changes), child_covariates(settings()))
    return frame.filter(pl.col("weight") > 0)


def of(frame: pl.DataFrame) -> Outcome:
    """The outcome of one data set."""
    return Outcome([accumulate(frame, settings())], Parameters.of(settings()))


def test_leaving_an_la_out_is_the_estimate_on_the_rows_of_the_others() -> None:
    frame = matched(n_groups=4)
    tables, outcome = Tables("duration"), of(frame)
    add_leave_one_out(tables, UNADJUSTED, add_linear(tables, UNADJUSTED, outcome), outcome)
    rows = tables.rows["leave_one_out"]
    assert len(rows) == frame["la_code"].n_unique()
    for row in rows:
        rest = Tables("duration")
        add_linear(rest, UNADJUSTED, of(frame.filter(pl.col("la_code") != row["la_code"])))
        again = next(each for each in rest.rows["estimates"] if each["method"] == "CRV1")
        assert row["estimate"] == pytest.approx(again["estimate"], rel=1e-8)
        assert row["std_error"] == pytest.approx(again["std_error"], rel=1e-6)
        assert (row["n_children"], row["n_las"]) == (again["n_children"], again["n_las"])


def test_the_effect_in_a_pilots_group_without_covariates_is_that_of_four_means() -> None:
    """Years are dummies in the model, so all rows are put in one year."""
    frame = matched(n_groups=3).with_columns(
        financial_year=pl.lit(2012, pl.Int32), gender=pl.lit("1"), age=pl.lit(3.0), disability=pl.lit(0, pl.Int8)
    )
    tables = Tables("duration")
    add_la_effects(tables, UNADJUSTED, of(frame))
    for row in tables.rows["la_effects"]:
        group = frame.filter(pl.col("group") == row["la_code"])
        mean = {
            key: np.average(part["outcome"], weights=part["weight"])
            for key, part in group.partition_by("treated", "post", as_dict=True).items()
        }
        expected = mean[1, 1] - mean[1, 0] - (mean[0, 1] - mean[0, 0])
        assert row["estimate"] == pytest.approx(expected, rel=1e-8)
        assert row["n_comparators"] == 3
        assert row["placebo_spread"] > 0
        assert row["n_rows"] == group.height


def test_subgroup_effects_average_to_the_effect_and_equal_ones_are_not_told_apart() -> None:
    frame = matched(n_groups=8, rows=200)
    tables, outcome = Tables("duration"), of(frame)
    add_subgroups(tables, CHILD, outcome, ["gender", "age", "disability"])
    rows = pl.DataFrame(tables.rows["subgroups"])
    assert set(rows["variable"]) == {"gender", "age", "disability"}
    assert rows.filter(pl.col("variable") == "gender")["n_rows"].sum() == frame.height
    known = rows.drop_nulls("estimate")
    assert known.select(((pl.col("ci_low") < -3) & (pl.col("ci_high") > -3)).mean()).item() >= 5 / 7
    assert known["p_interaction"].min() > 0.001


def test_an_effect_in_one_subgroup_alone_is_found() -> None:
    girl = (pl.col("gender") == "2") & (pl.col("treated") * pl.col("post") == 1)
    frame = matched(n_groups=8, rows=200).with_columns(outcome=pl.col("outcome") + 6 * girl)
    tables = Tables("duration")
    add_subgroups(tables, CHILD, of(frame), ["gender"])
    effect = {row["level"]: row["estimate"] for row in tables.rows["subgroups"]}
    assert effect["2"] - effect["1"] == pytest.approx(6, abs=1.2)
    assert tables.rows["subgroups"][0]["p_interaction"] < 0.05
