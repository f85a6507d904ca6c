"""Statutory returns in XML, streamed record by record into a text table per module.

In: an XML file and the description of its return (schemas/returns/*.yaml). Out: module -> frame of strings under the
field names of the description, with Int64 keys that say which row hangs below which. Hostile input is refused: no
document type, no entities, a size limit. Memory holds one record of XML at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import polars as pl
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from scripts.errors import StudyError
from scripts.ingest.tabular import place_of
from scripts.yaml_file import load_yaml

RETURNS_FOLDER = Path(__file__).parent.parent.parent / "schemas" / "returns"


@dataclass(frozen=True)
class Module:
    """What an element stands for: the table of its fields; a row of its own (keys) or a row per field (each)."""

    name: str
    keys: tuple[str, ...]
    each: bool


@dataclass(frozen=True)
class Description:
    """A return as schemas/returns describes it; elements and spellings are keyed in lower case."""

    roots: tuple[str, ...]
    header: str | None
    record: str
    ignored: frozenset[str]
    modules: dict[str, Module]
    fields: dict[str, tuple[str, ...]]
    keys: dict[str, tuple[str, ...]]
    spelled: dict[str, str]


@cache
def describe(name: str) -> Description:
    """The description of a return: cin or ssda903."""
    content = load_yaml(RETURNS_FOLDER / f"{name}.yaml")
    fields: dict[str, list[str]] = {}
    for entry in content["modules"].values():
        fields.setdefault(entry["module"], []).extend(entry.get("fields", []))
    spelled = {known.lower(): known for names in fields.values() for known in names}
    return Description(
        roots=tuple(root.lower() for root in content["roots"]),
        header=content["header"] and content["header"].lower(),
        record=content["record"].lower(),
        ignored=frozenset(element.lower() for element in content.get("ignored", [])),
        modules={
            element.lower(): Module(entry["module"], tuple(entry.get("keys", ())), entry.get("each", False))
            for element, entry in content["modules"].items()
        },
        fields={module: tuple(names) for module, names in fields.items()},
        keys={entry["module"]: tuple(entry["keys"]) for entry in content["modules"].values() if "keys" in entry},
        spelled=spelled | {other.lower(): known for other, known in content.get("spellings", {}).items()},
    )


def read_return(path: str | Path, name: str, max_bytes: int | None) -> dict[str, pl.DataFrame]:
    """Every module of a return in XML, whether the file has rows for it or not.

    Columns are the fields of the description, then fields it does not know under their own names, then the keys.

    Parameters
    ----------
    name : cin | ssda903. max_bytes : refuse larger files; None sets no limit.

    Raises
    ------
    StudyError : FILE, if the file is too large, not well-formed, declares entities, or is no such return.
    """
    if max_bytes is not None and Path(path).stat().st_size > max_bytes:
        problem = f"the file is larger than {max_bytes} bytes"
        raise StudyError("FILE", place_of(path), problem, "Raise extracts.xml_max_bytes if the file is right")
    reader = _Reader(describe(name))
    try:
        with Path(path).open("rb") as stream:
            for element in _records(stream, reader.description, name, place_of(path)):
                reader.take(element, {})
        return {module: rows.frame() for module, rows in reader.tables.items()}
    except (ParseError, DefusedXmlException, UnicodeError, ValueError):
        problem = "the file is not well-formed XML, or it declares entities or a document type"
    except RecursionError:
        problem = "elements lie within elements far deeper than in any return"
    raise StudyError("FILE", place_of(path), problem, f"Supply a plain {name} return")


def _records(stream: Any, description: Description, name: str, place: str) -> Iterator[Element]:
    """Header and records as they end; each is cleared after use."""
    parents: list[Element] = []
    wanted = (description.header, description.record)
    for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
        if event == "start":
            if not parents and _name(element) not in description.roots:
                known = " or ".join(description.roots)
                raise StudyError("FILE", place, f"the file is no {name} return", f"Its first element must be {known}")
            parents.append(element)
            continue
        parents.pop()
        if _name(element) in wanted:
            yield element
            parents[-1].clear()


def _name(element: Element) -> str:
    """The local name in lower case, without its name space."""
    return _local(element).lower()


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


@dataclass
class _Rows:
    """The rows of a module, column by column; `keys` are the columns that say where a row belongs."""

    columns: dict[str, list[str | None]]
    keys: dict[str, list[int | None]]
    height: int = 0

    def add(self, row: dict[str, str], keys: dict[str, int]) -> None:
        """Add a row, filling up the columns that came or stayed away."""
        for name in row:
            if name not in self.columns:
                self.columns[name] = [None] * self.height
        for name, values in self.columns.items():
            values.append(row.get(name))
        for name, numbers in self.keys.items():
            numbers.append(keys.get(name))
        self.height += 1

    def frame(self) -> pl.DataFrame:
        text = dict.fromkeys(self.columns, pl.String)
        return pl.DataFrame(self.columns | self.keys, schema=text | dict.fromkeys(self.keys, pl.Int64))


class _Reader:
    """Turns elements into rows."""

    def __init__(self, description: Description) -> None:
        self.description = description
        self.tables = {
            module: _Rows({name: [] for name in fields}, {name: [] for name in description.keys[module]})
            for module, fields in description.fields.items()
        }
        self.numbers = dict.fromkeys((name for names in description.keys.values() for name in names), 0)

    def take(self, element: Element, keys: dict[str, int]) -> None:
        """Add the row of an element that is a row of its own, then those of the elements below."""
        module = self.description.modules[_name(element)]
        key = module.keys[-1]
        own = keys | {key: self.numbers[key]}
        self.numbers[key] += 1
        row: dict[str, str] = {}
        below = self._gather(element, module.name, row, own)
        self.tables[module.name].add(row, own)
        for part in below:
            self.take(part, own)

    def _gather(self, element: Element, module: str, row: dict[str, str], keys: dict[str, int]) -> list[Element]:
        """Put the fields of an element into the row; returns the elements below that are rows of their own.

        Lists become rows at once. Of a field given twice the first counts. An unknown element with parts is looked
        through, so that nothing in it goes unseen.
        """
        below = []
        for part in element:
            name = _name(part)
            target = self.description.modules.get(name)
            if name in self.description.ignored:
                continue
            if target is not None and target.each:
                for item in part:
                    self.tables[target.name].add({self._spelled(item): _text(item)}, keys)
            elif target is not None and target.keys:
                below.append(part)
            elif len(part) or (target is not None and target.name == module):
                below.extend(self._gather(part, module, row, keys))
            else:
                row.setdefault(self._spelled(part), _text(part))
        return below

    def _spelled(self, element: Element) -> str:
        return self.description.spelled.get(_name(element), _local(element))


def _text(element: Element) -> str:
    return (element.text or "").strip()
