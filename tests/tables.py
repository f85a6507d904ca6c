"""Small tables for tests: canonical and cleaned frames from the few columns a case is about."""

from datetime import date
from typing import Any

import polars as pl

from schemas.tables import columns
from scripts.clean.settings import CleaningSettings
from scripts.dates import HolidayCalendar

ENGLAND = HolidayCalendar("GB", "ENG")
CLEANED = {
    "children": {
        "child_id": pl.String,
        "gender": pl.String,
        "ethnicity": pl.String,
        "birth_earliest": pl.Date,
        "birth_latest": pl.Date,
        "disability": pl.Int8,
        "uasc": pl.Int8,
    },
    "referrals": {
        "child_id": pl.String,
        "referral_date": pl.Date,
        "census_year": pl.Int32,
        "closure_date": pl.Date,
        "is_cin": pl.Int8,
        "main_need": pl.String,
        "category_of_abuse": pl.String,
        "previous_plan": pl.Int8,
        "low_income": pl.Int8,
        "sen_provision": pl.String,
        "nc_year": pl.String,
    },
    "conferences": {"child_id": pl.String, "icpc_date": pl.Date},
    "plans": {"child_id": pl.String, "cpp_start": pl.Date, "cpp_end": pl.Date},
    "assessments": {
        "child_id": pl.String,
        "census_year": pl.Int32,
        "assessment_start": pl.Date,
        "assessment_end": pl.Date,
        "working_days": pl.Int32,
        "referral_date": pl.Date,
    },
    "care_episodes": {
        "child_id": pl.String,
        "poc_start": pl.Date,
        "episode_start": pl.Date,
        "episode_end": pl.Date,
        "end_reason": pl.String,
        "legal_status": pl.String,
        "placement": pl.String,
    },
}


def day(text: str | None) -> date | None:
    """A date from ISO text."""
    return None if text is None else date.fromisoformat(text)


def canonical(table: str, *rows: dict[str, Any], la: str = "501") -> pl.DataFrame:
    """A canonical table of one LA; what a row does not state is null, except child "c1"."""
    schema = {name: column.dtype for name, column in columns(table).items()}
    return _frame(schema, rows, {"la_code": la, "child_id": "c1"})


def cleaned(table: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """A cleaned table of one LA; what a row does not state is null, except child "c1"."""
    return _frame(CLEANED[table], rows, {"child_id": "c1"})


def _frame(schema: dict[str, Any], rows: tuple[dict[str, Any], ...], default: dict[str, Any]) -> pl.DataFrame:
    filled = [{name: (default | row).get(name) for name in schema} for row in rows]
    dated = [
        {
            name: day(value) if schema[name] == pl.Date and isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in filled
    ]
    return pl.DataFrame(dated, schema=schema)


def cleaning_settings(**choices: Any) -> CleaningSettings:
    """The default choices of cleaning, with some replaced."""
    default: dict[str, Any] = {
        "earliest_date": date(1930, 1, 1),
        "data_end": date(2019, 3, 31),
        "referral_copy": "earliest",
        "nfa_conflict": "min",
        "nfa_missing": "unknown",
        "long_nfa_days": 100,
        "part_years": (2008,),
        "part_year": "keep",
        "previous_plans_not_collected": (2009, 2010, 2011),
        "closure_before_referral": "drop_where_used",
        "demographics_conflict": "missing",
        "birth_date_conflict": "same_age",
        "repeated_assessment": "drop",
        "care_overlap": "keep",
        "stale_open_episode": "keep",
        "asylum_seeking_episodes": "keep",
        "short_break_statuses": ("V3", "V4"),
        "low_income_flags": ("fsm_eligible", "ever_fsm_6"),
        "cin_closure_reasons": ("RC1", "RC2", "RC3", "RC4", "RC5", "RC6", "RC7"),
        "nfa_closure_reasons": ("RC8",),
        "calendar": ENGLAND,
    }
    return CleaningSettings(**default | choices)
