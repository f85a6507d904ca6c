"""What was found, in plain words: one sentence per outcome, how sure one can be, and why not surer.

In: results tables `conclusions`, `evidence`, `estimation_status`, `flow`. Out: one Finding per outcome. Estimates of
shares are percentage points here, by the scale of the study's outcomes.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from scripts.models.evidence import EFFECT, LEVELS, NO_EFFECT, UNCLEAR, Condition, read_rules
from scripts.report.study import PERCENTAGE_POINTS, Outcome, Study
from scripts.report.words import listed, number, signed

# What speaks against more certainty if a fact does not hold as wanted, to a reader who decides.
DOUBTS = {
    "p_adjusted": "with several outcomes tested, it could be chance",
    "p_wild": "it could be chance",
    "p_randomisation": "pilots drawn at random would often show as much",
    "same_sign_without_each_la": "it turns round when one authority is left out",
    "largest_p_without_an_la": "it leans on a single authority",
    "share_of_las_with_same_sign": "pilots do not agree on its direction",
    "p_pretrend": "pilots were already on another path before",
    "p_placebo": "something also shows where nothing should",
    "breakdown_mbar": "it would vanish if the groups drifted apart as much as they did before",
    "rosenbaum_gamma": "a modest hidden difference between authorities could explain it",
    "e_value_limit": "a modest hidden cause could explain it",
    "treated_las": "there are too few pilots",
    "effective_df": "few pilots carry most of the weight",
    "largest_smd": "matched children still differ",
    "share_matched": "many children in pilots found no match",
    "mdes_ratio": "the study is too small for effects that matter",
    "interval_ratio": "effects that would matter cannot be ruled out",
}


# A result that rests on too few children to leave the secure environment
WITHHELD = "withheld"


@dataclass(frozen=True)
class Bar:
    """An interval on a scale from -1 to 1, where the smallest effect worth having is at `worth` either side of zero."""

    low: float
    high: float
    estimate: float
    worth: float


@dataclass(frozen=True)
class Finding:
    """An outcome's headline result in its own unit; the numbers are None where it could not be estimated."""

    outcome: Outcome
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    numbers: dict[str, Any]
    finding: str
    rating: str
    sentence: str
    why: str
    bar: Bar | None

    @property
    def effect(self) -> str:
        """Estimate and unit."""
        if self.finding == WITHHELD:
            return WITHHELD
        return f"{signed(self.estimate)} {self.outcome.unit}" if self.estimate is not None else "not estimated"

    @property
    def hint(self) -> bool:
        """Whether the interval leaves out zero although the evidence is too weak for a finding."""
        return self.finding == UNCLEAR and _leaves_out_zero(self.ci_low, self.ci_high)


def findings(study: Study, tables: dict[str, pl.DataFrame]) -> list[Finding]:
    """One Finding per configured outcome, in the order of the configuration."""
    return [_finding(outcome, study, tables) for outcome in study.outcomes.values()]


def in_short(found: list[Finding], practice_model: str) -> list[str]:
    """The whole answer in a few sentences, from the findings on the research questions."""
    primary = [each for each in found if each.outcome.primary]
    hints = [each for each in primary if each.hint]
    effects, none, unclear = (
        [each for each in primary if each.finding == kind and not each.hint] for kind in (EFFECT, NO_EFFECT, UNCLEAR)
    )
    sentences = [f"None of {len(primary)} outcomes can be shown to have changed with {practice_model}."]
    if effects:
        told = listed([f"{_lowered(each)} ({each.rating} evidence)" for each in effects])
        sentences = [f"{len(effects)} of {len(primary)} outcomes changed with {practice_model}: {told}."]
    if none:
        told = listed([f"{_inside(each.outcome)} ({each.rating} evidence)" for each in none])
        sentences.append(f"No effect that would matter: {told}.")
    if hints:
        sentences.append(f"A hint that may be chance: {listed([_lowered(each) for each in hints])}.")
    if held := [each for each in primary if each.finding == WITHHELD]:
        sentences.append(f"Withheld to protect people: {listed([_inside(each.outcome) for each in held])}.")
    if unclear:
        others = effects and not none and not held and len(unclear) > 1
        told = f"the other {len(unclear)}" if others else listed([_inside(each.outcome) for each in unclear])
        sentences.append(f"Not clear either way, which is not “no effect”: {told}.")
    return sentences


def _inside(outcome: Outcome) -> str:
    """An outcome's label inside a sentence."""
    return outcome.label[0].lower() + outcome.label[1:]


def _lowered(finding: Finding) -> str:
    """An effect inside a sentence."""
    direction = "lower" if finding.estimate < 0 else "higher"
    told = f"{number(abs(finding.estimate), 1)} {finding.outcome.unit} {direction}"
    return f"{_inside(finding.outcome)} {told}"


def _finding(outcome: Outcome, study: Study, tables: dict[str, pl.DataFrame]) -> Finding:
    own = {name: tables[name].filter(pl.col("outcome") == outcome.key) for name in ("conclusions", "evidence")}
    row = own["conclusions"].row(0, named=True)
    scaled = {
        name: None if row[name] is None else row[name] * outcome.scale
        for name in ("estimate", "ci_low", "ci_high", "mdes")
    }
    estimate, low, high = (scaled[name] for name in ("estimate", "ci_low", "ci_high"))
    if row["finding"] is None:
        told = "Withheld: too few children stand behind this result for it to leave the secure environment."
        numbers = row | {"n_figures": None}
        return Finding(
            outcome, None, None, None, numbers, WITHHELD, "none", told, "the rules that protect people", None
        )
    if low is None or high is None:
        sentence, why, bar = _without_interval(outcome, study, tables, estimate), "there is no interval", None
    else:
        sentence = _sentence(outcome, row["finding"], estimate, low, high, study)
        facts = dict(own["evidence"].select("fact", "value").rows())
        why, bar = (
            _why(row, facts, study.config["evidence"]),
            _bar(outcome, estimate, low, high),
        )
    numbers = row | {"mdes": scaled["mdes"], "n_figures": _yearly_figures(outcome, tables)}
    return Finding(outcome, estimate, low, high, numbers, row["finding"], row["rating"], sentence, why, bar)


def _yearly_figures(outcome: Outcome, tables: dict[str, pl.DataFrame]) -> int | None:
    """How many LA-years an estimate from published statistics rests on, each once however many groups its LA serves."""
    if "published_groups" not in tables:
        return None
    used = pl.col("used").is_in(["before", "after"])
    return tables["published_groups"].filter(pl.col("outcome") == outcome.key, used).height


def _without_interval(outcome: Outcome, study: Study, tables: dict[str, pl.DataFrame], estimate: float | None) -> str:
    status = tables["estimation_status"].filter(
        pl.col("outcome") == outcome.key, pl.col("specification") == study.headline
    )
    reason = next(iter(status["reason"].to_list()), None)
    if estimate is not None:
        return f"{signed(estimate)} {outcome.unit} against matched authorities, without an interval: {reason}."
    lacking = empty_because(tables["flow"].filter(pl.col("outcome") == outcome.key)) if "flow" in tables else None
    return f"Could not be estimated: {lacking or reason}."


def _sentence(outcome: Outcome, finding: str, estimate: float, low: float, high: float, study: Study) -> str:
    """What the interval allows to say, compared with what would have been expected from matched authorities."""
    unit = outcome.unit
    told = f"{'lower' if estimate < 0 else 'higher'} by {number(abs(estimate), 1)} {unit}"
    if finding == EFFECT:
        hundred = f": about {number(abs(estimate))} in 100" if unit == PERCENTAGE_POINTS and abs(estimate) >= 1 else ""
        return f"{told.capitalize()} than expected from matched authorities{hundred}."
    if finding == NO_EFFECT:
        inside = max(abs(low), abs(high)) <= outcome.smallest_effect * outcome.scale
        start = "No effect" if inside else "Probably no effect"
        return f"{start} that would matter: any change is between {signed(low)} and {signed(high)} {unit}."
    ends = listed([f"{number(abs(end), 1)} {'lower' if end < 0 else 'higher'}" for end in (low, high)])
    if _leaves_out_zero(low, high):
        return f"Perhaps {told}, between {ends}; it may be chance."
    return f"Not clear: anything between {ends} fits the data."


def _leaves_out_zero(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and (low > 0 or high < 0)


def _why(row: dict[str, Any], facts: dict[str, float | None], evidence: dict[str, Any]) -> str:
    """What keeps the rating from being higher: the conditions of the next level that do not hold.

    `row`: of results table `conclusions`.
    """
    rules, finding = read_rules(evidence), row["finding"]
    ladder = rules.no_effect if finding == NO_EFFECT else rules.effect
    if finding != UNCLEAR:
        above = [level for level in LEVELS[: LEVELS.index(row["rating"])] if level in ladder]
        if not above:
            return "every condition set beforehand holds"
        return f"not {above[-1]}: {_doubts(ladder[above[-1]], facts)}"
    if _leaves_out_zero(row["ci_low"], row["ci_high"]) and ladder:
        return _doubts(ladder[list(ladder)[-1]], facts)
    return "both no change and changes that would matter fit the data"


def _doubts(conditions: tuple[Condition, ...], facts: dict[str, float | None]) -> str:
    return listed([DOUBTS[each.fact] for each in conditions if not each.holds(facts)])


def _bar(outcome: Outcome, estimate: float, low: float, high: float) -> Bar:
    """The interval for a small drawing that reaches to it or to twice the smallest effect worth having."""
    worth = outcome.smallest_effect * outcome.scale
    reach = 1.1 * max(abs(low), abs(high), 2 * worth)
    return Bar(low / reach, high / reach, estimate / reach, worth / reach)


def empty_because(flow: pl.DataFrame) -> str | None:
    """The first step of a flow that left no rows, or the arm and period that has none; None if nothing lacks."""
    for (_, step), counts in flow.sort("position").group_by("position", "step", maintain_order=True):
        if counts["n_rows"].sum() == 0:
            return f"no rows are left at the step “{step}”"
    last = flow.filter(pl.col("position") == flow["position"].max())
    for arm in ("pilot", "comparator"):
        for period in ("pre", "post"):
            if last.filter(arm=arm, period=period)["n_rows"].sum() == 0:
                side = "before" if period == "pre" else "after"
                return f"no rows of {arm} LAs are left {side} embedding"
    return None
