"""Files of the models stage: completed cohorts to cross-products and logit fits, these to the tables of estimates."""

from dataclasses import asdict
from typing import Any

import polars as pl

from scripts.artefacts import contract_schema, read_json, read_parquet, write_json, write_results
from scripts.errors import StudyError
from scripts.models.cross_products import CrossProducts, accumulate, load, save
from scripts.models.specification import LINEAR, LOGIT, specifications


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
    estimates: str,
    status: str,
    terms: str,
    settings: dict[str, Any],
) -> None:
    """Fit, pool and write the results tables `estimates`, `estimation_status` and `model_terms`.

    `cross_product_files`: one per imputation; `logit_file`: what `logit` wrote, None without logit specifications.
    """
    from scripts.models.estimates import Counts, Tables, add_linear, add_logit
    from scripts.models.linear import pseudo_rows
    from scripts.models.logit import LogitFit

    products = _same_design([load(path) for path in cross_product_files])
    pseudo = [pseudo_rows(each) for each in products]
    logits = [] if logit_file is None else read_json(logit_file)
    tables = Tables(settings["outcome"], settings["models"]["confidence"], Counts.of(products[0]))
    for specification in specifications(settings):
        if specification.estimator in LINEAR:
            add_linear(tables, specification, products[0], pseudo)
        else:
            fits = [LogitFit(**stored[specification.name]) for stored in logits]
            add_logit(tables, specification, products[0], fits)
    for table, path in (("estimates", estimates), ("estimation_status", status), ("model_terms", terms)):
        write_results(pl.DataFrame(getattr(tables, table), schema=contract_schema(table)), table, path)


def _same_design(products: list[CrossProducts]) -> list[CrossProducts]:
    """Check that the imputations of an outcome share their columns and rows, without which they cannot be pooled."""
    first = products[0]
    if any(
        p.columns.tolist() != first.columns.tolist() or p.cell_rows.tolist() != first.cell_rows.tolist()
        for p in products
    ):
        raise StudyError("INTERNAL", "cross-products", "imputations differ in columns or rows", "Recompute all of them")
    return products
