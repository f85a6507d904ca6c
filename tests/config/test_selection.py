"""A study of some outcomes is the configuration without a word of the others."""

from copy import deepcopy
from typing import Any

import pytest

from scripts.config.load import load_study
from scripts.config.selection import selected
from scripts.errors import StudyError
from tests.config.test_crosschecks import DEFAULT, MEASURES, POPULATIONS


def study_of(*outcomes: str) -> dict[str, Any]:
    study = deepcopy(DEFAULT)
    study["study"]["outcomes"] = list(outcomes)
    return study


def mentions(value: Any, names: set[str]) -> set[str]:
    """Which of the names stand anywhere as a key or a value."""
    if isinstance(value, dict):
        return set().union(names & set(value), *(mentions(item, names) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(mentions(item, names) for item in value))
    return names & {value} if isinstance(value, str) else set()


def test_without_a_choice_nothing_changes() -> None:
    assert selected(DEFAULT) is DEFAULT


@pytest.mark.parametrize("chosen", [["icpc"], ["kinship", "assessment_duration"], ["nfa_rereferral", "icpc"]])
def test_nothing_names_an_outcome_that_is_left_out(chosen: list[str]) -> None:
    study = load_study(study_of(*chosen), [], POPULATIONS, MEASURES)
    assert list(study["outcomes"]) == [name for name in DEFAULT["outcomes"] if name in chosen]
    # What is generated and what is published are not of this study's outcomes.
    rest = {name: block for name, block in study.items() if name not in ("synthetic", "published_statistics")}
    assert mentions(rest, set(DEFAULT["outcomes"]) - set(chosen)) == set()


def test_what_serves_the_chosen_outcomes_stays_as_it_is() -> None:
    study = load_study(study_of("icpc"), [], POPULATIONS, MEASURES)
    assert study["outcomes"]["icpc"] == DEFAULT["outcomes"]["icpc"]
    assert study["models"]["specifications"]["main"] == DEFAULT["models"]["specifications"]["main"]
    unlisted = [entry for entry in DEFAULT["covariates"]["child"] if "outcomes" not in entry]
    assert [entry for entry in study["covariates"]["child"] if "outcomes" not in entry] == unlisted
    assert study["las"]["codes"] == DEFAULT["las"]["codes"]


def test_an_unknown_outcome_is_told_with_the_nearest_one() -> None:
    with pytest.raises(StudyError, match=r"study\.outcomes\[0\]: \"icpcs\" is not an outcome; did you mean `icpc`"):
        load_study(study_of("icpcs"), [], POPULATIONS, MEASURES)


def test_a_choice_without_a_primary_outcome_is_refused() -> None:
    with pytest.raises(StudyError, match="no outcome has primary: true"):
        load_study(study_of("any_rereferral_6m"), [], POPULATIONS, MEASURES)
