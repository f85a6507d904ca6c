"""The contested choices of cleaning, as one typed object built from config `cleaning` and `dates`."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from scripts.dates import HolidayCalendar


@dataclass(frozen=True)
class CleaningSettings:
    """See config.yaml, block `cleaning`, for the meaning and the published alternatives of each choice."""

    earliest_date: date
    data_end: date
    referral_copy: str
    nfa_conflict: str
    nfa_missing: str
    long_nfa_days: int
    part_years: tuple[int, ...]
    part_year: str
    previous_plans_not_collected: tuple[int, ...]
    closure_before_referral: str
    demographics_conflict: str
    birth_date_conflict: str
    repeated_assessment: str
    care_overlap: str
    stale_open_episode: str
    asylum_seeking_episodes: str
    short_break_statuses: tuple[str, ...]
    low_income_flags: tuple[str, ...]
    cin_closure_reasons: tuple[str, ...]
    nfa_closure_reasons: tuple[str, ...]
    calendar: HolidayCalendar

    @classmethod
    def from_config(cls, cleaning: dict[str, Any], dates: dict[str, Any]) -> "CleaningSettings":
        """Build from the two config blocks (dates as ISO strings)."""
        choices = {name: tuple(value) if isinstance(value, list) else value for name, value in cleaning.items()}
        return cls(
            **choices | {"earliest_date": date.fromisoformat(cleaning["earliest_date"])},
            data_end=date.fromisoformat(dates["data_end"]),
            calendar=HolidayCalendar(**dates["bank_holidays"]),
        )
