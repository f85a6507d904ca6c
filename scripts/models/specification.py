"""Specifications of the models as regressors over cells.

What enters: one entry of `models.specifications` and the cells of a completed cohort. What leaves: a `Model`: which
cells it uses, its outcome, and its regressors, each a combination of design columns times a number per cell. So an
event term is the constant times treated x (years since embedding = t), and the effect on a subgroup is the level's
column times treated x post. Years at or before `first` form one end category, years at or after `last` the other
(study-design section 6). Regressors are ordered so that nuisances come before effects: when they are collinear the
later one leaves, so an effect that the covariates span is reported as not identified and never bought by dropping them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scripts.models.cells import Cells, event_name
from scripts.models.design import level_column
from scripts.models.la_panel import standardised

EVENTS = ("event_study", "lags_only")
ONE_EFFECT = ("did", "two_way", "fixed_effects", "random_effects", "placebo_date")
LINEAR = (*ONE_EFFECT, *EVENTS, "dose")
LOGIT = "logit_ame"
STAGGERED = "staggered"
WITH_LA_EFFECTS = ("two_way", "fixed_effects")
EFFECT = "post_x_treated"
DOSE = "post_x_treated_x_years"


@dataclass(frozen=True)
class Specification:
    """One column of results; what its estimator does not know of is None.

    first, last, reference : years since embedding. years_before : the placebo date, years before embedding.
    placebo_level : (covariate, level) that takes the place of the outcome.
    """

    name: str
    estimator: str
    child_covariates: bool
    la_covariates: bool
    first: int | None = None
    last: int | None = None
    reference: int | None = None
    years_before: int | None = None
    placebo_level: tuple[str, str] | None = None


@dataclass(frozen=True)
class Regressor:
    """Design columns combined by `basis` (P,), times `cell` (C,).

    `effect` says whether it is an estimate of the study, `lead` whether of a time before embedding, `arm` whether it is
    zero for all but the treated, which randomisation over LAs has to know. `counts` names the terms it is made of.
    """

    name: str
    basis: np.ndarray
    cell: np.ndarray
    counts: tuple[str, ...]
    effect: bool = False
    lead: bool = False
    arm: bool = False


@dataclass(frozen=True)
class Model:
    """The cells a specification uses, its outcome as a combination of design columns and outcome, its regressors."""

    cells: Cells
    outcome: np.ndarray
    regressors: tuple[Regressor, ...]
    left_out: tuple[tuple[str, str], ...]


def specifications(settings: dict[str, Any]) -> tuple[Specification, ...]:
    """The settings' specifications, in the order of the config."""
    return tuple(_specification(name, entry) for name, entry in settings["models"]["specifications"].items())


def _specification(name: str, entry: dict[str, Any]) -> Specification:
    """One entry of the config as a Specification."""
    options = {key: entry.get(key) for key in ("first", "last", "reference", "years_before")}
    level = entry.get("placebo_outcome")
    flags = {key: entry[key] for key in ("child_covariates", "la_covariates")}
    placebo = None if level is None else (level["covariate"], str(level["level"]))
    return Specification(name, entry["estimator"], **flags, **options, placebo_level=placebo)


def model(specification: Specification, cells: Cells, max_missing_share: float) -> Model:
    """The model of a specification on some cells."""
    if specification.estimator == "placebo_date":
        cells = cells.where(cells.post == 0)
        # A date before embedding, the same for a pilot and its comparators, stands for embedding.
        cells = replace(cells, post=(cells.since >= -specification.years_before).astype(np.int64))
    nuisances, left_out = _nuisances(specification, cells, max_missing_share)
    outcome = np.zeros(len(cells.columns) + 1)
    outcome[-1] = 1.0
    if specification.placebo_level is not None:
        name, level = specification.placebo_level
        outcome[:-1], outcome[-1] = levels(cells, name).get(level, np.zeros(len(cells.columns))), 0.0
        nuisances = [each for each in nuisances if each.name.partition("[")[0] != name]
    return Model(cells, outcome, (*nuisances, *_effects(specification, cells)), tuple(left_out))


def subgroup_model(
    specification: Specification, cells: Cells, max_missing_share: float, variable: str
) -> tuple[Model, tuple[str, ...]]:
    """The model with an effect of its own for every level of a covariate, and the levels, in the effects' order.

    The levels have their own difference between arms and between periods too; other covariates have common slopes.
    """
    nuisances, left_out = _nuisances(specification, cells, max_missing_share)
    found = levels(cells, variable)
    # Without child covariates among the nuisances, the levels' own columns are still needed.
    roles = ("band",) if specification.child_covariates else ("band", "child")
    own = [_column(name, cells) for role in roles for name in _columns_of(cells, variable, role)]
    arms, periods, effects = [], [], []
    for level, basis in found.items():
        name = level_column(variable, level)
        arms.append(Regressor(f"{name}:treated", basis, cells.treated.astype(float), (name,), arm=True))
        periods.append(Regressor(f"{name}:post", basis, cells.post.astype(float), (name,)))
        both = (cells.treated * cells.post).astype(float)
        effects.append(Regressor(f"{name}:{EFFECT}", basis, both, (name,), effect=True, arm=True))
    outcome = np.append(np.zeros(len(cells.columns)), 1.0)
    # Differences of the last level follow from the main ones of arm and period.
    terms = (*nuisances, *own, *arms[:-1], *periods[:-1], *effects)
    return Model(cells, outcome, terms, tuple(left_out)), tuple(found)


def levels(cells: Cells, variable: str) -> dict[str, np.ndarray]:
    """Level of a covariate -> the combination (P,) of design columns that is 1 in it and else 0, in text order.

    Numeric covariates have their bands, if a subgroup analysis asks for them, and else none; nor has what is not in the
    design. Only covariates that are 0 or 1 have counts of these two levels.
    """
    role = "band" if _columns_of(cells, variable, "band") else "child"
    names = _columns_of(cells, variable, role)
    basis = {name[len(variable) + 1 : -1]: _unit(name, cells) for name in names if name != variable}
    rest = _unit("const", cells) - sum(basis.values(), np.zeros(len(cells.columns)))
    if variable in names and role == "child":
        if level_column(variable, "1") not in cells.term_names:
            return {}
        return {"0": _unit("const", cells) - _unit(variable, cells), "1": _unit(variable, cells)}
    reference = [each for each in cells.references.tolist() if each.partition("[")[0] == variable]
    found = basis | {name[len(variable) + 1 : -1]: rest for name in reference[-1:]}
    return dict(sorted(found.items()))


def _columns_of(cells: Cells, variable: str, role: str) -> list[str]:
    """Names of the design columns of a covariate in a role."""
    pairs = zip(cells.columns.tolist(), cells.roles.tolist(), strict=True)
    return [name for name, its_role in pairs if its_role == role and name.partition("[")[0] == variable]


def _unit(name: str, cells: Cells) -> np.ndarray:
    """The design column `name` alone, as a combination of all. (P,)"""
    return (cells.columns == name).astype(float)


def _column(name: str, cells: Cells) -> Regressor:
    """A design column as regressor."""
    return Regressor(name, _unit(name, cells), np.ones(len(cells.la)), (name,))


def _constant(name: str, values: np.ndarray, cells: Cells, counts: tuple[str, ...] = (), **marks: bool) -> Regressor:
    """The constant times a number per cell as regressor."""
    return Regressor(name, _unit("const", cells), values.astype(float), counts or (name,), **marks)


def _nuisances(
    specification: Specification, cells: Cells, max_missing_share: float
) -> tuple[list[Regressor], list[tuple[str, str]]]:
    """The regressors that are no effects, and (term, reason) of covariates without a column."""
    las = specification.estimator in WITH_LA_EFFECTS
    terms = [_constant(f"la[{la}]", cells.la == la, cells) for la in cells.la_codes.tolist()] if las else []
    if not las:
        terms += [_column("const", cells), _constant("treated", cells.treated, cells, arm=True)]
    if specification.estimator != "two_way":
        terms.append(_constant("post", cells.post, cells))
    years = np.unique(cells.year).tolist()[1:]
    terms += [_constant(f"financial_year[{year}]", cells.year == year, cells) for year in years]
    left_out: list[tuple[str, str]] = []
    if specification.child_covariates:
        roles = zip(cells.columns.tolist(), cells.roles.tolist(), strict=True)
        terms += [_column(name, cells) for name, role in roles if role == "child"]
        left_out += zip(cells.left_out_terms.tolist(), cells.left_out_reasons.tolist(), strict=True)
    if specification.la_covariates:
        names = tuple(cells.la_names.tolist())
        columns, gone = standardised(cells.la_values, cells.la_number, cells.year, names, max_missing_share)
        terms += [_constant(name, values, cells, ("const",)) for name, values in columns.items()]
        left_out += gone
    return terms, left_out


def _effects(specification: Specification, cells: Cells) -> list[Regressor]:
    """The regressors whose coefficients are the study's estimates."""
    both = cells.treated * cells.post
    times = np.unique(cells.since[cells.treated == 1]).tolist()
    after = tuple(event_name(time) for time in times if time >= 0)
    if specification.estimator == "placebo_date":
        pretended = tuple(event_name(time) for time in times if -specification.years_before <= time < 0)
        return [_constant(EFFECT, both, cells, pretended, effect=True, arm=True)]
    if specification.estimator not in EVENTS:
        marks = {"effect": specification.estimator != "dose", "arm": True}
        effect = _constant(EFFECT, both, cells, (EFFECT,), **marks)
        if specification.estimator != "dose":
            return [effect]
        return [effect, _constant(DOSE, both * cells.since, cells, after, effect=True, arm=True)]
    leads = specification.estimator == "event_study"
    first = specification.first if leads else 0
    shown = [time for time in range(first, specification.last + 1) if time != specification.reference or not leads]
    binned = {time: [t for t in times if _bin(t, specification) == time and (leads or t >= 0)] for time in shown}
    return [
        _constant(
            f"{specification.estimator}[{time}]",
            (cells.treated == 1) & np.isin(cells.since, members),
            cells,
            tuple(event_name(t) for t in members),
            effect=True,
            lead=time < 0,
            arm=True,
        )
        for time, members in binned.items()
    ]


def _bin(time: int, specification: Specification) -> int:
    """The event term a year since embedding falls in: itself, or the end category."""
    low = time if specification.first is None else max(time, specification.first)
    return min(low, specification.last)


def has_reference(specification: Specification, cells: Cells) -> bool:
    """Whether treated rows exist in the period that the effects of the specification are measured against."""
    times = np.unique(cells.since[cells.treated == 1]).tolist()
    if specification.estimator == "event_study":
        return any(_bin(time, specification) == specification.reference for time in times)
    if specification.estimator == "placebo_date":
        return any(time < -specification.years_before for time in times)
    return any(time < 0 for time in times)
