"""Everything that is estimated for one outcome, in order.

What enters: the cells of an outcome on every imputation, logit fits, settings. What leaves: rows of the results tables
by table: every specification by every method of inference, tests of the models, and for the headline specification
leave-one-LA-out, effects by pilot and subgroups.
"""

from typing import Any

from scripts.models.bounds import TrendBounds, add_trend_bounds, add_unmeasured
from scripts.models.cells import Cells
from scripts.models.estimates import Outcome, Parameters, Tables, add_hausman, add_linear, add_logit, add_staggered
from scripts.models.fitted import Fitted
from scripts.models.logit import LogitFit
from scripts.models.robustness import add_la_effects, add_leave_one_out, add_subgroups
from scripts.models.specification import EFFECT, LOGIT, ONE_EFFECT, STAGGERED, Specification, specifications


def analyse(
    cells: list[Cells], logits: list[dict[str, dict[str, Any]]], settings: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """Rows by results table; `logits`: per imputation the stored LogitFit of each logit specification."""
    tables = Tables(settings["outcome"])
    outcome = Outcome(cells, Parameters.of(settings))
    fits: dict[str, tuple[Specification, Fitted]] = {}
    for specification in specifications(settings):
        if specification.estimator == LOGIT:
            stored = [LogitFit(**each[specification.name]) for each in logits]
            add_logit(tables, specification, cells[0], stored, outcome.parameters)
        elif specification.estimator == STAGGERED:
            add_staggered(tables, specification, cells[0], outcome.parameters)
        elif fitted := add_linear(tables, specification, outcome):
            fits[specification.name] = specification, fitted
            if specification.estimator == "event_study":
                add_trend_bounds(tables, specification, fitted, TrendBounds.of(settings), outcome.parameters)
    _add_comparisons(tables, fits)
    headline = settings["models"]["headline"]
    if headline in fits:
        specification, fitted = fits[headline]
        add_leave_one_out(tables, specification, fitted, outcome)
        add_la_effects(tables, specification, outcome)
        if specification.estimator in ONE_EFFECT:
            method = settings["inference"]["headline"]
            (found,) = outcome.infer(specification, fitted, [EFFECT], (method,))[EFFECT]
            add_unmeasured(tables, specification, found, cells[0], outcome.parameters)
        add_subgroups(tables, specification, outcome, settings["models"]["subgroups"])
    return tables.rows


def headline_rows(cells: list[Cells], settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of `estimates` of the headline specification alone."""
    tables = Tables(settings["outcome"])
    headline = next(each for each in specifications(settings) if each.name == settings["models"]["headline"])
    add_linear(tables, headline, Outcome(cells, Parameters.of(settings)))
    return tables.rows["estimates"]


def _add_comparisons(tables: Tables, fits: dict[str, tuple[Specification, Fitted]]) -> None:
    """The Hausman test of every random-effects specification against the fixed-effects one with the same covariates."""
    for specification, random in fits.values():
        if specification.estimator != "random_effects":
            continue
        for other, fixed in fits.values():
            same = (other.child_covariates, other.la_covariates) == (
                specification.child_covariates,
                specification.la_covariates,
            )
            if other.estimator == "fixed_effects" and same:
                add_hausman(tables, fixed, random, specification.name)
