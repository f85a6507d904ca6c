"""The logit against R's glm with sandwich, perfectly predicted levels, and what cannot be estimated."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.models.logit import PERFECT, fit_logit
from scripts.models.specification import Specification
from tests.matching.cohorts import cohort, settings

REFERENCE = Path(__file__).parent.parent / "reference"
ADJUSTED = Specification("logit", "logit_ame", True, True)
UNADJUSTED = Specification("logit", "logit_ame", False, False)


def matched(**changes: int) -> pl.DataFrame:
    """Matched rows with a binary outcome."""
    frame = weighted_cohort(cohort(binary=True, **changes), child_covariates(settings()))
    return frame.filter(pl.col("weight") > 0)


def test_effect_and_clustered_error_agree_with_r() -> None:
    """glm at epsilon 1e-14; the numerical derivative of the effect in R is good to about 1e-9."""
    data = pl.read_csv(REFERENCE / "logit.csv")
    expected = json.loads((REFERENCE / "statistics.json").read_text())["logit"]
    frame = data.select(
        pl.lit("1").alias("group"),
        pl.col("la").cast(pl.String).alias("la_code"),
        pl.int_range(pl.len(), dtype=pl.UInt32).cast(pl.String).alias("child_id"),
        pl.col("treated", "post").cast(pl.Int8),
        pl.lit(0, pl.Int32).alias("years_since"),
        pl.lit(2012, pl.Int32).alias("financial_year"),
        pl.col("outcome", "age").cast(pl.Float64),
        "weight",
    ).with_row_index("row_id")
    age = {"child": [{"name": "age", "kind": "numeric", "match": False}], "la": []}
    found = fit_logit(frame, Specification("logit", "logit_ame", True, False), settings(covariates=age))
    effect, variance = found.estimate, found.variance
    assert effect == pytest.approx(expected["effect"], rel=1e-8)
    assert np.sqrt(variance) == pytest.approx(expected["effect_std_error"], rel=1e-7)


def test_without_covariates_and_years_the_effect_is_that_of_the_four_means() -> None:
    """With one year of rows the model is saturated: P11 less the logistic difference-in-differences counterfactual."""
    frame = matched(n_groups=6).with_columns(financial_year=pl.lit(2012, pl.Int32))
    means = {
        key: np.average(part["outcome"], weights=part["weight"])
        for key, part in frame.partition_by("treated", "post", as_dict=True).items()
    }
    odds = {key: np.log(mean / (1 - mean)) for key, mean in means.items()}
    counterfactual = 1 / (1 + np.exp(-(odds[1, 0] + odds[0, 1] - odds[0, 0])))
    assert fit_logit(frame, UNADJUSTED, settings()).estimate == pytest.approx(means[1, 1] - counterfactual, rel=1e-7)


def test_a_perfectly_predicted_level_leaves_and_counts_as_no_effect() -> None:
    """The limit of the likelihood: rows of a level without events add nothing to the fit, zeros to the mean effect."""
    frame = matched(n_groups=6)
    never = frame.with_columns(
        gender=pl.when(pl.col("row_id") % 5 == 0).then(pl.lit("Missing")).otherwise("gender"),
        outcome=pl.when(pl.col("row_id") % 5 == 0).then(0.0).otherwise("outcome"),
    )
    with_level = fit_logit(never, ADJUSTED, settings())
    without = fit_logit(never.filter(pl.col("gender") != "Missing"), ADJUSTED, settings())
    treated = never.filter((pl.col("treated") == 1) & (pl.col("post") == 1))
    share = treated.filter(pl.col("gender") != "Missing")["weight"].sum() / treated["weight"].sum()
    assert with_level.omitted["gender[Missing]"] == PERFECT
    # The LA covariates are standardised over slightly different LA-years, which the effect does not feel.
    assert with_level.estimate == pytest.approx(without.estimate * share, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (pl.lit(0.5), "not binary"),
        (pl.when((pl.col("treated") == 1) & (pl.col("post") == 1)).then(0.0).otherwise("outcome"), "separation"),
    ],
)
def test_outcomes_that_cannot_be_fitted_are_refused_with_the_reason(change: pl.Expr, reason: str) -> None:
    fit = fit_logit(matched().with_columns(outcome=change), UNADJUSTED, settings())
    assert fit.estimate is None
    assert reason in fit.reason


def test_a_separating_number_is_not_estimable() -> None:
    frame = matched().with_columns(age=pl.col("outcome") * 2 + pl.col("age") / 100)
    assert "separation" in fit_logit(frame, ADJUSTED, settings()).reason


def test_no_rows_and_no_treated_rows_are_not_estimable() -> None:
    for frame in (matched().head(0), matched().filter(pl.col("treated") == 0)):
        assert fit_logit(frame, UNADJUSTED, settings()).estimate is None


@pytest.mark.parametrize("level", ["reference", "other"])
def test_a_level_without_an_event_leaves_whether_it_is_the_reference_or_not(level: str) -> None:
    """Its rows are predicted perfectly; the effect on them is zero, and the others give what they give alone."""
    frame = matched()
    counts = frame["gender"].value_counts().sort("count", "gender", descending=[True, False])["gender"].to_list()
    gender = counts[0] if level == "reference" else counts[1]
    never = frame.with_columns(pl.when(pl.col("gender") == gender).then(0.0).otherwise("outcome").alias("outcome"))
    fit = fit_logit(never, ADJUSTED, settings())
    alone = fit_logit(never.filter(pl.col("gender") != gender), ADJUSTED, settings())
    treated_post = (pl.col("treated") == 1) & (pl.col("post") == 1)
    weights = frame.filter(treated_post).group_by("gender").agg(pl.col("weight").sum())
    share = 1 - weights.filter(gender=gender)["weight"].item() / weights["weight"].sum()
    assert fit.estimate is not None and alone.estimate is not None
    assert fit.estimate == pytest.approx(alone.estimate * share, rel=1e-6)
