"""Files of the matching stage: a cohort in; its matched rows with weights and the two balance tables out."""

from typing import Any

import numpy as np
import polars as pl

from scripts.artefacts import read_parquet, write_parquet, write_results
from scripts.matching.balance import balance_tables
from scripts.matching.cem import has_counterpart, stratum_numbers
from scripts.matching.covariates import ChildCovariate, child_covariates, text_levels
from scripts.matching.weights import composite_weights, individual_weights


def match(cohort: str, matched: str, balance: str, balance_overall: str, settings: dict[str, Any]) -> None:
    """Match the cohort parquet `cohort`; write the parquet `matched` and the results CSVs of balance."""
    everyone = weighted_cohort(read_parquet(cohort).sort("row_id"), child_covariates(settings))
    write_parquet(everyone.filter(pl.col("weight") > 0), matched)
    levels, overall = balance_tables(
        everyone, child_covariates(settings), everyone["individual_weight"].to_numpy(), everyone["weight"].to_numpy()
    )
    for frame, table, path in ((levels, "balance", balance), (overall, "balance_overall", balance_overall)):
        write_results(frame.with_columns(outcome=pl.lit(settings["outcome"])), table, path)


def weighted_cohort(cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> pl.DataFrame:
    """The cohort with stratum (UInt32), individual_weight and weight (composite; 0 where a row has no counterpart)."""
    treated, individual = cohort["treated"].to_numpy(), individual_weights(cohort)
    stratum = stratum_numbers(cohort, covariates)
    kept = has_counterpart(stratum, treated)
    period = text_levels(cohort["group"]).codes * 2 + cohort["post"].to_numpy()
    weight = np.zeros(cohort.height)
    weight[kept] = composite_weights(stratum[kept], period[kept], treated[kept], individual[kept])
    return cohort.with_columns(
        pl.Series("stratum", stratum.astype(np.uint32)),
        pl.Series("individual_weight", individual),
        pl.Series("weight", weight),
    )
