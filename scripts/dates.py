"""Calendar arithmetic of the study: working days, financial years, ages.

The calendar is England's: Monday to Friday less the bank holidays, which come from the `holidays` package. Windows are
calendar days; only the length of an assessment counts working days (data-formats trap T-18).
"""

import calendar
import datetime
from dataclasses import dataclass
from functools import cache

import holidays
import numpy as np
import polars as pl

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class HolidayCalendar:
    """Whose bank holidays count: ISO country and subdivision codes of the `holidays` package."""

    country: str
    subdivision: str


@cache
def bank_holidays(calendar: HolidayCalendar, first_year: int, last_year: int) -> np.ndarray:
    """Sorted bank holidays, shape (n,), dtype datetime64[D], first to last calendar year inclusive.

    The package lists a holiday at a weekend beside the working day that replaces it; only the latter is a bank holiday.
    """
    days = holidays.country_holidays(
        calendar.country, subdiv=calendar.subdivision, years=range(first_year, last_year + 1)
    )
    dates = np.array(sorted(days), dtype="datetime64[D]")
    return dates[np.is_busday(dates)]


def working_days(start: pl.Series, end: pl.Series, calendar: HolidayCalendar) -> pl.Series:
    """Working days from `start` to `end`, the measure DfE publishes for assessments.

    The count of working days in [start, end] less one, plus one if the end is no working day; so the same day is 0,
    Monday to Saturday 5, Saturday to Monday 0. Method: the evaluation's published code (data-formats trap T-18).

    Parameters
    ----------
    start, end : Date series of equal length; null gives null, end before start is the caller's to remove.

    Returns
    -------
    Int32 series, working days.
    """
    result = np.full(len(start), np.nan)
    known = (start.is_not_null() & end.is_not_null()).to_numpy()
    first, last = (series.to_numpy().astype("datetime64[D]")[known] for series in (start, end))
    if len(first):
        years = np.concatenate([first, last]).astype("datetime64[Y]").astype(int) + 1970
        days_off = bank_holidays(calendar, int(years.min()), int(years.max()))
        one_day = np.timedelta64(1, "D")
        inclusive = np.busday_count(first, last + one_day, holidays=days_off)
        result[known] = inclusive - 1 + ~np.is_busday(last, holidays=days_off)
    return pl.Series(start.name, result).fill_nan(None).cast(pl.Int32)


def is_non_working(date: pl.Series, calendar: HolidayCalendar) -> pl.Series:
    """Whether `date` is a weekend or bank holiday; null stays null. Boolean."""
    known = date.drop_nulls()
    if known.is_empty():
        return pl.Series(date.name, [None] * len(date), pl.Boolean)
    years = known.dt.year()
    off = bank_holidays(calendar, int(years.min()), int(years.max()))
    free = ~np.is_busday(date.fill_null(known[0]).to_numpy().astype("datetime64[D]"), holidays=off)
    return pl.Series(date.name, free).set(date.is_null(), None)


def near_bank_holiday(date: pl.Series, days: int, calendar: HolidayCalendar) -> pl.Series:
    """1 where `date` lies within `days` calendar days of a bank holiday, else 0; null stays null. Int8."""
    result = np.full(len(date), np.nan)
    known = date.is_not_null().to_numpy()
    day = date.to_numpy().astype("datetime64[D]")[known]
    if len(day):
        years = day.astype("datetime64[Y]").astype(int) + 1970
        off = bank_holidays(calendar, int(years.min()) - 1, int(years.max()) + 1).astype(int)
        position = np.searchsorted(off, day.astype(int))
        after = off[np.minimum(position, len(off) - 1)] - day.astype(int)
        before = day.astype(int) - off[np.maximum(position - 1, 0)]
        result[known] = np.minimum(np.abs(after), np.abs(before)) <= days
    return pl.Series(date.name, result).fill_nan(None).cast(pl.Int8)


def financial_year(date: pl.Expr) -> pl.Expr:
    """Financial year (1 April to 31 March) named by the year it starts in, Int32: March 2019 is 2018 (trap T-14)."""
    return (date.dt.year() - (date.dt.month() <= 3).cast(pl.Int32)).cast(pl.Int32)


def financial_year_of(day: datetime.date) -> int:
    """As `financial_year`, of one day."""
    return day.year - (day.month <= 3)


def age_in_years(birth_date: pl.Expr, on: pl.Expr) -> pl.Expr:
    """Completed years at `on`, floor(days / 365.25) as in the published code; negative before birth. Int32."""
    return ((on - birth_date).dt.total_days() / DAYS_PER_YEAR).floor().cast(pl.Int32)


def add_months(day: datetime.date, months: int) -> datetime.date:
    """The same day so many months later, or the last day of that month if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
