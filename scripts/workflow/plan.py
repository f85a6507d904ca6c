"""What the configuration says the graph consists of: LAs, outcomes, imputations, and which of them meet."""

from typing import Any

from scripts.cohort.groups import Pilot, eligible_pilots


class Plan:
    """A validated configuration (scripts.config.load_study) and the questions that rules and job settings ask of it."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.las: list[str] = [entry["code"] for entry in config["las"]["codes"]]
        self.outcomes: list[str] = list(config["outcomes"])
        self.imputations: list[str] = [str(number) for number in range(1, config["imputation"]["m"] + 1)]
        self.pilots: list[dict[str, Any]] = config["las"]["pilots"]

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

    def child_covariates(self, outcome: str) -> list[dict[str, Any]]:
        """The child covariates of an outcome, as configured."""
        return [entry for entry in self.config["covariates"]["child"] if outcome in entry.get("outcomes", [outcome])]
