"""Erasing, rectifying and withholding rows of canonical tables, by hand-made cases."""

from datetime import date

import polars as pl
import pytest

from scripts.errors import StudyError
from scripts.governance.effects import (
    ERASED,
    RECTIFIED,
    RESTRICTED,
    Effects,
    Rectification,
    RowKey,
    applied,
    as_json,
    from_json,
    without_erased,
)
from tests.governance.stores import OTHER, OWN, store

Noted = list[tuple[str, str, int]]


def effects(*deleted: RowKey, rectified: tuple[Rectification, ...] = ()) -> Effects:
    return Effects("R1", "510", deleted, rectified)


def told(
    frames: dict[str, pl.DataFrame], *given: Effects, withheld: tuple[str, ...] = ()
) -> tuple[dict[str, pl.DataFrame], Noted]:
    noted: Noted = []
    after = applied(frames, given, withheld, lambda why, table, rows: noted.append((why, table, len(rows))))
    return after, noted


def heights(frames: dict[str, pl.DataFrame]) -> tuple[int, int]:
    return frames["referrals"].height, frames["assessments"].height


def gender(*old: str, new: str = "2", where: dict[str, str] | None = None) -> Rectification:
    return Rectification.of(RowKey("referrals", OWN, where or {}), "gender", new, old)


@pytest.mark.parametrize(
    ("row", "left"),
    [
        (RowKey(None, OWN, {}), (1, 0)),
        (RowKey("referrals", OWN, {}), (1, 2)),
        (RowKey("referrals", OWN, {"referral_date": "2013-05-01"}), (2, 2)),
        (RowKey("referrals", OWN, {"referral_date": "2013-05-01", "census_year": "2013"}), (3, 2)),
        (RowKey("referrals", OWN, {"previous_cpps": "2", "primary_need": "N1"}), (3, 2)),
        (RowKey("assessments", OWN, {"assessment_start": "2014-06-03"}), (4, 1)),
        (RowKey("referrals", OWN, {"referral_date": "2000-01-01"}), (4, 2)),
        (RowKey("referrals", "unknown", {}), (4, 2)),
    ],
)
def test_rows_named_by_any_columns_are_erased_and_no_others(row: RowKey, left: tuple[int, int]) -> None:
    after, noted = told(store(), effects(row))
    assert heights(after) == left
    assert OTHER in after["referrals"]["child_id"]
    assert sum(n for why, _, n in noted if why == ERASED) == 6 - sum(left)


def test_a_child_withheld_is_in_no_table_and_counted() -> None:
    after, noted = told(store(), withheld=(OWN,))
    assert heights(after) == (1, 0) and {why for why, *_ in noted} == {RESTRICTED}
    assert all(OWN not in frame["child_id"] for frame in after.values())


def test_nothing_in_force_leaves_every_table_as_it_is() -> None:
    before = store()
    after, noted = told(before)
    assert noted == [] and all(after[name].equals(before[name]) for name in before)


def test_a_value_is_rectified_where_it_holds_the_old_one() -> None:
    after, noted = told(store(), effects(rectified=(gender("1", ""),)))
    referrals = after["referrals"]
    assert referrals.filter(child_id=OWN)["gender"].to_list() == ["2", "2", "2"]
    assert referrals.filter(child_id=OTHER).equals(store()["referrals"].filter(child_id=OTHER))
    assert noted == [(RECTIFIED, "referrals", 3)]
    assert referrals.schema == store()["referrals"].schema


def test_rectifying_twice_is_rectifying_once() -> None:
    change = effects(rectified=(gender("1", ""),))
    once, _ = told(store(), change)
    twice, _ = told(once, change)
    assert once["referrals"].equals(twice["referrals"])


def test_dates_numbers_and_gaps_are_rectified_in_their_type() -> None:
    later = RowKey("referrals", OWN, {"referral_date": "2014-06-02"})
    changes = (
        Rectification.of(later, "closure_date", "2014-07-01", [""]),
        Rectification.of(later, "previous_cpps", "3", ["2"]),
        Rectification.of(later, "primary_need", "", ["N1"]),
    )
    after, _ = told(store(), effects(rectified=changes))
    (row,) = after["referrals"].filter(referral_date=date(2014, 6, 2)).rows(named=True)
    assert (row["closure_date"], row["previous_cpps"], row["primary_need"]) == (date(2014, 7, 1), 3, None)


def test_the_column_that_names_the_row_can_be_the_one_rectified() -> None:
    row = RowKey("referrals", OWN, {"referral_date": "2014-06-02"})
    change = effects(rectified=(Rectification.of(row, "referral_date", "2014-06-03", ["2014-06-02"]),))
    after, _ = told(store(), change)
    assert date(2014, 6, 3) in after["referrals"]["referral_date"]


def test_rows_are_named_by_their_values_before_any_is_rectified() -> None:
    row = RowKey("referrals", OWN, {"referral_date": "2014-06-02"})
    changes = (
        Rectification.of(row, "referral_date", "2014-06-03", ["2014-06-02"]),
        Rectification.of(row, "previous_cpps", "5", ["2"]),
    )
    after, _ = told(store(), effects(rectified=changes))
    (found,) = after["referrals"].filter(referral_date=date(2014, 6, 3)).rows(named=True)
    assert found["previous_cpps"] == 5


def test_a_row_with_neither_value_stops_the_job_and_tells_none() -> None:
    with pytest.raises(StudyError, match=r"3 rows to rectify hold neither") as error:
        told(store(), effects(rectified=(gender("9", ""),)))
    assert error.value.code == "REQUEST" and OWN not in str(error.value)


def test_later_returns_act_on_what_earlier_ones_left() -> None:
    first = Effects("R1", "510", (), (gender("1", "", new="2"),))
    second = Effects("R2", "510", (), (gender("2", new="9"),))
    after, _ = told(store(), first, second)
    assert set(after["referrals"].filter(child_id=OWN)["gender"]) == {"9"}
    with pytest.raises(StudyError):
        told(store(), second, first)


def test_hashes_of_old_values_do_not_tell_them() -> None:
    change, again = gender("1"), gender("1")
    assert change.old != again.old and "1" not in change.old


def test_ingest_leaves_out_the_erased_but_rectifies_nothing() -> None:
    given = effects(RowKey("referrals", OWN, {"census_year": "2013"}), rectified=(gender("1", ""),))
    after = without_erased(store(), [given], lambda *_: None)
    assert heights(after) == (3, 2) and "1" in after["referrals"]["gender"]


def test_effects_survive_being_written() -> None:
    given = effects(RowKey("referrals", OWN, {"census_year": "2013"}), rectified=(gender("1", ""),))
    assert from_json(as_json(given)) == given


def test_only_whole_children_count_as_erased() -> None:
    given = effects(RowKey(None, OWN, {}), RowKey("referrals", OTHER, {}))
    assert given.erased_children == {OWN}
