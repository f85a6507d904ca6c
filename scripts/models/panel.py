"""LAs as a panel: random effects, the test of random against fixed effects, serial correlation.

What enters: moments per LA whose first regressor is the constant, and fits of the two models. What leaves: moments of
the quasi-demeaned data; a Hausman test of the effect that allows for clusters; a Breusch-Godfrey test. Sources: Wallace
and Hussain (1969) for the variance components, because they need no regression between LAs, of which there are fewer
than terms; Hausman (1978) with the covariance of the difference from the LAs' influences (Wooldridge 2010, section
10.7.3); Breusch (1978), Godfrey (1978) on weighted LA x year means.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc

from scripts.models.columns import independent_columns
from scripts.models.covariance import small_sample
from scripts.models.linear import LinearFit, fit
from scripts.models.moments import Moments
from scripts.models.pooling import pool
from scripts.models.specification import Model

# LA-years that must be left over for the auxiliary regression of a test for serial correlation to mean anything.
MIN_RESIDUAL_DF = 10


@dataclass(frozen=True)
class Test:
    """A test: statistic, degrees of freedom (denominator None for chi-squared), p-value."""

    statistic: float
    df_numerator: float
    df_denominator: float | None
    p_value: float


def quasi_demeaned(moments: Moments, components: tuple[float, float] | None = None) -> Moments:
    """Moments after theta_g x its LA's mean is taken off every row, theta_g from the variance components.

    theta_g = 1 - sqrt(s_e / (s_e + W_g s_u)), W_g the LA's sum of weights, s_e and s_u the variances within and between
    LAs of the residuals of pooled least squares, unless `components` gives them. Without variance between LAs nothing
    changes.
    """
    size, means = _sizes_and_means(moments)
    if components is None and size.sum() <= moments.n_las:
        return moments
    within, between = components or variance_components(moments)
    if not within > 0:
        # With hardly more rows than LAs or terms there is no variance to divide.
        return moments
    theta = 1 - np.sqrt(within / (within + size * between))
    taken = (1 - (1 - theta) ** 2) * size
    outer = means[:, :, None] * means[:, None, :]
    return Moments(moments.matrices - taken[:, None, None] * outer, moments.n_rows)


def variance_components(moments: Moments) -> tuple[float, float]:
    """Variance of residuals of pooled least squares within LAs, and between them (0 if there is none)."""
    size, means = _sizes_and_means(moments)
    contrast = np.append(-fit(moments).params, 1.0)
    squares = float(np.einsum("i,gij,j->", contrast, moments.matrices, contrast))
    of_means = float(size @ (means @ contrast) ** 2)
    within = (squares - of_means) / (size.sum() - moments.n_las)
    return within, max(0.0, (of_means - moments.n_las * within) / size.sum())


def _sizes_and_means(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Sum of weights (G,) and means of regressors and outcome (G, k+1) of every LA."""
    size = moments.matrices[:, 0, 0]
    return size, moments.matrices[:, 0] / np.where(size > 0, size, 1.0)[:, None]


def hausman(fixed: list[LinearFit], at_fixed: int, random: list[LinearFit], at_random: int) -> Test:
    """Is the effect the same with fixed as with random LA effects? t test squared, pooled over imputations."""
    differences, variances = [], []
    for one, other in zip(fixed, random, strict=True):
        influence = one.scores @ one.bread[:, at_fixed] - other.scores @ other.bread[:, at_random]
        factor = small_sample(one.moments.n_las, one.moments.n_rows, one.moments.n_terms)
        differences.append([one.params[at_fixed] - other.params[at_random]])
        variances.append([factor * influence @ influence])
    pooled = pool(np.array(differences), np.array(variances), fixed[0].moments.n_las - 1)
    statistic, df = float(pooled.estimate[0] ** 2 / pooled.variance[0]), float(pooled.df[0])
    return Test(statistic, 1.0, df, float(fdtrc(1, df, statistic)))


def breusch_godfrey(model: Model, lags: int) -> Test | None:
    """Serial correlation of the LA x year means of a model's residuals; None with too few LA-years for its terms.

    LM = n R^2 of the residuals on the regressors and the LA's own residuals of `lags` years before (0 where there are
    none), chi-squared with `lags` degrees of freedom.
    """
    means, weight, la, year = _la_year_means(model)
    root = np.sqrt(weight)[:, None]
    regressors, outcome = means[:, :-1] * root, means[:, -1:] * root
    kept = independent_columns(regressors.T @ regressors).positions
    regressors = regressors[:, kept]
    if len(means) - len(kept) - lags < MIN_RESIDUAL_DF:
        return None
    residual = (outcome - regressors @ np.linalg.lstsq(regressors, outcome, rcond=None)[0]) / root
    number = {key: i for i, key in enumerate(zip(la.tolist(), year.tolist(), strict=True))}
    before = np.zeros((len(la), lags))
    for (code, at), i in number.items():
        for lag in range(1, lags + 1):
            if (code, at - lag) in number:
                before[i, lag - 1] = residual[number[code, at - lag], 0]
    full = np.column_stack([regressors, before * root])
    scaled = residual * root
    left = scaled - full @ np.linalg.lstsq(full, scaled, rcond=None)[0]
    statistic = len(la) * (1 - float((left**2).sum() / (scaled**2).sum()))
    return Test(statistic, float(lags), None, float(chdtrc(lags, statistic)))


def _la_year_means(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weighted means of regressors and outcome (T, k+1), weight, LA and year of every LA-year, each (T,)."""
    cells = model.cells
    span = int(cells.year.max() - cells.year.min()) + 1
    key = cells.la_number * span + cells.year - cells.year.min()
    _, first, position = np.unique(key, return_index=True, return_inverse=True)
    sums = cells.matrices[:, 0, :]
    columns = [sums[:, :-1] @ each.basis * each.cell for each in model.regressors]
    by_cell = np.column_stack([*columns, sums @ model.outcome])
    total, weight = np.zeros((len(first), by_cell.shape[1])), np.bincount(position, weights=cells.weight)
    np.add.at(total, position, by_cell)
    return total / weight[:, None], weight, cells.la_number[first], cells.year[first]
