"""LA covariates: gaps within an LA filled, then standardised over the LA-years of the matched cohort.

What enters: rows with la_code, financial_year and raw LA covariates. What leaves: one standardised column per covariate
that stays, and why the others do not. `linear` fills between known years by straight lines and beyond them with the
nearest known value; `last` carries the last known value forward, then the first one back. An LA without any known value
takes the mean of the other LA-years, 0 once standardised. A covariate that is missing in more than the allowed share
of LA-years before filling, or does not vary, leaves.
"""

import numpy as np
import polars as pl

from scripts.matching.covariates import LaCovariate, dense, text_levels

TOO_MANY_GAPS = "more gaps than imputation.max_missing_share allows"


def la_year_columns(
    frame: pl.DataFrame, covariates: tuple[LaCovariate, ...], max_missing_share: float
) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """Standardised columns by name, each (n,), and (name, reason) of covariates that leave."""
    if not frame.height:
        return {covariate.name: np.zeros(0) for covariate in covariates}, []
    year = frame["financial_year"].to_numpy().astype(np.int64)
    first, span = int(year.min()), int(year.max() - year.min()) + 1
    la_year, n_la_years = dense(text_levels(frame["la_code"]).codes * span + year - first)
    sample = np.zeros(n_la_years, dtype=np.int64)
    # Every row of an LA-year carries the same LA values; reversed, so that the first row is the one that stays.
    sample[la_year[::-1]] = np.arange(frame.height)[::-1]
    la, years = text_levels(frame["la_code"]).codes[sample], year[sample]
    columns, left_out = {}, []
    for covariate in covariates:
        raw = frame[covariate.name].cast(pl.Float64).fill_null(np.nan).to_numpy()[sample]
        if np.isnan(raw).mean() > max_missing_share or np.isnan(raw).all():
            left_out.append((covariate.name, TOO_MANY_GAPS))
            continue
        filled = fill_panel(raw, la, years, covariate.fill)
        if np.ptp(filled) == 0:
            left_out.append((covariate.name, "does not vary"))
            continue
        columns[covariate.name] = ((filled - filled.mean()) / filled.std(ddof=1))[la_year]
    return columns, left_out


def fill_panel(values: np.ndarray, la: np.ndarray, years: np.ndarray, fill: str) -> np.ndarray:
    """Fill the gaps (NaN) of an LA x year panel, sorted by LA and year. All arguments and the result of shape (p,)."""
    filled = values.copy()
    for code in np.unique(la):
        inside = np.flatnonzero(la == code)
        known = inside[~np.isnan(values[inside])]
        if not len(known):
            continue
        if fill == "linear":
            filled[inside] = np.interp(years[inside], years[known], values[known])
        else:
            last = np.searchsorted(known, inside, side="right") - 1
            filled[inside] = values[known[np.maximum(last, 0)]]
    return np.where(np.isnan(filled), np.nanmean(filled), filled)
