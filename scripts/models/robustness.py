"""Who drives the headline estimate, and for whom the effect differs: leave-one-LA-out, effects by pilot, subgroups.

What enters: the headline specification fitted on every imputation. What leaves: rows of `leave_one_out`, `la_effects`
and `subgroups`. Leaving an LA out takes its moments off; nothing is matched anew. The effect on a single pilot has no
clustered error, its cluster being one; what stands beside it is the same contrast for every comparator LA of its group
in the pilot's place, whose spread says what chance and drift alone do. Subgroup effects come from one model with an
effect for every level; the interaction test is the wild bootstrap of the hypothesis that all are equal.
"""

from dataclasses import replace

import numpy as np

from scripts.models import inference
from scripts.models.cells import Cells
from scripts.models.covariance import crv1
from scripts.models.estimates import Outcome, Tables
from scripts.models.fitted import Counts, Fitted, fit_models
from scripts.models.inference import CR2, CRV1
from scripts.models.linear import refit
from scripts.models.moments import Moments
from scripts.models.specification import EFFECT, Specification, subgroup_model
from scripts.models.wild import joint_bootstrap, wild_weights

SHOWN = ("estimate", "std_error", "ci_low", "ci_high")


def add_leave_one_out(tables: Tables, specification: Specification, fitted: Fitted, outcome: Outcome) -> None:
    """A row per LA: the effect without it, with CRV1 errors."""
    position = fitted.position(EFFECT)
    cells = fitted.models[0].cells
    for number, la in enumerate(cells.la_codes.tolist()):
        others = np.arange(len(cells.la_codes)) != number
        counts = Counts.of(cells.where(cells.la != la))
        found = None
        if counts.fewest_las > 0:
            fits = [refit(Moments(each.moments.matrices[others], counts.n_rows)) for each in fitted.fits]
            estimates = np.array([[fit.params[position]] for fit in fits])
            variances = np.array([[crv1(fit)[position, position]] for fit in fits])
            found = inference.t_inference(CRV1, estimates, variances, counts.n_las - 1, outcome.parameters.confidence)
        role = "pilot" if cells.la_treated[number] else "comparator"
        numbers = (
            {} if found is None else {n: getattr(found, n) for n in ("estimate", "std_error", "ci_low", "ci_high")}
        )
        tables.add("leave_one_out", specification=specification.name, la_code=la, role=role, **numbers, **counts.shown)


def add_la_effects(tables: Tables, specification: Specification, outcome: Outcome) -> None:
    """A row per pilot: the effect in its own matched group, and the spread of the group's comparators in its place."""
    cells = outcome.cells[0]
    for group in np.unique(cells.group).tolist():
        members = [each.where(each.group == group) for each in outcome.cells]
        own = members[0].treated == 1
        if not own.any():
            continue
        pilot = str(members[0].la[own][0])
        comparators = np.unique(members[0].la[~own]).tolist()
        placebos = [
            contrast(members, la, [other for other in comparators if other != la], outcome) for la in comparators
        ]
        known = [each for each in placebos if each is not None]
        tables.add(
            "la_effects",
            specification=specification.name,
            la_code=pilot,
            estimate=contrast(members, pilot, comparators, outcome),
            placebo_spread=float(np.sqrt(np.mean(np.square(known)))) if known else None,
            n_comparators=len(comparators),
            n_rows=int(members[0].rows.sum()),
            n_children=int(members[0].la_children.sum()),
        )


def contrast(members: list[Cells], la: str, others: list[str], outcome: Outcome) -> float | None:
    """Difference in differences of one LA against others, adjusted for child covariates; None without all four means.

    The slopes of the child covariates are those within the cells of arm and period, so an LA x year covariate, which
    one group cannot tell from its trend, stays out.
    """
    if not others:
        return None
    found = []
    for each in members:
        kept = each.where(np.isin(each.la, [la, *others]))
        kept = replace(kept, treated=(kept.la == la).astype(np.int64), la_treated=kept.la_codes == la)
        fitted = Outcome([kept], outcome.parameters).fit(Specification("one", "did", True, False))
        if isinstance(fitted, str) or fitted.position(EFFECT) is None:
            return None
        found.append(fitted.fits[0].params[fitted.position(EFFECT)])
    return float(np.mean(found))


def add_subgroups(tables: Tables, specification: Specification, outcome: Outcome, variables: list[str]) -> None:
    """A row per level of each variable: the effect in it, and the test that the effects of the levels are equal."""
    wanted = outcome.parameters
    for variable in variables:
        built = [subgroup_model(specification, each, wanted.max_missing_share, variable) for each in outcome.cells]
        models, levels = [each[0] for each in built], built[0][1]
        if len(levels) < 2:
            continue
        fitted = fit_models(models, Counts.of(outcome.cells[0]))
        if isinstance(fitted, str):
            continue
        p_value = _interaction_p(fitted, levels, variable, outcome) if fitted.counts.supports_inference else None
        cells = outcome.cells[0]
        positions = {level: fitted.position(f"{variable}[{level}]:{EFFECT}") for level in levels}
        known = [level for level, position in positions.items() if position is not None]
        found = {}
        if known and fitted.counts.supports_inference:
            places = [positions[level] for level in known]
            every = inference.clustered_effects(CR2, fitted.fits, places, wanted.confidence, wanted.power)
            found = dict(zip(known, every, strict=True))
        for level in levels:
            behind = cells.term_names == f"{variable}[{level}]"
            numbers = {name: getattr(found[level], name) for name in (*SHOWN, "df", "mdes")} if level in found else {}
            tables.add(
                "subgroups",
                specification=specification.name,
                variable=variable,
                level=level,
                **numbers,
                p_interaction=p_value,
                n_rows=int(cells.term_rows[behind].sum()),
                n_children=int(cells.term_children[behind].sum()),
            )


def _interaction_p(fitted: Fitted, levels: tuple[str, ...], variable: str, outcome: Outcome) -> float | None:
    """Wild bootstrap p-value that the effect is the same in all levels that have one; None if it cannot be tested."""
    positions = [fitted.position(f"{variable}[{level}]:{EFFECT}") for level in levels]
    known = [position for position in positions if position is not None]
    if not 1 < len(known) <= fitted.counts.n_treated_las:
        return None
    identity = np.eye(len(fitted.used))
    restrictions = identity[known[1:]] - identity[known[0]]
    wild = wild_weights(fitted.fits[0].moments.n_las, outcome.parameters.wild, outcome.parameters.seed)
    drawn = joint_bootstrap(fitted.fits, restrictions, wild)
    return None if drawn is None else drawn.p_value
