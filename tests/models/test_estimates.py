"""From completed cohorts to the table of estimates: recovery of the planted effect, and samples that allow less."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.artefacts import read_results
from scripts.errors import StudyError
from scripts.imputation.job import impute
from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.models.job import cross_products, estimate, logit
from scripts.workflow.stages import ESTIMATE_TABLES
from tests.matching.cohorts import EFFECT, cohort, settings

LOGIT = {"logit": {"estimator": "logit_ame", "child_covariates": True, "la_covariates": True}}


def with_logit() -> dict[str, Any]:
    """Settings with a logit beside the linear specifications."""
    models = settings()["models"]
    return settings(models=models | {"specifications": models["specifications"] | LOGIT})


def run(folder: Path, frame: pl.DataFrame, chosen: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Match, impute twice, and estimate; the results tables by name of the job's argument."""
    matched = weighted_cohort(frame, child_covariates(chosen)).filter(pl.col("weight") > 0)
    matched.write_parquet(folder / "matched.parquet")
    for number in (1, 2):
        numbered = chosen | {"imputation": chosen["imputation"] | {"number": number}}
        impute(str(folder / "matched.parquet"), str(folder / f"{number}.parquet"), numbered)
        cross_products(str(folder / f"{number}.parquet"), str(folder / f"{number}.npz"), numbered)
    logit([str(folder / f"{number}.parquet") for number in (1, 2)], str(folder / "logit.json"), chosen)
    files = [str(folder / f"{number}.npz") for number in (1, 2)]
    paths = {table: str(folder / f"{table}.csv") for table in ESTIMATE_TABLES}
    estimate(files, str(folder / "logit.json"), paths, chosen)
    return {table: read_results(table, path) for table, path in paths.items()}


def test_intervals_cover_the_planted_effect(tmp_path: Path) -> None:
    """60 LAs, 20 of them treated, with LA effects and LA x year shocks; the interval is far from zero."""
    tables = run(tmp_path, cohort(n_groups=20, rows=150, gaps=0.1, seed=3), settings())
    did = tables["estimates"].filter(pl.col("estimator") == "did")
    assert (did["n_las"].to_list(), did["n_treated_las"].to_list()) == ([60] * 10, [20] * 10)
    for row in did.rows(named=True):
        assert row["ci_low"] < EFFECT < row["ci_high"] < -1.5
    after = tables["estimates"].filter(pl.col("estimator").str.contains(r"\[[01]\]"))
    # Two lags of two specifications by every method but randomisation, which has one effect to permute.
    assert after.height == 4 * 4
    assert after.select(((pl.col("ci_low") < EFFECT) & (pl.col("ci_high") > EFFECT)).all()).item()
    pretrend = tables["model_tests"].filter(pl.col("test").is_in(["pretrend_F", "pretrend_WCR"]))
    assert pretrend["p_value"].min() > 0.01
    assert set(tables["estimation_status"]["status"]) == {"estimated"}


def test_a_logit_and_the_linear_model_agree_on_a_frequent_outcome(tmp_path: Path) -> None:
    tables = run(tmp_path, cohort(n_groups=20, rows=150, binary=True, gaps=0.1, seed=4), with_logit())
    numbers = {row["specification"]: row for row in tables["estimates"].rows(named=True)}
    assert numbers["logit"]["ci_low"] < 0.15 < numbers["logit"]["ci_high"]
    assert numbers["logit"]["estimate"] == pytest.approx(numbers["main"]["estimate"], abs=0.02)
    assert numbers["logit"]["std_error"] == pytest.approx(numbers["main"]["std_error"], rel=0.2)
    assert "post_x_treated" in tables["model_terms"].filter(pl.col("specification") == "logit")["term"].to_list()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (pl.lit(False), "no matched rows"),
        (pl.col("post") == 0, "no treated rows after embedding"),
        (pl.col("post") == 1, "no treated rows in the reference period"),
    ],
)
def test_samples_without_an_estimate_keep_their_rows_and_say_why(tmp_path: Path, change: pl.Expr, reason: str) -> None:
    tables = run(tmp_path, cohort().filter(change), with_logit())
    linear = tables["estimation_status"].filter(pl.col("specification") != "logit")
    assert set(linear["reason"]) == {reason}
    assert set(tables["estimation_status"]["status"]) == {"not_estimable"}
    # Every linear specification by every method, and the logit.
    assert tables["estimates"].height == 4 * len(settings()["inference"]["methods"]) + 1
    assert tables["estimates"]["estimate"].null_count() == tables["estimates"].height


def test_one_treated_la_has_an_estimate_and_no_error(tmp_path: Path) -> None:
    tables = run(tmp_path, cohort(n_groups=1), settings())
    row = tables["estimates"].row(0, named=True)
    assert row["estimate"] is not None
    assert (row["std_error"], row["p_value"], row["n_treated_las"]) == (None, None, 1)
    assert set(tables["estimation_status"]["status"]) == {"point_estimate_only"}


def test_two_treated_las_of_which_one_has_no_rows_after_embedding_give_no_interval(tmp_path: Path) -> None:
    frame = cohort(n_groups=2)
    pilots = sorted(set(frame.filter(pl.col("treated") == 1)["la_code"]))
    tables = run(tmp_path, frame.filter(~((pl.col("la_code") == pilots[0]) & (pl.col("post") == 1))), settings())
    assert tables["estimates"]["n_treated_las"][0] == 2
    assert tables["estimates"]["std_error"].drop_nulls().is_empty()
    assert "point_estimate_only" in set(tables["estimation_status"]["status"])


def test_an_effect_that_a_covariate_spans_is_not_identified(tmp_path: Path) -> None:
    frame = cohort().with_columns(disability=pl.col("treated") * pl.col("post"))
    tables = run(tmp_path, frame, settings())
    status = {row["specification"]: row["status"] for row in tables["estimation_status"].rows(named=True)}
    assert (status["main"], status["unadjusted"]) == ("not_estimable", "estimated")
    omitted = tables["model_terms"].filter((pl.col("specification") == "main") & (pl.col("status") == "omitted"))
    assert omitted["term"].to_list() == ["post_x_treated"]


def test_imputations_of_different_rows_are_not_pooled(tmp_path: Path) -> None:
    run(tmp_path, cohort(), settings())
    frame = pl.read_parquet(tmp_path / "2.parquet")
    frame.head(frame.height - 1).write_parquet(tmp_path / "2.parquet")
    cross_products(str(tmp_path / "2.parquet"), str(tmp_path / "2.npz"), settings())
    files = [str(tmp_path / f"{number}.npz") for number in (1, 2)]
    with pytest.raises(StudyError, match="INTERNAL"):
        estimate(files, None, {table: str(tmp_path / table) for table in ESTIMATE_TABLES}, settings())
