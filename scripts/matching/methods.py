"""The method of child matching that the study chose: coarsened exact, exact, nearest neighbour or entropy balancing.

What enters: the cohort, its covariates and the settings `matching.children`. What leaves: the stratum and the composite
weight of every row, 0 for those that drop out. Whatever the method, children are matched within matched group x
pre/post, the estimand is the effect on the treated, and a record that serves several groups counts once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scripts.matching.cem import STUDY_CUTS, cross, exact_numbers, period_factors, stratum_numbers
from scripts.matching.covariates import ChildCovariate, exact_levels
from scripts.matching.entropy import entropy_weights
from scripts.matching.nearest import nearest_pairs
from scripts.matching.propensity import logit_predictor
from scripts.matching.terms import terms
from scripts.matching.weights import composite_weights, pair_weights, scaled_to_individual

STUDY_METHOD = {"method": "cem", "cem": {"cuts": STUDY_CUTS}}


@dataclass(frozen=True)
class Matched:
    """Stratum number and composite weight of every cohort row, (n,) each; weight 0: no counterpart."""

    stratum: np.ndarray
    weight: np.ndarray


def matched_by(
    cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...], individual: np.ndarray, settings: dict[str, Any]
) -> Matched:
    """Match a cohort by the method of the settings `matching.children`. `individual`: (n,) individual weights."""
    method = settings["method"]
    if method == "cem":
        return _in_strata(cohort, stratum_numbers(cohort, covariates, settings["cem"]["cuts"]), individual)
    if method == "exact":
        return _in_strata(cohort, exact_numbers(cohort, covariates), individual)
    if method == "nearest":
        return _nearest(cohort, covariates, individual, settings["nearest"])
    return _entropy(cohort, covariates, individual, settings["entropy"])


def _in_strata(cohort: pl.DataFrame, stratum: np.ndarray, individual: np.ndarray) -> Matched:
    """Everybody with a counterpart in the stratum, weighted by the arms' sums there."""
    return Matched(stratum, composite_weights(stratum, _period(cohort), _treated(cohort), individual))


def _nearest(
    cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...], individual: np.ndarray, options: dict[str, Any]
) -> Matched:
    """Pairs on the propensity score; a stratum is a matched group and period with the covariates matched exactly."""
    treated = _treated(cohort)
    exact = [exact_levels(cohort, covariate) for covariate in covariates if covariate.name in options["exact"]]
    stratum = cross([*period_factors(cohort), *exact], cohort.height)
    score = logit_predictor(terms(cohort, covariates), treated, individual)
    if options["scale"] == "probability":
        score = 1 / (1 + np.exp(-score))
    caliper = np.inf if options["caliper"] is None else options["caliper"] * _deviation(score, individual)
    pairs = nearest_pairs(stratum, score, treated, options["ratio"], caliper, options["replacement"])
    return Matched(stratum, pair_weights(pairs, _period(cohort), treated, individual))


def _deviation(score: np.ndarray, weight: np.ndarray) -> float:
    """Standard deviation of the score over all rows, both arms together; with equal weights over n - 1, as MatchIt."""
    if not len(score):
        return 0.0
    total = weight.sum()
    spread = weight @ (score - weight @ score / total) ** 2
    return float(np.sqrt(spread / max(total - weight @ weight / total, np.finfo(float).tiny)))


def _entropy(
    cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...], individual: np.ndarray, options: dict[str, Any]
) -> Matched:
    """Comparators reweighted to the treated's means; a stratum is a matched group and period."""
    treated, period, parts = _treated(cohort), _period(cohort), terms(cohort, covariates)
    weight = entropy_weights(parts, period, treated, individual, options["tolerance"], options["max_iterations"])
    return Matched(period, scaled_to_individual(weight, period, treated, individual))


def _treated(cohort: pl.DataFrame) -> np.ndarray:
    return cohort["treated"].to_numpy().astype(np.int64)


def _period(cohort: pl.DataFrame) -> np.ndarray:
    """Number of matched group x pre/post, 0.. in that order."""
    return cross(period_factors(cohort), cohort.height)
