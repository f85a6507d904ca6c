"""A specification fitted on every imputation: its terms, its sample, and why it could not be fitted.

What enters: a specification and the cells of every imputation. What leaves: a `Fitted` with the regressors that stay,
the fits, and what inference by draws needs; or the reason for which there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scripts.models.cells import Cells
from scripts.models.columns import independent_columns
from scripts.models.inference import Assignment
from scripts.models.linear import LinearFit, fit
from scripts.models.moments import Moments, moments_of
from scripts.models.panel import quasi_demeaned, variance_components
from scripts.models.specification import ONE_EFFECT, Model, Regressor, Specification, has_reference, levels, model

NO_REFERENCE = "no treated rows in the reference period"
SATURATED = "no more rows than terms"
PLACEBO_ABSENT = "nobody has the level of the placebo outcome"
NOT_IDENTIFIED = "the effect is collinear with other terms"


@dataclass(frozen=True)
class Counts:
    """What stands behind estimates; `fewest_las`: LAs in the smallest of the four arm-periods."""

    n_children: int
    n_rows: int
    n_las: int
    n_treated_las: int
    fewest_las: int

    @classmethod
    def of(cls, cells: Cells, n_children: int | None = None) -> "Counts":
        """Counts of cells; distinct children are those of the cells' LAs unless given."""
        children = int(cells.la_children.sum()) if n_children is None else n_children
        las = len(cells.la_codes), int(cells.la_treated.sum())
        return cls(children, int(cells.rows.sum()), *las, _fewest_las(cells))

    @property
    def shown(self) -> dict[str, int]:
        """The counts that results tables show."""
        return {name: value for name, value in vars(self).items() if name != "fewest_las"}

    @property
    def supports_inference(self) -> bool:
        """Whether both arms have two clusters before and after; with one, errors are near zero and mean nothing."""
        return self.fewest_las >= 2


def _fewest_las(cells: Cells) -> int:
    """The smallest number of LAs with rows in an arm and period."""
    return min(
        len(np.unique(cells.la[(cells.rows > 0) & (cells.treated == arm) & (cells.post == post)]))
        for arm in (0, 1)
        for post in (0, 1)
    )


@dataclass(frozen=True)
class Fitted:
    """A model on every imputation: all regressors, positions of those that stay, why others left, fits of the rest."""

    models: list[Model]
    kept: np.ndarray
    omitted: dict[int, str]
    fits: list[LinearFit]
    counts: Counts

    @property
    def regressors(self) -> tuple[Regressor, ...]:
        """All regressors, also those that left."""
        return self.models[0].regressors

    @property
    def used(self) -> list[Regressor]:
        """The regressors that stay, in the order of the coefficients."""
        return [self.regressors[i] for i in self.kept]

    @property
    def size(self) -> dict[str, int]:
        """Parameters, and groups of rows that differ in their regressors, at least: those of cells that differ in what
        is constant within cells, and one more for every column of children."""
        const = self.models[0].cells.columns == "const"
        within = [each.cell for each in self.used if np.array_equal(each.basis, const)]
        present = self.models[0].cells.rows > 0
        patterns = len(np.unique(np.stack(within)[:, present], axis=1).T) if within else 1
        return {"parameters": len(self.used), "patterns": patterns + len(self.used) - len(within)}

    def position(self, name: str) -> int | None:
        """Where a regressor stands among the coefficients; None if it left."""
        return next((i for i, each in enumerate(self.used) if each.name == name), None)


def sample_fault(cells: Cells) -> str:
    """Why no specification can be estimated on the sample, or an empty string."""
    if not cells.rows.sum():
        return "no matched rows"
    if len(cells.la_codes) < 2:
        return "fewer than two LAs"
    return "" if (cells.treated * cells.post * cells.rows).any() else "no treated rows after embedding"


def fit_specification(specification: Specification, cells: list[Cells], max_missing_share: float) -> Fitted | str:
    """Fit on every imputation; a text says why it cannot be."""
    if fault := sample_fault(cells[0]):
        return fault
    if not has_reference(specification, cells[0]):
        return NO_REFERENCE
    if specification.placebo_level is not None:
        name, level = specification.placebo_level
        if level not in levels(cells[0], name):
            return PLACEBO_ABSENT
    models = [model(specification, each, max_missing_share) for each in cells]
    before = specification.estimator == "placebo_date"
    children = int(cells[0].term_children[cells[0].term_names == "pre"].sum()) if before else None
    demean = quasi_demeaned if specification.estimator == "random_effects" else None
    return fit_models(models, Counts.of(models[0].cells, children), demean)


def fit_models(
    models: list[Model], counts: Counts, transform: Callable[[Moments], Moments] | None = None
) -> Fitted | str:
    """Fit a model on every imputation, with the regressors that are independent in all; a text says why it cannot be.

    `transform` changes the moments of the regressors that stay before they are fitted.
    """
    moments = [moments_of(each) for each in models]
    chosen = [independent_columns(each.xx.sum(axis=0)) for each in moments]
    omitted = {j: reason for choice in chosen for j, reason in choice.omitted.items()}
    kept = np.array([j for j in range(moments[0].n_terms) if j not in omitted], dtype=np.int64)
    if counts.n_rows <= len(kept):
        return SATURATED
    reduced = [each.terms(kept) for each in moments]
    fits = [fit(each if transform is None else transform(each)) for each in reduced]
    return Fitted(models, kept, omitted, fits, counts)


def assignment(
    specification: Specification, fitted: Fitted, cells: list[Cells], max_missing_share: float
) -> Assignment:
    """What randomisation over LAs needs of a specification with one effect, which must have stayed.

    Raises
    ------
    ValueError : for a specification with several effects.
    """
    if specification.estimator not in ONE_EFFECT:
        raise ValueError(specification.estimator)
    everyone = [replace(each, treated=np.ones_like(each.treated)) for each in cells]
    models = [model(specification, each, max_missing_share) for each in everyone]
    moments = [moments_of(each).terms(fitted.kept) for each in models]
    if specification.estimator == "random_effects":
        # The data's variance components, so that its own assignment gives its own statistic.
        own = [moments_of(each).terms(fitted.kept) for each in fitted.models]
        moments = [quasi_demeaned(each, variance_components(data)) for each, data in zip(moments, own, strict=True)]
    arm = np.array([each.arm for each in fitted.used])
    return Assignment(moments, arm, fitted.models[0].cells.la_treated.astype(bool))
