"""Composite weights of a matched cohort (study-design section 4.3).

What enters: the cohort, the strata and which rows matched. What leaves: the individual weight of every row and the
composite weight of every matched one. A comparator LA can serve several pilots, so a record of its can stand in several
matched groups: its individual weight is 1 / (number of cohort rows with its LA, child and index date). Within a
matched group and period a treated row has stratum weight 1, a comparator row of stratum s (W1s / W0s) x (W0 / W1), W
being sums of individual weights over the *matched* rows of that group and period. Composite = individual x stratum.
Summed over the strata the comparators' composite weights give W0 and the treated ones W1, which is checked.
Pairs of nearest neighbours are weighted alike, each treated row with its controls being a stratum: a control gets, from
every treated row that it serves, that row's weight times its share of the individual weights of the row's controls, and
the sum times W0 / W1. Without shared records that is MatchIt's weight. Weights of entropy balancing are scaled so.
"""

import numpy as np
import polars as pl

from scripts.errors import StudyError
from scripts.matching.covariates import children
from scripts.matching.nearest import Pairs

# Sums of millions of weights near 1 agree to about 1e-12 of their size; anything above this is a fault.
TOLERANCE = 1e-9


def individual_weights(cohort: pl.DataFrame) -> np.ndarray:
    """1 / multiplicity of (la_code, child_id, index_date) over all rows of the cohort. Float64 (n,)."""
    if not cohort.height:
        return np.zeros(0)
    day = cohort["index_date"].to_physical().to_numpy().astype(np.int64)
    day -= day.min()
    record = pl.Series("record", children(cohort) * (int(day.max()) + 1) + day)
    # Counting within keys needs no sort of them.
    return 1.0 / record.to_frame().select(pl.len().over("record"))["len"].to_numpy()


def composite_weights(
    stratum: np.ndarray, period: np.ndarray, treated: np.ndarray, individual: np.ndarray
) -> np.ndarray:
    """Composite weights of rows in strata; 0 for rows whose stratum lacks the other arm.

    Parameters
    ----------
    stratum : (n,) stratum numbers; a stratum lies in one period.
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
    in_stratum = _arm_sums(stratum, treated, individual)
    both = (in_stratum > 0).all(axis=0)
    in_stratum *= both
    # Per stratum, not per row: there are thousands of them to millions of rows.
    period_of = np.zeros(len(both), dtype=np.int64)
    period_of[stratum] = period
    in_period = np.stack([np.bincount(period_of, weights=arm) for arm in in_stratum])
    factor = np.zeros((len(both), 2))
    factor[both, 1] = 1.0
    (w0, w1), (p0, p1) = in_stratum[:, both], in_period[:, period_of[both]]
    factor[both, 0] = w1 / w0 * (p0 / p1)
    composite = individual * factor.reshape(-1)[stratum * 2 + treated]
    _check_totals(_arm_sums(period, treated, composite)[:, : in_period.shape[1]], in_period)
    return composite


def pair_weights(pairs: Pairs, period: np.ndarray, treated: np.ndarray, individual: np.ndarray) -> np.ndarray:
    """Composite weights of rows matched in pairs; 0 for rows in no pair. Arguments and result of shape (n,).

    Raises
    ------
    StudyError : INTERNAL, as `composite_weights`.
    """
    n = len(period)
    given = np.bincount(pairs.treated, weights=individual[pairs.control], minlength=n)
    share = individual[pairs.treated] * individual[pairs.control] / given[pairs.treated]
    weight = np.bincount(pairs.control, weights=share, minlength=n)
    weight[pairs.treated] = individual[pairs.treated]
    return scaled_to_individual(weight, period, treated, individual)


def scaled_to_individual(
    weight: np.ndarray, period: np.ndarray, treated: np.ndarray, individual: np.ndarray
) -> np.ndarray:
    """Weights (n,) with those of each arm of a period scaled to sum to the individual weights of its matched rows."""
    if not len(weight):
        return np.zeros(0)
    matched = np.where(weight > 0, individual, 0.0)
    now, wanted = (_arm_sums(period, treated, each) for each in (weight, matched))
    factor = np.divide(wanted, now, out=np.zeros_like(now), where=now > 0)
    composite = weight * factor[treated, period]
    _check_totals(_arm_sums(period, treated, composite), wanted)
    return composite


def _arm_sums(cell: np.ndarray, treated: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sums of weights by arm (0, 1) and cell; shape (2, cells)."""
    size = int(cell.max()) + 1
    return np.bincount(cell * 2 + treated, weights=weight, minlength=2 * size).reshape(size, 2).T


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
