"""A harmed configuration is refused with the key, or taken for exactly what it says; nothing is guessed."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError

from scripts.config.load import load_study
from scripts.config.strict_yaml import normalise
from scripts.errors import StudyError
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from tests.faults.mutations import ANY_FILE, TEXT, Mutation
from tests.faults.tally import AS_BEFORE, AS_IT_SAYS, Tally, seeds
from tests.workflow.conftest import ROOT

SOUND = (ROOT / "config.yaml").read_bytes()
BOMB = b"bomb:\n  - &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"  - &%c [%s]\n" % (98 + i, b", ".join([b"*%c" % (97 + i)] * 9)) for i in range(8)
)


def lines(content: bytes, draw: random.Random) -> bytes:
    """A line lost, doubled, moved, or set in differently."""
    rows = content.splitlines(keepends=True)
    number = draw.randrange(len(rows))
    row = rows.pop(number)
    rows[number:number] = draw.choice(([], [row, row], [b" " + row], [b"\t" + row], [row.lstrip()]))
    if draw.random() < 0.2:
        rows.insert(draw.randrange(len(rows)), row)
    return b"".join(rows)


def values(content: bytes, draw: random.Random) -> bytes:
    """A value of another kind or size."""
    rows = content.splitlines(keepends=True)
    numbers = [n for n, row in enumerate(rows) if b": " in row and b"#" not in row]
    number = draw.choice(numbers)
    key = rows[number].partition(b": ")[0]
    odd = (b"", b"~", b"yes", b"0", b"-1", b"1e400", b".nan", b"9" * 20, b"[]", b"{}", b"2014-13-45", b"'x'")
    rows[number] = key + b": " + draw.choice((*odd, b"!!python/object/apply:os.system [id]", b"*a", b"&a x")) + b"\n"
    return b"".join(rows)


YAML: dict[str, Mutation] = {
    **ANY_FILE,
    **TEXT,
    "lines": lines,
    "values": values,
    "aliases without end": lambda content, draw: content + BOMB,
}


class RefusedBySnakemake(Exception):
    """Snakemake reads a configuration first, and does not get through it."""


def load(path: Path) -> dict[str, Any]:
    """As Snakemake and then the workflow load a configuration."""
    try:
        config = load_configfile(str(path))
    except (WorkflowError, ValueError) as error:
        raise RefusedBySnakemake from error
    return load_study(config, [path], set(POPULATIONS), set(MEASURES))


@pytest.mark.parametrize("number", [30, pytest.param(1200, marks=pytest.mark.long)])
def test_no_harmed_configuration_is_silently_wrong(tmp_path: Path, number: int) -> None:
    file, tally, names = tmp_path / "config.yaml", Tally("configurations"), list(YAML)
    file.write_bytes(SOUND)
    before = load(file)

    def outcome(harmed: bytes) -> str:
        file.write_bytes(harmed)
        try:
            study = load(file)
        except StudyError as error:
            assert error.code == "CONFIG"
            return error.code
        except RefusedBySnakemake:
            return "refused by Snakemake"
        # YAML's own reader in plain Python, which shares nothing with the one in C but the standard.
        assert study == normalise(yaml.load(harmed.decode("utf-8-sig"), Loader=yaml.SafeLoader))
        return AS_BEFORE if study == before else AS_IT_SAYS

    for seed, draw in seeds("configurations", number):
        name = names[seed % len(names)]
        harmed = YAML[name](SOUND, draw)
        tally.note(f"{name} {seed}", name, lambda h=harmed: outcome(h))
    tally.finish(number)


# ---- any value anywhere

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key and position of the configuration."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in paths(item, (*path, key)))]


STUDY = normalise(yaml.safe_load(SOUND))
PATHS = paths(STUDY)[1:]


def replaced(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The study with another value at one place."""
    study = json.loads(json.dumps(STUDY))
    at = study
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return study


def check_replacement(path: tuple[Any, ...], value: Any) -> None:
    """Taken as it is, or refused with the key or one of those that have to fit it."""
    study = replaced(path, value)
    try:
        assert load_study(study, [], set(POPULATIONS), set(MEASURES)) == normalise(study)
    except StudyError as error:
        assert error.code == "CONFIG" and str(path[0]) in str(error)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_any_value_anywhere_is_taken_as_it_is_or_refused_with_its_key(path: tuple[Any, ...], value: Any) -> None:
    check_replacement(path, value)


@pytest.mark.long
@settings(max_examples=2000, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_two_thousand_values_are_taken_as_they_are_or_refused(path: tuple[Any, ...], value: Any) -> None:
    check_replacement(path, value)


@pytest.mark.parametrize("change", [dict.clear, lambda study: study.update(extra=1), lambda study: study.pop("las")])
def test_a_configuration_without_or_with_more_keys_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    study = replaced(("study", "seed"), 1)
    change(study)
    with pytest.raises(StudyError, match="CONFIG"):
        load_study(study, [], set(POPULATIONS), set(MEASURES))
