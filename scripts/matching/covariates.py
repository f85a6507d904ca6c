"""The study's covariates as parameters, and their values as integer levels.

What enters: the `covariates` block of the settings and cohort columns. What leaves: small parameter objects, and
`Levels` (level names plus one integer code per row), the form in which matching, balance, imputation and the design of
the models see every categorical value. A gap is a level of its own, "Missing" (study-design section 5).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from scripts.codes import MISSING
from scripts.errors import StudyError


@dataclass(frozen=True)
class ChildCovariate:
    """A covariate of the child at the index event; `cuts` are the lower bounds of all matching bands but the first."""

    name: str
    kind: str
    match: bool
    cuts: tuple[float, ...]


@dataclass(frozen=True)
class Levels:
    """A column as levels: `names` (L,) and integer `codes` (n,), each in 0..L-1."""

    names: tuple[str, ...]
    codes: np.ndarray


def child_covariates(settings: dict[str, Any]) -> tuple[ChildCovariate, ...]:
    """The child covariates that apply to the settings' outcome, in the order of the config."""
    return tuple(
        ChildCovariate(entry["name"], entry["kind"], entry["match"], tuple(entry.get("cuts", ())))
        for entry in settings["covariates"]["child"]
        if settings["outcome"] in entry.get("outcomes", [settings["outcome"]])
    )


def la_covariates(settings: dict[str, Any]) -> tuple[str, ...]:
    """Names of the LA covariates in the order of the config."""
    return tuple(entry["name"] for entry in settings["covariates"]["la"])


def text_levels(column: pl.Series) -> Levels:
    """Levels of any column by its text, in text order; null is "Missing"."""
    text = column.cast(pl.String).fill_null(MISSING)
    names = text.unique().sort().to_list()
    codes = text.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
    return Levels(tuple(names), codes)


def banded_levels(column: pl.Series, cuts: tuple[float, ...]) -> Levels:
    """Bands of a numeric column: below the first cut, from each cut to the next, from the last cut on; then "Missing".

    `cuts` (5, 13) with ages 4, 5 and 13 gives the codes 0, 1 and 2. A band that no row falls in keeps its code.
    """
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    codes = np.searchsorted(np.array(cuts, dtype=float), values, side="right")
    codes[np.isnan(values)] = len(cuts) + 1
    inner = [f"{low:g} to below {high:g}" for low, high in pairwise(cuts)]
    names = (f"below {cuts[0]:g}", *inner, f"{cuts[-1]:g} and above", MISSING)
    return Levels(names, codes.astype(np.int64))


def coarsened(cohort: pl.DataFrame, covariate: ChildCovariate) -> Levels:
    """A covariate as the matching sees it: numeric in bands, categorical and binary as they are.

    Raises
    ------
    StudyError : CONFIG, if a numeric matching covariate has no cuts.
    """
    if covariate.kind != "numeric":
        return text_levels(cohort[covariate.name])
    if not covariate.cuts:
        raise StudyError(
            "CONFIG", f"covariates.child.{covariate.name}", "a numeric matching covariate has no cuts", "Add `cuts`"
        )
    return banded_levels(cohort[covariate.name], covariate.cuts)


def children(frame: pl.DataFrame) -> np.ndarray:
    """Number 0..c-1 of each row's child, the unit (la_code, child_id), in text order. Shape (n,)."""
    las, ids = text_levels(frame["la_code"]), text_levels(frame["child_id"])
    return dense(las.codes * len(ids.names) + ids.codes)[0]


def dense(keys: np.ndarray) -> tuple[np.ndarray, int]:
    """Renumber integer keys 0..d-1 in their order; returns the numbers (n,) and how many there are."""
    values, numbers = np.unique(keys, return_inverse=True)
    return numbers, len(values)


def distinct_children(child: np.ndarray, codes: np.ndarray, n_levels: int) -> np.ndarray:
    """Distinct children behind each level. Shape (n_levels,); a negative code belongs to no level.

    A table of children x levels is marked once per row: linear in rows, no sort.
    """
    if not len(child):
        return np.zeros(n_levels, dtype=np.int64)
    seen = np.zeros((n_levels, int(child.max()) + 1), dtype=bool)
    inside = codes >= 0
    seen[codes[inside], child[inside]] = True
    return seen.sum(axis=1)
