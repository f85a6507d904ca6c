"""Files of the imputation stage: matched rows in, one completed data set out; the cohort in, its gaps counted out."""

from typing import Any

import numpy as np
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
    first = _first_copies(frame)
    is_first = first == np.arange(frame.height)
    record = [name for name in frame.columns if name not in OF_THE_COPY]
    filled = chained.impute(frame.select(record).filter(is_first), covariates, settings, seed)
    of_record = pl.Series((np.cumsum(is_first) - 1)[first])
    return frame.with_columns(filled[covariate.name].gather(of_record) for covariate in covariates)


def _first_copies(frame: pl.DataFrame) -> np.ndarray:
    """The row of the first copy of each row's record, (n,); only LAs that serve several groups have copies."""
    record = [name for name in frame.columns if name not in OF_THE_COPY]
    first = np.arange(frame.height)
    shared = frame.select(pl.col("group").n_unique().over("la_code") > 1).to_series()
    where = shared.to_numpy()
    copies = frame.filter(shared).with_columns(pl.Series("first", first[where]))
    first[where] = copies.select(pl.col("first").min().over(record)).to_series()
    return first


def missingness(cohort: str, output: str, settings: dict[str, Any]) -> None:
    """Write the results table `missingness` of a cohort parquet."""
    names = [*(covariate.name for covariate in child_covariates(settings)), *la_covariates(settings)]
    table = missingness_table(read_parquet(cohort), names)
    write_results(table.with_columns(outcome=pl.lit(settings["outcome"])), "missingness", output)
