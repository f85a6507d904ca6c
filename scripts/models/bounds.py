"""What would have to be wrong for an effect to vanish: diverging trends, an unmeasured cause, a biased choice of LAs.

What enters: the headline effect and the fitted event study of an outcome. What leaves: rows of results table
`sensitivity`: E-values, gamma and effect sizes (scripts.models.sensitivity); the interval of the mean effect
over the years after embedding, if the two arms' trends diverge after embedding by at most Mbar times what they did
before (Rambachan and Roth 2023), and the largest Mbar at which it excludes zero. The covariance is CRV1, pooled over
imputations; it is taken as known, which flatters with few LAs, so the bounds are read beside the bootstrap's interval
and not in its place.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.models import sensitivity
from scripts.models.cells import Cells
from scripts.models.covariance import crv1
from scripts.models.estimates import Parameters, Tables
from scripts.models.fitted import Fitted
from scripts.models.honest import EventStudy, breakdown, relative_magnitudes
from scripts.models.inference import Inference
from scripts.models.pooling import has_full_rank
from scripts.models.specification import Specification


@dataclass(frozen=True)
class TrendBounds:
    """What the config says of bounds (`inference.trends`)."""

    mbars: list[float]
    step: float
    largest: float
    grid_points: int
    draws: int

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "TrendBounds":
        """From a job's settings."""
        return cls(**settings["inference"]["trends"])


def add_trend_bounds(
    tables: Tables, specification: Specification, fitted: Fitted, bounds: TrendBounds, parameters: Parameters
) -> None:
    """Rows of `sensitivity` from an event study; none where it has no leads, no lags or no regular covariance."""
    study = event_study(fitted)
    if study is None:
        return
    found = relative_magnitudes(
        study, bounds.mbars, parameters.alpha, bounds.grid_points, bounds.draws, parameters.seed
    )
    for each in found:
        _add(tables, specification, "trend_bound", each.mbar, study.effect, each.low, each.high)
    largest = breakdown(study, bounds.step, bounds.largest, parameters.alpha, bounds.draws, parameters.seed)
    _add(tables, specification, "trend_breakdown", None, largest)


@dataclass(frozen=True)
class Scale:
    """The outcome's scale in a sample: mean of the treated after embedding, sd within arms and periods, whether 0/1."""

    treated_mean: float
    sd: float
    binary: bool

    @classmethod
    def of(cls, cells: Cells) -> "Scale":
        """From the weighted sums of the cells."""
        weight, total, squares = cells.weight, cells.matrices[:, 0, -1], cells.matrices[:, -1, -1]
        key = cells.treated * 2 + cells.post
        sums = [np.bincount(key, weights=each, minlength=4) for each in (weight, total, squares)]
        within = sums[2].sum() - (sums[1] ** 2 / np.where(sums[0] > 0, sums[0], 1.0)).sum()
        binary = bool(np.allclose(total, squares, rtol=1e-9))
        return cls(float(sums[1][3] / sums[0][3]), float(np.sqrt(max(within, 0.0) / weight.sum())), binary)


def add_unmeasured(
    tables: Tables, specification: Specification, found: Inference, cells: Cells, parameters: Parameters
) -> None:
    """E-values and effect size of the headline effect `found`, and gamma from the pilots' own effects."""
    scale, n = Scale.of(cells), int(cells.la_children.sum())
    baseline = scale.treated_mean - found.estimate
    ends = (found.ci_low, found.ci_high)
    if None not in ends:
        value = (
            sensitivity.e_value_of_risk_difference(found.estimate, *ends, baseline)
            if scale.binary
            else sensitivity.e_value_of_difference(found.estimate, *ends, scale.sd)
        )
        for measure, number in (("e_value", value and value.estimate), ("e_value_limit", value and value.limit)):
            _add(tables, specification, measure, None, number)
    size = sensitivity.cox_index(found.estimate, baseline, n) if scale.binary else None
    _add(tables, specification, "cox_index", None, size)
    _add(tables, specification, "hedges_g", None, sensitivity.hedges_g(found.estimate, scale.sd, n))
    effects = [row["estimate"] for row in tables.rows["la_effects"] if row["estimate"] is not None]
    gamma = sensitivity.rosenbaum_gamma(np.array(effects), parameters.alpha / 2) if effects else None
    _add(tables, specification, "rosenbaum_gamma", None, gamma)


def _add(
    tables: Tables,
    specification: Specification,
    measure: str,
    level: float | None,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
) -> None:
    """One row of `sensitivity`; an end that is not a number is left open."""
    value, low, high = (None if each is None or not np.isfinite(each) else each for each in (value, low, high))
    tables.add(
        "sensitivity",
        specification=specification.name,
        measure=measure,
        level=level,
        value=value,
        ci_low=low,
        ci_high=high,
    )


def event_study(fitted: Fitted) -> EventStudy | None:
    """The effects by year, leads first, pooled; the effect of interest is the mean over the lags."""
    effects = [i for i, each in enumerate(fitted.used) if each.effect]
    leads = sum(fitted.used[i].lead for i in effects)
    lags = len(effects) - leads
    if not leads or not lags or not fitted.counts.supports_inference:
        return None
    chosen = np.array(effects)
    estimates = np.stack([fit.params[chosen] for fit in fitted.fits])
    within = np.mean([crv1(fit)[np.ix_(chosen, chosen)] for fit in fitted.fits], axis=0)
    if not has_full_rank(within):
        return None
    m = len(estimates)
    change = estimates - estimates.mean(axis=0)
    between = change.T @ change / (m - 1) if m > 1 else 0.0
    total = within + (1 + 1 / m) * between
    return EventStudy(estimates.mean(axis=0), total, leads, np.full(lags, 1 / lags))
