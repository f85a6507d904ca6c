"""How strong is the evidence on an outcome, by a rule that the study declares before it looks?

What enters: facts about an outcome's estimates, each a number or unknown, and the rules of the configuration: per level
the conditions that all have to hold, for an effect and for the absence of one. What leaves: a rating with the
conditions that held and did not, and its reason in words. The rule is ours (study-design section 6): the study that
this one follows published ratings without theirs.

An effect that is not shown is one of two things. Where the whole interval lies within the smallest effect of interest,
that there is no effect worth having is itself a finding with evidence of its own (equivalence; Schuirmann 1987). Where
it does not, the data cannot tell: no evidence, which is no evidence of no effect.
"""

import operator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scripts.errors import StudyError

LEVELS = ("high", "moderate", "low")
NONE = "none"
EFFECT, NO_EFFECT, UNCLEAR = "effect", "no_effect", "unclear"

# What rules may ask of, in the words of the reason. Yes-or-no facts are 1 or 0.
FACTS = {
    "p_adjusted": "p-value adjusted for the number of outcomes (wild cluster bootstrap)",
    "p_wild": "p-value of the wild cluster bootstrap",
    "p_randomisation": "p-value of randomisation inference",
    "same_sign_without_each_la": "the effect has the same sign without each LA in turn (1 yes, 0 no)",
    "largest_p_without_an_la": "largest p-value when an LA is left out",
    "share_of_las_with_same_sign": "share of treated LAs whose own effect has the same sign",
    "p_pretrend": "p-value of different trends before embedding",
    "p_placebo": "smallest p-value of the placebo tests",
    "breakdown_mbar": "violation of parallel trends, in multiples of the largest before embedding, that is tolerated",
    "rosenbaum_gamma": "bias in adoption that is tolerated (Rosenbaum's gamma)",
    "e_value_limit": "E-value of the interval's limit",
    "treated_las": "treated LAs",
    "effective_df": "effective degrees of freedom",
    "largest_smd": "largest standardised difference after matching",
    "share_matched": "share of treated children who were matched",
    "mdes_ratio": "minimum detectable effect, in smallest effects of interest",
    "interval_ratio": "the interval's limit furthest from zero, in smallest effects of interest",
}
COMPARISONS = {
    "below": (operator.lt, "below"),
    "at_most": (operator.le, "at most"),
    "above": (operator.gt, "above"),
    "at_least": (operator.ge, "at least"),
}


@dataclass(frozen=True)
class Condition:
    """A fact, how it is compared, and with what."""

    fact: str
    comparison: str
    threshold: float

    def holds(self, facts: dict[str, float | None]) -> bool:
        """Whether the fact is known and compares as asked; what is not known is not held to be so."""
        value = facts.get(self.fact)
        return value is not None and value == value and COMPARISONS[self.comparison][0](value, self.threshold)

    def told(self, facts: dict[str, float | None]) -> str:
        """The condition and the fact in words."""
        value = facts.get(self.fact)
        known = "not known" if value is None or value != value else f"{value:.3g}"
        return f"{FACTS[self.fact]}: {known}, wanted {COMPARISONS[self.comparison][1]} {self.threshold:g}"


@dataclass(frozen=True)
class Rules:
    """Conditions by level, in the order of LEVELS, of evidence for an effect and for the absence of one."""

    effect: dict[str, tuple[Condition, ...]]
    no_effect: dict[str, tuple[Condition, ...]]


@dataclass(frozen=True)
class Rating:
    """The level, what it is evidence of, what held, what stood against a higher level, and the reason in words."""

    level: str
    finding: str
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    reason: str


def read_rules(settings: dict[str, Any]) -> Rules:
    """The rules of the `evidence` settings.

    Raises
    ------
    StudyError
        A condition names an unknown fact, or not exactly one comparison; a level asks for less than one below it.
    """
    ladders = {
        ladder: {
            level: tuple(_condition(each, f"evidence.{ladder}.{level}") for each in settings[ladder][level])
            for level in LEVELS
            if level in settings[ladder]
        }
        for ladder in (EFFECT, NO_EFFECT)
    }
    for ladder, levels in ladders.items():
        _check_order(ladder, levels)
    return Rules(**ladders)


def _condition(entry: dict[str, Any], place: str) -> Condition:
    """One condition of the config."""
    compared = [name for name in entry if name != "fact"]
    if entry.get("fact") not in FACTS:
        raise StudyError("CONFIG", place, f"unknown fact {entry.get('fact')}", f"Name one of {', '.join(FACTS)}")
    if len(compared) != 1 or compared[0] not in COMPARISONS:
        problem = f"{entry['fact']} has no single comparison"
        raise StudyError("CONFIG", place, problem, f"Give one of {', '.join(COMPARISONS)}")
    return Condition(entry["fact"], compared[0], float(entry[compared[0]]))


def _check_order(ladder: str, levels: dict[str, tuple[Condition, ...]]) -> None:
    """Every level has conditions, or it would rate the unknown; a higher one asks of every fact that a lower does."""
    names = list(levels)
    for name, conditions in levels.items():
        if not conditions:
            raise StudyError("CONFIG", f"evidence.{ladder}.{name}", "no conditions", "Give one, or leave the level out")
    for higher, lower in pairwise(names):
        lost = {each.fact for each in levels[lower]} - {each.fact for each in levels[higher]}
        if lost:
            place, problem = f"evidence.{ladder}.{higher}", f"{', '.join(sorted(lost))} asked of {lower} only"
            raise StudyError("CONFIG", place, problem, f"Ask of {higher} what is asked of {lower}")


def rate(facts: dict[str, float | None], rules: Rules) -> Rating:
    """The highest level whose conditions all hold: of an effect, else of its absence, else none.

    Parameters
    ----------
    facts : names of FACTS; those absent or None are not known.
    """
    for finding, ladder in ((EFFECT, rules.effect), (NO_EFFECT, rules.no_effect)):
        for level, conditions in ladder.items():
            if all(each.holds(facts) for each in conditions):
                above = [each for name in _above(ladder, level) for each in ladder[name]]
                return _rating(level, finding, [*conditions, *above], facts)
    lowest = [each for ladder in (rules.effect, rules.no_effect) for each in _lowest(ladder)]
    return _rating(NONE, UNCLEAR, lowest, facts)


def _above(ladder: dict[str, tuple[Condition, ...]], level: str) -> list[str]:
    """The levels above a level, the nearest first."""
    names = list(ladder)
    return names[: names.index(level)][::-1]


def _lowest(ladder: dict[str, tuple[Condition, ...]]) -> tuple[Condition, ...]:
    """The conditions of the lowest level, none of a ladder without levels."""
    return ladder[list(ladder)[-1]] if ladder else ()


def _rating(level: str, finding: str, conditions: list[Condition], facts: dict[str, float | None]) -> Rating:
    """A rating with its conditions told, those that held and those that did not, each once."""
    passed, failed = (
        tuple(dict.fromkeys(each.told(facts) for each in conditions if each.holds(facts) == wanted))
        for wanted in (True, False)
    )
    found = {
        EFFECT: f"{level.capitalize()} strength of evidence for an effect",
        NO_EFFECT: f"{level.capitalize()} strength of evidence that there is no effect large enough to matter",
        UNCLEAR: "No evidence either way: neither an effect nor its absence is shown",
    }[finding]
    against = "Missing for it" if level == NONE else "Not rated higher because of"
    return Rating(
        level, finding, passed, failed, f"{found}. {against}: {'; '.join(failed)}." if failed else f"{found}."
    )
