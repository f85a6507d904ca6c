"""The canonical tables: what ingest leaves of any source format, one pandera model per table.

In: frames with canonical column names. Out: the validated frame, or one error that names table, column, rule and
count and never a value (pandera's own messages print failing values, so they are wrapped). A column's metadata says
how its text is read (`kind`), which code set it belongs to (`codes`, see schemas/codes) and which column dates its
codes (`year_of`): codes are keyed by census year there, and counted, not refused, because mapping dirt is the task of
cleaning.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from schemas.patterns import LA_PATTERN
from scripts.errors import StudyError


def _key(**rules: Any) -> Any:
    return pa.Field(metadata={"kind": "text"}, **rules)


def _text() -> Any:
    return pa.Field(nullable=True, metadata={"kind": "text"})


def _date() -> Any:
    return pa.Field(nullable=True, metadata={"kind": "date"})


def _year() -> Any:
    return pa.Field(ge=2000, le=2100, metadata={"kind": "year"})


def _whole(low: int, high: int) -> Any:
    return pa.Field(nullable=True, ge=low, le=high, metadata={"kind": "whole", "low": low, "high": high})


def _flag() -> Any:
    return pa.Field(nullable=True, ge=0, le=1, metadata={"kind": "flag", "codes": "flag"})


def _code(code_set: str, year_of: str | None, kind: str = "code") -> Any:
    return pa.Field(nullable=True, metadata={"kind": kind, "codes": code_set, "year_of": year_of})


class _Table(pa.DataFrameModel):
    """What every table has; strict: exactly the documented columns, in their order."""

    class Config:
        strict = True
        ordered = True

    la_code: pl.String = _key(str_matches=LA_PATTERN)
    child_id: pl.String = _key(str_length={"min_value": 1})


class Referrals(_Table):
    """A row per child, referral, census year and child protection plan."""

    pupil_id: pl.String = _text()
    census_year: pl.Int32 = _year()
    referral_date: pl.Date = _date()
    referral_nfa: pl.Int8 = _flag()
    closure_date: pl.Date = _date()
    closure_reason: pl.String = _code("closure_reason", "census_year")
    primary_need: pl.String = _code("primary_need", "census_year")
    icpc_date: pl.Date = _date()
    cpp_start: pl.Date = _date()
    cpp_end: pl.Date = _date()
    category_of_abuse: pl.String = _code("category_of_abuse", "census_year")
    previous_cpps: pl.Int32 = _whole(0, 99)
    birth_date: pl.Date = _date()
    birth_year: pl.Int32 = _whole(1900, 2100)
    birth_month: pl.Int32 = _whole(1, 12)
    expected_birth_date: pl.Date = _date()
    death_date: pl.Date = _date()
    gender: pl.String = _code("gender", "census_year", kind="recoded")
    ethnicity: pl.String = _code("ethnicity", "census_year")
    disability: pl.Int8 = _flag()
    asylum_seeking: pl.Int8 = _flag()
    cin_at_31_march: pl.Int8 = _flag()
    any_point: pl.Int8 = _flag()
    started: pl.Int8 = _flag()
    nc_year: pl.String = _code("nc_year", "census_year")
    sen_provision: pl.String = _code("sen_provision", "census_year")
    fsm_eligible: pl.Int8 = _flag()
    ever_fsm_3: pl.Int8 = _flag()
    ever_fsm_6: pl.Int8 = _flag()
    ever_fsm_6_p: pl.Int8 = _flag()
    ever_fsm_all: pl.Int8 = _flag()
    eypp_eligible: pl.Int8 = _flag()


class Assessments(_Table):
    """A row per assessment."""

    census_year: pl.Int32 = _year()
    assessment_start: pl.Date = _date()
    assessment_end: pl.Date = _date()


class Disabilities(_Table):
    """A row per child and disability code."""

    disability: pl.String = _code("disability", None)


class Section47(_Table):
    """A row per section 47 enquiry; the date is that of the initial child protection conference it led to."""

    icpc_date: pl.Date = _date()


class CareEpisodes(_Table):
    """A row per episode of care."""

    episode_start: pl.Date = _date()
    episode_end: pl.Date = _date()
    episode_end_reason: pl.String = _code("episode_end_reason", "episode_end")
    legal_status: pl.String = _code("legal_status", "episode_start")
    placement: pl.String = _code("placement", "episode_start")
    category_of_need: pl.String = _code("category_of_need", "episode_start")
    poc_start: pl.Date = _date()
    gender: pl.String = _code("gender", None, kind="recoded")
    ethnicity: pl.String = _code("ethnicity", None)
    birth_year: pl.Int32 = _whole(1900, 2100)
    birth_month: pl.Int32 = _whole(1, 12)
    uasc: pl.Int8 = _flag()


class CareChildren(_Table):
    """A row per child of an SSDA903 return; it joins the episodes inside ingest and is not left as a table."""

    gender: pl.String = _code("gender", None, kind="recoded")
    ethnicity: pl.String = _code("ethnicity", None)
    birth_date: pl.Date = _date()


class CareUasc(_Table):
    """A row per unaccompanied asylum-seeking child of an SSDA903 return; used inside ingest like CareChildren."""


MODELS: dict[str, type[pa.DataFrameModel]] = {
    "referrals": Referrals,
    "assessments": Assessments,
    "disabilities": Disabilities,
    "section47": Section47,
    "care_episodes": CareEpisodes,
    "care_children": CareChildren,
    "care_uasc": CareUasc,
}


@dataclass(frozen=True)
class Column:
    """How a canonical column is read and checked.

    kind : text | code | recoded | date | year | whole | flag. codes : name of its code set. year_of : the column that
    dates its codes. low, high : range of a whole number, inclusive.
    """

    name: str
    dtype: pl.DataType
    kind: str
    codes: str | None = None
    year_of: str | None = None
    low: int | None = None
    high: int | None = None


@cache
def _schema(table: str) -> pa.DataFrameSchema:
    return MODELS[table].to_schema()


@cache
def columns(table: str) -> dict[str, Column]:
    """Column name -> how it is read, in the table's order."""
    return {
        name: Column(name=name, dtype=column.dtype.type, **column.metadata)
        for name, column in _schema(table).columns.items()
    }


def date_columns() -> set[str]:
    """The names of the columns that are dates in any table."""
    return {column.name for table in MODELS for column in columns(table).values() if column.kind == "date"}


def empty(table: str) -> pl.DataFrame:
    """A table without rows, for a file that was not supplied."""
    return pl.DataFrame(schema={name: column.dtype for name, column in columns(table).items()})


def validate(frame: pl.DataFrame, table: str, place: str) -> pl.DataFrame:
    """Check a collected frame against its model and return it.

    Eager frames only: on a lazy one pandera would check names and types and silently skip the data.

    Raises
    ------
    StudyError : SCHEMA, naming every column, rule and count at once, never a value.
    """
    try:
        return _schema(table).validate(frame, lazy=True)
    except SchemaErrors as errors:
        problem = "; ".join(_told(error) for error in errors.schema_errors)
    raise StudyError("SCHEMA", f"{place}, table {table}", problem, "Correct the extract or its alias table")


def _told(error: SchemaError) -> str:
    """One broken rule as column, rule and count."""
    rule = getattr(error.check, "name", None) or str(error.check)
    cases = error.failure_cases
    if isinstance(cases, pl.DataFrame):
        return f"column {error.column_name} breaks {rule} in {len(cases)} rows"
    subject = error.column_name or (cases if rule.startswith("column_") else "order of columns")
    return f"column {subject} breaks {rule}"
