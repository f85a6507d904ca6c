"""One pass over the child rows to cross-products per cell; everything linear afterwards comes from these alone.

What enters: a completed matched cohort with composite weights. What leaves: per cell the matrix [X y]'W[X y] of what
differs between its rows (scripts.models.design), and what they share: matched group, LA, arm, period, years since
embedding, financial year and the LA's covariates of that year; besides, counts of rows and distinct children. Source:
methods.md section 2: cluster-robust inference needs only X_g'X_g, X_g'y_g and y_g'y_g per LA, and a regressor that is
constant within cells is the constant times a number per cell. Rows are taken in a fixed order, so equal input gives
equal bytes as long as the linear algebra runs on one thread.
"""

import os
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import polars as pl

from scripts.artefacts import atomic
from scripts.integrity.records import verified
from scripts.matching.covariates import children, distinct_children, la_covariates, text_levels
from scripts.models.design import Design, build_design

BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Cells:
    """Cross-products and counts; P design columns plus the outcome last, C cells, G LAs, L LA covariates.

    columns, roles : (P,) names and roles of the design columns. references : levels without a column.
    left_out_terms, left_out_reasons : child covariates without column.
    term_names, term_rows, term_children : rows and distinct children behind terms of the models.
    la_names : (L,). la_values : (C, L), NaN where unknown.
    group, la, treated, post, since, year, rows : (C,) what the rows of a cell share, and their number.
    matrices : (C, P+1, P+1).
    la_codes, la_treated, la_children : (G,), sorted; distinct children are additive over LAs.
    """

    columns: np.ndarray
    roles: np.ndarray
    references: np.ndarray
    left_out_terms: np.ndarray
    left_out_reasons: np.ndarray
    term_names: np.ndarray
    term_rows: np.ndarray
    term_children: np.ndarray
    la_names: np.ndarray
    la_values: np.ndarray
    group: np.ndarray
    la: np.ndarray
    treated: np.ndarray
    post: np.ndarray
    since: np.ndarray
    year: np.ndarray
    rows: np.ndarray
    matrices: np.ndarray
    la_codes: np.ndarray
    la_treated: np.ndarray
    la_children: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """Sum of weights per cell. (C,)"""
        return self.matrices[:, 0, 0]

    @property
    def la_number(self) -> np.ndarray:
        """Position in `la_codes` of each cell's LA. (C,)"""
        return np.searchsorted(self.la_codes, self.la)

    def where(self, kept: np.ndarray) -> "Cells":
        """The cells of a boolean mask; counts of terms stay those of all cells, counts by LA those of the LAs left."""
        of_cell = {"la_values", "group", "la", "treated", "post", "since", "year", "rows", "matrices"}
        left = np.isin(self.la_codes, self.la[kept])
        of_la = {"la_codes", "la_treated", "la_children"}
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        chosen |= {name: chosen[name][kept] for name in of_cell} | {name: chosen[name][left] for name in of_la}
        return Cells(**chosen)


def event_name(time: int) -> str:
    """Name of the term treated x (years since embedding = `time`)."""
    return f"event[{time}]"


@dataclass(frozen=True)
class Rows:
    """A completed matched cohort in the order of its cells, its design, and the first row of each cell (C,)."""

    frame: pl.DataFrame
    design: Design
    starts: np.ndarray

    def integers(self, name: str) -> np.ndarray:
        """A column of whole numbers. (n,)"""
        return self.frame[name].to_numpy().astype(np.int64)

    @property
    def cell(self) -> np.ndarray:
        """The cell of each row. (n,)"""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=self.frame.height))


def rows_by_cell(frame: pl.DataFrame, settings: dict[str, Any]) -> Rows:
    """Order a completed matched cohort (columns of the cohort plus weight) by cell, then by row_id."""
    frame = frame.sort("row_id") if not frame["row_id"].is_sorted() else frame
    codes = [text_levels(frame[name]).codes for name in ("group", "la_code")]
    key = _cell_keys(
        *codes,
        *(frame[name].to_numpy().astype(np.int64) for name in ("treated", "post", "years_since", "financial_year")),
    )
    if (np.diff(key) < 0).any():
        order = np.argsort(key, kind="stable")
        frame, key = frame[order], key[order]
    return Rows(frame, build_design(frame, settings), np.flatnonzero(np.diff(key, prepend=-1)))


def accumulate(frame: pl.DataFrame, settings: dict[str, Any]) -> Cells:
    """Cross-products of a completed matched cohort (columns of the cohort plus weight)."""
    return cells_of(rows_by_cell(frame, settings), la_covariates(settings))


def cells_of(rows: Rows, la_names: tuple[str, ...]) -> Cells:
    """Cross-products and counts of ordered rows; `la_names` are the LA covariates among their columns."""
    frame, design, starts = rows.frame, rows.design, rows.starts
    las, groups = text_levels(frame["la_code"]), text_levels(frame["group"])
    treated, post, since, year = (rows.integers(name) for name in ("treated", "post", "years_since", "financial_year"))
    outcome = frame["outcome"].to_numpy()[:, None]
    child = children(frame)
    counts = _term_counts(design, child, las.codes, treated, post, since, year, las.names)
    return Cells(
        columns=np.array(design.columns, dtype=str),
        roles=np.array(design.roles, dtype=str),
        references=np.array(design.references, dtype=str),
        left_out_terms=np.array([term for term, _ in design.left_out], dtype=str),
        left_out_reasons=np.array([reason for _, reason in design.left_out], dtype=str),
        term_names=np.array([name for name, _, _ in counts], dtype=str),
        term_rows=np.array([rows for _, rows, _ in counts], dtype=np.int64),
        term_children=np.array([number for _, _, number in counts], dtype=np.int64),
        la_names=np.array(la_names, dtype=str),
        la_values=_la_values(frame, la_names, starts),
        group=np.array(groups.names, dtype=str)[groups.codes[starts]],
        la=np.array(las.names, dtype=str)[las.codes[starts]],
        treated=treated[starts],
        post=post[starts],
        since=since[starts],
        year=year[starts],
        rows=np.diff(starts, append=frame.height),
        matrices=cell_products(design, outcome, frame["weight"].to_numpy(), starts),
        la_codes=np.array(las.names, dtype=str),
        la_treated=np.bincount(las.codes[treated == 1], minlength=len(las.names)) > 0,
        la_children=_children_by_la(child, las.codes, len(las.names)),
    )


def _cell_keys(*factors: np.ndarray) -> np.ndarray:
    """One ascending number per combination of integer factors, the first of them leading. (n,)"""
    key = np.zeros(len(factors[0]), dtype=np.int64)
    for factor in factors:
        low = factor.min(initial=0)
        key = key * (int(factor.max(initial=0) - low) + 1) + (factor - low)
    return key


def _la_values(frame: pl.DataFrame, names: tuple[str, ...], starts: np.ndarray) -> np.ndarray:
    """LA covariates of each cell's LA and year, NaN where unknown. (C, L)"""
    first = frame[starts]
    columns = [first[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in names]
    return np.column_stack(columns) if columns else np.zeros((len(starts), 0))


def cell_products(design: Design, outcomes: np.ndarray, weight: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """[X Y]'W[X Y] of each run of rows.

    Parameters
    ----------
    outcomes : (n, Q), as a rule one column. weight : (n,). starts : (C,) first row of each cell.

    Returns
    -------
    Float64 (C, P+Q, P+Q).
    """
    width = len(design.columns) + outcomes.shape[1]
    products = np.zeros((len(starts), width, width))
    root, ends = np.sqrt(weight), np.append(starts[1:], design.n_rows)[: len(starts)]
    for cell, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        for low in range(start, end, BLOCK_ROWS):
            rows = slice(low, min(low + BLOCK_ROWS, end))
            block = np.column_stack([design.block(rows), outcomes[rows]])
            block *= root[rows, None]
            products[cell] += block.T @ block
    return products


def _term_counts(
    design: Design,
    child: np.ndarray,
    la: np.ndarray,
    treated: np.ndarray,
    post: np.ndarray,
    since: np.ndarray,
    year: np.ndarray,
    la_names: tuple[str, ...],
) -> list[tuple[str, int, int]]:
    """(term, rows, distinct children) of the design columns and of all terms that are constant within cells."""
    years, times = (np.unique(values) for values in (year, since[treated == 1]))
    single = {"treated": treated, "post": post, "pre": 1 - post, "post_x_treated": treated * post}
    factors = [(part.names, part.codes) for part in design.parts]
    factors += [(part.names_of_levels, part.codes_of_levels) for part in design.parts if part.names_of_levels]
    factors += [((name,), codes - 1) for name, codes in single.items()]
    factors += [
        (tuple(f"financial_year[{each}]" for each in years), np.searchsorted(years, year)),
        (tuple(event_name(time) for time in times), np.where(treated == 1, np.searchsorted(times, since), -1)),
    ]
    las = zip(np.bincount(la, minlength=len(la_names)), _children_by_la(child, la, len(la_names)), strict=True)
    by_la = [(f"la[{name}]", int(rows), int(number)) for name, (rows, number) in zip(la_names, las, strict=True)]
    return by_la + [
        (name, int(rows), int(number))
        for names, codes in factors
        for name, rows, number in zip(
            names,
            np.bincount(codes[codes >= 0], minlength=len(names)),
            distinct_children(child, codes, len(names)),
            strict=True,
        )
    ]


def _children_by_la(child: np.ndarray, la: np.ndarray, n_las: int) -> np.ndarray:
    """Distinct children of each LA; every child is one LA's, so a table of children x LAs is not needed. (G,)"""
    owner = np.zeros(int(child.max(initial=-1)) + 1, dtype=np.int64)
    owner[child] = la
    return np.bincount(owner, minlength=n_las)


def save(cells: Cells, path: str | os.PathLike[str]) -> None:
    """Write as .npz without pickles; zip members carry a fixed date, so equal content means equal bytes."""
    with atomic(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **{field.name: getattr(cells, field.name) for field in fields(cells)})


def load(path: str | os.PathLike[str]) -> Cells:
    """Read what `save` wrote.

    Raises
    ------
    StudyError : DAMAGED, if the file is not as it was written.
    """
    with np.load(verified(path), allow_pickle=False) as stored:
        return Cells(**{field.name: stored[field.name] for field in fields(Cells)})
