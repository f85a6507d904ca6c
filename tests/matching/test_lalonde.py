"""Every method of matching on the data of LaLonde (1986) against R's MatchIt 4.7.2 (tests/reference/lalonde.md)."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from scripts.matching.balance import balance_tables
from scripts.matching.covariates import ChildCovariate
from scripts.matching.job import weighted_cohort
from scripts.matching.nearest import nearest_pairs
from scripts.matching.propensity import logit_predictor
from scripts.matching.terms import terms

FILE = Path(__file__).parent.parent / "reference" / "lalonde.csv"
KINDS = {
    "age": "numeric",
    "educ": "numeric",
    "race": "categorical",
    "married": "binary",
    "nodegree": "binary",
    "re74": "numeric",
    "re75": "numeric",
}
ALL = tuple(ChildCovariate(name, kind, True, ()) for name, kind in KINDS.items())
PLAIN = {"ratio": 1, "caliper": None, "scale": "probability", "exact": [], "replacement": False}


def lalonde() -> pl.DataFrame:
    """The data as one matched group before embedding, every row a child of its own."""
    numbers = {name: pl.Float64 for name, kind in KINDS.items() if kind == "numeric"} | {"re78": pl.Float64}
    return (
        pl.read_csv(FILE, schema_overrides=numbers)
        .rename({"treat": "treated", "id": "child_id"})
        .with_columns(
            group=pl.lit("1"),
            la_code=pl.col("treated").cast(pl.String),
            index_date=pl.lit(date(1978, 1, 1)),
            post=pl.lit(0, pl.Int8),
        )
    )


def matched(method: dict[str, Any], names: tuple[str, ...] = tuple(KINDS)) -> pl.DataFrame:
    """The data with weights, matched on the named covariates."""
    return weighted_cohort(lalonde(), tuple(covariate for covariate in ALL if covariate.name in names), method)


def nearest(**options: Any) -> dict[str, Any]:
    """Settings of nearest-neighbour matching."""
    return {"method": "nearest", "nearest": PLAIN | options}


def effect(frame: pl.DataFrame) -> float:
    """Weighted difference of mean earnings."""
    arms = [frame.filter(pl.col("weight") > 0, pl.col("treated") == arm) for arm in (0, 1)]
    comparator, treated = (np.average(arm["re78"], weights=arm["weight"]) for arm in arms)
    return float(treated - comparator)


def sizes(frame: pl.DataFrame) -> tuple[int, int]:
    """Matched rows, treated and controls."""
    return tuple(frame.filter(pl.col("weight") > 0, pl.col("treated") == arm).height for arm in (1, 0))


def ess(frame: pl.DataFrame) -> float:
    """Effective sample size of the controls."""
    weight = frame.filter(pl.col("treated") == 0)["weight"].to_numpy()
    return weight.sum() ** 2 / (weight**2).sum()


@pytest.mark.parametrize(
    ("options", "expected", "estimate"),
    [
        ({}, (185, 185), 894.36748027),
        ({"caliper": 0.1}, (111, 111), 1835.40768243),
        ({"caliper": 0.2, "scale": "logit"}, (117, 117), 1770.60290641),
        ({"replacement": True}, (185, 82), 1991.61527351),
        ({"ratio": 2}, (185, 370), 220.28864068),
        ({"exact": ["married", "nodegree"]}, (185, 185), 613.93486676),
    ],
)
def test_nearest_neighbours_as_matchit(options: dict[str, Any], expected: tuple[int, int], estimate: float) -> None:
    frame = matched(nearest(**options))
    assert sizes(frame) == expected
    assert effect(frame) == pytest.approx(estimate, abs=6e-9)


def test_pairs_give_the_clustered_error_of_nearest_neighbours() -> None:
    """The published error is clustered by pair, with the factors G / (G - 1) and (N - 1) / (N - K)."""
    frame = lalonde()
    treated, outcome = frame["treated"].to_numpy().astype(np.int64), frame["re78"].to_numpy()
    score = 1 / (1 + np.exp(-logit_predictor(terms(frame, ALL), treated, np.ones(frame.height))))
    pairs = nearest_pairs(np.zeros(frame.height, dtype=np.int64), score, treated, 1, np.inf, replacement=False)
    rows, pair = np.concatenate([pairs.treated, pairs.control]), np.tile(np.arange(185), 2)
    model = sm.OLS(outcome[rows], sm.add_constant(treated[rows].astype(float)))
    error = model.fit(cov_type="cluster", cov_kwds={"groups": pair}).bse[1]
    assert error == pytest.approx(705.22976, abs=6e-6)


def test_coarsened_exact_with_default_cuts_as_matchit() -> None:
    frame = matched({"method": "cem", "cem": {"cuts": "sturges"}})
    assert sizes(frame) == (65, 75)
    assert ess(frame) == pytest.approx(41.2898, abs=6e-5)
    assert effect(frame) == pytest.approx(1070.90732643, abs=6e-9)


def test_exact_as_matchit() -> None:
    frame = matched({"method": "exact"}, ("race", "married", "nodegree"))
    assert sizes(frame) == (185, 429)
    assert ess(frame) == pytest.approx(111.5254, abs=6e-5)
    assert effect(frame) == pytest.approx(1309.89721, abs=6e-9)


def test_six_subclasses_as_matchit() -> None:
    """Subclasses are strata between sixths of the treated's scores: exact matching on the class."""
    frame = lalonde()
    treated = frame["treated"].to_numpy()
    score = 1 / (1 + np.exp(-logit_predictor(terms(frame, ALL), treated, np.ones(frame.height))))
    edges = np.quantile(score[treated == 1], np.arange(1, 6) / 6)
    classes = frame.with_columns(subclass=pl.Series(np.searchsorted(edges, score, side="right")).cast(pl.String))
    covariate = ChildCovariate("subclass", "categorical", True, ())
    weighted = weighted_cohort(classes, (covariate,), {"method": "exact"})
    assert sizes(weighted) == (185, 429)
    assert effect(weighted) == pytest.approx(1359.48753303, abs=6e-9)


def test_balance_of_nearest_neighbours_as_matchit() -> None:
    frame = matched(nearest())
    treated = frame["treated"].to_numpy()
    score = logit_predictor(terms(frame, ALL), treated, np.ones(frame.height))
    frame = frame.with_columns(distance=pl.Series(1 / (1 + np.exp(-score))), outcome=pl.col("re78"))
    shown = (*ALL, ChildCovariate("distance", "numeric", False, ()))
    levels, _ = balance_tables(frame, shown, frame["individual_weight"].to_numpy(), frame["weight"].to_numpy())
    after = {
        (row["covariate"], row["level"]): row
        for row in levels.filter(pl.col("period") == "pre", pl.col("stage") == "after").to_dicts()
    }
    for key, smd in {
        ("distance", "mean"): 0.97393770,
        ("age", "mean"): 0.07176969,
        ("educ", "mean"): -0.12904256,
        ("race", "black"): 1.02585928,
        ("married", "1"): -0.05520524,
        ("re74", "mean"): -0.05045079,
    }.items():
        assert after[key]["smd"] == pytest.approx(smd, abs=6e-9), key
    age = after["age", "mean"]
    assert age["variance_ratio"] == pytest.approx(0.45680273, abs=6e-9)
    assert age["ecdf_mean"] == pytest.approx(0.08472973, abs=6e-9)
    assert age["ecdf_max"] == pytest.approx(0.25405405, abs=6e-9)
    assert after["re74", "mean"]["variance_ratio"] == pytest.approx(1.32890932, abs=6e-9)


def test_propensity_score_as_statsmodels() -> None:
    frame = lalonde()
    treated = frame["treated"].to_numpy()
    dummies = [(frame["race"] == name).to_numpy() for name in ("hispan", "white")]
    others = [frame[name].to_numpy() for name in KINDS if name != "race"]
    design = sm.add_constant(np.column_stack([*dummies, *others]).astype(float))
    fitted = design @ sm.Logit(treated, design).fit(disp=0, tol=1e-14, maxiter=100).params
    assert np.abs(logit_predictor(terms(frame, ALL), treated, np.ones(614)) - fitted).max() < 1e-8


def test_entropy_balancing_makes_the_means_equal() -> None:
    frame = matched({"method": "entropy", "entropy": {"tolerance": 1e-10, "max_iterations": 100}})
    assert sizes(frame) == (185, 429)
    names = [name for name in KINDS if name != "race"]
    values = frame.with_columns(black=(pl.col("race") == "black"), white=(pl.col("race") == "white"))
    x = values.select(*names, "black", "white").to_numpy().astype(float)
    weight, treated = frame["weight"].to_numpy(), frame["treated"].to_numpy()
    means = [np.average(x[treated == arm], axis=0, weights=weight[treated == arm]) for arm in (0, 1)]
    assert np.abs((means[1] - means[0]) / x.std(axis=0)).max() < 1e-8
    assert weight[treated == 0].sum() == pytest.approx(429)
