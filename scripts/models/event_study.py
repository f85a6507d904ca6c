"""The joint test that the leads of an event study are zero: did treated and comparator LAs move alike before?

What enters: the fits of an event study on each completed data set. What leaves: one pooled F test over the leads, the
reference period left out. Its denominator degrees of freedom are at most clusters - 1; with few treated LAs it rejects
too often, which the report has to say.
"""

import numpy as np

from scripts.models.linear import LinearFit
from scripts.models.pooling import JointTest, pool_joint
from scripts.models.specification import Term


def pretrend_test(fits: list[LinearFit], regressors: list[Term], df_complete: float) -> JointTest | None:
    """Pooled Wald F test of the leads among the fitted regressors; None without leads or without full rank."""
    leads = np.array([i for i, term in enumerate(regressors) if term.lead], dtype=np.int64)
    if not len(leads):
        return None
    estimates = np.stack([fit.params[leads] for fit in fits])
    covariances = np.stack([fit.covariance[np.ix_(leads, leads)] for fit in fits])
    return pool_joint(estimates, covariances, df_complete)
