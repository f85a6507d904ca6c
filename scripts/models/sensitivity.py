"""How strong would an unmeasured difference have to be to explain an effect away, and how large is the effect?

What enters: an effect with its interval in the outcome's units, or the effects of the matched groups. What leaves:
E-values (VanderWeele and Ding 2017): the risk ratio that an unmeasured cause needs with both treatment and outcome;
Rosenbaum's gamma (2002, chapter 4): how many times likelier one LA of a matched group may be to adopt, for reasons that
also move the outcome, before the signed-rank test of the groups' effects is no longer significant; and effect sizes as
the What Works Clearinghouse (procedures handbook 5.0) defines them: Hedges' g and the Cox index.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import brentq

# Log risk ratio per standardised mean difference (VanderWeele and Ding 2017, after Chinn 2000).
LOG_RISK_RATIO_PER_D = 0.91
# Log odds ratio per standardised mean difference (Cox 1970; WWC handbook).
COX = 1.65
# Gamma is searched for up to this; beyond it nothing is learnt.
LARGEST_GAMMA = 1e6


@dataclass(frozen=True)
class EValue:
    """E-values, at least 1, of the estimate and of the limit of its interval nearest to none (1 if that is inside)."""

    estimate: float
    limit: float


def e_value(risk_ratio: float) -> float:
    """RR + sqrt(RR (RR - 1)), of 1/RR if RR < 1; infinite for a risk of zero."""
    if risk_ratio <= 0:
        return float("inf")
    ratio = max(risk_ratio, 1 / risk_ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def e_value_of_risk_difference(effect: float, low: float, high: float, baseline: float) -> EValue | None:
    """E-values of a risk difference and its interval, by the risk ratio at a baseline risk.

    Parameters
    ----------
    effect, low, high : probabilities (0.05 is 5 percentage points). baseline : risk of the treated had they not been.

    Returns
    -------
    None if the baseline is no risk strictly between 0 and 1.
    """
    if not 0 < baseline < 1:
        return None
    nearest = _nearest_to_zero(low, high)
    return EValue(e_value(1 + effect / baseline), e_value(1 + nearest / baseline))


def e_value_of_difference(effect: float, low: float, high: float, sd: float) -> EValue | None:
    """E-values of a difference in means and its interval, by RR = exp(0.91 d), d in standard deviations `sd`.

    None without a positive standard deviation.
    """
    if not sd > 0:
        return None
    ratios = np.exp(LOG_RISK_RATIO_PER_D * np.array([effect, _nearest_to_zero(low, high)]) / sd)
    return EValue(e_value(float(ratios[0])), e_value(float(ratios[1])))


def _nearest_to_zero(low: float, high: float) -> float:
    """The value of an interval nearest to zero, zero if it is inside."""
    return max(low, 0.0) + min(high, 0.0)


def signed_rank_p(differences: np.ndarray, gamma: float) -> float:
    """Largest one-sided p-value of Wilcoxon's signed-rank test under a bias of `gamma`, exact.

    The side is that of the ranks' larger sum. Ties share their mean rank; zeros are ranked but count on neither side,
    as Rosenbaum does. Every rank is positive with probability gamma / (1 + gamma) at most; the distribution of their
    sum is convolved rank by rank. It is skewed, so that the usual normal approximation is too large for large gamma.

    Parameters
    ----------
    differences : (n,) effects of the matched groups, n^3 small enough. gamma : >= 1.
    """
    counted = differences != 0
    if not counted.any():
        return 1.0
    values = differences[counted]
    doubled = np.rint(2 * pl.Series(np.abs(differences)).rank().to_numpy()[counted]).astype(np.int64)
    observed = max(doubled[values > 0].sum(), doubled[values < 0].sum())
    probability = gamma / (1 + gamma)
    distribution = np.zeros(doubled.sum() + 1)
    distribution[0] = 1.0
    for rank in doubled:
        # Nothing wraps round: before the last rank its sum is not reached.
        distribution = (1 - probability) * distribution + probability * np.roll(distribution, rank)
    return float(min(1.0, distribution[observed:].sum()))


def rosenbaum_gamma(differences: np.ndarray, alpha: float) -> float | None:
    """Largest gamma at which the one-sided p-value is at most `alpha`; None if it is not even without bias.

    With few groups there is none whatever the effects: four that agree have p = 1/16.
    """
    if signed_rank_p(differences, 1.0) > alpha:
        return None
    return float(brentq(lambda gamma: signed_rank_p(differences, gamma) - alpha, 1.0, LARGEST_GAMMA))


def hedges_g(effect: float, sd: float, n: int) -> float | None:
    """Effect in standard deviations times 1 - 3/(4n - 9); None without a positive one or with three or fewer children.

    Parameters
    ----------
    effect, sd : in the outcome's units, sd pooled within arms. n : children in both arms.
    """
    return effect / sd * _small_sample(n) if sd > 0 and n > 3 else None


def cox_index(effect: float, baseline: float, n: int) -> float | None:
    """Difference of log odds over 1.65, times 1 - 3/(4n - 9); None unless both risks are strictly between 0 and 1.

    Parameters
    ----------
    effect : risk difference. baseline : risk of the treated had they not been. n : children in both arms.
    """
    risks = np.array([baseline, baseline + effect])
    if not ((risks > 0) & (risks < 1)).all() or n <= 3:
        return None
    odds = np.log(risks / (1 - risks))
    return float((odds[1] - odds[0]) / COX * _small_sample(n))


def _small_sample(n: int) -> float:
    """Hedges' correction for bias."""
    return 1 - 3 / (4 * n - 9)
