"""Results tables of one outcome, made by the project's own stages from a synthetic cohort, for tests of the gate."""

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import contract_schema
from scripts.cohort.trends import trends
from scripts.imputation.missingness import missingness_table
from scripts.matching.balance import balance_of, sample
from scripts.matching.covariates import child_covariates
from scripts.matching.dropped import dropped_table
from scripts.matching.job import weighted_cohort
from scripts.models.analysis import analyse
from scripts.models.cells import accumulate
from scripts.release.gate import Gate
from scripts.release.primary import Judge
from scripts.release.rules import Rules, read_rules
from tests.matching.cohorts import cohort, settings

ROOT = Path(__file__).parents[2]
RULES = ROOT / "schemas" / "disclosure" / "rules.yaml"
OUTCOME = "duration"
RELEASED = ("flow", "balance_overall", "balance", "dropped", "missingness", "trends", "estimates", "leave_one_out")
# A gap or a counterpart says nothing about a child, as in the default configuration.
STRUCTURAL = (
    {"table": "missingness", "where": {}, "reason": "no gaps"},
    {"table": "dropped", "where": {}, "reason": "a property of the matching"},
    {"table": "balance", "where": {"level": ["Missing"]}, "reason": "no gaps"},
)


def rules() -> Rules:
    """The rules as they ship."""
    return read_rules(str(RULES))


def documented(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with the columns of its results table, absent ones null."""
    schema = contract_schema(table)
    have = frame.with_columns(pl.lit(None, t).alias(n) for n, t in schema.items() if n not in frame.columns)
    return have.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


@cache
def tables(rows: int = 120, gaps: float = 0.05, without: int = 0) -> dict[str, pl.DataFrame]:
    """All tables the gate reads. `without`: so many children of the first pilot are erased."""
    chosen = settings()
    chosen["models"] |= {"subgroups": [], "min_level_children": 10}
    chosen["models"]["specifications"] = {
        "main": {"estimator": "did", "child_covariates": True, "la_covariates": False},
        "unadjusted": {"estimator": "did", "child_covariates": False, "la_covariates": False},
    }
    events = cohort(n_groups=3, rows=rows, gaps=gaps)
    gone = events.filter(pl.col("la_code") == "100")["child_id"].unique().sort().head(without)
    events = events.filter((pl.col("la_code") != "100") | ~pl.col("child_id").is_in(gone.to_list()))
    covariates = child_covariates(chosen)
    everyone = weighted_cohort(events, covariates)
    drawn = sample(everyone, everyone["individual_weight"].to_numpy(), everyone["weight"].to_numpy())
    levels, overall = balance_of(drawn, everyone, covariates)
    complete = everyone.filter(pl.col("weight") > 0).with_columns(
        pl.col("age").fill_null(5.0), pl.col("disability").fill_null(0)
    )
    estimated = analyse([accumulate(complete, chosen)], [], chosen)
    groups = events.select("group", "la_code", "treated").unique().sort("group", "la_code")
    role = pl.when(pl.col("treated") == 1).then(pl.lit("pilot")).otherwise(pl.lit("comparator"))
    made = {
        "flow": _flow(events),
        "balance": levels,
        "balance_overall": overall,
        "dropped": dropped_table(drawn, everyone, covariates),
        "missingness": missingness_table(everyone, [covariate.name for covariate in covariates]),
        "trends": trends(events.unique(["la_code", "child_id", "index_date"], maintain_order=True), groups),
        "la_matches": groups.with_columns(role.alias("role")),
        "conclusions": pl.DataFrame([{"primary": 1, "finding": "unclear", "rating": "none"}]),
    } | {
        name: pl.DataFrame(estimated[name], schema=contract_schema(name))
        for name in ("estimates", "model_terms", "estimation_status", "leave_one_out")
    }
    return {name: documented(name, frame.with_columns(outcome=pl.lit(OUTCOME))) for name, frame in made.items()}


def _flow(events: pl.DataFrame) -> pl.DataFrame:
    """The last step by arm and period, and one before it that had twelve children and rows more."""
    child = pl.struct("la_code", "child_id")
    counts = events.group_by("treated", "post").agg(
        n_rows=pl.len(), n_children=child.n_unique(), n_las=pl.col("la_code").n_unique()
    )
    named = counts.select(
        pl.when(pl.col("treated") == 1).then(pl.lit("pilot")).otherwise(pl.lit("comparator")).alias("arm"),
        pl.when(pl.col("post") == 1).then(pl.lit("post")).otherwise(pl.lit("pre")).alias("period"),
        "n_rows",
        "n_children",
        "n_las",
    ).sort("arm", "period")
    before = named.with_columns(pl.col("n_rows", "n_children") + 12, position=0, step=pl.lit("in a period"))
    return pl.concat([before, named.with_columns(position=1, step=pl.lit("usual outcome")).select(before.columns)])


def judge(read: dict[str, pl.DataFrame] | None = None, **changes: Any) -> Judge:
    """The judge of the study's tables; `changes`: of its fields."""
    usual = {"rules": rules(), "headline": "main", "numeric": frozenset({"age"}), "structural": STRUCTURAL}
    return Judge(tables() if read is None else read, **usual | changes)


def gate(read: dict[str, pl.DataFrame] | None = None, method: str = "round", **changes: Any) -> Gate:
    """The gate after primary suppression."""
    return Gate.of(judge(read, **changes), dict.fromkeys(RELEASED, method))
