"""One pass over the child rows to cross-products per cell; everything linear afterwards comes from these alone.

What enters: a completed matched cohort with composite weights. What leaves: per cell (matched group, LA, pre/post) the
matrix [X y]'W[X y], its number of rows and sum of weights, and counts of rows and distinct children. Source: methods.md
section 2; cluster-robust inference needs only X_g'X_g, X_g'y_g and y_g'y_g per LA. Rows are taken in a fixed order, so
equal input gives equal bytes as long as the linear algebra runs on one thread.
"""

import os
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import polars as pl

from scripts.artefacts import atomic
from scripts.matching.covariates import children, distinct_children, text_levels
from scripts.models.design import Design, build_design

BLOCK_ROWS = 4096


@dataclass(frozen=True)
class CrossProducts:
    """Cross-products and counts; K design columns plus the outcome last, C cells, G LAs.

    columns, roles, column_rows, column_children : (K,) names, roles, rows and distinct children where not zero.
    event_times : years since embedding of treated rows. left_out_terms, _roles, _reasons : covariates without column.
    cell_group, cell_la, cell_post, cell_rows, cell_weight : (C,). matrices : (C, K+1, K+1).
    la_codes, la_treated, la_children : (G,), sorted; distinct children are additive over LAs.
    """

    columns: np.ndarray
    roles: np.ndarray
    column_rows: np.ndarray
    column_children: np.ndarray
    event_times: np.ndarray
    left_out_terms: np.ndarray
    left_out_roles: np.ndarray
    left_out_reasons: np.ndarray
    cell_group: np.ndarray
    cell_la: np.ndarray
    cell_post: np.ndarray
    cell_rows: np.ndarray
    cell_weight: np.ndarray
    matrices: np.ndarray
    la_codes: np.ndarray
    la_treated: np.ndarray
    la_children: np.ndarray


def accumulate(frame: pl.DataFrame, settings: dict[str, Any]) -> CrossProducts:
    """Cross-products of a completed matched cohort (columns of the cohort plus weight)."""
    frame = frame.sort("group", "la_code", "post", "row_id")
    design = build_design(frame, settings)
    las, groups = text_levels(frame["la_code"]), text_levels(frame["group"])
    post = frame["post"].to_numpy().astype(np.int64)
    cell_key = (groups.codes * len(las.names) + las.codes) * 2 + post
    starts = np.flatnonzero(np.diff(cell_key, prepend=-1))
    ends = np.append(starts[1:], frame.height)[: len(starts)]
    weight, outcome = frame["weight"].to_numpy(), frame["outcome"].to_numpy()
    cells = [_cell_products(design, weight, outcome, a, b) for a, b in zip(starts, ends, strict=True)]
    child, width = children(frame), len(design.columns) + 1
    treated_rows = frame["treated"].to_numpy() == 1
    return CrossProducts(
        columns=np.array(design.columns, dtype=str),
        roles=np.array(design.roles, dtype=str),
        column_rows=_column_rows(design),
        column_children=_column_children(design, child),
        event_times=np.array(design.event_times, dtype=np.int64),
        left_out_terms=np.array([term for term, _, _ in design.left_out], dtype=str),
        left_out_roles=np.array([role for _, role, _ in design.left_out], dtype=str),
        left_out_reasons=np.array([reason for _, _, reason in design.left_out], dtype=str),
        cell_group=np.array(groups.names, dtype=str)[groups.codes[starts]],
        cell_la=np.array(las.names, dtype=str)[las.codes[starts]],
        cell_post=post[starts],
        cell_rows=(ends - starts).astype(np.int64),
        cell_weight=np.array([weight[a:b].sum() for a, b in zip(starts, ends, strict=True)], dtype=float),
        matrices=np.array(cells, dtype=float).reshape(len(cells), width, width),
        la_codes=np.array(las.names, dtype=str),
        la_treated=np.bincount(las.codes[treated_rows], minlength=len(las.names)) > 0,
        la_children=distinct_children(child, las.codes, len(las.names)),
    )


def _cell_products(design: Design, weight: np.ndarray, outcome: np.ndarray, start: int, end: int) -> np.ndarray:
    """[X y]'W[X y] of the rows start..end-1. Shape (K+1, K+1)."""
    total = np.zeros((len(design.columns) + 1, len(design.columns) + 1))
    for low in range(start, end, BLOCK_ROWS):
        rows = np.arange(low, min(low + BLOCK_ROWS, end))
        block = np.column_stack([design.block(rows), outcome[rows]])
        block *= np.sqrt(weight[rows])[:, None]
        total += block.T @ block
    return total


def _column_rows(design: Design) -> np.ndarray:
    """Rows where each column is not zero. Shape (K,)."""
    counts = [np.bincount(p.codes[p.codes >= 0], minlength=len(p.names)) for p in design.parts]
    return np.concatenate(counts).astype(np.int64)


def _column_children(design: Design, child: np.ndarray) -> np.ndarray:
    """Distinct children with a row where each column is not zero. Shape (K,)."""
    return np.concatenate([distinct_children(child, part.codes, len(part.names)) for part in design.parts])


def save(products: CrossProducts, path: str | os.PathLike[str]) -> None:
    """Write as .npz without pickles; zip members carry a fixed date, so equal content means equal bytes."""
    with atomic(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream, allow_pickle=False, **{field.name: getattr(products, field.name) for field in fields(products)}
        )


def load(path: str | os.PathLike[str]) -> CrossProducts:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return CrossProducts(**{field.name: stored[field.name] for field in fields(CrossProducts)})
