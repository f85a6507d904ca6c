"""Mistakes in the configuration are named with their path, value and remedy, all at once."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.config.load import in_order, load_study
from scripts.config.strict_yaml import read_yaml
from scripts.errors import StudyError

DEFAULT_FILE = Path(__file__).parents[2] / "config.yaml"
DEFAULT = read_yaml(DEFAULT_FILE)
POPULATIONS = {outcome["population"] for outcome in DEFAULT["outcomes"].values()}
MEASURES = {outcome["measure"] for outcome in DEFAULT["outcomes"].values()}
FREE_MAPS = {
    "excluded",
    "deviations",
    "change",
    "smallest_effect",
    "outcomes",
    "kinship_definitions",
    "specifications",
    "effects",
    "comparators",
    "categories",
    "exempt",
    "reasons",
    "date_formats",
    "outputs",
    "where",
    "own",
}
MISSING = object()


def changed(**changes: Any) -> dict[str, Any]:
    """The default with values changed: keys are paths with `__` for dots, `MISSING` removes."""
    study = deepcopy(DEFAULT)
    for path, value in changes.items():
        *parents, key = (int(part) if part.isdigit() else part for part in path.split("__"))
        parent = reduce(lambda node, part: node[part], parents, study)
        if value is MISSING:
            del parent[key]
        else:
            parent[key] = value
    return study


def mistakes(study: dict[str, Any], files: list[Path] | None = None) -> list[str]:
    """The lines of the error, one per mistake."""
    with pytest.raises(StudyError) as error:
        load_study(study, files or [], POPULATIONS, MEASURES)
    assert error.value.code == "CONFIG"
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def test_all_mistakes_come_at_once_sorted_by_path() -> None:
    study = changed(study__seed="abc", imputation__m=1, dates__data_end="2019-02-30", matching__children__method="cme")
    assert mistakes(study) == [
        'dates.data_end: "2019-02-30" is not a date written yyyy-mm-dd',
        "imputation.m: 1 is less than the minimum of 2",
        'matching.children.method: "cme" is not one of cem, exact, nearest, entropy; did you mean `cem`?',
        'study.seed: "abc" is not a whole number',
    ]


def test_list_positions_sort_as_numbers() -> None:
    study = changed(las__codes__10__name="", las__codes__9__name="")
    assert [line.split(":")[0] for line in mistakes(study)] == ["las.codes[9].name", "las.codes[10].name"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"study__seed": MISSING}, "study.seed: missing"),
        ({"study__colour": "red"}, "study.colour: unknown key; valid: outcomes, practice_model, protocol, seed, title"),
        ({"imputation__m": 5.0}, "imputation.m: 5.0 is not a whole number"),
        ({"imputation__m": True}, "imputation.m: true is not a whole number"),
        ({"models__confidence": float("nan")}, "models.confidence: NaN is not a number"),
        ({"synthetic__dirt__unborn": 1.5}, "synthetic.dirt.unborn: 1.5 is not a share between 0 and 1"),
        ({"las": None}, "las: null is not a mapping of keys to values"),
        ({"extracts__folder": 3}, "extracts.folder: 3 is not text or null"),
        (
            {"dates__data_end": datetime(2019, 3, 31, 12)},
            'dates.data_end: "2019-03-31T12:00:00" is not a date written yyyy-mm-dd',
        ),
        (
            {"cleaning__nfa_conflict": "mim"},
            'cleaning.nfa_conflict: "mim" is not one of min, max, mode; did you mean `min`?',
        ),
        (
            {"models__specifications__main__outcomes": "al"},
            'models.specifications.main.outcomes: "al" is not `all` or a list of outcome names',
        ),
        ({"outcomes__kinship__legal_statuses": MISSING}, "outcomes.kinship.legal_statuses: missing"),
        (
            {"outcomes__rereferral_escalation__escalation_days": MISSING},
            "outcomes.rereferral_escalation.escalation_days: missing",
        ),
        ({"outcomes__kinship__kinship_definition": MISSING}, "outcomes.kinship.kinship_definition: missing"),
        ({"models__specifications__event_study__first": MISSING}, "models.specifications.event_study.first: missing"),
        ({"covariates__child__1__cuts": MISSING}, "covariates.child[1].cuts: missing"),
    ],
)
def test_schema_mistakes_name_path_value_and_what_is_valid(changes: dict[str, Any], expected: str) -> None:
    assert mistakes(changed(**changes)) == [expected]


@pytest.mark.parametrize("code", [501, 8])
def test_unquoted_la_codes_are_told_to_be_quoted(code: int) -> None:
    lines = mistakes(changed(las__codes__0__code=code, las__pilots__0__comparators__default=[code]))
    assert [line.split(":")[0] for line in lines] == ["las.codes[0].code", "las.pilots[0].comparators.default[0]"]
    assert all(f"{code} is not an LA code" in line and "quote LA codes" in line for line in lines)


@pytest.mark.parametrize("name", ["default", "Upper", "with space", "9lives"])
def test_outcome_names_become_file_names_and_never_default(name: str) -> None:
    (line,) = mistakes(changed(**{f"outcomes__{name}": DEFAULT["outcomes"]["icpc"]}))
    assert line.startswith(f"outcomes.{name}: the key is not a name of lower-case letters")


def closed_keys(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of every key of the default that the schema names."""
    if isinstance(node, list):
        for position, item in enumerate(node):
            yield from closed_keys(item, (*path, position))
    if isinstance(node, dict):
        for key, item in node.items():
            # The entries of evidence.effect.high and its like are conditions, whose keys the schema does not name.
            if not path or (path[-1] not in FREE_MAPS and not ("evidence" in path and isinstance(path[-1], int))):
                yield (*path, key)
            yield from closed_keys(item, (*path, key))


@st.composite
def misspelt(draw: st.DrawFn) -> tuple[tuple[str | int, ...], str]:
    """A key of the default and the same key with one slip of the finger."""
    path = draw(st.sampled_from(list(closed_keys(DEFAULT))))
    right = str(path[-1])
    place = draw(st.integers(0, len(right) - 1))
    slips = {
        "doubled": right[:place] + right[place] + right[place:],
        "dropped": right[:place] + right[place + 1 :] if len(right) > 2 else right * 2,
        "swapped": right[:place] + right[place : place + 2][::-1] + right[place + 2 :],
        "wrong case": right[:place] + right[place].upper() + right[place + 1 :],
    }
    return path, draw(st.sampled_from(sorted(set(slips.values()) - {right})))


@settings(deadline=None)
@given(misspelt())
def test_any_misspelt_key_is_reported_with_its_right_name(slip: tuple[tuple[str | int, ...], str]) -> None:
    (*parents, right), wrong = slip
    study = deepcopy(DEFAULT)
    parent = reduce(lambda node, part: node[part], parents, study)
    parent[wrong] = parent.pop(right)
    lines = mistakes(study)
    assert len(lines) == 1
    assert lines[0].endswith(f"{wrong}: unknown key; did you mean `{right}`?")


@settings(deadline=None)
@given(misspelt())
def test_a_misspelt_key_of_an_overlay_is_reported_although_the_default_has_the_right_one(
    slip: tuple[tuple[str | int, ...], str],
) -> None:
    (*parents, right), wrong = slip
    study = deepcopy(DEFAULT)
    parent = reduce(lambda node, part: node[part], parents, study)
    parent[wrong] = parent[right]
    assert [line.partition(": ")[2].startswith("unknown key") for line in mistakes(study)] == [True]


def test_keys_written_twice_are_refused_with_their_lines(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("study:\n  seed: 1\n  title: x\n  seed: 2\nlas:\n  pilots:\n    - {code: '1', code: '2'}\n")
    assert mistakes(deepcopy(DEFAULT), [DEFAULT_FILE, overlay]) == [
        f"las.pilots[0].code: written twice, on lines 7 and 7 of {overlay}",
        f"study.seed: written twice, on lines 2 and 4 of {overlay}",
    ]
    with pytest.raises(StudyError, match="lines 2 and 4"):
        read_yaml(overlay)


def test_read_yaml_keeps_dates_and_leading_zeros_it_can_keep_as_text(tmp_path: Path) -> None:
    file = tmp_path / "dates.yaml"
    file.write_text('when: 2014-11-01\ncode: "010"\nnested: [{day: 2019-03-31}]\n')
    assert read_yaml(file) == {"when": "2014-11-01", "code": "010", "nested": [{"day": "2019-03-31"}]}


def test_an_empty_file_is_an_empty_overlay(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("# nothing\n")
    assert read_yaml(file) == {}


@pytest.mark.parametrize(
    ("text", "match"), [("a: [1\nb: 2\n", "line 2"), ("- a\n- b\n", "no mapping"), ("a:\tb: c\n", "line 1")]
)
def test_files_that_are_no_yaml_mapping_are_refused_with_the_line(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(StudyError, match=match):
        read_yaml(file)


def test_an_overlay_changes_values_and_not_the_order_of_keys(tmp_path: Path) -> None:
    base, extra = tmp_path / "base.yaml", tmp_path / "extra.yaml"
    base.write_text("a: {x: 1, y: 2}\nb: 3\n")
    extra.write_text("c: 5\na: {z: 4, y: 9}\n")
    merged = {"c": 5, "a": {"z": 4, "y": 9, "x": 1}, "b": 3}
    ordered = in_order(merged, [read_yaml(base), read_yaml(extra)])
    assert ordered == merged
    assert list(ordered) == ["a", "b", "c"] and list(ordered["a"]) == ["x", "y", "z"]


def test_a_key_misspelt_beside_the_right_one_is_recognised() -> None:
    """As in an overlay: the base already has the right key, and other keys are only somewhat alike."""
    expected = "outcomes.icpc.windw_days: unknown key; did you mean `window_days`?"
    assert mistakes(changed(outcomes__icpc__windw_days=80)) == [expected]
