"""A few rows of two children of LA 510, as ingest leaves them."""

from datetime import date
from typing import Any

import polars as pl

from schemas import tables
from scripts.ingest.layout import TABLES

OWN, OTHER = "aaaabbbbccccdddd", "eeeeffffgggghhhh"


def table(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """A canonical table of rows, absent columns null."""
    wanted = {column: described.dtype for column, described in tables.columns(name).items()}
    filled = [{column: row.get(column) for column in wanted} | {"la_code": "510"} for row in rows]
    return pl.DataFrame(filled, schema=wanted)


def store() -> dict[str, pl.DataFrame]:
    """Three referrals and two assessments of one child, a referral of another."""
    first = {"child_id": OWN, "census_year": 2013, "referral_date": date(2013, 5, 1), "gender": "1", "pupil_id": "p1"}
    frames = {name: table(name) for name in TABLES}
    frames["referrals"] = table(
        "referrals",
        first,
        first | {"census_year": 2014},
        first | {"census_year": 2014, "referral_date": date(2014, 6, 2), "primary_need": "N1", "previous_cpps": 2},
        {"child_id": OTHER, "census_year": 2013, "referral_date": date(2013, 5, 1), "gender": "2", "pupil_id": "p2"},
    )
    frames["assessments"] = table(
        "assessments",
        {
            "child_id": OWN,
            "census_year": 2013,
            "assessment_start": date(2013, 5, 2),
            "assessment_end": date(2013, 6, 1),
        },
        {"child_id": OWN, "census_year": 2014, "assessment_start": date(2014, 6, 3)},
    )
    return frames
