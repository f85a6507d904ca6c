"""A variant of the study: the configuration with some keys changed.

Enters: a checked study. Leaves: the study with a variant's change laid over it, checked like any other.
"""

from collections.abc import Iterator
from typing import Any

from scripts.config.schema import Mistake, schema_mistakes

Study = dict[str, Any]


def overlaid(base: Any, change: Any) -> Any:
    """`base` with the keys of `change` replaced, mapping by mapping; neither is altered."""
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    return base | {key: overlaid(base.get(key), value) for key, value in change.items()}


def changed(study: Study, variant: dict[str, Any]) -> Study:
    """The study under a variant, whose `change` names keys by their dotted path."""
    for path, value in variant.get("change", {}).items():
        for key in reversed(path.split(".")):
            value = {key: value}
        study = overlaid(study, value)
    return study


def variant_mistakes(study: Study) -> Iterator[Mistake]:
    """What a variant's change breaks, under the path of the variant; it may break nothing that the study keeps."""
    for position, variant in enumerate(study["variants"]["choices"]):
        path = ("variants", "choices", position)
        if not variant.get("change") and not variant.get("shift_months"):
            yield Mistake(path, "changes nothing; give `change` or `shift_months`")
        # The rest of the study has been checked.
        study_then = changed(study, variant)
        sections = {key.partition(".")[0] for key in variant.get("change", {})}
        for mistake in schema_mistakes({name: study_then[name] for name in sections}):
            if mistake.path[0] in sections:
                yield Mistake((*path, "change", *mistake.path), mistake.problem)
