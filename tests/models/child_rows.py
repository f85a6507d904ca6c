"""The study's models written out child row by child row, independently of the modules under test."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import statsmodels.api as sm

from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.models.cells import accumulate
from scripts.models.fitted import Fitted, fit_specification
from scripts.models.specification import Specification
from tests.matching.cohorts import cohort, settings

# Before embedding more than half of the cohort's LA-years lack a rating, which no test is about.
MAX_MISSING_SHARE = 0.8
SPECIFICATIONS = {
    "did": Specification("main", "did", True, True),
    "unadjusted": Specification("unadjusted", "did", False, False),
    "two_way": Specification("two_way", "two_way", True, True),
    "fixed_effects": Specification("fixed_effects", "fixed_effects", True, True),
    "random_effects": Specification("random_effects", "random_effects", True, True),
    "dose": Specification("dose", "dose", True, True),
    "event_study": Specification("event_study", "event_study", True, True, first=-3, last=1, reference=-1),
    "lags_only": Specification("lags_only", "lags_only", True, True, last=1),
    "placebo_date": Specification("placebo_date", "placebo_date", True, True, years_before=2),
    "placebo_outcome": Specification("placebo_outcome", "did", True, True, placebo_level=("gender", "2")),
}
AGE_BANDS = {"5 to below 13": (5, 13), "13 and above": (13, 99)}


def matched(**changes: int) -> pl.DataFrame:
    """Matched rows of a synthetic cohort."""
    return weighted_cohort(cohort(**changes), child_covariates(settings())).filter(pl.col("weight") > 0)


def fitted(frame: pl.DataFrame, name: str) -> Fitted:
    """A specification fitted by the modules under test."""
    found = fit_specification(SPECIFICATIONS[name], [accumulate(frame, settings())], MAX_MISSING_SHARE)
    assert isinstance(found, Fitted), found
    return found


@dataclass(frozen=True)
class Regression:
    """A weighted regression on child rows: columns by name, outcome, weights, LAs."""

    columns: dict[str, np.ndarray]
    outcome: np.ndarray
    weight: np.ndarray
    la: np.ndarray

    @property
    def x(self) -> np.ndarray:
        """All columns. (n, k)"""
        return np.column_stack(list(self.columns.values()))

    def only(self, names: list[str]) -> "Regression":
        """The regression on some of its columns."""
        return Regression({name: self.columns[name] for name in names}, self.outcome, self.weight, self.la)

    def clustered(self) -> tuple[np.ndarray, np.ndarray]:
        """statsmodels' coefficients and their covariance clustered by LA."""
        result = sm.WLS(self.outcome, self.x, weights=self.weight).fit(
            cov_type="cluster", cov_kwds={"groups": np.unique(self.la, return_inverse=True)[1]}
        )
        return np.asarray(result.params), np.asarray(result.cov_params())


def written_out(frame: pl.DataFrame, name: str) -> Regression:
    """The regression of a specification with all its terms, by their names."""
    reference = most_frequent(frame["gender"])
    if name == "placebo_date":
        frame = frame.filter(pl.col("post") == 0).with_columns(post=(pl.col("years_since") >= -2).cast(pl.Int8))
    covariates = name != "unadjusted"
    columns = base_columns(frame, name in ("two_way", "fixed_effects"), covariates, reference)
    both, since = columns["treated"] * columns["post"], frame["years_since"].to_numpy()
    outcome = frame["outcome"].to_numpy()
    if name in ("two_way", "fixed_effects"):
        columns.pop("treated")
    if name == "two_way":
        columns.pop("post")
    if name == "placebo_outcome":
        outcome = (frame["gender"] == "2").cast(pl.Float64).to_numpy()
        columns = {each: values for each, values in columns.items() if not each.startswith("gender")}
    if name in ("event_study", "lags_only"):
        binned = np.clip(since, -3, 1) if name == "event_study" else np.minimum(since, 1)
        times = [-3, -2, 0, 1] if name == "event_study" else [0, 1]
        columns |= {f"{name}[{time}]": (binned == time) * columns["treated"] for time in times}
    else:
        columns["post_x_treated"] = both
    if name == "dose":
        columns["post_x_treated_x_years"] = both * since
    return Regression(columns, outcome, frame["weight"].to_numpy(), frame["la_code"].to_numpy())


def most_frequent(column: pl.Series) -> str:
    """The most frequent level, the first in text order of equally frequent ones."""
    return column.value_counts().sort("count", column.name, descending=[True, False])[column.name][0]


def base_columns(frame: pl.DataFrame, la_effects: bool, covariates: bool, reference: str) -> dict[str, np.ndarray]:
    """LA effects or the constant, arm, period, years and covariates in the order of the models.

    `reference` is the gender without a dummy: the most frequent one of the whole cohort, whatever part of it is used.
    """
    la_years = frame.select("la_code", "financial_year", "density", "rating").unique().sort("la_code", "financial_year")
    filled = la_years.with_columns(pl.col("rating").fill_null(pl.col("rating").mean()))
    scaled = filled.with_columns((pl.col(c) - pl.col(c).mean()) / pl.col(c).std() for c in ("density", "rating"))
    rows = frame.drop("density", "rating").join(
        scaled, on=["la_code", "financial_year"], how="left", maintain_order="left"
    )
    genders = [level for level in sorted(set(frame["gender"])) if level != reference]
    columns = {f"la[{la}]": pl.col("la_code") == la for la in sorted(set(frame["la_code"]))}
    columns = columns if la_effects else {"const": pl.lit(1.0)}
    columns |= {"treated": pl.col("treated"), "post": pl.col("post")}
    columns |= {f"financial_year[{y}]": pl.col("financial_year") == y for y in sorted(set(frame["financial_year"]))[1:]}
    if covariates:
        columns |= {f"gender[{level}]": pl.col("gender") == level for level in genders}
        columns |= {name: pl.col(name) for name in ("age", "disability", "density", "rating")}
    chosen = rows.select(expression.cast(pl.Float64).alias(name) for name, expression in columns.items())
    return {name: np.broadcast_to(chosen[name].to_numpy(), frame.height) for name in chosen.columns}


def by_subgroup(frame: pl.DataFrame, variable: str) -> Regression:
    """The headline model with an effect for every level of gender or band of age."""
    columns = base_columns(frame, False, True, most_frequent(frame["gender"]))
    age = frame["age"].to_numpy()
    bands = {f"age[{name}]": ((age >= low) & (age < high)) * 1.0 for name, (low, high) in AGE_BANDS.items()}
    both = columns["treated"] * columns["post"]
    if variable == "age":
        levels = dict(sorted((bands | {"age[below 5]": (age < 5) * 1.0}).items()))
        columns |= bands
    else:
        levels = {f"gender[{g}]": (frame["gender"] == g).cast(pl.Float64).to_numpy() for g in ("1", "2")}
    columns |= {f"{name}:treated": level * columns["treated"] for name, level in list(levels.items())[:-1]}
    columns |= {f"{name}:post": level * columns["post"] for name, level in list(levels.items())[:-1]}
    columns |= {f"{name}:post_x_treated": level * both for name, level in levels.items()}
    return Regression(columns, frame["outcome"].to_numpy(), frame["weight"].to_numpy(), frame["la_code"].to_numpy())
