"""The table of estimates and what stands behind it: kept and omitted terms, missing information, status.

What enters: cross-products and logit fits of every imputation of one outcome. What leaves: rows of the results tables
`estimates`, `model_terms` and `estimation_status`. Effects are in the outcome's own units:
working days, or probabilities (0.05 is 5 percentage points). A specification that cannot be estimated keeps its row,
with the counts and without numbers, and its reason stands in `estimation_status`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from scripts.models.columns import independent_columns
from scripts.models.cross_products import CrossProducts
from scripts.models.event_study import pretrend_test
from scripts.models.linear import PseudoRows, fit
from scripts.models.logit import NOT_IDENTIFIED, LogitFit
from scripts.models.pooling import Pooled, pool
from scripts.models.specification import (
    Specification,
    Term,
    has_reference,
    terms,
    transformation,
)

METHOD = "CRV1"
ESTIMATED, POINT_ONLY, NOT_ESTIMABLE = "estimated", "point_estimate_only", "not_estimable"
FEW_LAS = "clustered errors need two treated and two comparator LAs, before and after embedding"
NO_REFERENCE = "no treated rows in the reference period"
SATURATED = "no more rows than terms"
NO_FITS = "no logit was fitted"


@dataclass(frozen=True)
class Counts:
    """What stands behind the estimates of an outcome; `fewest_las`: LAs in the smallest of the four arm-periods."""

    n_children: int
    n_rows: int
    n_las: int
    n_treated_las: int
    fewest_las: int

    @classmethod
    def of(cls, products: CrossProducts) -> "Counts":
        """Counts of a cross-products file; they are the same in every imputation."""
        return cls(
            int(products.la_children.sum()),
            int(products.cell_rows.sum()),
            len(products.la_codes),
            int(products.la_treated.sum()),
            _fewest_las(products),
        )

    @property
    def supports_inference(self) -> bool:
        """Whether both arms have two clusters before and after; with one, errors are near zero and mean nothing."""
        return self.fewest_las >= 2


@dataclass
class Tables:
    """Rows of the results tables, gathered specification by specification."""

    outcome: str
    confidence: float
    counts: Counts
    estimates: list[dict[str, Any]] = field(default_factory=list)
    model_terms: list[dict[str, Any]] = field(default_factory=list)
    estimation_status: list[dict[str, Any]] = field(default_factory=list)

    def add_estimate(self, specification: str, estimator: str, **numbers: float | None) -> None:
        """One row of `estimates`; numbers not given are null."""
        row = dict.fromkeys(("estimate", "std_error", "ci_low", "ci_high", "p_value", "df"))
        keys = {"outcome": self.outcome, "specification": specification, "estimator": estimator, "method": METHOD}
        counts = {name: value for name, value in vars(self.counts).items() if name != "fewest_las"}
        self.estimates.append(keys | row | numbers | counts)

    def add_pooled(self, specification: str, estimator: str, pooled: Pooled, i: int) -> None:
        """One row of `estimates` from coefficient `i`: t interval and test where the clusters support them."""
        estimate, error, df = float(pooled.estimate[i]), float(np.sqrt(pooled.variance[i])), float(pooled.df[i])
        if not self.counts.supports_inference or not error > 0:
            self.add_estimate(specification, estimator, estimate=estimate)
            return
        reach = error * float(stats.t.ppf((1 + self.confidence) / 2, df))
        self.add_estimate(
            specification,
            estimator,
            estimate=estimate,
            std_error=error,
            ci_low=estimate - reach,
            ci_high=estimate + reach,
            p_value=2 * float(stats.t.sf(abs(estimate) / error, df)),
            df=df,
        )

    def add_status(self, specification: str, reason: str) -> None:
        """One row of `estimation_status`: a reason means that nothing could be estimated."""
        status = NOT_ESTIMABLE if reason else ESTIMATED if self.counts.supports_inference else POINT_ONLY
        self.estimation_status.append(
            {
                "outcome": self.outcome,
                "specification": specification,
                "status": status,
                "reason": reason or (FEW_LAS if status == POINT_ONLY else None),
            }
        )

    def add_failure(self, specification: Specification, reason: str) -> None:
        """A specification that cannot be estimated: a row with counts alone, and why."""
        self.add_estimate(specification.name, specification.estimator)
        self.add_status(specification.name, reason)

    def add_term(
        self,
        specification: str,
        term: str,
        counts: tuple[int, int],
        reason: str | None,
        fmi: float | None,
        df: float | None,
    ) -> None:
        """One row of `model_terms`; a reason means that the term was omitted, `counts` are its rows and children."""
        self.model_terms.append(
            {
                "outcome": self.outcome,
                "specification": specification,
                "term": term,
                "status": "omitted" if reason else "kept",
                "reason": reason,
                "n_rows": counts[0],
                "n_children": counts[1],
                "fmi": fmi,
                "df": df,
            }
        )


def _fewest_las(products: CrossProducts) -> int:
    """The smallest number of LAs with rows in an arm and period."""
    filled = products.cell_rows > 0
    treated = products.la_treated[np.searchsorted(products.la_codes, products.cell_la)].astype(bool)
    return min(
        len(np.unique(products.cell_la[filled & (treated == arm) & (products.cell_post == post)]))
        for arm in (False, True)
        for post in (0, 1)
    )


def sample_fault(products: CrossProducts) -> str:
    """Why no specification can be estimated on the sample, or an empty string."""
    counts = dict(zip(products.columns.tolist(), products.column_rows.tolist(), strict=True))
    if not products.cell_rows.sum():
        return "no matched rows"
    if len(products.la_codes) < 2:
        return "fewer than two LAs"
    return "" if counts["post_x_treated"] else "no treated rows after embedding"


def add_linear(tables: Tables, specification: Specification, products: CrossProducts, pseudo: list[PseudoRows]) -> None:
    """Fit a linear specification on every imputation, pool, and add its rows."""
    times, columns = tuple(products.event_times.tolist()), tuple(products.columns.tolist())
    fault = sample_fault(products) or ("" if has_reference(specification, times) else NO_REFERENCE)
    if fault:
        tables.add_failure(specification, fault)
        return
    regressors = terms(specification, columns, tuple(products.roles.tolist()), times)
    transform = transformation(regressors, columns)
    kept, omitted = _common_columns(pseudo, transform)
    used = [regressors[i] for i in kept]
    if tables.counts.n_rows <= len(used):
        tables.add_failure(specification, SATURATED)
        return
    fits = [fit(rows, transform[:, kept]) for rows in pseudo]
    df = tables.counts.n_las - 1
    pooled = pool(np.stack([f.params for f in fits]), np.stack([np.diag(f.covariance) for f in fits]), df)
    missing = {term.name: (float(f), float(d)) for term, f, d in zip(used, pooled.fmi, pooled.df, strict=True)}
    for j, term in enumerate(regressors):
        numbers = missing.get(term.name, (None, None))
        tables.add_term(specification.name, term.name, _term_counts(term, products), omitted.get(j), *numbers)
    _add_left_out(tables, specification, products)
    if not any(term.effect for term in used):
        tables.add_failure(specification, NOT_IDENTIFIED)
        return
    _add_effects(tables, specification, regressors, used, pooled)
    if specification.estimator == "event_study":
        leads = sum(term.lead for term in used)
        # As many leads as treated LAs leave their covariance no information of its own.
        informative = tables.counts.supports_inference and leads < tables.counts.n_treated_las
        test = pretrend_test(fits, used, df) if informative else None
        numbers = {"estimate": test.statistic, "p_value": test.p_value, "df": test.df_denominator} if test else {}
        tables.add_estimate(specification.name, "event_study_pretrend_F", **numbers)


def _add_effects(
    tables: Tables, specification: Specification, regressors: tuple[Term, ...], used: list[Term], pooled: Pooled
) -> None:
    """A row of `estimates` for every effect term, without numbers where it was omitted."""
    tables.add_status(specification.name, "")
    for term in (term for term in regressors if term.effect):
        estimator = specification.estimator if specification.estimator == "did" else term.name
        if term in used:
            tables.add_pooled(specification.name, estimator, pooled, used.index(term))
        else:
            tables.add_estimate(specification.name, estimator)


def add_logit(tables: Tables, specification: Specification, products: CrossProducts, fits: list[LogitFit]) -> None:
    """Pool the logit fits of every imputation and add their rows."""
    fault = sample_fault(products) or next((f.reason for f in fits if f.reason), "") or ("" if fits else NO_FITS)
    if fault:
        tables.add_failure(specification, fault)
        return
    estimates, variances = (np.array([[getattr(f, name)] for f in fits]) for name in ("estimate", "variance"))
    pooled = pool(estimates, variances, tables.counts.n_las - 1)
    for name, reason in (dict.fromkeys(fits[0].kept) | fits[0].omitted).items():
        counts = _term_counts(Term(name, (name,), False), products)
        tables.add_term(specification.name, name, counts, reason, None, None)
    _add_left_out(tables, specification, products)
    tables.add_status(specification.name, "")
    tables.add_pooled(specification.name, specification.estimator, pooled, 0)


def _common_columns(pseudo: list[PseudoRows], transform: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """Regressors independent in every imputation, in order, and why the others are not."""
    chosen = [independent_columns(rows.products(transform)) for rows in pseudo]
    omitted = {j: reason for choice in chosen for j, reason in choice.omitted.items()}
    return np.array([j for j in range(transform.shape[1]) if j not in omitted], dtype=np.int64), omitted


def _add_left_out(tables: Tables, specification: Specification, products: CrossProducts) -> None:
    """Covariates that give no column are omitted terms of the specifications that would use them."""
    left_out = (products.left_out_terms, products.left_out_roles, products.left_out_reasons)
    wanted = {"child": specification.child_covariates, "la": specification.la_covariates}
    for name, role, reason in zip(*(part.tolist() for part in left_out), strict=True):
        if wanted[role]:
            tables.add_term(specification.name, name, (0, 0), reason, None, None)


def _term_counts(term: Term, products: CrossProducts) -> tuple[int, int]:
    """Rows behind a term, and children: for an end category those of its largest year, so never too many."""
    inside = np.isin(products.columns, term.columns)
    return int(products.column_rows[inside].sum()), int(products.column_children[inside].max(initial=0))
