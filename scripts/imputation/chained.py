"""Multiple imputation by chained equations (study-design section 5).

What enters: matched rows with gaps in numeric and binary child covariates. What leaves: one completed data set per
imputation number. Numeric gaps are filled by predictive mean matching, binary ones by logistic regression; predictors
are the other child covariates, treated, post and the outcome, LA covariates are left out. Categorical gaps are the
level "Missing" already. Method: van Buuren and Groothuis-Oudshoorn (2011), covariates visited in the config's order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scripts.imputation.regression import linear_draw, logistic_draw, nearest_donors
from scripts.matching.covariates import ChildCovariate, text_levels


@dataclass(frozen=True)
class Imputation:
    """Sweeps over the covariates, donors per gap, and which of the m data sets this is (1..m)."""

    number: int
    iterations: int
    donors: int
    max_missing_share: float


def imputation(settings: dict[str, Any]) -> Imputation:
    """The settings' `imputation` block."""
    block = settings["imputation"]
    return Imputation(block["number"], block["iterations"], block["donors"], block["max_missing_share"])


def modelled_covariates(
    frame: pl.DataFrame, covariates: tuple[ChildCovariate, ...], max_missing_share: float
) -> tuple[tuple[ChildCovariate, ...], list[str]]:
    """Covariates that stay, and the names of those that leave: more gaps than allowed, or nothing but gaps."""
    gaps = {covariate.name: frame[covariate.name].null_count() for covariate in covariates}
    dropped = [
        name
        for name, count in gaps.items()
        if count and (count == frame.height or count / frame.height > max_missing_share)
    ]
    return tuple(covariate for covariate in covariates if covariate.name not in dropped), dropped


def impute(
    frame: pl.DataFrame, covariates: tuple[ChildCovariate, ...], settings: Imputation, seed: int
) -> pl.DataFrame:
    """The frame with every gap in `covariates` filled; nothing else changes.

    Parameters
    ----------
    frame : outcome, treated, post and the covariates; a covariate has at least one known value.
    seed : with the imputation's number it fixes every draw.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, settings.number])))
    incomplete = [c for c in covariates if c.kind != "categorical" and frame[c.name].null_count()]
    if not incomplete:
        return frame
    values = {c.name: frame[c.name].cast(pl.Float64).fill_null(np.nan).to_numpy().copy() for c in incomplete}
    known = {name: ~np.isnan(column) for name, column in values.items()}
    for name, column in values.items():
        column[~known[name]] = rng.choice(column[known[name]], size=int((~known[name]).sum()))
    predictors = Predictors.of(frame, covariates, values, known)
    modes: dict[str, np.ndarray] = {}
    for _ in range(settings.iterations):
        for covariate in incomplete:
            name = covariate.name
            if name not in predictors.position:
                continue
            if covariate.kind == "binary":
                drawn, modes[name] = _draw_binary(predictors, name, values[name], known[name], rng, modes.get(name))
            else:
                drawn = _draw_numeric(predictors, name, values[name], known[name], settings.donors, rng)
            values[name][~known[name]] = drawn
            predictors.update(name, values[name])
    return frame.with_columns(pl.Series(name, column).cast(frame[name].dtype) for name, column in values.items())


@dataclass(frozen=True)
class Predictors:
    """Centred predictor matrix (n, K), its column 0 constant, and where each incomplete covariate stands in it.

    Columns that are not 0/1 are scaled to unit spread; 0/1 columns keep their unit, on which the prior of a slope is
    set, so that a rare level is shrunk like a common one.
    """

    matrix: np.ndarray
    position: dict[str, int]
    centre: dict[str, tuple[float, float]]

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        covariates: tuple[ChildCovariate, ...],
        values: dict[str, np.ndarray],
        known: dict[str, np.ndarray],
    ) -> "Predictors":
        """Gather the predictors; columns that do not vary are left out, also an incomplete one with one known value."""
        columns = [(name, frame[name].cast(pl.Float64).to_numpy()) for name in ("outcome", "treated", "post")]
        # The interaction is what is estimated: left out, imputed values would pull it towards zero.
        columns.append(("", columns[1][1] * columns[2][1]))
        for covariate in covariates:
            if covariate.kind == "categorical":
                levels = text_levels(frame[covariate.name])
                columns += [("", (levels.codes == code).astype(float)) for code in range(1, len(levels.names))]
            elif covariate.name in values:
                columns.append((covariate.name, values[covariate.name]))
            else:
                columns.append(("", frame[covariate.name].cast(pl.Float64).to_numpy()))
        scales = [_scale(column[known[name]] if name in known else column) for name, column in columns]
        kept = [(*each, *scale) for each, scale in zip(columns, scales, strict=True) if scale is not None]
        matrix, position, centre = np.ones((frame.height, len(kept) + 1)), {}, {}
        for number, (name, column, mean, unit) in enumerate(kept, start=1):
            if name in known:
                position[name], centre[name] = number, (mean, unit)
            matrix[:, number] = (column - mean) / unit
        return cls(matrix, position, centre)

    def update(self, name: str, column: np.ndarray) -> None:
        """Put the newly imputed values of a covariate in place."""
        mean, unit = self.centre[name]
        self.matrix[:, self.position[name]] = (column - mean) / unit


def _scale(column: np.ndarray) -> tuple[float, float] | None:
    """Mean and unit of a predictor, None if it does not vary."""
    low, high = column.min(), column.max()
    if low == high:
        return None
    is_binary = low == 0 and high == 1 and bool(((column == 0) | (column == 1)).all())
    return column.mean(), 1.0 if is_binary else column.std()


def _draw_numeric(
    predictors: Predictors, name: str, column: np.ndarray, known: np.ndarray, donors: int, rng: np.random.Generator
) -> np.ndarray:
    """Values for a numeric covariate's gaps: each that of a donor with a near predicted mean."""
    observed = np.flatnonzero(known)
    estimated, drawn = linear_draw(predictors.matrix, predictors.position[name], observed, rng)
    return column[observed][nearest_donors(estimated[observed], drawn[~known], donors, rng)]


def _draw_binary(
    predictors: Predictors,
    name: str,
    column: np.ndarray,
    known: np.ndarray,
    rng: np.random.Generator,
    start: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Values for a binary covariate's gaps, draws with the predicted probability; and the mode for the next sweep."""
    observed = np.flatnonzero(known)
    position = predictors.position[name]
    probability, mode = logistic_draw(predictors.matrix, position, observed, column[observed], rng, start)
    return (rng.random(int((~known).sum())) < probability[~known]).astype(float), mode
