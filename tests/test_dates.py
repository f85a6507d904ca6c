"""Working days, financial years and ages, against cases counted by hand on a calendar."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.dates import HolidayCalendar, age_in_years, financial_year, near_bank_holiday, working_days

ENGLAND = HolidayCalendar("GB", "ENG")


def days_between(start: date, end: date) -> int | None:
    return working_days(pl.Series([start], dtype=pl.Date), pl.Series([end], dtype=pl.Date), ENGLAND).item()


@pytest.mark.parametrize(
    ("start", "end", "expected", "why"),
    [
        (date(2018, 6, 4), date(2018, 6, 4), 0, "same day"),
        (date(2018, 6, 4), date(2018, 6, 5), 1, "Monday to Tuesday"),
        (date(2018, 6, 4), date(2018, 6, 11), 5, "Monday to Monday"),
        (date(2018, 6, 4), date(2018, 6, 9), 5, "Monday to Saturday, the published code's own case"),
        (date(2018, 6, 9), date(2018, 6, 11), 0, "Saturday to Monday"),
        (date(2018, 6, 9), date(2018, 6, 10), 0, "Saturday to Sunday"),
        (date(2018, 12, 21), date(2019, 1, 2), 5, "over Christmas: 24, 27, 28, 31 December and 2 January"),
        (date(2018, 12, 24), date(2018, 12, 27), 1, "25 and 26 December are holidays"),
        (date(2018, 12, 24), date(2018, 12, 25), 1, "ends on Christmas Day, which adds one as a Saturday does"),
        (date(2011, 4, 28), date(2011, 5, 3), 1, "royal wedding on Friday 29 April, then May Day on the Monday"),
        (date(2012, 6, 1), date(2012, 6, 6), 1, "Diamond Jubilee: Monday 4 and Tuesday 5 June"),
        (date(2022, 9, 16), date(2022, 9, 20), 1, "the Queen's funeral on Monday 19 September"),
        (date(2018, 1, 2), date(2018, 3, 6), 45, "nine full weeks without a holiday"),
    ],
)
def test_working_days_as_counted_on_a_calendar(start: date, end: date, expected: int, why: str) -> None:
    assert days_between(start, end) == expected, why


def test_working_days_of_an_open_assessment_are_unknown() -> None:
    assert days_between(date(2018, 6, 4), None) is None


@given(st.dates(date(2008, 4, 1), date(2019, 3, 31)), st.integers(0, 400))
def test_working_days_never_negative_and_never_more_than_calendar_days(start: date, length: int) -> None:
    end = date.fromordinal(start.toordinal() + length)
    assert 0 <= days_between(start, end) <= length


def test_financial_year_is_named_by_its_first_year() -> None:
    frame = pl.DataFrame({"day": [date(2019, 3, 31), date(2019, 4, 1), date(2018, 12, 31)]})
    assert frame.select(financial_year(pl.col("day")))["day"].to_list() == [2018, 2019, 2018]


def test_age_counts_completed_years_and_goes_below_zero_before_birth() -> None:
    frame = pl.DataFrame(
        {
            "born": [date(2000, 6, 15)] * 4,
            "on": [date(2018, 6, 14), date(2018, 6, 16), date(2000, 6, 15), date(2000, 5, 1)],
        }
    )
    assert frame.select(age_in_years(pl.col("born"), pl.col("on"))).to_series().to_list() == [17, 18, 0, -1]


def test_a_holiday_at_a_weekend_counts_on_the_working_day_that_replaces_it() -> None:
    # Christmas 2010 fell on a weekend; the bank holidays were Monday 27 and Tuesday 28 December.
    days = pl.Series([date(2010, 12, 23), date(2010, 12, 24)], dtype=pl.Date)
    assert near_bank_holiday(days, 3, ENGLAND).to_list() == [0, 1]


def test_near_a_bank_holiday_means_within_the_days_on_either_side() -> None:
    days = pl.Series(
        [date(2018, 12, 22), date(2018, 12, 21), date(2018, 12, 29), date(2018, 12, 30), None], dtype=pl.Date
    )
    # 22 December is three days before Christmas, 29 December three after Boxing Day, 30 December two before New Year.
    assert near_bank_holiday(days, 3, ENGLAND).to_list() == [1, 0, 1, 1, None]
