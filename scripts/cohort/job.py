"""Entry points of rules `match_las` and `cohort`."""

from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, read_results, write_parquet, write_results
from scripts.cohort.assemble import CohortFlow, assemble_cohort
from scripts.cohort.groups import Pilot, matched_groups
from scripts.cohort.la_covariates import join_la_covariates, read_la_covariates
from scripts.matching.las import la_matching

ARMS = {1: "pilot", 0: "comparator"}
PERIODS = {1: "post", 0: "pre"}


def match_las(events_files: list[str], covariates_file: str | None, output: str, settings: dict[str, Any]) -> None:
    """Write results table `la_matches` of one outcome.

    `events_files` are empty when every group has an explicit list. Settings: outcome (key), groups (Pilot.as_settings),
    all_pilots (LA codes), matching (config block), la_covariates (names).
    """
    pilots = [Pilot.from_settings(told) for told in settings["groups"]]
    events = [read_parquet(path, ["la_code", "financial_year", "event_end", "outcome"]) for path in events_files]
    covariates = read_la_covariates(covariates_file, settings["la_covariates"])
    groups = matched_groups(pilots, settings["all_pilots"], events, covariates, la_matching(settings))
    write_results(groups.with_columns(pl.lit(settings["outcome"]).alias("outcome")), "la_matches", output)


def cohort(
    events_files: list[str],
    flow_files: list[str],
    matches_file: str,
    covariates_file: str | None,
    cohort_file: str,
    flow_file: str,
    settings: dict[str, Any],
) -> None:
    """Write the cohort of one outcome and its flow. `events_files`: index events per LA.

    Settings: outcome (key), outlier_iqr_multiple, event_time, la_covariates (config covariates.la), max_missing_share.
    """
    groups = groups_of(read_results("la_matches", matches_file))
    members = set(groups["la_code"])
    events = pl.concat([read_parquet(path) for path in events_files])
    flow = CohortFlow()
    covariates = read_la_covariates(covariates_file, [entry["name"] for entry in settings["la_covariates"]])
    write_parquet(cohort_frame(events, groups, covariates, settings, flow), cohort_file)
    by_la = pl.concat([read_results("flow_by_la", path) for path in flow_files]).filter(
        pl.col("la_code").is_in(members)
    )
    write_results(flow_table(by_la, groups, flow, settings["outcome"]), "flow", flow_file)


def groups_of(matches: pl.DataFrame) -> pl.DataFrame:
    """Groups, arms and dates out of the results table `la_matches`."""
    return matches.select(
        "group",
        "la_code",
        (pl.col("role") == "pilot").cast(pl.Int8).alias("treated"),
        pl.col("embedding_start").str.to_date(),
        pl.col("embedding_end").str.to_date(),
    )


def cohort_frame(
    events: pl.DataFrame, groups: pl.DataFrame, covariates: pl.DataFrame, settings: dict[str, Any], flow: CohortFlow
) -> pl.DataFrame:
    """The cohort of one outcome with LA covariates; `settings` and what is read as for `cohort`."""
    assembled = assemble_cohort(
        events.filter(pl.col("la_code").is_in(set(groups["la_code"]))),
        groups,
        settings["outlier_iqr_multiple"],
        settings["event_time"],
        flow,
    )
    fills = {entry["name"]: entry["fill"] for entry in settings["la_covariates"]}
    return join_la_covariates(assembled, covariates, fills, settings["max_missing_share"])


def flow_table(by_la: pl.DataFrame, groups: pl.DataFrame, flow: CohortFlow, outcome: str) -> pl.DataFrame:
    """Results table `flow`: the per-LA steps summed by arm, then the cohort's steps by arm and period.

    An LA's children are counted once however many groups it serves; an LA id means nothing in another LA, so the sum
    over LAs counts distinct children.
    """
    arms = groups.group_by("la_code").agg(pl.col("treated").max())
    first = (
        by_la.join(arms, on="la_code")
        .group_by("position", "step", "treated")
        .agg(
            pl.col("n_rows").sum(),
            pl.col("n_children").sum(),
            pl.col("la_code").filter(pl.col("n_rows") > 0).n_unique().alias("n_las"),
        )
        .with_columns(pl.lit(None, pl.Int8).alias("post"))
    )
    offset = 0 if first.is_empty() else first["position"].max() + 1
    columns = ["position", "step", "treated", "post", "n_rows", "n_children", "n_las"]
    later = [step.with_columns(pl.col("position") + offset).select(columns) for step in flow.steps]
    types = {
        "position": pl.Int64,
        "n_rows": pl.Int64,
        "n_children": pl.Int64,
        "n_las": pl.Int64,
        "treated": pl.Int8,
        "post": pl.Int8,
    }
    table = pl.concat([frame.select(columns).cast(types) for frame in (first, *later)])
    return table.sort("position", "treated", "post").select(
        pl.lit(outcome).alias("outcome"),
        "position",
        "step",
        pl.col("treated").replace_strict(ARMS, return_dtype=pl.String).alias("arm"),
        pl.col("post").replace_strict(PERIODS, default="all", return_dtype=pl.String).alias("period"),
        "n_rows",
        "n_children",
        "n_las",
    )
