"""Synthetic cohorts and settings for tests of matching, imputation and models."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

EFFECT = -3.0


def settings(**changes: Any) -> dict[str, Any]:
    """Settings of the statistical jobs for the cohorts of this module."""
    flags = {"child_covariates": True, "la_covariates": True}
    base = {
        "outcome": "duration",
        "seed": 7,
        "covariates": {
            "child": [
                {"name": "gender", "kind": "categorical", "match": True},
                {"name": "age", "kind": "numeric", "match": True, "cuts": [5, 13]},
                {"name": "disability", "kind": "binary", "match": False},
            ],
            "la": [{"name": "density", "fill": "linear"}, {"name": "rating", "fill": "last"}],
        },
        "matching": {"children": {"method": "cem", "cem": {"cuts": "study"}}},
        "imputation": {"m": 2, "iterations": 3, "donors": 5, "max_missing_share": 0.3, "number": 1},
        "models": {
            "confidence": 0.95,
            "headline": "main",
            "subgroups": ["gender", "age"],
            "min_level_children": 0,
            "specifications": {
                "main": {"estimator": "did"} | flags,
                "unadjusted": {"estimator": "did", "child_covariates": False, "la_covariates": False},
                "event_study": {"estimator": "event_study", "first": -3, "last": 1, "reference": -1} | flags,
                "lags_only": {"estimator": "lags_only", "last": 1} | flags,
            },
        },
    }
    base["inference"] = {
        "methods": ["CRV1", "CRV3", "CR2", "WCR", "RI"],
        "headline": "WCR",
        "beside": "RI",
        "power": 0.8,
        "min_treated_las": 6,
        "serial_correlation_lags": 1,
        "wild_bootstrap": {"draws": 999, "webb_up_to": 5, "enumerate_up_to": 12},
        "trends": {"mbars": [0.5, 1.0], "step": 0.1, "largest": 2.0, "grid_points": 51, "draws": 500},
        "randomisation": {"draws": 999, "draws_elsewhere": 999},
    }
    return base | changes


def cohort(
    n_groups: int = 4, comparators: int = 2, rows: int = 120, seed: int = 1, binary: bool = False, gaps: float = 0.0
) -> pl.DataFrame:
    """Matched groups of a pilot and its comparators, `rows` per LA, effect EFFECT (0.15 if binary) after embedding.

    The first comparator serves the next group too. LA effects, LA x year shocks and covariate effects are planted.
    """
    rng = np.random.default_rng(seed)
    la_effect = {f"{100 + g}": rng.normal(0, 2) for g in range(n_groups)}
    pools = {g: [f"{200 + g * comparators + c}" for c in range(comparators)] for g in range(n_groups)}
    la_effect |= {code: rng.normal(0, 2) for pool in pools.values() for code in pool}
    shocks = {(code, year): rng.normal(0, 0.4) for code in la_effect for year in range(2000, 2025)}
    records = {code: _records(code, rows, rng, gaps) for code in la_effect}
    frames = []
    for g in range(n_groups):
        start, end = date(2013 + g % 3, 6, 1), date(2014 + g % 3, 6, 1)
        members = [f"{100 + g}", *pools[g], pools[(g + 1) % n_groups][0]]
        for code in dict.fromkeys(members):
            frame = (
                records[code]
                .with_columns(
                    group=pl.lit(f"{100 + g}"),
                    treated=pl.lit(int(code == members[0]), pl.Int8),
                    post=(pl.col("index_date") > end).cast(pl.Int8),
                    since=pl.when(pl.col("index_date") > end)
                    .then((pl.col("index_date") - end).dt.total_days())
                    .otherwise((pl.col("index_date") - start).dt.total_days()),
                )
                .filter((pl.col("index_date") < start) | (pl.col("index_date") > end))
            )
            shock = [la_effect[code] + shocks[code, year] for year in frame["financial_year"].to_list()]
            frames.append(frame.with_columns(pl.Series("shock", shock, dtype=pl.Float64)))
    combined = pl.concat(frames)
    effect = pl.col("treated") * pl.col("post")
    signal = 20 + pl.col("shock") + 0.3 * pl.col("true_age") + 1.5 * (pl.col("gender") == "1") + pl.col("noise")
    level = 0.25 + 0.02 * pl.col("shock") + 0.15 * effect
    outcome = (pl.col("uniform") < level).cast(pl.Float64) if binary else signal + EFFECT * effect
    return (
        combined.with_columns(outcome=outcome, years_since=(pl.col("since") / 365.25).floor().cast(pl.Int32))
        .sort("group", "la_code", "child_id", "index_date")
        .with_columns(row_id=pl.int_range(pl.len(), dtype=pl.UInt32))
        .drop("since", "shock", "true_age", "noise", "uniform")
    )


def _records(code: str, rows: int, rng: np.random.Generator, gaps: float) -> pl.DataFrame:
    """The records of one LA, before groups are formed; some children occur more than once."""
    days = rng.integers(0, 365 * 8, rows)
    index = [date(2010, 4, 1) + timedelta(int(day)) for day in days]
    year = np.array([d.year - (d.month <= 3) for d in index])
    age = rng.integers(0, 18, rows).astype(float)
    gap = rng.random((3, rows)) < gaps
    return pl.DataFrame(
        {
            "la_code": [code] * rows,
            "child_id": [f"c{i}" for i in rng.integers(0, rows, rows)],
            "index_date": index,
            "financial_year": pl.Series(year, dtype=pl.Int32),
            "gender": np.where(gap[0], "Missing", np.where(rng.random(rows) < 0.5, "1", "2")),
            "age": pl.Series(np.where(gap[1], np.nan, age)).fill_nan(None),
            "disability": pl.Series(np.where(gap[2], np.nan, rng.random(rows) < 0.2)).fill_nan(None).cast(pl.Int8),
            "density": pl.Series(int(code) % 7 + 0.1 * year, dtype=pl.Float64),
            "rating": pl.Series([None if y < 2012 else float((int(code) + y) % 4) for y in year], dtype=pl.Float64),
            "true_age": age,
            "noise": rng.normal(0, 4, rows),
            "uniform": rng.random(rows),
        }
    ).unique(subset=["child_id", "index_date"], maintain_order=True)
