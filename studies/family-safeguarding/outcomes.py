"""The outcome of this study that the project does not have: whether a child is assessed again.

In: assessments of one LA, cleaned. Out: per assessment 1 if the child's next assessment starts within the window.
"""

import polars as pl

from scripts.outcomes.definitions import Flow, Measure, OutcomeDefinition, Tables


def assessed_again_within(
    events: pl.DataFrame, tables: Tables, definition: OutcomeDefinition, flow: Flow
) -> pl.DataFrame:
    """Another assessment of the child in [end + `gap_days`, index date + window_days].

    `gap_days` keeps an assessment that goes on under a new date from counting as another one.
    """
    gap, window = (pl.duration(days=days) for days in (definition.extra["own"]["gap_days"], definition.window_days))
    later = tables.assessments.select("child_id", pl.col("assessment_start").alias("next_start"))
    in_time = pl.col("next_start").is_between(pl.col("event_end") + gap, pl.col("index_date") + window)
    again = events.join(later, on="child_id").filter(in_time).select("child_id", "index_date").unique()
    marked = again.with_columns(pl.lit(1.0).alias("outcome"))
    return events.join(marked, on=["child_id", "index_date"], how="left", maintain_order="left").with_columns(
        pl.col("outcome").fill_null(0.0)
    )


MEASURES: dict[str, Measure] = {"assessed_again_within": assessed_again_within}
