"""The entry point of rule `vary`: an outcome estimated anew with one choice of the study changed.

What enters: of every LA of the outcome its index events, its cleaned tables if the choice changes the events, or its
canonical ones if it changes cleaning; the matched groups and LA covariates. What leaves: one row per method of
inference of the headline specification. The rest of the path to inference is run through in memory, so a variant leaves
no individual-level files.
"""

from typing import Any

import polars as pl

from scripts.artefacts import contract_schema, read_parquet, read_results, write_results
from scripts.clean.job import cleaned_la
from scripts.clean.ledger import Ledger
from scripts.cohort.assemble import CohortFlow
from scripts.cohort.job import cohort_frame, groups_of
from scripts.cohort.la_covariates import read_la_covariates
from scripts.errors import StudyError
from scripts.imputation.job import completed
from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.models.analysis import headline_rows
from scripts.models.cells import accumulate
from scripts.outcomes.definitions import Flow, OutcomeDefinition, Tables
from scripts.outcomes.job import la_events


def vary(
    inputs: dict[str, dict[str, list[str]]],
    matches_file: str,
    covariates_file: str | None,
    output: str,
    settings: dict[str, Any],
) -> None:
    """Estimate one outcome under one variant.

    Parameters
    ----------
    inputs : LA -> table -> parquet files, one per member LA for canonical tables, one for cleaned ones and `events`.
    settings : outcome, variant, label; shift_months of the embedding dates; clean (LA -> settings of rule clean, or
        null where nothing is cleaned anew); outcomes (LA -> settings, or null where the events are given); cohort,
        match, impute, estimate (settings of those rules), m.
    """
    groups = groups_of(read_results("la_matches", matches_file)).with_columns(
        pl.col("embedding_start", "embedding_end").dt.offset_by(f"{settings['shift_months']}mo")
    )
    members = sorted(set(groups["la_code"]) & set(inputs))
    events = pl.concat([_events(la, inputs[la], settings) for la in members])
    fills = [entry["name"] for entry in settings["cohort"]["la_covariates"]]
    covariates = read_la_covariates(covariates_file, fills)
    frame = cohort_frame(events, groups, covariates, settings["cohort"], CohortFlow())
    method = settings["match"]["matching"]["children"]
    told = {"outcome": settings["outcome"], "variant": settings["variant"], "label": settings["label"]}
    try:
        weighted = weighted_cohort(frame, child_covariates(settings["match"]), method)
    except StudyError as error:
        if error.code != "MATCHING":
            raise
        # A method that cannot match here is no fault of the study: the variant has a row without numbers.
        rows = [told | {"method": settings["estimate"]["inference"]["headline"]}]
    else:
        rows = _estimated(weighted.filter(pl.col("weight") > 0), told, settings)
    write_results(pl.DataFrame(rows, schema=contract_schema("variants")), "variants", output)


def _estimated(matched: pl.DataFrame, told: dict[str, str], settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of `variants` from matched rows: the headline estimate, pooled over imputations."""
    cells = [
        accumulate(_completed(matched, number, settings["impute"]), settings["estimate"])
        for number in range(1, settings["m"] + 1)
    ]
    return [
        {key: row[key] for key in row if key not in ("specification", "estimator")} | told
        for row in headline_rows(cells, settings["estimate"])
    ]


def _events(la: str, files: dict[str, list[str]], settings: dict[str, Any]) -> pl.DataFrame:
    """Index events of one LA under the variant."""
    if settings["outcomes"] is None:
        return read_parquet(files["events"][0])
    if settings["clean"] is None:
        tables = {name: read_parquet(paths[0]) for name, paths in files.items()}
    else:
        tables = cleaned_la(la, files, settings["clean"][la], Ledger(la))
    definition = OutcomeDefinition.from_config(**settings["outcomes"][la]["outcome"])
    return la_events(la, Tables(**tables), definition, settings["outcomes"][la]["covariates"], Flow())


def _completed(matched: pl.DataFrame, number: int, settings: dict[str, Any]) -> pl.DataFrame:
    """One imputation of the matched rows, with the random numbers that the main analysis' imputation has."""
    return completed(matched, settings | {"imputation": settings["imputation"] | {"number": number}})
