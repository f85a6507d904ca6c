"""From the configuration as Snakemake merged it to a checked, plain study.

Enters: the merged configuration and the files it came from. Leaves: a plain dict, dates as ISO strings, that satisfies
`schemas/config.schema.json` and the cross-checks; or one StudyError that lists every mistake.
The files are read again because Snakemake's own reader lets the later of two equal keys win in silence.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.config.crosschecks import cross_mistakes
from scripts.config.schema import schema_mistakes
from scripts.config.selection import selected
from scripts.config.strict_yaml import compose, content_of, normalise, refuse, repeated_keys


def load_study(
    config: Mapping[str, Any], config_files: list[Path], populations: set[str], measures: set[str]
) -> dict[str, Any]:
    """Check the whole configuration and return it as a deep-copied plain dict.

    Parameters
    ----------
    config : the configuration after all overlays.
    config_files : the files it was merged from, the base first, read again to find keys written twice. Keys come in the
        order of these files: an overlay changes values, not the order of outcomes in results.
    populations, measures : the names an outcome may use.

    Raises
    ------
    StudyError : CONFIG, with all mistakes at once; the cross-checks run only on what satisfies the schema.
    """
    trees = [compose(path) for path in config_files]
    study = in_order(normalise(config), [content_of(tree) for tree in trees])
    repeated = [
        mistake for tree, path in zip(trees, config_files, strict=True) for mistake in repeated_keys(tree, path)
    ]
    mistakes = repeated + schema_mistakes(study)
    refuse(mistakes or cross_mistakes(study, populations, measures), config_files)
    chosen = selected(study)
    if chosen is not study:
        refuse(cross_mistakes(chosen, populations, measures), config_files)
    return chosen


def in_order(value: Any, patterns: list[Any]) -> Any:
    """`value` with the keys of every mapping in the order in which the patterns first name them, others last."""
    if not isinstance(value, dict):
        return value
    mappings = [pattern for pattern in patterns if isinstance(pattern, dict)]
    named = [str(key) for mapping in mappings for key in mapping if str(key) in value]
    return {
        key: in_order(value[key], [mapping.get(key) for mapping in mappings]) for key in dict.fromkeys([*named, *value])
    }
