"""What `schemas/config.schema.json` finds wrong, said in the user's terms.

Enters: the configuration as a plain dict. Leaves: every mistake with its path, the value and the nearest valid name
(jsonschema alone names the first and prints the schema).
"""

import difflib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

SCHEMA_FILE = Path(__file__).parents[2] / "schemas" / "config.schema.json"
TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
    "null": "null",
}
LONGEST_VALUE = 60
MOST_NAMES = 15

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One mistake: the path of the key and what is wrong with it. Sorts by path, list positions as numbers."""

    path: KeyPath
    problem: str

    def __lt__(self, other: "Mistake") -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[list[tuple[int, str]], str]:
        return [(part, "") if isinstance(part, int) else (-1, part) for part in self.path], self.problem


def dotted(path: KeyPath) -> str:
    """`("las", "pilots", 0, "code")` -> `las.pilots[0].code`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, whatever its case; None if none is like it."""
    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the nearest known one, else what is known."""
    known = sorted(known)
    if near := nearest(name, known):
        return f"; did you mean `{near}`?"
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return f"; valid: {', '.join(known[:MOST_NAMES]) or 'none'}{more}"


def schema_mistakes(study: dict[str, Any]) -> list[Mistake]:
    """Every violation of the schema, each told once."""
    errors = list(_validator().iter_errors(study))
    misspelt = {path for error in errors if error.validator == "additionalProperties" for path in _meant(error)}
    found = {mistake for error in errors for mistake in _mistakes(error)}
    return sorted(mistake for mistake in found if not (mistake.path in misspelt and mistake.problem == "missing"))


@cache
def _validator() -> Draft202012Validator:
    """The schema's validator, stricter than JSON about numbers: 5.0 is no whole number, NaN no number."""
    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _, value: _is_finite_number(value),
        }
    )
    formats = FormatChecker(formats=())
    formats.checks("date", raises=ValueError)(lambda value: not isinstance(value, str) or date.fromisoformat(value))
    strict = validators.extend(Draft202012Validator, type_checker=checker)
    return strict(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")), format_checker=formats)


def _is_finite_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _mistakes(error: ValidationError) -> Iterator[Mistake]:
    """Translate one schema violation; jsonschema says `required` once per missing key, so equal mistakes recur."""
    path = tuple(error.absolute_path)
    if error.validator == "required":
        yield from (Mistake((*path, key), "missing") for key in error.validator_value if key not in error.instance)
    elif error.validator == "additionalProperties":
        for key in _unknown_keys(error):
            yield Mistake((*path, key), f"unknown key{suggestion(key, _candidates(error, key))}")
    elif "propertyNames" in error.relative_schema_path:
        yield Mistake((*path, error.instance), f"the key is not {error.schema['title']}")
    else:
        yield Mistake(path, _value_problem(error))


def _unknown_keys(error: ValidationError) -> list[str]:
    return [key for key in error.instance if key not in error.schema["properties"]]


def _candidates(error: ValidationError, key: str) -> Iterable[str]:
    """Keys `key` may stand for: those not written yet if one is as like it as any, else every valid one.

    A key misspelt in an overlay stands beside the right one of the base, so a written key may be the one meant.
    """
    valid = error.schema["properties"].keys()
    unwritten = valid - error.instance.keys()
    near = nearest(key, unwritten)
    return unwritten if near and near == nearest(key, valid) else valid


def _meant(error: ValidationError) -> Iterator[KeyPath]:
    """Paths of the keys that unknown keys probably stand for: not reported as missing as well."""
    near = (nearest(key, _candidates(error, key)) for key in _unknown_keys(error))
    return ((*error.absolute_path, key) for key in near if key)


def _value_problem(error: ValidationError) -> str:
    """What is wrong with a value: the value, and what it should be."""
    value = json.dumps(error.instance, ensure_ascii=False, default=str)
    shown = value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"
    if error.validator == "enum":
        choices = [str(choice) for choice in error.validator_value]
        near = nearest(str(error.instance), choices)
        return f"{shown} is not one of {', '.join(choices)}" + (f"; did you mean `{near}`?" if near else "")
    expected = error.schema.get("title")
    if error.validator == "type" and not expected:
        types = error.validator_value
        expected = " or ".join(TYPE_NAMES[name] for name in ([types] if isinstance(types, str) else types))
    if expected:
        return f"{shown} is not {expected}"
    return error.message if len(error.message) <= 2 * LONGEST_VALUE else f"{shown} breaks {error.validator}"
