"""Did treated and comparator LAs move alike before embedding, and would the test have noticed if they had not?

What enters: the fits of an event study on each completed data set. What leaves: the joint tests that its leads are zero
and their power. The pooled F test has at most clusters - 1 denominator degrees of freedom and rejects too often with
few treated LAs; the wild bootstrap of the same statistic stands beside it. Power: the steepest straight line of
diverging trends that the F test would have missed with probability 1 - power (Roth 2022).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import fdtri, ncfdtr

from scripts.models.covariance import crv1
from scripts.models.linear import LinearFit
from scripts.models.pooling import JointTest, pool_joint

# Slopes are searched for up to this many times the standard error of the trend.
WIDEST = 1e3


@dataclass(frozen=True)
class Leads:
    """The leads of an event study: their positions among the fitted regressors and their years since the reference."""

    positions: np.ndarray
    years: np.ndarray

    def restrictions(self, n_terms: int) -> np.ndarray:
        """0/1 matrix (leads, k) that picks them out."""
        return np.eye(n_terms)[self.positions]


def pretrend_test(fits: list[LinearFit], leads: Leads, df_complete: float) -> JointTest | None:
    """Pooled Wald F test of the leads; None without leads or without full rank."""
    if not len(leads.positions):
        return None
    estimates = np.stack([fit.params[leads.positions] for fit in fits])
    return pool_joint(estimates, np.stack([lead_covariance(fit, leads) for fit in fits]), df_complete)


def lead_covariance(fit: LinearFit, leads: Leads) -> np.ndarray:
    """CRV1 covariance of the leads. (leads, leads)"""
    return crv1(fit)[np.ix_(leads.positions, leads.positions)]


def detectable_slope(covariance: np.ndarray, years: np.ndarray, df: float, alpha: float, power: float) -> float | None:
    """Slope per year of a straight divergence that the F test finds with probability `power`; None if there is none.

    Parameters
    ----------
    covariance : (q, q) of the leads, regular. years : (q,) of each lead since the reference. df : denominator's.
    """
    q = len(years)
    per_slope = float(years @ np.linalg.solve(covariance, years))
    critical = fdtri(q, df, 1 - alpha)

    def shortfall(slope: float) -> float:
        return 1 - float(ncfdtr(q, df, slope**2 * per_slope, critical)) - power

    widest = WIDEST / np.sqrt(per_slope)
    # Far beyond the critical value the noncentral distribution loses its digits; the search stays where it has them.
    upper = 1.0 / np.sqrt(per_slope)
    while shortfall(upper) < 0:
        upper *= 2
        if upper > widest:
            return None
    return float(brentq(shortfall, 0.0, upper))
