"""Every method of inference side by side for one coefficient.

What enters: the fits of a model on every imputation, and what draws need. What leaves: per method an estimate with
error, interval and p-value. CRV1, CRV3 and CR2 are pooled by Rubin's rules with Barnard-Rubin degrees of freedom, the
complete-data ones being LAs - 1 or, for CR2, those of Bell and McCaffrey; the wild bootstrap (WCR) and randomisation
inference (RI) draw the distribution of the pooled statistic itself.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from scripts.models.covariance import cr2, crv1, crv3
from scripts.models.linear import LinearFit
from scripts.models.moments import Moments
from scripts.models.pooling import pool
from scripts.models.randomisation import randomisation
from scripts.models.wild import WildWeights, bootstrap

CRV1, CRV3, CR2, WCR, RI, JACKKNIFE = ("CRV1", "CRV3", "CR2", "WCR", "RI", "jackknife")


@dataclass(frozen=True)
class Inference:
    """What one method says of one estimate; `mdes`, the minimum detectable effect, goes with CR2 alone."""

    method: str
    estimate: float
    std_error: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    df: float | None = None
    mdes: float | None = None


@dataclass(frozen=True)
class Assignment:
    """What randomisation over LAs needs: moments per imputation with the arm's regressors as if every LA were treated,
    which regressors those are (k,), the effect last, and which LAs are treated (G,)."""

    moments: list[Moments]
    arm: np.ndarray
    treated: np.ndarray


def clustered(
    method: str, fits: list[LinearFit], position: int, confidence: float, power: float | None = None
) -> Inference:
    """CRV1, CRV3 or CR2 of the coefficient at `position`, pooled, with a t interval; CR2 with the MDES at `power`."""
    return clustered_effects(method, fits, [position], confidence, power)[0]


def clustered_effects(
    method: str, fits: list[LinearFit], positions: list[int], confidence: float, power: float | None = None
) -> list[Inference]:
    """The same for several coefficients, for which the errors of a fit are computed once."""
    estimates = np.array([fit.params[positions] for fit in fits])
    if method == CR2:
        bent = [cr2(fit, np.array(positions)) for fit in fits]
        variances, df = np.array([each.variance for each in bent]), np.mean([each.df for each in bent], axis=0)
    else:
        covariance = {CRV1: crv1, CRV3: crv3}[method]
        variances = np.array([np.diag(covariance(fit))[positions] for fit in fits])
        df = np.full(len(positions), float(fits[0].moments.n_las - 1))
    return [
        t_inference(method, estimates[:, [j]], variances[:, [j]], float(df[j]), confidence, power)
        for j in range(len(positions))
    ]


def t_inference(
    method: str,
    estimates: np.ndarray,
    variances: np.ndarray,
    df_complete: float,
    confidence: float,
    power: float | None = None,
) -> Inference:
    """Pool (m, 1) estimates and variances into an estimate with a t interval, and with the MDES if `power` is given."""
    pooled = pool(estimates, variances, df_complete)
    estimate, error, df = (float(each[0]) for each in (pooled.estimate, np.sqrt(pooled.variance), pooled.df))
    if not error > 0 or not np.isfinite(df) or df <= 0:
        return Inference(method, estimate)
    critical = float(stdtrit(df, (1 + confidence) / 2))
    p_value = 2 * float(stdtr(df, -abs(estimate) / error))
    detectable = None if power is None else (critical + float(stdtrit(df, power))) * error
    reach = critical * error
    return Inference(method, estimate, error, estimate - reach, estimate + reach, p_value, df, detectable)


def wild(fits: list[LinearFit], position: int, confidence: float, weights: WildWeights) -> Inference:
    """The wild cluster restricted bootstrap of the coefficient at `position`; the error is that of CRV1."""
    start = clustered(CRV1, fits, position, confidence)
    if start.std_error is None:
        return Inference(WCR, start.estimate)
    drawn = bootstrap(fits, position, start.estimate, start.std_error, weights)
    return Inference(WCR, start.estimate, start.std_error, *drawn.interval(confidence), p_value=drawn.p_value())


def randomised(
    fits: list[LinearFit], position: int, confidence: float, assignment: Assignment, draws: int, seed: int
) -> Inference:
    """Studentised randomisation inference over LAs."""
    start = clustered(CRV1, fits, position, confidence)
    if start.std_error is None:
        return Inference(RI, start.estimate)
    drawn = randomisation(
        assignment.moments, assignment.arm, assignment.treated, start.estimate, start.std_error, draws, seed
    )
    if drawn is None:
        return Inference(RI, start.estimate)
    return Inference(RI, start.estimate, start.std_error, *drawn.interval(confidence), p_value=drawn.p_value())
