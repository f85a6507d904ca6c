"""The rules of disclosure control, as schemas/disclosure/rules.yaml (or the study's copy of it) states them.

In: the file. Out: `Rules`, which judges single numbers; which rules were used is remembered, because a final clearance
pack is refused while one of them has not been read in its source.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.config.strict_yaml import read_yaml
from scripts.errors import StudyError

GRADES = ("V", "S", "N")
FIELDS = ("value", "what", "source", "grade", "confirmed_by")
KINDS: dict[str, Any] = {
    "min_children": int,
    "zeros": ("block", "allow"),
    "rounding_base": int,
    "protection": int,
    "population_difference": int,
    "dominance_nk": {"contributors": int, "share": float},
    "dominance_p": float,
    "dominance_one": float,
    "dominance_two": float,
    "dominance_abs": {"one": float, "two": float},
    "percentile_children": int,
    "extremes": ("refuse",),
    "residual_df": int,
    "term_children": int,
    "saturated": ("refuse",),
    "significant_digits": int,
    "file_types": list,
}


@dataclass(frozen=True)
class Rule:
    """A rule: its value, what it means, where it is from, how well that is known (V, S or N) and who confirmed it."""

    name: str
    value: Any
    what: str
    source: str
    grade: str
    confirmed_by: str | None


@dataclass(frozen=True)
class Rules:
    """All rules; asking for a value counts as using the rule."""

    version: int
    by_name: dict[str, Rule]
    used: set[str] = field(default_factory=set)

    def value(self, name: str) -> Any:
        """The value of a rule."""
        self.used.add(name)
        return self.by_name[name].value

    def of_used(self) -> list[Rule]:
        """The rules that were used, in the order of the file."""
        return [rule for name, rule in self.by_name.items() if name in self.used]

    def unconfirmed(self) -> list[str]:
        """Used rules that nobody has read in their source."""
        return [rule.name for rule in self.of_used() if rule.grade != "V"]

    # ---- judgements: why a number may not be released, None if it may

    def children(self, n: int | None, structural: bool = False) -> str | None:
        """A number of distinct children. `structural`: zero says nothing about anybody, for a declared reason."""
        fewest = self.value("min_children")
        if n is None or n >= fewest:
            return None
        if n == 0:
            return None if structural or self.value("zeros") == "allow" else "zeros"
        return "min_children"

    def dominance(self, largest: float | None, two_largest: float | None) -> str | None:
        """Shares of a sum that its largest and its two largest contributors hold; None if not known to apply."""
        if largest is None or two_largest is None:
            return None
        nk, abs_ = self.value("dominance_nk"), self.value("dominance_abs")
        held = {1: largest, 2: two_largest}[nk["contributors"]]
        judged = {
            "dominance_nk": held >= nk["share"],
            "dominance_p": 1 - two_largest < self.value("dominance_p") * largest,
            "dominance_one": largest >= self.value("dominance_one"),
            "dominance_two": two_largest >= self.value("dominance_two"),
            "dominance_abs": largest >= abs_["one"] or two_largest >= abs_["two"],
        }
        return next((name for name, failed in judged.items() if failed), None)

    def percentile(self, below: int, above: int) -> str | None:
        """Distinct children on either side of a median or percentile."""
        return "percentile_children" if min(below, above) < self.value("percentile_children") else None

    def regression(self, n_rows: int, n_terms: int, n_patterns: int) -> str | None:
        """Rows, terms and groups of rows that differ in their regressors."""
        if n_rows - n_terms < self.value("residual_df"):
            return "residual_df"
        self.value("saturated")
        return "saturated" if n_terms >= n_patterns else None

    def term(self, n_children: int, n_all: int) -> str | None:
        """Distinct children behind a term, and in the whole sample."""
        fewest = self.value("term_children")
        return "term_children" if n_children < fewest or 0 < n_all - n_children < fewest else None

    def difference(self, one: int, other: int) -> bool:
        """Whether two populations are too alike: they differ, by fewer children than the rule asks for."""
        return 0 < abs(one - other) < self.value("population_difference")


def read_rules(path: str) -> Rules:
    """Read a file of rules.

    Raises
    ------
    StudyError : RULES, naming the first rule or field that is missing, unknown or of the wrong kind.
    """
    if not Path(path).is_file():
        raise StudyError("FILE", "release.rules", "there is no such file", "Correct the path")
    content = read_yaml(Path(path))
    given = content.get("rules") if isinstance(content, dict) else None
    if not isinstance(given, dict) or not isinstance(content.get("version"), int):
        raise _wrong(path, "the file needs a whole number `version` and a mapping `rules`")
    if differing := sorted(set(given) ^ set(KINDS)):
        raise _wrong(path, f"missing or unknown: {', '.join(differing)}")
    return Rules(content["version"], {name: _rule(path, name, entry) for name, entry in given.items()})


def _rule(path: str, name: str, entry: dict[str, Any]) -> Rule:
    if not isinstance(entry, dict) or set(entry) != set(FIELDS):
        raise _wrong(path, f"{name} needs exactly {', '.join(FIELDS)}")
    if entry["grade"] not in GRADES:
        raise _wrong(path, f"{name}.grade is V, S or N")
    if entry["grade"] == "V" and not entry["confirmed_by"]:
        raise _wrong(path, f"{name} is graded V, so confirmed_by says who read the source")
    if not _fits(entry["value"], KINDS[name]):
        raise _wrong(path, f"{name}.value is of the wrong kind")
    return Rule(name, *(entry[part] for part in FIELDS))


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, tuple):
        return value in kind
    if isinstance(kind, dict):
        return isinstance(value, dict) and set(value) == set(kind) and all(_fits(value[k], kind[k]) for k in kind)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _wrong(path: str, problem: str) -> StudyError:
    return StudyError("RULES", f"release.rules {Path(path).name}", problem, "See schemas/disclosure/rules.yaml")
