"""Composite weights of a matched cohort (study-design section 4.3).

What enters: the cohort, the strata and which rows matched. What leaves: the individual weight of every row and the
composite weight of every matched one. A comparator LA can serve several pilots, so a record of its can stand in several
matched groups: its individual weight is 1 / (number of cohort rows with its LA, child and index date). Within a
matched group and period a treated row has stratum weight 1, a comparator row of stratum s (W1s / W0s) x (W0 / W1), W
being sums of individual weights over the *matched* rows of that group and period. Composite = individual x stratum.
Summed over the strata the comparators' composite weights give W0 and the treated ones W1, which is checked.
"""

import numpy as np
import polars as pl

from scripts.errors import StudyError
from scripts.matching.covariates import children, dense

# Sums of millions of weights near 1 agree to about 1e-12 of their size; anything above this is a fault.
TOLERANCE = 1e-9


def individual_weights(cohort: pl.DataFrame) -> np.ndarray:
    """1 / multiplicity of (la_code, child_id, index_date) over all rows of the cohort. Float64 (n,)."""
    if not cohort.height:
        return np.zeros(0)
    day = cohort["index_date"].to_physical().to_numpy().astype(np.int64)
    day -= day.min()
    record, n_records = dense(children(cohort) * (int(day.max()) + 1) + day)
    return 1.0 / np.bincount(record, minlength=n_records)[record]


def composite_weights(
    stratum: np.ndarray, period: np.ndarray, treated: np.ndarray, individual: np.ndarray
) -> np.ndarray:
    """Composite weights of matched rows.

    Parameters
    ----------
    stratum : (n,) stratum numbers; a stratum lies in one period and holds both arms.
    period : (n,) numbers of matched group x pre/post.
    treated : (n,) 0 or 1.
    individual : (n,) individual weights.

    Returns
    -------
    Float64 (n,).

    Raises
    ------
    StudyError : INTERNAL, if the composite weights of an arm of a period do not sum to its individual weights.
    """
    if not len(stratum):
        return np.zeros(0)
    in_stratum, in_period = (_arm_sums(cell, treated, individual) for cell in (stratum, period))
    share = in_stratum[1][stratum] / in_stratum[0][stratum]
    size = in_period[0][period] / in_period[1][period]
    composite = np.where(treated == 1, individual, individual * share * size)
    _check_totals(_arm_sums(period, treated, composite), in_period)
    return composite


def _arm_sums(cell: np.ndarray, treated: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sums of weights by arm (0, 1) and cell; shape (2, cells)."""
    size = int(cell.max()) + 1
    return np.stack([np.bincount(cell, weights=weight * (treated == arm), minlength=size) for arm in (0, 1)])


def _check_totals(composite: np.ndarray, individual: np.ndarray) -> None:
    """Composite weights must sum to the individual weights in every arm of every group x period."""
    faults = int((np.abs(composite - individual) > TOLERANCE * np.maximum(individual, 1.0)).sum())
    if faults:
        raise StudyError(
            "INTERNAL",
            "scripts/matching/weights.py",
            f"composite weights do not sum to the individual weights in {faults} arms of a group and period",
            "Please report this fault",
        )
