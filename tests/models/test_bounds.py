"""Trend bounds from a fitted event study, and measures of hidden bias from the sums in the cells."""

import numpy as np
import polars as pl
import pytest

from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.models.bounds import Scale, TrendBounds, add_trend_bounds, event_study
from scripts.models.cells import accumulate
from scripts.models.estimates import Outcome, Parameters, Tables, add_linear
from scripts.models.specification import Specification
from tests.matching.cohorts import cohort, settings

EVENTS = Specification("event_study", "event_study", True, True, -3, 1, -1)


def matched(**changes: int) -> pl.DataFrame:
    """Matched rows without gaps."""
    frame = weighted_cohort(cohort(**changes), child_covariates(settings()))
    return frame.filter(pl.col("weight") > 0)


def test_the_scale_is_that_of_the_rows() -> None:
    frame = matched(n_groups=4)
    found = Scale.of(accumulate(frame, settings()))
    parts = frame.partition_by("treated", "post", as_dict=True)
    mean = {key: np.average(part["outcome"], weights=part["weight"]) for key, part in parts.items()}
    squares = sum((part["weight"] * (part["outcome"] - mean[key]) ** 2).sum() for key, part in parts.items())
    assert found.treated_mean == pytest.approx(mean[1, 1], rel=1e-10)
    assert found.sd == pytest.approx(np.sqrt(squares / frame["weight"].sum()), rel=1e-9)
    assert not found.binary
    assert Scale.of(accumulate(matched(n_groups=4, binary=True), settings())).binary


def test_bounds_widen_and_the_breakdown_value_lies_where_they_reach_zero() -> None:
    outcome = Outcome([accumulate(matched(n_groups=12), settings())] * 2, Parameters.of(settings()))
    tables = Tables("duration")
    fitted = add_linear(tables, EVENTS, outcome)
    study = event_study(fitted)
    assert (study.n_leads, len(study.weights)) == (2, 2)
    lags = [
        row["estimate"] for row in tables.rows["estimates"] if row["estimator"] in ("event_study[0]", "event_study[1]")
    ]
    assert study.effect == pytest.approx(np.mean(lags), rel=1e-10)
    add_trend_bounds(tables, EVENTS, fitted, TrendBounds.of(settings()), outcome.parameters)
    *bounds, breakdown = tables.rows["sensitivity"]
    assert bounds[0]["ci_low"] > bounds[1]["ci_low"] and bounds[0]["ci_high"] < bounds[1]["ci_high"]
    excluded = [each["level"] for each in bounds if each["ci_low"] > 0 or each["ci_high"] < 0]
    assert all(level <= breakdown["value"] + 0.1 for level in excluded)
