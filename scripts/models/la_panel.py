"""LA covariates, standardised over the LA-years of the matched cohort.

What enters: the values of each LA and financial year, gaps within an LA already filled. What leaves: one standardised
column per covariate that stays, and why the others do not. An LA without any known value takes the mean of the other
LA-years, 0 once standardised. A covariate that too many LA-years lack, or that does not vary, leaves.
"""

import numpy as np

from scripts.models.design import TOO_MANY_GAPS

CONSTANT = "does not vary"


def standardised(
    values: np.ndarray, la: np.ndarray, year: np.ndarray, names: tuple[str, ...], max_missing_share: float
) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """Standardised columns by name, each (C,), and (name, reason) of covariates that leave.

    Parameters
    ----------
    values : (C, L), the same in every cell of an LA and year. la, year : (C,) integers.
    """
    span = int(year.max(initial=0) - year.min(initial=0)) + 1
    _, first, position = np.unique(la * span + year - year.min(initial=0), return_index=True, return_inverse=True)
    columns, left_out = {}, []
    for j, name in enumerate(names):
        raw = values[first, j]
        if not len(raw) or np.isnan(raw).mean() > max_missing_share or np.isnan(raw).all():
            left_out.append((name, TOO_MANY_GAPS))
            continue
        if np.nanmax(raw) == np.nanmin(raw):
            left_out.append((name, CONSTANT))
            continue
        filled = np.where(np.isnan(raw), np.nanmean(raw), raw)
        columns[name] = ((filled - filled.mean()) / filled.std(ddof=1))[position]
    return columns, left_out
