"""Assessments: duplicates, links, lengths. Care: periods, overlaps, short breaks."""

from typing import Any

import polars as pl
import pytest

from scripts.clean.assessments import clean_assessments
from scripts.clean.care import clean_care_episodes
from scripts.clean.ledger import Ledger
from tests.tables import canonical, cleaned, cleaning_settings, day


def assess(*rows: tuple[str | None, str | None], referrals: tuple[str, ...] = (), **choices: Any) -> pl.DataFrame:
    table = canonical(
        "assessments", *({"census_year": 2014, "assessment_start": s, "assessment_end": e} for s, e in rows)
    )
    known = cleaned("referrals", *({"referral_date": text} for text in referrals))
    ledger = Ledger("501")
    result = clean_assessments(table, known, cleaning_settings(**choices), ledger)
    ledger.table()
    return result


def test_copies_collapse_and_an_open_copy_gives_way_to_the_ended_one() -> None:
    result = assess(("2014-06-02", "2014-06-09"), ("2014-06-02", "2014-06-09"), ("2014-06-02", None))
    assert result["working_days"].to_list() == [5]


def test_two_ends_for_one_start_drop_both_or_keep_the_later() -> None:
    rows = (("2014-06-02", "2014-06-09"), ("2014-06-02", "2014-06-10"))
    assert assess(*rows).is_empty()
    assert assess(*rows, repeated_assessment="keep_later")["working_days"].to_list() == [6]


def test_a_negative_length_does_not_take_a_sound_copy_with_it() -> None:
    assert assess(("2014-06-02", "2014-06-09"), ("2014-06-02", "2014-05-09"))["working_days"].to_list() == [5]


def test_unusable_assessments_are_set_aside() -> None:
    assert assess((None, "2014-06-09"), ("2014-06-10", "2014-06-09"), ("2014-06-11", None)).is_empty()


def test_an_assessment_belongs_to_the_latest_referral_on_or_before_its_start() -> None:
    result = assess(
        ("2014-06-02", "2014-06-09"), ("2014-05-01", "2014-06-01"), referrals=("2014-06-02", "2014-05-20", "2014-07-01")
    )
    assert result["referral_date"].to_list() == [None, day("2014-06-02")]


def episodes(*rows: tuple[str, str | None], ledger: Ledger | None = None, **more: Any) -> pl.DataFrame:
    choices = {name: more.pop(name) for name in ("care_overlap", "stale_open_episode") if name in more}
    table = canonical(
        "care_episodes",
        *({"episode_start": s, "episode_end": e, "legal_status": "C2", "placement": "u1 "} | more for s, e in rows),
    )
    used = ledger or Ledger("501")
    result = clean_care_episodes(table, cleaning_settings(**choices), used)
    used.table()
    return result


def test_a_period_of_care_is_a_chain_of_touching_episodes() -> None:
    result = episodes(("2014-01-01", "2014-02-01"), ("2014-02-01", "2014-03-01"), ("2014-03-02", None))
    assert result["poc_start"].to_list() == [day("2014-01-01"), day("2014-01-01"), day("2014-03-02")]
    assert result["placement"].unique().to_list() == ["U1"]


def test_a_stated_period_start_wins() -> None:
    assert episodes(("2014-02-01", None), poc_start="2013-05-01")["poc_start"].to_list() == [day("2013-05-01")]


def test_short_breaks_are_not_care() -> None:
    assert episodes(("2014-02-01", None), legal_status="V4").is_empty()


@pytest.mark.parametrize(
    ("choice", "ends"),
    [("keep", ["2014-03-01", "2014-02-20"]), ("truncate", ["2014-02-01", "2014-02-20"]), ("merge", ["2014-03-01"])],
)
def test_overlapping_episodes_by_choice(choice: str, ends: list[str]) -> None:
    ledger = Ledger("501")
    result = episodes(("2014-01-01", "2014-03-01"), ("2014-02-01", "2014-02-20"), ledger=ledger, care_overlap=choice)
    assert result["episode_end"].to_list() == [day(text) for text in ends]
    assert ledger.table().filter(pl.col("reason") == "overlaps_next_episode")["n_rows"].to_list() == [1]


def test_a_merged_chain_stays_open_if_its_last_episode_is() -> None:
    result = episodes(("2014-01-01", "2014-03-01"), ("2014-02-01", None), care_overlap="merge")
    assert result["episode_end"].to_list() == [None]


def test_a_stale_open_episode_can_be_closed_at_the_next_start() -> None:
    rows = (("2014-01-01", None), ("2014-02-01", "2014-03-01"))
    assert episodes(*rows)["episode_end"].to_list() == [None, day("2014-03-01")]
    closed = episodes(*rows, stale_open_episode="close_at_next_start")
    assert closed["episode_end"].to_list() == [day("2014-02-01"), day("2014-03-01")]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_copies_of_an_episode_the_one_that_says_more_speaks_in_any_order(order: int) -> None:
    both = [
        {"legal_status": "C2", "placement": "U1", "episode_end_reason": "E45", "poc_start": "2013-01-01"},
        {"legal_status": "??", "placement": None},
    ]
    rows = [{"episode_start": "2014-01-01", "episode_end": "2014-05-01"} | row for row in both[::order]]
    found = clean_care_episodes(canonical("care_episodes", *rows), cleaning_settings(), Ledger("501"))
    assert found.select("legal_status", "placement", "end_reason", "poc_start").row(0) == (
        "C2",
        "U1",
        "E45",
        day("2013-01-01"),
    )


def test_an_episode_without_a_stated_period_joins_the_one_it_touches() -> None:
    rows = [
        {"episode_start": "2013-01-01", "episode_end": "2014-01-01", "poc_start": "2010-05-05"},
        {"episode_start": "2014-01-01", "episode_end": "2014-05-01"},
    ]
    found = clean_care_episodes(canonical("care_episodes", *rows), cleaning_settings(), Ledger("501"))
    assert found["poc_start"].to_list() == [day("2010-05-05")] * 2
