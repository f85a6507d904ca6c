"""Rows dated when the LA that returned them did not exist (trap T-22).

In: canonical tables whose `la_code` is still the source LA's. Out: counts in the ledger; the rows stay, because a new
LA rightly restates the cases it took over.
"""

from datetime import date

import polars as pl

from scripts.clean.ledger import Ledger
from scripts.dates import financial_year

# The date on which what a row tells of began, by table.
BEGAN = {
    "referrals": "referral_date",
    "assessments": "assessment_start",
    "section47": "icpc_date",
    "care_episodes": "episode_start",
}


def note_outside_lifetime(
    tables: dict[str, pl.DataFrame], lifetimes: dict[str, dict[str, str | None]], ledger: Ledger
) -> None:
    """Note, as `outside_la_lifetime`, rows that began before their source LA did, or on or after the day it ended.

    Parameters
    ----------
    tables : with columns la_code, census_year and the date in `BEGAN`.
    lifetimes : source LA -> `begins` (its first day) and `ends` (the first day after its last), ISO or null.
    """
    if not lifetimes:
        return
    for name, column in BEGAN.items():
        outside = [_outside(code, life, pl.col(column)) for code, life in lifetimes.items()]
        # Tables that no census dates are counted by the financial year of their own date.
        year = pl.coalesce("census_year", financial_year(pl.col(column))).alias("census_year")
        dated = tables[name].with_columns(year)
        ledger.note(name, "outside_la_lifetime", dated, pl.any_horizontal(outside))


def _outside(code: str, life: dict[str, str | None], began: pl.Expr) -> pl.Expr:
    """Whether a row of a source LA began outside its lifetime; a row without a date is not outside."""
    too_early = began < date.fromisoformat(life["begins"] or date.min.isoformat())
    too_late = began >= date.fromisoformat(life["ends"] or date.max.isoformat())
    return ((pl.col("la_code") == code) & (too_early | too_late)).fill_null(False)
