"""A study's own outcomes: populations and measures in a module of its own, which an outcome names in the configuration.

In: the path of a Python file that has POPULATIONS, MEASURES or both: name -> function (scripts.outcomes.definitions).
The file's content is part of what makes the outcome stale.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.errors import StudyError
from scripts.outcomes.definitions import Measure, OutcomeDefinition, Population
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS


@dataclass(frozen=True)
class Registered:
    """The populations and measures an outcome can name."""

    populations: dict[str, Population]
    measures: dict[str, Measure]


def registered(module: str | None) -> Registered:
    """Those of the project and those of a study's module, which may not rename the project's.

    Raises
    ------
    StudyError : CONFIG, if the module cannot be read or defines nothing new.
    """
    if module is None:
        return Registered(POPULATIONS, MEASURES)
    own = _loaded(module)
    if taken := sorted(own.populations.keys() & POPULATIONS.keys() | own.measures.keys() & MEASURES.keys()):
        remedy = "Give them names of their own"
        raise StudyError("CONFIG", module, f"these names are the project's: {', '.join(taken)}", remedy)
    return Registered(POPULATIONS | own.populations, MEASURES | own.measures)


def of_definition(definition: OutcomeDefinition) -> tuple[Population, Measure]:
    """The functions of an outcome."""
    known = registered(definition.extra.get("module"))
    return known.populations[definition.population], known.measures[definition.measure]


@cache
def _loaded(path: str) -> Registered:
    remedy = "docs/new-study.md shows such a module"
    spec = importlib.util.spec_from_file_location(f"study_{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise StudyError("CONFIG", path, "there is no such Python file", remedy)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise StudyError("CONFIG", path, f"it cannot be loaded: {type(error).__name__}: {error}", remedy) from error
    found = Registered(getattr(module, "POPULATIONS", {}), getattr(module, "MEASURES", {}))
    if not found.populations and not found.measures:
        raise StudyError("CONFIG", path, "it has neither POPULATIONS nor MEASURES", remedy)
    return found
