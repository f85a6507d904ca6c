"""LA covariates, standardised over the LA-years of the matched cohort.

What enters: rows with la_code, financial_year and LA covariates, gaps within an LA already filled. What leaves: one
standardised column per covariate that stays, and why the others do not. An LA without any known value takes the mean of
the other LA-years, 0 once standardised. A covariate that too many LAs lack, or that does not vary, leaves.
"""

import numpy as np
import polars as pl

from scripts.matching.covariates import dense, text_levels

TOO_MANY_GAPS = "more gaps than imputation.max_missing_share allows"


def la_year_columns(
    frame: pl.DataFrame, names: tuple[str, ...], max_missing_share: float
) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """Standardised columns by name, each (n,), and (name, reason) of covariates that leave."""
    if not frame.height:
        return {name: np.zeros(0) for name in names}, []
    year = frame["financial_year"].to_numpy().astype(np.int64)
    first, span = int(year.min()), int(year.max() - year.min()) + 1
    la_year, n_la_years = dense(text_levels(frame["la_code"]).codes * span + year - first)
    sample = np.zeros(n_la_years, dtype=np.int64)
    # Every row of an LA-year carries the same LA values; reversed, so that the first row is the one that stays.
    sample[la_year[::-1]] = np.arange(frame.height)[::-1]
    columns, left_out = {}, []
    for name in names:
        raw = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()[sample]
        if np.isnan(raw).mean() > max_missing_share or np.isnan(raw).all():
            left_out.append((name, TOO_MANY_GAPS))
            continue
        if np.nanmax(raw) == np.nanmin(raw):
            left_out.append((name, "does not vary"))
            continue
        filled = np.where(np.isnan(raw), np.nanmean(raw), raw)
        columns[name] = ((filled - filled.mean()) / filled.std(ddof=1))[la_year]
    return columns, left_out
