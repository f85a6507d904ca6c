"""Chained equations against R's mice, recovery under gaps at random, and what imputation must leave alone."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from scripts.imputation.chained import Imputation, impute, modelled_covariates
from scripts.matching.covariates import ChildCovariate
from tests.matching.cohorts import cohort

REFERENCE = Path(__file__).parent.parent / "reference"
AGE = ChildCovariate("age", "numeric", True, (5, 13))
SEX = ChildCovariate("gender", "categorical", True, ())
FLAG = ChildCovariate("disability", "binary", False, ())
COVARIATES = (SEX, AGE, FLAG)


def completed(number: int = 1, **changes: int) -> Imputation:
    """Settings of one imputation."""
    return Imputation(**{"number": number, "iterations": 5, "donors": 5, "max_missing_share": 0.3} | changes)


def pooled(frames: list[pl.DataFrame], names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rubin's pooled coefficients and standard errors of the outcome on `names`, and the between-imputation sd."""
    fits = [
        sm.OLS(f["outcome"].to_numpy(), sm.add_constant(f.select(names).cast(pl.Float64).to_numpy())).fit()
        for f in frames
    ]
    params = np.array([fit.params for fit in fits])
    between = params.var(axis=0, ddof=1)
    total = np.mean([fit.bse**2 for fit in fits], axis=0) + (1 + 1 / len(fits)) * between
    return params.mean(axis=0), np.sqrt(total), np.sqrt(between)


def test_pooled_estimates_and_errors_agree_with_mice() -> None:
    """100 imputations each. Estimates agree within 4 Monte Carlo errors of their difference, errors within 10 %."""
    reference = json.loads((REFERENCE / "statistics.json").read_text())["imputation"]
    frame = pl.read_csv(REFERENCE / "gaps.csv").with_columns(pl.col("b").cast(pl.Int8))
    covariates = (
        ChildCovariate("x", "numeric", False, ()),
        ChildCovariate("b", "binary", False, ()),
        ChildCovariate("z", "numeric", False, ()),
    )
    frames = [impute(frame, covariates, completed(number), 3) for number in range(1, 101)]
    estimates, errors, between = pooled(frames, ["x", "b", "z"])
    assert (np.abs(estimates - reference["estimates"]) < 4 * np.sqrt(2 / 100) * between).all()
    assert errors == pytest.approx(reference["std_errors"], rel=0.10)


def test_gaps_at_random_do_not_bias_what_complete_cases_would() -> None:
    """Age is missing more often where the outcome is high: complete cases miss the slope of .5, imputation does not."""
    rng = np.random.default_rng(8)
    n = 6000
    age = rng.integers(0, 18, n).astype(float)
    outcome = 2 + 0.5 * age + rng.normal(0, 3, n)
    gap = rng.random(n) < 1 / (1 + np.exp(-(outcome - 9)))
    frame = pl.DataFrame(
        {
            "outcome": outcome,
            "age": pl.Series(np.where(gap, np.nan, age)).fill_nan(None),
            "treated": rng.integers(0, 2, n),
            "post": rng.integers(0, 2, n),
        }
    )
    estimates, errors, _ = pooled([impute(frame, (AGE,), completed(number), 1) for number in range(1, 6)], ["age"])
    complete = frame.drop_nulls("age")
    biased = sm.OLS(complete["outcome"].to_numpy(), sm.add_constant(complete["age"].to_numpy())).fit()
    assert abs(estimates[1] - 0.5) < 3 * errors[1]
    assert abs(biased.params[1] - 0.5) > 5 * biased.bse[1]


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 0.6))
def test_known_values_stay_and_imputed_ones_occur_among_them(seed: int, gaps: float) -> None:
    frame = cohort(n_groups=2, rows=40, gaps=gaps)
    result = impute(frame, COVARIATES, completed(iterations=2), seed)
    assert result.schema == frame.schema
    assert result.select("age", "disability").null_count().sum_horizontal().item() == 0
    for name in ("age", "disability"):
        known = frame[name].is_not_null()
        assert result[name].filter(known).equals(frame[name].filter(known))
        assert set(result[name]) <= set(frame[name].drop_nulls())
    assert result.drop("age", "disability").equals(frame.drop("age", "disability"))


def test_seed_and_number_fix_the_data_set() -> None:
    frame = cohort(gaps=0.2)
    first = impute(frame, COVARIATES, completed(1), 3)
    assert impute(frame, COVARIATES, completed(1), 3).equals(first)
    assert not impute(frame, COVARIATES, completed(2), 3).equals(first)
    assert not impute(frame, COVARIATES, completed(1), 4).equals(first)


def test_a_covariate_with_too_many_gaps_leaves() -> None:
    frame = pl.DataFrame(
        {"gender": ["Missing"] * 10, "age": [1.0] * 7 + [None] * 3, "disability": [1] * 6 + [None] * 4}
    )
    kept, dropped = modelled_covariates(frame, COVARIATES, 0.3)
    assert (kept, dropped) == ((SEX, AGE), ["disability"])
    assert modelled_covariates(frame.with_columns(age=None), (AGE,), 1.0)[1] == ["age"]


def test_one_known_value_fills_every_gap_and_no_gaps_change_nothing() -> None:
    frame = cohort(n_groups=1).with_columns(age=pl.when(pl.int_range(pl.len()) > 5).then(4.0))
    assert set(impute(frame, COVARIATES, completed(), 1)["age"]) == {4.0}
    complete = cohort(n_groups=1)
    assert impute(complete, COVARIATES, completed(), 1) is complete
