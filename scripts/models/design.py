"""The design of the models: every column any specification can use, kept compact until a block of rows is needed.

What enters: a completed matched cohort. What leaves: a `Design`, a list of factors (dummy columns as one code per row)
and numeric columns, which writes itself out as float64 for any block of rows. Columns (study-design section 6): const,
treated, post; financial years but the first; child covariates (a dummy per level but the most frequent one, "Missing"
being a level; binary and numeric as they are); LA covariates, standardised; post_x_treated; treated x each year since
embedding that occurs (post rows count from 0), which specifications sum into their event terms. What cannot vary is
left out and reported.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scripts.matching.covariates import ChildCovariate, Levels, child_covariates, la_covariates, text_levels
from scripts.models.la_panel import TOO_MANY_GAPS, la_year_columns

ROLES = ("const", "treated", "post", "year", "child", "la", "effect", "event")


@dataclass(frozen=True)
class Factor:
    """Dummy columns: row i is 1 in column `codes[i]`, in none if the code is negative."""

    role: str
    names: tuple[str, ...]
    codes: np.ndarray

    def fill(self, block: np.ndarray, rows: np.ndarray) -> None:
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

    def fill(self, block: np.ndarray, rows: np.ndarray) -> None:
        """Write the column of some rows."""
        block[:, 0] = self.values[rows]


@dataclass(frozen=True)
class Design:
    """All columns, in order; `left_out` holds (term, role, reason) of covariates that give no column."""

    n_rows: int
    parts: tuple[Factor | Numeric, ...]
    event_times: tuple[int, ...]
    left_out: tuple[tuple[str, str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(name for part in self.parts for name in part.names)

    @property
    def roles(self) -> tuple[str, ...]:
        """Role of each column, one of ROLES."""
        return tuple(part.role for part in self.parts for _ in part.names)

    def block(self, rows: np.ndarray) -> np.ndarray:
        """The columns of the given row numbers. Float64 (len(rows), K)."""
        result, start = np.zeros((len(rows), len(self.columns))), 0
        for part in self.parts:
            part.fill(result[:, start : start + len(part.names)], rows)
            start += len(part.names)
        return result


def event_column(time: int) -> str:
    """Name of the column treated x (years since embedding = `time`)."""
    return f"event[{time}]"


def build_design(frame: pl.DataFrame, settings: dict[str, Any]) -> Design:
    """The design of a completed matched cohort.

    A covariate of the settings that the frame lacks has left in imputation and is reported as such.
    """
    treated, post = (frame[name].to_numpy().astype(np.int64) for name in ("treated", "post"))
    present = [c for c in child_covariates(settings) if c.name in frame.columns]
    gone = [c.name for c in child_covariates(settings) if c.name not in frame.columns]
    covariates = [part for c in present for part in _child_parts(frame[c.name], c)]
    la_columns, la_gone = la_year_columns(frame, la_covariates(settings), settings["imputation"]["max_missing_share"])
    since = frame["years_since"].to_numpy().astype(np.int64)
    times = tuple(int(time) for time in np.unique(since[treated == 1]))
    parts = (
        Factor("const", ("const",), np.zeros(frame.height, dtype=np.int64)),
        Factor("treated", ("treated",), treated - 1),
        Factor("post", ("post",), post - 1),
        _dummies("year", "financial_year", text_levels(frame["financial_year"]), 0),
        *covariates,
        *(Numeric("la", name, values) for name, values in la_columns.items()),
        Factor("effect", ("post_x_treated",), treated * post - 1),
        Factor(
            "event",
            tuple(event_column(time) for time in times),
            np.where(treated == 1, np.searchsorted(times, since), -1),
        ),
    )
    left = [(name, "child", TOO_MANY_GAPS) for name in gone] + [(name, "la", reason) for name, reason in la_gone]
    return Design(frame.height, tuple(part for part in parts if part.names), times, tuple(left))


def _child_parts(column: pl.Series, covariate: ChildCovariate) -> list[Factor | Numeric]:
    """Columns of one child covariate."""
    if covariate.kind != "categorical":
        return [Numeric("child", covariate.name, column.cast(pl.Float64).to_numpy())]
    levels = text_levels(column)
    if not levels.names:
        return []
    # argmax takes the first of equally frequent levels, and levels are in text order.
    return [_dummies("child", covariate.name, levels, int(np.argmax(np.bincount(levels.codes))))]


def _dummies(role: str, name: str, levels: Levels, reference: int) -> Factor:
    """A dummy column for every level but the reference."""
    codes = levels.codes - (levels.codes > reference)
    codes[levels.codes == reference] = -1
    names = tuple(f"{name}[{level}]" for i, level in enumerate(levels.names) if i != reference)
    return Factor(role, names, codes)
