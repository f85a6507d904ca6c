"""Do the arms overlap? The propensity score's distribution in each, before and after matching.

What enters: the cohort's rows with their weights before and after matching. What leaves: the weighted share of each arm
in bins of the score, by period and stage. The score is the probability of being in a pilot LA given the matching
covariates, over all rows with their individual weights; it describes, whatever method matched the children.
"""

import numpy as np
import polars as pl

from scripts.errors import StudyError
from scripts.matching.balance import ARMS, PERIOD_STAGES, PERIODS, STAGES, Sample
from scripts.matching.covariates import ChildCovariate
from scripts.matching.propensity import logit_predictor
from scripts.matching.terms import terms

COLUMNS = (
    dict.fromkeys(("period", "stage", "arm"), pl.String)
    | dict.fromkeys(("score_low", "score_high", "share"), pl.Float64)
    | {"n_children": pl.Int64}
)


def overlap_table(
    sample: Sample, cohort: pl.DataFrame, covariates: tuple[ChildCovariate, ...], individual: np.ndarray, bins: int
) -> pl.DataFrame:
    """The results table `overlap` without its outcome column; empty if no score can be estimated.

    `individual`: (n,) individual weights. `bins`: number of bins of equal width between 0 and 1.
    """
    treated = cohort["treated"].to_numpy().astype(np.int64)
    try:
        predictor = logit_predictor(terms(cohort, covariates), treated, individual)
    except StudyError:
        return pl.DataFrame(schema=COLUMNS)
    score = 1 / (1 + np.exp(-predictor))
    tally = sample.tally(np.minimum((score * bins).astype(np.int64), bins - 1), bins)
    rows = []
    for period, stage in PERIOD_STAGES:
        # Arms are comparator and treated in a tally.
        sums, children = tally.sums[stage, period], tally.children[stage, period]
        totals = sums.sum(axis=1)
        for bin_ in np.flatnonzero(children.sum(axis=0)):
            for arm, name in ((1, ARMS[0]), (0, ARMS[1])):
                share = sums[arm, bin_] / totals[arm] if totals[arm] else 0.0
                ends = (bin_ / bins, (bin_ + 1) / bins)
                rows.append((PERIODS[period], STAGES[stage], name, *ends, float(share), int(children[arm, bin_])))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")
