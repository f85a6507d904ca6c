"""Files of the models stage: completed cohorts to cross-products and logit fits, these to the tables of estimates."""

from dataclasses import asdict
from typing import Any

import polars as pl

from scripts.artefacts import contract_schema, read_json, read_parquet, write_json, write_results
from scripts.errors import StudyError
from scripts.models.cells import Cells, accumulate, load, save
from scripts.models.specification import LOGIT, specifications


def cross_products(imputed: str, output: str, settings: dict[str, Any]) -> None:
    """One completed matched cohort (parquet) to its cross-products (.npz)."""
    save(accumulate(read_parquet(imputed), settings), output)


def logit(imputed: list[str], output: str, settings: dict[str, Any]) -> None:
    """Fit every logit specification of the outcome on each completed cohort: [specification -> fit], as JSON."""
    from scripts.models.logit import fit_logit

    wanted = [specification for specification in specifications(settings) if specification.estimator == LOGIT]
    frames = (read_parquet(path) for path in imputed)
    write_json([{each.name: asdict(fit_logit(frame, each, settings)) for each in wanted} for frame in frames], output)


def estimate(
    cross_product_files: list[str],
    logit_file: str | None,
    tables: dict[str, str],
    settings: dict[str, Any],
) -> None:
    """Fit, pool and write the results tables of an outcome; `tables`: path by name.

    `cross_product_files`: one per imputation; `logit_file`: what `logit` wrote, None without logit specifications.
    """
    from scripts.models.analysis import analyse

    cells = _same_design([load(path) for path in cross_product_files])
    rows = analyse(cells, [] if logit_file is None else read_json(logit_file), settings)
    for table, path in tables.items():
        write_results(pl.DataFrame(rows[table], schema=contract_schema(table)), table, path)


def _same_design(cells: list[Cells]) -> list[Cells]:
    """Check that the imputations of an outcome share their columns and rows, without which they cannot be pooled."""
    first = cells[0]
    if any(c.columns.tolist() != first.columns.tolist() or c.rows.sum() != first.rows.sum() for c in cells):
        raise StudyError("INTERNAL", "cross-products", "imputations differ in columns or rows", "Recompute all of them")
    return cells
