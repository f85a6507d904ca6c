"""What differs between the rows of a cell: the columns of the models that belong to a child, not to a place and time.

What enters: a completed matched cohort. What leaves: a `Design`, a list of factors (dummy columns as one code per row)
and numeric columns, which writes itself out as float64 for any block of rows. Columns (study-design section 6): const;
child covariates (a dummy per level but the most frequent one, "Missing" being a level, which rare levels join; binary
and numeric as they are); bands of numeric covariates that a subgroup analysis needs. Everything else a model holds
(arm, period, years, LA covariates, years since embedding) is one number per cell of the cross-products and joins there.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scripts.matching.covariates import (
    ChildCovariate,
    Levels,
    banded_levels,
    child_covariates,
    children,
    distinct_children,
    text_levels,
)

TOO_MANY_GAPS = "more gaps than imputation.max_missing_share allows"
RARE = "fewer children than models.min_level_children; the level joins the most frequent one"


@dataclass(frozen=True)
class Factor:
    """Dummy columns: row i is 1 in column `codes[i]`, in none if the code is negative; `reference` names that level."""

    role: str
    names: tuple[str, ...]
    codes: np.ndarray
    reference: str

    @property
    def names_of_levels(self) -> tuple[str, ...]:
        """The level that has no column of its own."""
        return (self.reference,) if self.reference else ()

    @property
    def codes_of_levels(self) -> np.ndarray:
        """0 where the row is of that level, else -1."""
        return np.where(self.codes < 0, 0, -1)

    def fill(self, block: np.ndarray, rows: slice) -> None:
        """Write the columns of some rows into a zeroed block (rows, columns)."""
        codes = self.codes[rows]
        inside = np.flatnonzero(codes >= 0)
        block[inside, codes[inside]] = 1.0


@dataclass(frozen=True)
class Numeric:
    """One column of numbers."""

    role: str
    name: str
    values: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The one column's name."""
        return (self.name,)

    @property
    def codes(self) -> np.ndarray:
        """0 where the value is not zero, else -1: the rows behind the column."""
        return np.where(self.values != 0, 0, -1)

    @property
    def names_of_levels(self) -> tuple[str, ...]:
        """Both levels of a covariate that is 0 or 1; none of another."""
        binary = bool(np.isin(self.values, (0.0, 1.0)).all())
        return (level_column(self.name, "0"), level_column(self.name, "1")) if binary else ()

    @property
    def codes_of_levels(self) -> np.ndarray:
        """The level of each row."""
        return self.values.astype(np.int64)

    def fill(self, block: np.ndarray, rows: slice) -> None:
        """Write the column of some rows."""
        block[:, 0] = self.values[rows]


@dataclass(frozen=True)
class Design:
    """All columns, in order; `left_out` holds (term, reason) of covariates that give no column."""

    n_rows: int
    parts: tuple[Factor | Numeric, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(name for part in self.parts for name in part.names)

    @property
    def roles(self) -> tuple[str, ...]:
        """Role of each column: const, child or band."""
        return tuple(part.role for part in self.parts for _ in part.names)

    @property
    def references(self) -> tuple[str, ...]:
        """The levels without a column, such as gender[2], of which each is const less the factor's columns."""
        return tuple(part.reference for part in self.parts if isinstance(part, Factor) and part.role != "const")

    def block(self, rows: slice) -> np.ndarray:
        """The columns of a run of rows. Float64 (rows, P)."""
        height = len(range(*rows.indices(self.n_rows)))
        result, start = np.zeros((height, len(self.columns))), 0
        for part in self.parts:
            part.fill(result[:, start : start + len(part.names)], rows)
            start += len(part.names)
        return result


def build_design(frame: pl.DataFrame, settings: dict[str, Any]) -> Design:
    """The design of a completed matched cohort.

    A covariate of the settings that the frame lacks has left in imputation and is reported as such. A level of a
    categorical or binary one that has fewer children than models.min_level_children gets no column: no coefficient may
    be about a few children (docs/release.md).
    """
    present = [c for c in child_covariates(settings) if c.name in frame.columns]
    gone = [(c.name, TOO_MANY_GAPS) for c in child_covariates(settings) if c.name not in frame.columns]
    subgroups = settings["models"]["subgroups"]
    banded = [c for c in present if c.kind == "numeric" and c.name in subgroups and c.cuts]
    child, fewest = children(frame), settings["models"]["min_level_children"]
    made = [_child_part(frame[c.name], c, child, fewest) for c in present]
    gone += [(name, RARE) for _, rare in made for name in rare]
    parts = (
        Factor("const", ("const",), np.zeros(frame.height, dtype=np.int64), ""),
        *(part for part, _ in made if part is not None),
        *(_dummies("band", c.name, banded_levels(frame[c.name], c.cuts), 0) for c in banded),
    )
    return Design(frame.height, tuple(part for part in parts if part.names), tuple(gone))


def _child_part(
    column: pl.Series, covariate: ChildCovariate, child: np.ndarray, fewest: int
) -> tuple[Factor | Numeric | None, list[str]]:
    """The columns of one child covariate, if it has any, and the names of columns that rare levels would have had.

    `child`: (n,) the child of each row. `fewest`: distinct children that a level needs.
    """
    if covariate.kind != "categorical":
        values = column.cast(pl.Float64).to_numpy()
        if covariate.kind == "binary" and distinct_children(child, values.astype(np.int64), 2).min() < fewest:
            return None, [covariate.name]
        return Numeric("child", covariate.name, values), []
    levels = text_levels(column)
    if not levels.names:
        return None, []
    # argmax takes the first of equally frequent levels, and levels are in text order.
    reference = int(np.argmax(np.bincount(levels.codes)))
    rare = distinct_children(child, levels.codes, len(levels.names)) < fewest
    rare[reference] = False
    joined = np.where(rare, reference, np.arange(len(levels.names)))
    kept = np.flatnonzero(~rare)
    common = Levels(tuple(levels.names[i] for i in kept), np.searchsorted(kept, joined)[levels.codes])
    names = [level_column(covariate.name, levels.names[i]) for i in np.flatnonzero(rare)]
    return _dummies("child", covariate.name, common, int(np.searchsorted(kept, reference))), names


def _dummies(role: str, name: str, levels: Levels, reference: int) -> Factor:
    """A dummy column for every level but the reference."""
    codes = levels.codes - (levels.codes > reference)
    codes[levels.codes == reference] = -1
    names = [level_column(name, level) for level in levels.names]
    return Factor(role, tuple(n for i, n in enumerate(names) if i != reference), codes, names[reference])


def level_column(name: str, level: str) -> str:
    """Name of the dummy column of a covariate's level."""
    return f"{name}[{level}]"
