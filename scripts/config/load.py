"""From the configuration as Snakemake merged it to a checked, plain study.

Enters: the merged configuration and the files it came from. Leaves: a plain dict, dates as ISO strings, that satisfies
`schemas/config.schema.json` and the cross-checks; or one StudyError that lists every mistake.
The files are read again because Snakemake's own reader lets the later of two equal keys win in silence.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from scripts.config.crosschecks import cross_mistakes
from scripts.config.schema import SCHEMA_FILE, Mistake, dotted, schema_mistakes
from scripts.errors import StudyError


class StrictLoader(yaml.SafeLoader):
    """YAML's safe loader without dates: 2014-11-01 stays the text it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (declared by the base class)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


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
    trees = [_compose(path) for path in config_files]
    study = in_order(normalise(config), [_content(tree) for tree in trees])
    repeated = [
        mistake for tree, path in zip(trees, config_files, strict=True) for mistake in _repeated_keys(tree, path)
    ]
    mistakes = repeated + schema_mistakes(study)
    _refuse(mistakes or cross_mistakes(study, populations, measures), config_files)
    return study


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping strictly: a key written twice is refused, dates stay text. An empty file is an empty dict.

    Raises
    ------
    StudyError : CONFIG, for a repeated key, a syntax error or a file that is no mapping.
    """
    root = _compose(path)
    _refuse(list(_repeated_keys(root, path)), [path])
    return _content(root)


def _content(root: yaml.Node | None) -> dict[str, Any]:
    return StrictLoader("").construct_document(root) if root else {}


def in_order(value: Any, patterns: list[Any]) -> Any:
    """`value` with the keys of every mapping in the order in which the patterns first name them, others last."""
    if not isinstance(value, dict):
        return value
    mappings = [pattern for pattern in patterns if isinstance(pattern, dict)]
    named = [str(key) for mapping in mappings for key in mapping if str(key) in value]
    return {
        key: in_order(value[key], [mapping.get(key) for mapping in mappings]) for key in dict.fromkeys([*named, *value])
    }


def normalise(value: Any) -> Any:
    """Deep copy with plain dicts and lists, keys as text, dates as ISO strings (YAML reads unquoted dates as dates)."""
    if isinstance(value, Mapping):
        return {str(key): normalise(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normalise(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _compose(path: Path) -> yaml.Node | None:
    """The file's syntax tree, which still has line numbers and repeated keys; None if it is empty."""
    try:
        with Path(path).open(encoding="utf-8") as stream:
            root = yaml.compose(stream, StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "unknown"
        raise StudyError("CONFIG", f"{path}, line {line}", str(error.problem), "Correct the YAML there") from error
    if root and not isinstance(root, yaml.MappingNode):
        raise StudyError("CONFIG", str(path), "the file is no mapping of keys to values", "Write it as `key: value`")
    return root


def _repeated_keys(node: yaml.Node | None, file: Path, path: tuple[str | int, ...] = ()) -> Iterator[Mistake]:
    """Keys that a mapping of the tree holds twice, with the lines of both."""
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield from _repeated_keys(item, file, (*path, position))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                yield Mistake((*path, key.value), f"written twice, on lines {lines[key.value]} and {line} of {file}")
            lines[key.value] = line
            yield from _repeated_keys(value, file, (*path, key.value))


def _refuse(mistakes: list[Mistake], files: list[Path]) -> None:
    """Raise one error that lists the mistakes by path, if there are any."""
    if not mistakes:
        return
    listed = "".join(f"\n  {dotted(mistake.path)}: {mistake.problem}" for mistake in sorted(mistakes))
    place = ", ".join(map(str, files)) or "configuration"
    count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    raise StudyError("CONFIG", place, count, f"schemas/{SCHEMA_FILE.name} describes every key; correct these:{listed}")
