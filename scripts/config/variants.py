"""A variant of the study: the configuration with some keys changed.

Enters: a checked study. Leaves: the study with a variant's change laid over it, checked like any other.
"""

from collections.abc import Iterator
from typing import Any

from scripts.config.schema import Mistake, schema_mistakes

Study = dict[str, Any]
# What a job in memory can redo; a change elsewhere would be ignored in silence.
REDONE = ("cleaning", "outcomes", "kinship_definitions", "covariates", "matching", "imputation", "models")


def overlaid(base: Any, change: Any) -> Any:
    """`base` with the keys of `change` replaced, mapping by mapping; neither is altered."""
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    return base | {key: overlaid(base.get(key), value) for key, value in change.items()}


def variant_mistakes(study: Study) -> Iterator[Mistake]:
    """What a variant's change breaks, under the path of the change."""
    for position, variant in enumerate(study["variants"]["choices"]):
        path = ("variants", "choices", position)
        change = variant.get("change", {})
        for key in change:
            if key not in REDONE:
                yield Mistake(
                    (*path, "change", key), f"a variant cannot change this; it can change {', '.join(REDONE)}"
                )
        if not change and not variant.get("shift_months"):
            yield Mistake(path, "changes nothing; give `change` or `shift_months`")
        for mistake in schema_mistakes(overlaid(study, change)):
            yield Mistake((*path, "change", *mistake.path), mistake.problem)
