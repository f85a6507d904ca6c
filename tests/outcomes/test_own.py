"""A study's own module: what it brings is known beside what is the project's, and mistakes in it are told."""

from pathlib import Path

import pytest

from scripts.errors import StudyError
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.own import registered
from scripts.outcomes.populations import POPULATIONS


def written(folder: Path, content: str) -> str:
    file = folder / "own.py"
    file.write_text(content)
    return str(file)


def test_without_a_module_there_are_the_projects() -> None:
    known = registered(None)
    assert known.populations == POPULATIONS and known.measures == MEASURES


def test_a_modules_own_stand_beside_them(tmp_path: Path) -> None:
    path = written(tmp_path, "def f(*_): return 1\nMEASURES = {'own': f}\nPOPULATIONS = {'mine': f}\n")
    known = registered(path)
    assert set(known.measures) == {*MEASURES, "own"} and set(known.populations) == {*POPULATIONS, "mine"}
    assert known.measures["own"]() == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("raise ValueError('no')", r"cannot be loaded: ValueError: no"),
        ("import nowhere", r"cannot be loaded: ModuleNotFoundError"),
        ("", r"neither POPULATIONS nor MEASURES"),
        ("POPULATIONS = {'assessments': print}", r"these names are the project's: assessments"),
    ],
)
def test_mistakes_in_it_are_told_with_its_name(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(StudyError, match=said) as caught:
        registered(written(tmp_path, content))
    assert caught.value.code == "CONFIG" and "own.py" in str(caught.value)


def test_a_module_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no such Python file"):
        registered(str(tmp_path / "nowhere.py"))
