"""The entry point of rule `outcomes`: cleaned tables of one LA in, the index events of one outcome and their flow
out."""

from datetime import timedelta
from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, write_parquet, write_results
from scripts.dates import financial_year
from scripts.outcomes.covariates import attach_covariates
from scripts.outcomes.definitions import Flow, OutcomeDefinition, Tables
from scripts.outcomes.measures import OWN_DATES
from scripts.outcomes.own import of_definition


def outcomes(la: str, inputs: dict[str, str], events_file: str, flow_file: str, settings: dict[str, Any]) -> None:
    """Write the index events of outcome settings["outcome"]["key"] for one LA, and how many each step left."""
    definition = OutcomeDefinition.from_config(**settings["outcome"])
    flow = Flow()
    tables = Tables(**{name: read_parquet(path) for name, path in inputs.items()})
    write_parquet(la_events(la, tables, definition, settings["covariates"], flow), events_file)
    steps = pl.DataFrame(flow.steps, schema=["step", "n_rows", "n_children"], orient="row").with_row_index("position")
    write_results(
        steps.with_columns(pl.lit(la).alias("la_code"), pl.lit(definition.key).alias("outcome")),
        "flow_by_la",
        flow_file,
    )


def la_events(
    la: str, tables: Tables, definition: OutcomeDefinition, covariates: list[dict[str, Any]], flow: Flow
) -> pl.DataFrame:
    """Index events of an LA with the columns that a cohort needs; `covariates` as configured."""
    return index_events(tables, definition, flow).select(
        pl.lit(la).alias("la_code"),
        "child_id",
        "index_date",
        "event_end",
        "post_date",
        "financial_year",
        "outcome",
        *(covariate["name"] for covariate in covariates),
    )


def index_events(tables: Tables, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """Index events with complete follow-up, their outcome and covariates, sorted by child and dates.

    What began before the data is left out: of those cases only the ones still open then are in them. Follow-up is
    complete if index date + censor_days lies before the data end. `event_end` is what must lie before the embedding
    start for the event to count as pre: the population's own date, else the end of the outcome window.
    """
    population_of, measure = of_definition(definition)
    population = population_of(tables, definition, flow)
    followed_up = pl.col("index_date") + timedelta(days=definition.censor_days) < definition.data_end
    begun = flow.step("begins within the data", population.filter(pl.col("post_date") >= definition.data_start))
    events = flow.step("complete follow-up", begun.filter(followed_up))
    window_end = pl.col("index_date") + timedelta(days=definition.window_days)
    measured = measure(events, tables, definition, flow)
    observed = _without_boundary(measured, definition, flow).with_columns(
        pl.coalesce("event_end", window_end).alias("event_end"),
        financial_year(pl.col("index_date")).alias("financial_year"),
    )
    return attach_covariates(observed, tables, definition)


def _without_boundary(events: pl.DataFrame, definition: OutcomeDefinition, flow: Flow) -> pl.DataFrame:
    """Leave out events whose window, with the time to escalate, runs past a reorganisation of the LA (trap T-22).

    Child ids do not survive the change, so what followed cannot be seen. The day of the change is the new LA's first:
    an event on it is followed in the new LA alone. Measures that read both dates off the row itself are not affected.
    LAs without a reorganisation have the step too, because steps are summed over LAs.
    """
    if definition.measure in OWN_DATES:
        return events
    followed = timedelta(days=definition.window_days + definition.extra.get("escalation_days", 0))
    index = pl.col("index_date")
    broken = [(index < boundary) & (index + followed >= boundary) for boundary in definition.boundaries]
    observed = events.filter(~pl.any_horizontal(pl.lit(False), *broken))
    return flow.step("no LA reorganisation within the window", observed)
