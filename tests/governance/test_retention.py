"""Both clocks, with month ends."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.dates import add_months
from scripts.governance.register import Register
from scripts.governance.retention import clocks, overdue, table


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2028-02-29", 6, "2028-08-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-05-31", 3, "2026-08-31"),
        ("2026-05-31", 0, "2026-05-31"),
    ],
)
def test_the_same_day_or_the_months_last(day: str, months: int, expected: str) -> None:
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 60))
def test_never_later_than_the_same_day_and_never_another_month(day: date, months: int) -> None:
    due = add_months(day, months)
    assert due.day <= day.day
    assert (due.year * 12 + due.month) - (day.year * 12 + day.month) == months
    assert due.day == day.day or add_months(date(day.year, day.month, 1), months + 1).toordinal() - due.toordinal() == 1


def received(request: str, number: int, **event: str) -> dict[str, object]:
    return {"number": number, "request": request, "hash": "h", "previous": "p", **event}


def register(*later: dict[str, object]) -> Register:
    first = received("R1", 1, event="received", date="2026-01-10", kind="access", la="510", child="1", key="a" * 16)
    return Register((first, *later))


RETURNED = received("R1", 2, event="returned", date="2026-08-31") | {
    "returns": ["held"],
    "files": {"effects.json": "e"},
}


def states(of: Register, completed: str | None, today: str) -> list[str]:
    return [clock.state(date.fromisoformat(today)) for clock in clocks(of, completed, 6, 3)]


def test_the_due_day_is_in_time_and_the_next_is_overdue() -> None:
    assert states(register(RETURNED), None, "2026-11-30") == ["not started", "running"]
    assert states(register(RETURNED), None, "2026-12-01") == ["not started", "OVERDUE"]
    assert states(register(), "2026-08-31", "2027-02-28") == ["running", "not started"]
    assert states(register(), "2026-08-31", "2027-03-01") == ["OVERDUE", "not started"]


def test_what_was_deleted_is_met_for_good() -> None:
    deleted = received("R1", 3, event="form_deleted", date="2026-10-01")
    destroyed = received("", 4, event="destroyed", date="2027-01-01") | {"request": None}
    found = register(RETURNED, deleted, destroyed)
    assert states(found, "2026-08-31", "2040-01-01") == ["met", "met"]
    assert overdue(clocks(found, "2026-08-31", 6, 3), date(2040, 1, 1)) == []


def test_a_decision_without_a_return_starts_the_clock_too() -> None:
    completed = received("R1", 2, event="completed", date="2026-02-01", decision="refused", reason="exempt")
    (_, clock) = clocks(register(completed), None, 6, 3)
    assert clock.due == date(2026, 5, 1)


def test_the_table_has_a_line_per_clock_and_no_id_of_a_child() -> None:
    text = table(clocks(register(RETURNED), "2026-08-31", 6, 3), date(2027, 3, 1))
    assert [line.split()[-1] for line in text.splitlines()] == ["state", "OVERDUE", "OVERDUE"]
    assert "2027-02-28" in text and "2026-11-30" in text and "a" * 16 not in text
