"""What the configuration says the graph consists of: LAs, outcomes, imputations, and which of them meet."""

from functools import cached_property
from typing import Any

from scripts.cohort.groups import Pilot, eligible_pilots
from scripts.config.variants import changed


class Plan:
    """A validated configuration (scripts.config.load_study) and the questions that rules and job settings ask of it."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        codes = config["las"]["codes"]
        self._members: dict[str, list[str]] = {entry["code"]: entry.get("members", [entry["code"]]) for entry in codes}
        self.las: list[str] = list(self._members)
        self.sources: list[str] = list(dict.fromkeys(code for members in self._members.values() for code in members))
        self.outcomes: list[str] = list(config["outcomes"])
        self.imputations: list[str] = [str(number) for number in range(1, config["imputation"]["m"] + 1)]
        self.pilots: list[dict[str, Any]] = config["las"]["pilots"]

    def members(self, la: str) -> list[str]:
        """The source LAs, codes as they stand in the data, that an analysis LA consists of."""
        return self._members[la]

    def boundaries(self, la: str) -> list[str]:
        """ISO dates, ascending, at which a reorganisation ended or began one of an analysis LA's members."""
        members = set(self.members(la))
        changes = self.config["las"]["reorganisations"]
        return sorted(
            {change["date"] for change in changes if members.intersection(change["old_codes"] + change["successors"])}
        )

    def lifetimes(self, la: str) -> dict[str, dict[str, str | None]]:
        """Reorganised member -> its first day (`begins`) and the first day after its last (`ends`), ISO or null."""
        changes = self.config["las"]["reorganisations"]
        found = {
            code: {
                "begins": max((change["date"] for change in changes if code in change["successors"]), default=None),
                "ends": min((change["date"] for change in changes if code in change["old_codes"]), default=None),
            }
            for code in self.members(la)
        }
        return {code: life for code, life in found.items() if any(life.values())}

    def groups(self, outcome: str) -> list[Pilot]:
        """The pilots whose matched groups take part in an outcome, with its comparators."""
        entry = self.config["outcomes"][outcome]
        pilots = [Pilot.from_config(pilot, outcome) for pilot in self.pilots]
        return eligible_pilots(pilots, entry["exclude_groups"], entry.get("embedded_before"))

    def computes_comparators(self, outcome: str) -> bool:
        """Whether some group of the outcome has no explicit list of comparators, so that every LA is a candidate."""
        return any(pilot.comparators is None for pilot in self.groups(outcome))

    def las_of(self, outcome: str) -> list[str]:
        """The LAs whose rows can enter the outcome's cohort."""
        if self.computes_comparators(outcome):
            return self.las
        members = {la for pilot in self.groups(outcome) for la in (pilot.code, *(pilot.comparators or ()))}
        return [la for la in self.las if la in members]

    def specifications(self, outcome: str) -> dict[str, Any]:
        """The model specifications that apply to an outcome."""
        named = self.config["models"]["specifications"]
        return {name: spec for name, spec in named.items() if spec["outcomes"] == "all" or outcome in spec["outcomes"]}

    def needs_logit(self, outcome: str) -> bool:
        """Whether a specification of the outcome is not linear and so needs child rows."""
        return any(spec["estimator"] == "logit_ame" for spec in self.specifications(outcome).values())

    @cached_property
    def variations(self) -> dict[str, tuple[dict[str, Any], str]]:
        """Every variant with every outcome that it serves: name-outcome -> entry of the configuration and outcome."""
        return {
            f"{variant['name']}-{outcome}": (variant, outcome)
            for variant in self.config["variants"]["choices"]
            for outcome in variant["outcomes"]
        }

    def recleans(self, variation: str) -> bool:
        """Whether a variant changes cleaning, so that it starts from canonical tables."""
        return any(key.startswith("cleaning.") for key in self.variations[variation][0].get("change", {}))

    def recleaned(self, variation: str) -> list[str]:
        """The source LAs whose canonical tables a variant starts from; none if it starts from cleaned ones."""
        las = self.las_of(self.variations[variation][1]) if self.recleans(variation) else []
        return [member for la in las for member in self.members(la)]

    def changed(self, variant: dict[str, Any]) -> "Plan":
        """The plan of the study with a variant's change."""
        return Plan(changed(self.config, variant))

    def child_covariates(self, outcome: str) -> list[dict[str, Any]]:
        """The child covariates of an outcome, as configured."""
        return [entry for entry in self.config["covariates"]["child"] if outcome in entry.get("outcomes", [outcome])]
