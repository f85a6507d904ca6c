"""Which outcome uses which column of the extracts, found by spoiling each column in turn.

In: canonical tables of a sample LA and the analysis as a function of them. Out: per column the outcomes whose index
events change when it is emptied or its values are dealt out anew among the rows; the latter shows the use of a column
that repeats what others say. What is found this way cannot drift away from the code, as a hand-kept list would; a
column that the sample leaves empty cannot be judged, so the sample must fill them all.
"""

from collections.abc import Callable, Mapping

import polars as pl

Tables = dict[str, pl.DataFrame]
# Outcome -> its index events, in a fixed order, with `outcome` and the covariates as columns.
Analysis = Callable[[Tables], Mapping[str, pl.DataFrame]]

KEYS = ("la_code", "child_id")
SEED = 1
OUTCOME, COVARIATE = "outcome", "covariate"
# Who is in the population, when the clock starts and what is measured; every other column of events is a covariate.
OF_THE_OUTCOME = ("child_id", "index_date", "event_end", "post_date", "outcome")


def uses(tables: Tables, analyse: Analysis) -> dict[tuple[str, str], dict[str, str]]:
    """(table, column) -> outcome -> "outcome" (population, clock or measure) or "covariate" (only covariates change).

    Columns that nothing uses have an empty entry; the keys la_code and child_id, which everything rests on, have none.

    Raises
    ------
    ValueError : for a column without a value in the sample.
    """
    complete = analyse(tables)
    found = {}
    for table, frame in tables.items():
        for column in (name for name in frame.columns if name not in KEYS):
            if not frame[column].count():
                raise ValueError(f"the sample has no value in {table}.{column}")
            spoilt = (pl.lit(None, frame.schema[column]).alias(column), pl.col(column).shuffle(SEED))
            analyses = [analyse(tables | {table: frame.with_columns(column)}) for column in spoilt]
            roles = {name: {_role(complete[name], events[name]) for events in analyses} for name in complete}
            found[table, column] = {
                name: OUTCOME if OUTCOME in seen else COVARIATE for name, seen in roles.items() if seen != {None}
            }
    return found


def _role(complete: pl.DataFrame, spoilt: pl.DataFrame) -> str | None:
    """What of the events changed, if anything."""
    if not complete.select(OF_THE_OUTCOME).equals(spoilt.select(OF_THE_OUTCOME)):
        return OUTCOME
    return None if complete.equals(spoilt) else COVARIATE
