"""Who dropped out of the matching.

What enters: the cohort's rows with their weights before and after matching. What leaves: per period, arm and level of a
covariate, how many rows and children there were and how many of them found no counterpart. Numeric covariates are in
their matching bands. A child has dropped out of a level if none of its rows there is matched.
"""

from typing import Any

import numpy as np
import polars as pl

from scripts.matching.balance import ARMS, PERIODS, Sample
from scripts.matching.cem import cell_levels
from scripts.matching.covariates import ChildCovariate, Levels

ALL = "all"
COUNTS = ("n_rows", "n_rows_dropped", "n_children", "n_children_dropped")
COLUMNS = (
    dict.fromkeys(("period", "arm", "covariate", "level"), pl.String)
    | dict.fromkeys(COUNTS, pl.Int64)
    | dict.fromkeys(("share_rows_dropped", "share_children_dropped"), pl.Float64)
)


def dropped_table(sample: Sample, cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...]) -> pl.DataFrame:
    """The results table `dropped` without its outcome column; first everybody, then each covariate level."""
    everybody = Levels((ALL,), np.zeros(cohort.height, dtype=np.int64))
    rows = _rows(sample, ALL, everybody)
    for covariate in covariates:
        rows += _rows(sample, covariate.name, cell_levels(cohort, covariate))
    return pl.DataFrame(rows, schema=COLUMNS)


def _rows(sample: Sample, name: str, levels: Levels) -> list[dict[str, Any]]:
    """A row per period, arm and level that somebody has."""
    tally = sample.tally(levels.codes, len(levels.names))
    result = []
    for period, label in enumerate(PERIODS):
        for arm, who in ((1, ARMS[0]), (0, ARMS[1])):
            for level, text in enumerate(levels.names):
                rows, children = (counts[:, period, arm, level] for counts in (tally.rows, tally.children))
                if not rows[0] and name != ALL:
                    continue
                row = {"period": label, "arm": who, "covariate": name, "level": text}
                counts = (rows[0], rows[0] - rows[1], children[0], children[0] - children[1])
                row |= {column: int(count) for column, count in zip(COUNTS, counts, strict=True)}
                row |= {"share_rows_dropped": _share(rows), "share_children_dropped": _share(children)}
                result.append(row)
    return result


def _share(before_after: np.ndarray) -> float | None:
    """Share of what was there before that is gone after; none of nothing."""
    before, after = before_after
    return float((before - after) / before) if before else None
