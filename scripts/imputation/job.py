"""Files of the imputation stage: matched rows in, one completed data set out; the cohort in, its gaps counted out."""

from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, write_parquet, write_results
from scripts.imputation import chained
from scripts.imputation.missingness import missingness_table
from scripts.matching.covariates import child_covariates, la_covariates


def impute(matched: str, output: str, settings: dict[str, Any]) -> None:
    """Complete the matched rows for imputation `settings["imputation"]["number"]`; covariates that leave are absent."""
    frame, parameters = read_parquet(matched), chained.imputation(settings)
    kept, dropped = chained.modelled_covariates(frame, child_covariates(settings), parameters.max_missing_share)
    write_parquet(chained.impute(frame.drop(dropped), kept, parameters, settings["seed"]), output)


def missingness(cohort: str, output: str, settings: dict[str, Any]) -> None:
    """Write the results table `missingness` of a cohort parquet."""
    names = [covariate.name for covariate in (*child_covariates(settings), *la_covariates(settings))]
    table = missingness_table(read_parquet(cohort), names)
    write_results(table.with_columns(outcome=pl.lit(settings["outcome"])), "missingness", output)
