"""One child out of many statements."""

from typing import Any

import polars as pl
import pytest

from scripts.clean.children import consolidate_children
from scripts.clean.ledger import Ledger
from tests.tables import canonical, cleaning_settings, day


def child(
    *rows: dict[str, Any], care: tuple[dict[str, Any], ...] = (), codes: tuple[str, ...] = (), **choices: Any
) -> dict[str, Any]:
    referrals = canonical("referrals", *({"census_year": 2014} | row for row in rows))
    episodes = canonical("care_episodes", *care)
    disabilities = canonical("disabilities", *({"disability": code} for code in codes))
    ledger = Ledger("501")
    children = consolidate_children(referrals, episodes, disabilities, cleaning_settings(**choices), ledger)
    assert children.height == 1
    return children.row(0, named=True)


def test_copies_that_say_nothing_do_not_conflict() -> None:
    found = child({"gender": "1", "ethnicity": "WBRI"}, {"gender": "0", "ethnicity": "MISS"}, {"gender": None})
    assert (found["gender"], found["ethnicity"]) == ("Male", "WHIT")


def test_two_codes_of_one_group_do_not_conflict() -> None:
    assert child({"ethnicity": "WBRI"}, {"ethnicity": "WOTH"})["ethnicity"] == "WHIT"


@pytest.mark.parametrize(("choice", "expected"), [("missing", "Missing"), ("mode", "Female")])
def test_conflicting_genders(choice: str, expected: str) -> None:
    rows = ({"gender": "1"}, {"gender": "2"}, {"gender": "2"})
    assert child(*rows, demographics_conflict=choice)["gender"] == expected


def test_an_actual_birth_date_beats_an_expected_one_and_a_month() -> None:
    found = child(
        {"expected_birth_date": "2014-09-01"},
        {"birth_date": "2014-09-10"},
        care=({"birth_year": 2014, "birth_month": 8},),
    )
    assert found["birth_earliest"] == found["birth_latest"] == day("2014-09-10")


def test_an_unborn_child_has_its_expected_date() -> None:
    assert child({"expected_birth_date": "2014-09-01"})["birth_earliest"] == day("2014-09-01")


@pytest.mark.parametrize(
    ("choice", "bounds"),
    [("same_age", ("2004-01-01", "2005-01-01")), ("earliest", ("2004-01-01",) * 2), ("mode", ("2005-01-01",) * 2)],
)
def test_conflicting_birth_dates(choice: str, bounds: tuple[str, str]) -> None:
    rows = ({"birth_date": "2004-01-01"}, {"birth_date": "2005-01-01"}, {"birth_date": "2005-01-01"})
    found = child(*rows, birth_date_conflict=choice)
    assert (found["birth_earliest"], found["birth_latest"]) == tuple(day(text) for text in bounds)


@pytest.mark.parametrize(
    ("rows", "codes", "expected"),
    [((0,), (), 0), ((0,), ("AUT",), 1), ((0,), ("NONE",), 0), ((None,), (), None), ((0, 1), (), 1)],
)
def test_disability_from_flags_and_codes(
    rows: tuple[int | None, ...], codes: tuple[str, ...], expected: int | None
) -> None:
    assert child(*({"disability": flag} for flag in rows), codes=codes)["disability"] == expected


def test_asylum_status_from_either_source() -> None:
    assert child({"asylum_seeking": 0}, care=({"uasc": 1},))["uasc"] == 1
    assert child({"asylum_seeking": None})["uasc"] == 0


def test_no_rows_give_no_children() -> None:
    empty = consolidate_children(
        canonical("referrals"),
        canonical("care_episodes"),
        canonical("disabilities"),
        cleaning_settings(),
        Ledger("501"),
    )
    assert empty.is_empty() and "uasc" in empty.columns
    assert isinstance(empty, pl.DataFrame)
