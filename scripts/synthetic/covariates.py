"""LA x financial year covariates of the synthetic study.

In: LA codes and `Study`. Out: one row per LA and year, numbers as published tables would give them, a configured
share blank.
"""

import numpy as np
import polars as pl

from scripts.synthetic.authority import authority
from scripts.synthetic.parameters import Part, Study, by_year, model, published

ORDERED = (
    "assessments",
    "ofsted_rating",
    "population_density",
    "fsm_primary",
    "fsm_secondary",
    "innovation_programme",
    "white_british_share",
    "cpp_reviewed_in_time",
)


def covariate_table(las: list[str], study: Study) -> pl.DataFrame:
    """Columns la_code, financial_year and the eight covariates (Float64; counts, ratings 1 to 4, shares in percent,
    flags 0/1).
    """
    frames = [_of_la(la, study) for la in sorted(las)]
    schema = {"la_code": pl.String, "financial_year": pl.Int32} | dict.fromkeys(ORDERED, pl.Float64)
    return pl.concat([pl.DataFrame(schema=schema), *frames])


def _of_la(la: str, study: Study) -> pl.DataFrame:
    """One LA's rows, from its own stream."""
    rng = study.stream(la, Part.COVARIATES)
    years, n = study.years, len(study.years)
    shares = by_year(published("referrals"), years)
    deprivation = rng.normal()
    steps = np.arange(n)
    fsm = np.clip(16 + 5 * deprivation - 0.25 * steps + rng.normal(0, 0.4, n), 3, 45)
    ratings = model("covariates")
    inspected = np.repeat(rng.choice([1.0, 2.0, 3.0, 4.0], p=ratings["ofsted"], size=n // 3 + 1), 3)[:n]
    started = rng.integers(n) if rng.random() < ratings["innovation"] * 3 else n
    columns = {
        "assessments": np.round(
            authority(la, study).referrals * shares / shares.sum() * 0.95 * np.exp(rng.normal(0, 0.05, n))
        ),
        "ofsted_rating": inspected,
        "population_density": np.round(np.exp(rng.normal(6.5, 1.1)) * (1 + 0.007 * steps), 1),
        "fsm_primary": np.round(fsm, 1),
        "fsm_secondary": np.round(fsm * 0.85 + rng.normal(0, 0.3, n), 1),
        "innovation_programme": (steps >= started).astype(float),
        "white_british_share": np.round(np.clip(72 - 6 * deprivation + rng.normal(0, 12) - 0.5 * steps, 15, 97), 1),
        "cpp_reviewed_in_time": np.round(np.clip(94 + rng.normal(0, 3, n), 60, 100), 1),
    }
    blank = rng.random((len(ORDERED), n)) < ratings["blank"]
    gaps = {
        name: pl.Series(np.where(blank[row], np.nan, columns[name])).fill_nan(None) for row, name in enumerate(ORDERED)
    }
    return pl.DataFrame({"la_code": [la] * n, "financial_year": pl.Series(years, dtype=pl.Int32)} | gaps)
