"""The table of estimates, every method of inference side by side, and what stands behind it.

What enters: fits of the specifications of one outcome on every imputation. What leaves: rows of the results tables
`estimates`, `model_terms`, `model_tests` and `estimation_status`. Effects are in the outcome's own units: working days,
or probabilities (0.05 is 5 percentage points). A specification that cannot be estimated keeps its row, with the counts
and without numbers, and its reason stands in `estimation_status`.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scripts.models import inference
from scripts.models.cells import Cells
from scripts.models.covariance import crv1
from scripts.models.event_study import Leads, detectable_slope, lead_covariance, pretrend_test
from scripts.models.fitted import NOT_IDENTIFIED, Counts, Fitted, assignment, fit_specification, sample_fault
from scripts.models.inference import CR2, JACKKNIFE, RI, WCR, Inference
from scripts.models.logit import LogitFit
from scripts.models.panel import Test, breusch_godfrey, hausman
from scripts.models.pooling import has_full_rank, pool
from scripts.models.specification import EFFECT, ONE_EFFECT, STAGGERED, Regressor, Specification
from scripts.models.staggered import DYNAMIC, Aggregation, Effect, cells_panel, staggered
from scripts.models.wild import joint_bootstrap, wild_weights

ESTIMATED, POINT_ONLY, NOT_ESTIMABLE = "estimated", "point_estimate_only", "not_estimable"
FEW_LAS = "clustered errors need two treated and two comparator LAs, before and after embedding"
NOT_COMPARED = "no pilot has rows before and after embedding and a comparator with both"
NO_FITS = "no logit was fitted"
NUMBERS = ("estimate", "std_error", "ci_low", "ci_high", "p_value", "df", "mdes")


@dataclass(frozen=True)
class Parameters:
    """What the config says of inference (`models.confidence`, block `inference`), and the seed of its draws."""

    confidence: float
    power: float
    methods: tuple[str, ...]
    wild: dict[str, Any]
    randomisation: dict[str, Any]
    serial_lags: int
    max_missing_share: float
    seed: int
    headline: str

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Parameters":
        """From a job's settings."""
        block = settings["inference"]
        return cls(
            settings["models"]["confidence"],
            block["power"],
            tuple(block["methods"]),
            block["wild_bootstrap"],
            block["randomisation"],
            block["serial_correlation_lags"],
            settings["imputation"]["max_missing_share"],
            settings["seed"],
            settings["models"]["headline"],
        )

    @property
    def alpha(self) -> float:
        """Size of tests."""
        return 1 - self.confidence


@dataclass
class Tables:
    """Rows of the results tables of an outcome, by table."""

    outcome: str
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **values: Any) -> None:
        """One row; what is not given is null."""
        self.rows[table].append({"outcome": self.outcome} | values)

    def add_estimate(
        self, specification: str, estimator: str, method: str, counts: Counts, found: Inference | None = None
    ) -> None:
        """One row of `estimates`."""
        numbers = {} if found is None else {name: getattr(found, name) for name in NUMBERS}
        keys = {"specification": specification, "estimator": estimator, "method": method}
        self.add("estimates", **keys, **numbers, **counts.shown)

    def add_status(self, specification: str, counts: Counts, reason: str, size: dict[str, int] | None = None) -> None:
        """One row of `estimation_status`: a reason means that nothing could be estimated. `size`: as Fitted.size."""
        status = NOT_ESTIMABLE if reason else ESTIMATED if counts.supports_inference else POINT_ONLY
        reason = reason or (FEW_LAS if status == POINT_ONLY else "")
        told = {"status": status, "reason": reason or None} | (size or {})
        self.add("estimation_status", specification=specification, **told)

    def add_failure(self, specification: Specification, counts: Counts, methods: tuple[str, ...], reason: str) -> None:
        """A specification that cannot be estimated: rows with counts alone, and why."""
        for method in methods:
            self.add_estimate(specification.name, specification.estimator, method, counts)
        self.add_status(specification.name, counts, reason)

    def add_test(self, specification: str, test: str, found: Test | None) -> None:
        """One row of `model_tests`."""
        self.add("model_tests", specification=specification, test=test, **({} if found is None else vars(found)))


@dataclass(frozen=True)
class Outcome:
    """The cells of an outcome on every imputation, and how to estimate from them."""

    cells: list[Cells]
    parameters: Parameters

    def fit(self, specification: Specification) -> Fitted | str:
        """Fit a specification; a text says why it cannot be."""
        return fit_specification(specification, self.cells, self.parameters.max_missing_share)

    def infer(
        self, specification: Specification, fitted: Fitted, names: list[str], methods: tuple[str, ...]
    ) -> dict[str, list[Inference]]:
        """What methods say of regressors that stayed, by name; with too few clusters, the estimate alone."""
        positions = [fitted.position(name) for name in names]
        if not fitted.counts.supports_inference:
            estimates = np.mean([fit.params[positions] for fit in fitted.fits], axis=0)
            return {
                name: [Inference(method, float(value)) for method in methods]
                for name, value in zip(names, estimates, strict=True)
            }
        found = {method: self._by(method, specification, fitted, positions) for method in methods}
        return {name: [each[j] for each in found.values() if each] for j, name in enumerate(names)}

    def _by(self, method: str, specification: Specification, fitted: Fitted, positions: list[int]) -> list[Inference]:
        """What one method says of every coefficient; nothing where it does not apply."""
        wanted, fits = self.parameters, fitted.fits
        if method == WCR:
            weights = wild_weights(fits[0].moments.n_las, wanted.wild, wanted.seed)
            return [inference.wild(fits, position, wanted.confidence, weights) for position in positions]
        if method != RI:
            power = wanted.power if method == CR2 else None
            return inference.clustered_effects(method, fits, positions, wanted.confidence, power)
        if specification.estimator not in ONE_EFFECT:
            return []
        drawn = assignment(specification, fitted, self.cells, wanted.max_missing_share)
        draws = wanted.randomisation["draws" if specification.name == wanted.headline else "draws_elsewhere"]
        return [
            inference.randomised(fits, position, wanted.confidence, drawn, draws, wanted.seed) for position in positions
        ]


def add_linear(tables: Tables, specification: Specification, outcome: Outcome) -> Fitted | None:
    """Fit a linear specification on every imputation and add its rows; the fit, if there is one."""
    fitted = outcome.fit(specification)
    if isinstance(fitted, str):
        tables.add_failure(specification, Counts.of(outcome.cells[0]), outcome.parameters.methods, fitted)
        return None
    _add_terms(tables, specification, fitted)
    if not any(each.effect for each in fitted.used):
        tables.add_failure(specification, fitted.counts, outcome.parameters.methods, NOT_IDENTIFIED)
        return None
    tables.add_status(specification.name, fitted.counts, "", fitted.size)
    stayed = [each.name for each in fitted.used if each.effect]
    inferred = outcome.infer(specification, fitted, stayed, outcome.parameters.methods)
    for each in (each for each in fitted.regressors if each.effect):
        estimator = specification.estimator if specification.estimator in ONE_EFFECT else each.name
        if each.name not in inferred:
            tables.add_estimate(specification.name, estimator, outcome.parameters.methods[0], fitted.counts)
        for found in inferred.get(each.name, []):
            tables.add_estimate(specification.name, estimator, found.method, fitted.counts, found)
    _add_tests(tables, specification, fitted, outcome)
    return fitted


def _add_terms(tables: Tables, specification: Specification, fitted: Fitted) -> None:
    """Rows of `model_terms`: all regressors, and covariates that gave none."""
    estimates = np.stack([fit.params for fit in fitted.fits])
    variances = np.stack([np.diag(crv1(fit)) for fit in fitted.fits])
    pooled = pool(estimates, variances, fitted.counts.n_las - 1)
    missing = {
        each.name: {"fmi": float(f), "df": float(d)}
        for each, f, d in zip(fitted.used, pooled.fmi, pooled.df, strict=True)
    }
    cells = fitted.models[0].cells
    for j, each in enumerate(fitted.regressors):
        reason = fitted.omitted.get(j)
        _add_term(tables, specification, each.name, reason, _counts_behind(each, cells), missing.get(each.name, {}))
    for name, reason in fitted.models[0].left_out:
        _add_term(tables, specification, name, reason, (0, 0), {})


def _add_term(
    tables: Tables,
    specification: Specification,
    term: str,
    reason: str | None,
    counts: tuple[int, int],
    numbers: dict[str, float],
) -> None:
    """One row of `model_terms`; a reason means that the term was omitted, `counts` are its rows and children."""
    status = "omitted" if reason else "kept"
    behind = {"n_rows": counts[0], "n_children": counts[1]}
    tables.add(
        "model_terms", specification=specification.name, term=term, status=status, reason=reason, **behind, **numbers
    )


def _counts_behind(regressor: Regressor, cells: Cells) -> tuple[int, int]:
    """Rows behind a regressor, and children: for an end category those of its largest year, so never too many."""
    inside = np.isin(cells.term_names, regressor.counts)
    return int(cells.term_rows[inside].sum()), int(cells.term_children[inside].max(initial=0))


def _add_tests(tables: Tables, specification: Specification, fitted: Fitted, outcome: Outcome) -> None:
    """Rows of `model_tests` that go with a specification."""
    if specification.estimator == "event_study":
        _add_pretrend(tables, specification, fitted, outcome.parameters)
    if specification.estimator == "did":
        tables.add_test(
            specification.name,
            "breusch_godfrey",
            breusch_godfrey(fitted.models[0], outcome.parameters.serial_lags),
        )


def _add_pretrend(tables: Tables, specification: Specification, fitted: Fitted, parameters: Parameters) -> None:
    """The joint tests that the leads are zero, and the straight divergence that they would have missed."""
    shown = [(i, each) for i, each in enumerate(fitted.used) if each.lead]
    years = np.array([_year(each.name) - specification.reference for _, each in shown], dtype=float)
    leads = Leads(np.array([i for i, _ in shown], dtype=np.int64), years)
    # As many leads as treated LAs leave their covariance no information of its own.
    informative = fitted.counts.supports_inference and 0 < len(shown) < fitted.counts.n_treated_las
    test = pretrend_test(fitted.fits, leads, fitted.counts.n_las - 1) if informative else None
    found = test and Test(test.statistic, float(test.df_numerator), test.df_denominator, test.p_value)
    tables.add_test(specification.name, "pretrend_F", found)
    drawn = None
    if informative:
        weights = wild_weights(fitted.fits[0].moments.n_las, parameters.wild, parameters.seed)
        drawn = joint_bootstrap(fitted.fits, leads.restrictions(len(fitted.used)), weights)
    bootstrapped = drawn and Test(drawn.statistic, float(len(shown)), None, drawn.p_value)
    tables.add_test(specification.name, "pretrend_WCR", bootstrapped)
    if test is None:
        return
    covariance = np.mean([lead_covariance(fit, leads) for fit in fitted.fits], axis=0)
    if has_full_rank(covariance):
        slope = detectable_slope(covariance, years, test.df_denominator, parameters.alpha, parameters.power)
        tables.add("model_tests", specification=specification.name, test="pretrend_detectable_slope", statistic=slope)


def _year(name: str) -> int:
    """The year since embedding of an event term, such as event_study[-3]."""
    return int(name.partition("[")[2][:-1])


def add_hausman(tables: Tables, fixed: Fitted | None, random: Fitted | None, name: str) -> None:
    """The Hausman test of the effect with random against fixed LA effects, under the name of the random ones."""
    if fixed is None or random is None or not fixed.counts.supports_inference:
        return
    found = hausman(fixed.fits, fixed.position(EFFECT), random.fits, random.position(EFFECT))
    tables.add_test(name, "hausman", found)


def add_logit(
    tables: Tables, specification: Specification, cells: Cells, fits: list[LogitFit], parameters: Parameters
) -> None:
    """Pool the logit fits of every imputation and add their rows."""
    counts, method = Counts.of(cells), inference.CRV1
    fault = sample_fault(cells) or next((f.reason for f in fits if f.reason), "") or ("" if fits else NO_FITS)
    if fault:
        tables.add_failure(specification, counts, (method,), fault)
        return
    by_name = dict(zip(cells.term_names.tolist(), zip(cells.term_rows, cells.term_children, strict=True), strict=True))
    for name, reason in (dict.fromkeys(fits[0].kept) | fits[0].omitted).items():
        rows, children = by_name.get(name, by_name["const"])
        _add_term(tables, specification, name, reason, (int(rows), int(children)), {})
    if specification.child_covariates:
        for name, reason in zip(cells.left_out_terms.tolist(), cells.left_out_reasons.tolist(), strict=True):
            _add_term(tables, specification, name, reason, (0, 0), {})
    tables.add_status(specification.name, counts, "")
    estimates, variances = (np.array([[getattr(f, name)] for f in fits]) for name in ("estimate", "variance"))
    found = inference.t_inference(method, estimates, variances, counts.n_las - 1, parameters.confidence)
    if not counts.supports_inference:
        found = Inference(method, found.estimate)
    tables.add_estimate(specification.name, specification.estimator, method, counts, found)


def add_staggered(tables: Tables, specification: Specification, cells: Cells, parameters: Parameters) -> None:
    """Averages of ATT(g,t) and their parts by years since the first one after embedding; errors by jackknife over LAs.

    No covariate enters, so the imputations do not differ.
    """
    counts = Counts.of(cells)
    found = None if sample_fault(cells) else staggered(cells_panel(cells))
    if found is None:
        reason = sample_fault(cells) or NOT_COMPARED
        tables.add_failure(specification, counts, (JACKKNIFE,), reason)
        return
    tables.add_status(specification.name, counts, "")
    for name, average in found.aggregations.items():
        tables.add_estimate(
            specification.name,
            f"{STAGGERED}_{name}",
            JACKKNIFE,
            counts,
            _jackknifed(average, average.df, counts, parameters),
        )
    dynamic = found.aggregations[DYNAMIC]
    for part in dynamic.parts:
        tables.add_estimate(
            specification.name,
            f"{STAGGERED}[{part.key}]",
            JACKKNIFE,
            counts,
            _jackknifed(part, dynamic.df, counts, parameters),
        )


def _jackknifed(effect: Effect | Aggregation, df: int, counts: Counts, parameters: Parameters) -> Inference:
    """An effect with its jackknife error, where there is one."""
    if effect.std_error is None or not counts.supports_inference:
        return Inference(JACKKNIFE, effect.estimate)
    estimate, variance = np.array([[effect.estimate]]), np.array([[effect.std_error**2]])
    return inference.t_inference(JACKKNIFE, estimate, variance, df, parameters.confidence)
