"""A record that serves several matched groups is imputed once."""

import polars as pl

from scripts.imputation.chained import imputation
from scripts.imputation.job import complete
from scripts.matching.covariates import child_covariates
from tests.matching.cohorts import cohort, settings


def test_copies_of_a_record_get_the_same_values_and_rows_keep_their_order() -> None:
    chosen = settings()
    chosen = chosen | {"imputation": chosen["imputation"] | {"number": 1}}
    frame = cohort(n_groups=6, rows=60, gaps=0.2, seed=5)
    copy = frame.with_columns(pl.lit("other").alias("group"), pl.col("row_id") + frame.height)
    both = pl.concat([frame, copy])
    made = complete(both, child_covariates(chosen), imputation(chosen), 7)
    names = [covariate.name for covariate in child_covariates(chosen)]
    assert both.select(names).null_count().sum_horizontal().item() > 10
    assert made.select(names).null_count().sum_horizontal().item() == 0
    assert made["row_id"].equals(both["row_id"])
    first, second = made.head(frame.height).select(names), made.tail(frame.height).select(names)
    assert first.equals(second)
    # Copies add nothing: the values are those the records alone would get.
    assert first.equals(complete(frame, child_covariates(chosen), imputation(chosen), 7).select(names))
