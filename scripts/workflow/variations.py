"""What the job of a variant is given: where it starts, and the settings of every step from there under its change."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.workflow.settings import JobSettings


def starts_from(usual: "JobSettings", variation: str) -> str:
    """The stage whose files of each LA a variant starts from, the last that its change leaves as they are: ingested,
    cleaned or outcomes."""
    variant, outcome = usual.plan.variations[variation]
    if usual.plan.recleans(variation):
        return "ingested"
    changed, las = usual.under(variant), usual.plan.las_of(outcome)
    unchanged = all(changed.outcomes(outcome, la) == usual.outcomes(outcome, la) for la in las)
    return "outcomes" if unchanged else "cleaned"


def variation_settings(usual: "JobSettings", variation: str) -> dict[str, Any]:
    """What every step from where the variant starts to the headline estimate is given under it."""
    variant, outcome = usual.plan.variations[variation]
    changed, las, start = usual.under(variant), usual.plan.las_of(outcome), starts_from(usual, variation)
    estimate = changed.estimate(outcome)
    headline = {
        name: spec
        for name, spec in estimate["models"]["specifications"].items()
        if name == estimate["models"]["headline"]
    }
    return {
        "outcome": outcome,
        "variant": variant["name"],
        "label": variant["label"],
        "shift_months": variant.get("shift_months", 0),
        "m": usual.config["variants"]["imputations"],
        "clean": {la: changed.clean(la) for la in las} if start == "ingested" else None,
        "outcomes": None if start == "outcomes" else {la: changed.outcomes(outcome, la) for la in las},
        "cohort": changed.cohort(outcome),
        "match": changed.matching(outcome),
        "impute": changed.impute(outcome, "1"),
        # Subgroups stay: cross-products as wide as the study's add up in the same order, to the same last digit.
        "estimate": estimate
        | {"models": estimate["models"] | {"specifications": headline}}
        | {"inference": estimate["inference"] | {"methods": [estimate["inference"]["headline"]]}},
    }
