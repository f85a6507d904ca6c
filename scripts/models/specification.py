"""Specifications of the models as terms over the columns of the design.

What enters: one entry of `models.specifications`. What leaves: its terms, each a sum of design columns. Event terms are
treated x years since embedding; years at or before `first` form one end category, years at or after `last` the other
(study-design section 6). Terms are ordered so that nuisances come before effects: when columns are collinear the later
one leaves, so an effect that the covariates span is reported as not identified and never bought by dropping them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.models.design import event_column

LINEAR = ("did", "event_study", "lags_only")
LOGIT = "logit_ame"
NUISANCES = ("const", "treated", "post", "year", "child", "la")


@dataclass(frozen=True)
class Specification:
    """One column of results; `first`, `last` and `reference` (years since embedding) where the estimator has them."""

    name: str
    estimator: str
    child_covariates: bool
    la_covariates: bool
    first: int | None
    last: int | None
    reference: int | None


@dataclass(frozen=True)
class Term:
    """A regressor: the sum of some design columns. `effect` says whether it is an estimate of the study."""

    name: str
    columns: tuple[str, ...]
    effect: bool
    lead: bool = False


def specifications(settings: dict[str, Any]) -> tuple[Specification, ...]:
    """The settings' specifications, in the order of the config."""
    return tuple(
        Specification(
            name,
            entry["estimator"],
            entry["child_covariates"],
            entry["la_covariates"],
            *(entry.get(key) for key in ("first", "last", "reference")),
        )
        for name, entry in settings["models"]["specifications"].items()
    )


def terms(
    specification: Specification, columns: tuple[str, ...], roles: tuple[str, ...], event_times: tuple[int, ...]
) -> tuple[Term, ...]:
    """The regressors of a specification, nuisances first."""
    used = {
        role
        for role in NUISANCES
        if (role != "child" or specification.child_covariates) and (role != "la" or specification.la_covariates)
    }
    nuisances = [
        Term(name, (name,), False)
        for wanted in NUISANCES
        for name, role in zip(columns, roles, strict=True)
        if role == wanted and role in used
    ]
    return (*nuisances, *_effects(specification, event_times))


def _effects(specification: Specification, event_times: tuple[int, ...]) -> tuple[Term, ...]:
    """The terms whose coefficients are the study's estimates."""
    if specification.estimator not in ("event_study", "lags_only"):
        return (Term("post_x_treated", ("post_x_treated",), True),)
    leads = specification.estimator == "event_study"
    first = specification.first if leads else 0
    shown = [time for time in range(first, specification.last + 1) if time != specification.reference or not leads]
    binned = {time: [t for t in event_times if _bin(t, specification) == time and (leads or t >= 0)] for time in shown}
    return tuple(
        Term(f"{specification.estimator}[{time}]", tuple(event_column(t) for t in times), True, time < 0)
        for time, times in binned.items()
    )


def _bin(time: int, specification: Specification) -> int:
    """The event term a year since embedding falls in: itself, or the end category."""
    low = time if specification.first is None else max(time, specification.first)
    return min(low, specification.last)


def has_reference(specification: Specification, event_times: tuple[int, ...]) -> bool:
    """Whether treated rows exist in the period that the effects of the specification are measured against."""
    if specification.estimator == "event_study":
        return any(_bin(time, specification) == specification.reference for time in event_times)
    return any(time < 0 for time in event_times)


def transformation(regressors: tuple[Term, ...], columns: tuple[str, ...]) -> np.ndarray:
    """0/1 matrix (design columns, terms) that sums columns into terms."""
    position = {name: i for i, name in enumerate(columns)}
    matrix = np.zeros((len(columns), len(regressors)))
    for j, term in enumerate(regressors):
        for name in term.columns:
            matrix[position[name], j] = 1.0
    return matrix
