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

# Whole numbers within a range up to this size are numbered by marking instead of sorting.
WHOLE_RANGE = 1 << 16
# A key range up to this size is renumbered by marking instead of sorting.
MARKABLE = 1 << 26
STUDY_CUTS = "study"


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
    """Levels of any column by its text, in text order; null is "Missing".

    Whole numbers and the types Enum and Categorical keep their integers: only the distinct values become text.
    """
    if column.dtype == pl.Boolean:
        column = column.cast(pl.Int8)
    if column.dtype.is_integer():
        return _integer_levels(column, None)
    if column.dtype in (pl.Enum, pl.Categorical):
        known = column.dtype.categories if column.dtype == pl.Enum else column.unique().drop_nulls().cast(pl.String)
        places = known.cast(column.dtype).to_physical()
        names = dict(zip(places.to_list(), known.to_list(), strict=True))
        return _integer_levels(column.to_physical(), names)
    text = column.cast(pl.String)
    texts = text.unique().drop_nulls().sort().to_list()
    codes = text.cast(pl.Enum(texts)).to_physical().fill_null(len(texts)).to_numpy().astype(np.int64)
    return _in_text_order(texts + [MISSING] * bool(column.null_count()), codes)


def _integer_levels(column: pl.Series, names: dict[int, str] | None) -> Levels:
    """Levels of whole numbers, or of what they stand for."""
    low, high = column.min(), column.max()
    if low is None:
        return Levels((MISSING,) * bool(len(column)), np.zeros(len(column), dtype=np.int64))
    gap = high - low + 1
    numbers = column.cast(pl.Int64).fill_null(low + gap).to_numpy() - low
    if gap > WHOLE_RANGE:
        distinct, codes = np.unique(numbers, return_inverse=True)
    else:
        counts = np.bincount(numbers, minlength=gap + 1)
        distinct = np.flatnonzero(counts)
        codes = numbers if len(distinct) == distinct[-1] + 1 else (np.cumsum(counts > 0) - 1)[numbers]
    known = [int(number) + low for number in distinct if number != gap]
    texts = [str(number) if names is None else names[number] for number in known]
    return _in_text_order(texts + [MISSING] * (len(known) < len(distinct)), codes)


def _in_text_order(texts: list[str], codes: np.ndarray) -> Levels:
    """Levels whose names are the sorted distinct `texts`; two of them may be the same ("Missing" and a gap)."""
    names = sorted(set(texts))
    if texts == names:
        return Levels(tuple(names), codes)
    place = {name: number for number, name in enumerate(names)}
    return Levels(tuple(names), np.array([place[text] for text in texts], dtype=np.int64)[codes])


def value_levels(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values in ascending order, NaN last, and the number of each row's value. Shapes (d,), (n,).

    Whole numbers of a small range (ages, counts) are numbered by marking; only others are sorted.
    """
    gap = np.isnan(values)
    has_gap = bool(gap.any())
    known = values[~gap] if has_gap else values
    if not len(known) or known.max() - known.min() >= WHOLE_RANGE:
        return np.unique(values, return_inverse=True)
    lowest = int(np.floor(known.min()))
    offset = (np.where(gap, WHOLE_RANGE + lowest, values) if has_gap else values) - lowest
    whole = offset.astype(np.int64)
    if (whole != offset).any():
        return np.unique(values, return_inverse=True)
    counts = np.bincount(whole, minlength=WHOLE_RANGE + 1)
    present = np.flatnonzero(counts)
    distinct = (present + lowest).astype(float)
    if has_gap:
        distinct[-1] = np.nan
    return distinct, (np.cumsum(counts > 0) - 1)[whole]


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


def coarsened(cohort: pl.DataFrame, covariate: ChildCovariate, cuts: str = STUDY_CUTS) -> Levels:
    """A covariate as the matching sees it: numeric in bands, categorical and binary as they are.

    Parameters
    ----------
    cuts : "study" for the covariate's own cuts; "sturges", "scott" or "fd" for as many bins of equal width over the
        known values as that rule says.

    Raises
    ------
    StudyError : CONFIG, if a numeric matching covariate has no cuts.
    """
    if covariate.kind != "numeric":
        return text_levels(cohort[covariate.name])
    if cuts != STUDY_CUTS:
        return banded_levels(cohort[covariate.name], automatic_cuts(cohort[covariate.name], cuts))
    if not covariate.cuts:
        raise StudyError(
            "CONFIG", f"covariates.child.{covariate.name}", "a numeric matching covariate has no cuts", "Add `cuts`"
        )
    return banded_levels(cohort[covariate.name], covariate.cuts)


def automatic_cuts(column: pl.Series, rule: str) -> tuple[float, ...]:
    """Inner edges of the bins of equal width that a rule ("sturges", "scott", "fd") makes of the known values."""
    known = column.drop_nulls().cast(pl.Float64).to_numpy()
    edges = np.histogram_bin_edges(known, bins=rule)[1:-1] if len(known) else ()
    # One value, or one bin, has no inner edge; a cut at the value puts every row into one band.
    return tuple(map(float, edges)) or (float(known.min(initial=0.0)),)


def exact_levels(cohort: pl.DataFrame, covariate: ChildCovariate) -> Levels:
    """A covariate without coarsening: each distinct value is a level, a gap is "Missing"."""
    if covariate.kind != "numeric":
        return text_levels(cohort[covariate.name])
    distinct, codes = value_levels(cohort[covariate.name].cast(pl.Float64).fill_null(np.nan).to_numpy())
    return Levels(tuple(MISSING if np.isnan(value) else f"{value:g}" for value in distinct), codes)


def children(frame: pl.DataFrame) -> np.ndarray:
    """Number 0..c-1 of each row's child, the unit (la_code, child_id). Shape (n,).

    The numbers say which rows are of one child and nothing else; no result may depend on their order.
    """
    if not frame.height:
        return np.zeros(0, dtype=np.int64)
    las, ids = text_levels(frame["la_code"]), frame["child_id"]
    if not ids.dtype.is_integer():
        # A dictionary of its own numbers the ids in the order in which they are met.
        ids = ids.cast(pl.String).cast(pl.Categorical(pl.Categories.random())).to_physical()
    numbers = ids.cast(pl.Int64).to_numpy()
    numbers = numbers - numbers.min()
    size = int(numbers.max()) + 1
    if size > MARKABLE:
        numbers, size = dense(numbers)
    la_of = np.zeros(size, dtype=np.int64)
    la_of[numbers] = las.codes
    if (la_of[numbers] == las.codes).all():
        # No id is met in two LAs: the id is the child.
        return renumber(numbers, size)[0]
    return renumber(numbers * len(las.names) + las.codes, size * len(las.names))[0]


def encoded(cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> pl.DataFrame:
    """The cohort with text as Enum and children as numbers, so that no later step reads text again.

    Every result is the same as from the cohort itself.
    """
    names = ["group", "la_code", *(covariate.name for covariate in covariates)]
    texts = [cohort[name] for name in names if cohort[name].dtype == pl.String]
    return cohort.with_columns(
        *(text.cast(pl.Enum(text.unique().drop_nulls().sort())) for text in texts),
        pl.Series("child_id", children(cohort)),
    )


def renumber(key: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Renumber keys below `size` 0..d-1 in their order: by marking where memory allows it, else by sorting."""
    if size > MARKABLE:
        return dense(key)
    seen = np.zeros(size, dtype=bool)
    seen[key] = True
    return (np.cumsum(seen, dtype=np.int32) - 1)[key].astype(np.int64), int(seen.sum())


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
