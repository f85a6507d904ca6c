"""Entry points of rules `match_las` and `cohort`."""

from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, read_results, write_parquet, write_results
from scripts.cohort.assemble import CohortFlow, assemble_cohort
from scripts.cohort.groups import Pilot, la_profiles, matched_groups
from scripts.cohort.la_covariates import join_la_covariates, read_la_covariates
from scripts.cohort.trends import trends
from scripts.matching.la_balance import la_balance
from scripts.matching.las import NEIGHBOURS, OUTCOME_PROFILE, la_matching
from scripts.matching.neighbours import neighbours_of

ARMS = {1: "pilot", 0: "comparator"}
PERIODS = {1: "post", 0: "pre"}


def match_las(
    events_files: list[str],
    covariates_file: str | None,
    neighbours_file: str | None,
    matches_file: str,
    balance_file: str,
    settings: dict[str, Any],
) -> None:
    """Write results tables `la_matches` and `la_balance` of one outcome.

    Parameters
    ----------
    events_files : index events of every LA that can take part, one file per LA.
    neighbours_file : published statistical neighbours; needed if they decide for some pilot.
    settings : outcome (key), groups (Pilot.as_settings), all_pilots (LA codes), matching (config block), la_covariates
        (names), members (analysis LA -> source LAs).
    """
    pilots, matching = [Pilot.from_settings(told) for told in settings["groups"]], la_matching(settings)
    events = [read_parquet(path, ["la_code", "financial_year", "event_end", "outcome"]) for path in events_files]
    covariates = read_la_covariates(covariates_file, settings["la_covariates"])
    profiles = la_profiles(pilots, events, covariates)
    unlisted = [pilot.code for pilot in pilots if pilot.comparators is None]
    by_list = unlisted and matching.method == NEIGHBOURS
    neighbours = neighbours_of(neighbours_file, unlisted, settings["members"]) if by_list else None
    groups = matched_groups(pilots, settings["all_pilots"], profiles, matching, neighbours)
    variables = tuple(dict.fromkeys((*OUTCOME_PROFILE, *settings["la_covariates"])))
    thresholds = tuple(settings["matching"]["las"]["balance_thresholds"])
    balance = la_balance(groups, profiles, settings["all_pilots"], variables, matching.profile, thresholds)
    outcome = pl.lit(settings["outcome"]).alias("outcome")
    write_results(groups.with_columns(outcome), "la_matches", matches_file)
    write_results(balance.with_columns(outcome), "la_balance", balance_file)


def cohort(
    events_files: list[str],
    flow_files: list[str],
    matches_file: str,
    covariates_file: str | None,
    cohort_file: str,
    flow_file: str,
    trends_file: str,
    settings: dict[str, Any],
) -> None:
    """Write the cohort of one outcome, its flow and the results table `trends`. `events_files`: index events per LA.

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
    write_results(trends(events, groups).with_columns(outcome=pl.lit(settings["outcome"])), "trends", trends_file)


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
