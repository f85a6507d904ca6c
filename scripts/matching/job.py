"""Files of the matching stage: a cohort in; its matched rows with weights, and tables of balance and drop-out, out."""

from typing import Any

import numpy as np
import polars as pl

from scripts.artefacts import read_parquet, write_parquet, write_results
from scripts.matching.balance import balance_of, sample
from scripts.matching.covariates import ChildCovariate, child_covariates, encoded
from scripts.matching.dropped import dropped_table
from scripts.matching.methods import STUDY_METHOD, Matched, matched_by
from scripts.matching.overlap import overlap_table
from scripts.matching.weights import individual_weights


def match(cohort: str, matched: str, outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Match the cohort parquet `cohort`; write the parquet `matched` and the results tables `outputs` (name -> CSV).

    Tables: balance, balance_overall, dropped, overlap.
    """
    covariates, method = child_covariates(settings), settings["matching"]["children"]
    frame = read_parquet(cohort).sort("row_id")
    coded = encoded(frame, covariates)
    individual = individual_weights(coded)
    result = matched_by(coded, covariates, individual, method)
    write_parquet(_with_weights(frame, individual, result).filter(pl.col("weight") > 0), matched)
    rows = sample(coded, individual, result.weight)
    levels, overall = balance_of(rows, coded, covariates)
    tables = {
        "balance": levels,
        "balance_overall": overall,
        "dropped": dropped_table(rows, coded, covariates),
        "overlap": overlap_table(rows, coded, covariates, individual, settings["overlap_bins"]),
    }
    for table, path in outputs.items():
        write_results(tables[table].with_columns(outcome=pl.lit(settings["outcome"])), table, path)


def weighted_cohort(
    cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...], method: dict[str, Any] = STUDY_METHOD
) -> pl.DataFrame:
    """The cohort with stratum (UInt32), individual_weight and weight (composite; 0 where a row has no counterpart).

    `method`: the settings `matching.children`.
    """
    individual = individual_weights(cohort)
    return _with_weights(cohort, individual, matched_by(cohort, covariates, individual, method))


def _with_weights(cohort: pl.DataFrame, individual: np.ndarray, result: Matched) -> pl.DataFrame:
    return cohort.with_columns(
        pl.Series("stratum", result.stratum.astype(np.uint32)),
        pl.Series("individual_weight", individual),
        pl.Series("weight", result.weight),
    )
