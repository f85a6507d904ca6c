"""From draws of a t statistic under every hypothesis to p-values and, by inversion, to an interval.

What enters: an estimate with its error, and per draw a numerator that is linear and a variance that is quadratic in the
hypothesised effect. That holds for the wild bootstrap with the null imposed and for randomisation of treatment, also
when the statistic pools imputations by Rubin's rules, so that an interval costs no further draws. What leaves: p-values
at any hypothesis and the hypotheses that are not rejected.
"""

from dataclasses import dataclass

import numpy as np

# A draw that repeats the data gives the same statistic but for rounding.
TIE = 1e-9
# An end of the interval this many errors away from the estimate is reported as open.
FARTHEST = 1e4
BISECTIONS = 60


@dataclass(frozen=True)
class DrawnStatistics:
    """Estimate, error, and B draws: numerator `n0 + n1 b` and variance `v0 + v1 b + v2 b^2` under effect b.

    exact : the draws are all there are, the data among them. strict : only larger statistics count as extreme, not
    equal ones, as is the custom for the wild bootstrap; a permutation test counts both.
    """

    estimate: float
    std_error: float
    n0: np.ndarray
    n1: np.ndarray
    v0: np.ndarray
    v1: np.ndarray
    v2: np.ndarray
    exact: bool
    strict: bool

    def p_value(self, effect: float = 0.0) -> float:
        """Two-sided p-value of the hypothesis that the effect is `effect`."""
        observed = ((self.estimate - effect) / self.std_error) ** 2
        variance = np.maximum(self.v0 + effect * (self.v1 + effect * self.v2), 0.0)
        square = (self.n0 + effect * self.n1) ** 2
        limit = observed * variance
        extreme = square > limit * (1 + TIE) if self.strict else square >= limit * (1 - TIE)
        extra = 0 if self.exact else 1
        return float((extreme.sum() + extra) / (len(square) + extra))

    def interval(self, confidence: float) -> tuple[float | None, float | None]:
        """Ends of the interval of effects that are not rejected; None where it does not end.

        A hypothesis is rejected if its p-value is at most alpha, also where rounding of 1 - confidence would decide.
        With finitely many draws the p-value wavers by a few draws where it crosses; an end is one of its crossings.
        """
        alpha = round(1 - confidence, 12)
        return self._end(-1.0, alpha), self._end(1.0, alpha)

    def _end(self, side: float, alpha: float) -> float | None:
        """Where the p-value falls to alpha on one side of the estimate."""
        inside, reach = self.estimate, self.std_error
        while self.p_value(self.estimate + side * reach) > alpha:
            inside, reach = self.estimate + side * reach, 2 * reach
            if reach > FARTHEST * self.std_error:
                return None
        outside = self.estimate + side * reach
        for _ in range(BISECTIONS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if self.p_value(middle) > alpha else (inside, middle)
        return (inside + outside) / 2


def pooled_draws(
    estimate: float,
    std_error: float,
    numerators: np.ndarray,
    variances: np.ndarray,
    exact: bool,
    strict: bool,
) -> DrawnStatistics:
    """Pool the draws of m imputations as Rubin's rules pool the data: the same draw in every one of them.

    Parameters
    ----------
    estimate, std_error : pooled. numerators : (m, 2, B) constant and slope. variances : (m, 3, B) coefficients.
    """
    m, mean = len(numerators), numerators.mean(axis=0)
    within = variances.mean(axis=0)
    if m > 1:
        n0, n1 = (numerators - mean).transpose(1, 0, 2)
        between = np.stack([(n0**2).sum(axis=0), 2 * (n0 * n1).sum(axis=0), (n1**2).sum(axis=0)]) / (m - 1)
        within = within + (1 + 1 / m) * between
    return DrawnStatistics(estimate, std_error, *mean, *within, exact=exact, strict=strict)
