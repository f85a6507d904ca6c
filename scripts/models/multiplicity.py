"""P-values adjusted for looking at several outcomes.

What enters: one row per test with its p-value and whether its outcome is primary. What leaves: the same rows with an
adjusted p-value: Holm's (1979) over the primary outcomes, which bounds the chance of any false finding among them;
Benjamini and Hochberg's (1995) over the others, which bounds the expected share of false findings.
"""

import numpy as np
import polars as pl

HOLM, BH = "holm", "fdr_bh"


def adjust(tests: pl.DataFrame) -> pl.DataFrame:
    """Add `p_adjusted` and `adjustment` to tests, in their order.

    Parameters
    ----------
    tests : primary (Boolean) and p_value (Float64, may be null: then so is the adjusted one, and it does not count
        among the tests), besides what identifies them.
    """
    p_values = tests["p_value"].to_numpy().astype(float)
    primary = tests["primary"].to_numpy().astype(bool)
    adjusted = np.full(len(p_values), np.nan)
    for method, family in ((HOLM, primary), (BH, ~primary)):
        known = family & np.isfinite(p_values)
        if known.any():
            adjusted[known] = _adjusted(p_values[known], method)
    return tests.with_columns(
        pl.Series("p_adjusted", adjusted, dtype=pl.Float64).fill_nan(None),
        pl.Series("adjustment", np.where(primary, HOLM, BH), dtype=pl.String),
    )


def _adjusted(p_values: np.ndarray, method: str) -> np.ndarray:
    """Adjusted p-values by statsmodels, whose import takes longer than the sums. (n,)"""
    from statsmodels.stats.multitest import multipletests

    return multipletests(p_values, method=method)[1]
