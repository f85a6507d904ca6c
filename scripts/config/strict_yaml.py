"""YAML read strictly: a key written twice is refused, dates stay the text they are.

In: a file. Out: a plain mapping, or one StudyError that names file, key and lines.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from scripts.config.schema import SCHEMA_FILE, Mistake, dotted
from scripts.errors import StudyError


class StrictLoader(yaml.CSafeLoader):
    """YAML's safe loader without dates: 2014-11-01 stays the text it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (declared by the base class)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping strictly: a key written twice is refused, dates stay text. An empty file is an empty dict.

    Raises
    ------
    StudyError : CONFIG, for a repeated key, a syntax error or a file that is no mapping.
    """
    root = compose(path)
    refuse(list(repeated_keys(root, path)), [path])
    return content_of(root)


def content_of(root: yaml.Node | None) -> dict[str, Any]:
    """The mapping that a syntax tree stands for."""
    return StrictLoader("").construct_document(root) if root else {}


def normalise(value: Any) -> Any:
    """Deep copy with plain dicts and lists, keys as text, dates as ISO strings (YAML reads unquoted dates as dates)."""
    if isinstance(value, Mapping):
        return {str(key): normalise(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normalise(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def compose(path: Path) -> yaml.Node | None:
    """The file's syntax tree, which still has line numbers and repeated keys; None if it is empty."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        _refuse_aliases(text, path)
        root = yaml.compose(text, StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "unknown"
        raise StudyError("CONFIG", f"{path}, line {line}", str(error.problem), "Correct the YAML there") from error
    if root and not isinstance(root, yaml.MappingNode):
        raise StudyError("CONFIG", str(path), "the file is no mapping of keys to values", "Write it as `key: value`")
    return root


def _refuse_aliases(text: str, path: Path) -> None:
    """A value that is written elsewhere is hard to review; aliases of aliases unfold to more than any memory holds."""
    for event in yaml.parse(text, StrictLoader):
        if isinstance(event, yaml.AliasEvent):
            place = f"{path}, line {event.start_mark.line + 1}"
            raise StudyError("CONFIG", place, "aliases (*) are not read", "Write the value out")


def repeated_keys(node: yaml.Node | None, file: Path, path: tuple[str | int, ...] = ()) -> Iterator[Mistake]:
    """Keys that a mapping of the tree holds twice, with the lines of both."""
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield from repeated_keys(item, file, (*path, position))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                yield Mistake((*path, key.value), f"written twice, on lines {lines[key.value]} and {line} of {file}")
            lines[key.value] = line
            yield from repeated_keys(value, file, (*path, key.value))


def refuse(mistakes: list[Mistake], files: list[Path]) -> None:
    """Raise one error that lists the mistakes by path, if there are any."""
    if not mistakes:
        return
    listed = "".join(f"\n  {dotted(mistake.path)}: {mistake.problem}" for mistake in sorted(mistakes))
    place = ", ".join(map(str, files)) or "configuration"
    count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    raise StudyError("CONFIG", place, count, f"schemas/{SCHEMA_FILE.name} describes every key; correct these:{listed}")
