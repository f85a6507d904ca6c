"""Files of the imputation stage: matched rows in, one completed data set out; the cohort in, its gaps counted out."""

from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, write_parquet, write_results
from scripts.imputation import chained
from scripts.imputation.missingness import missingness_table
from scripts.matching.covariates import ChildCovariate, child_covariates, la_covariates

# What differs between the copies of a record that several matched groups share.
OF_THE_COPY = ("row_id", "group", "years_since", "stratum", "individual_weight", "weight")


def impute(matched: str, output: str, settings: dict[str, Any]) -> None:
    """Complete the matched rows for imputation `settings["imputation"]["number"]`; covariates that leave are absent."""
    write_parquet(completed(read_parquet(matched), settings), output)


def completed(matched: pl.DataFrame, settings: dict[str, Any]) -> pl.DataFrame:
    """One imputation of matched rows; covariates that leave are absent. Settings as for `impute`."""
    parameters = chained.imputation(settings)
    kept, dropped = chained.modelled_covariates(matched, child_covariates(settings), parameters.max_missing_share)
    return complete(matched.drop(dropped), kept, parameters, settings["seed"])


def complete(
    frame: pl.DataFrame, covariates: tuple[ChildCovariate, ...], settings: chained.Imputation, seed: int
) -> pl.DataFrame:
    """Impute each record once, however many matched groups it serves: its copies get the same values and count once."""
    record = [name for name in frame.columns if name not in OF_THE_COPY]
    records = frame.select(record).unique(maintain_order=True).with_row_index("record")
    filled = chained.impute(records, covariates, settings, seed)
    numbered = frame.join(records, on=record, how="left", nulls_equal=True, maintain_order="left")
    names = [covariate.name for covariate in covariates]
    values = numbered.select("record").join(filled.select("record", *names), on="record", maintain_order="left")
    return frame.with_columns(values[name] for name in names)


def missingness(cohort: str, output: str, settings: dict[str, Any]) -> None:
    """Write the results table `missingness` of a cohort parquet."""
    names = [*(covariate.name for covariate in child_covariates(settings)), *la_covariates(settings)]
    table = missingness_table(read_parquet(cohort), names)
    write_results(table.with_columns(outcome=pl.lit(settings["outcome"])), "missingness", output)
