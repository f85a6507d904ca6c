"""What an LA recorded in each financial year, in counts.

In: an analysis LA's cleaned referrals, assessments, conferences and plans. Out: one row per census year (the year the
financial year starts in).
"""

import polars as pl

from scripts.clean.classes import NO_FURTHER_ACTION, UNKNOWN
from scripts.dates import financial_year

DATED_BY = {
    "referrals": "referral_date",
    "assessments": "assessment_end",
    "conferences": "icpc_date",
    "plans": "cpp_start",
}


def yearly_profile(la: str, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Counts of an LA by the financial year in which something happened: a referral, an assessment's end, a conference.

    Parameters
    ----------
    tables : referrals (referral_date, is_cin), assessments (assessment_end, working_days), both with child_id;
        conferences (icpc_date), plans (cpp_start).

    Returns
    -------
    la_code, census_year, n_referrals, n_classified (class known), n_nfa, nfa_share (n_nfa / n_classified; null of
    none), n_assessments, median_duration (working days), n_conferences, n_plans; distinct children n_children_nfa and
    n_children_in_need, and n_children_below and n_children_above, on or beyond the median; a year per row, sorted.
    """
    is_nfa, child = pl.col("is_cin") == NO_FURTHER_ACTION, pl.col("child_id")
    days = pl.col("working_days")
    counted = {
        "referrals": [
            pl.len().alias("n_referrals"),
            (pl.col("is_cin") != UNKNOWN).sum().alias("n_classified"),
            is_nfa.sum().alias("n_nfa"),
            child.filter(is_nfa).n_unique().alias("n_children_nfa"),
            child.filter(~is_nfa & (pl.col("is_cin") != UNKNOWN)).n_unique().alias("n_children_in_need"),
        ],
        "assessments": [
            pl.len().alias("n_assessments"),
            days.median().alias("median_duration"),
            child.filter(days <= days.median()).n_unique().alias("n_children_below"),
            child.filter(days >= days.median()).n_unique().alias("n_children_above"),
        ],
        "conferences": [pl.len().alias("n_conferences")],
        "plans": [pl.len().alias("n_plans")],
    }
    by_year = [_by_year(tables[name], DATED_BY[name], counts) for name, counts in counted.items()]
    years = pl.concat([table.select("census_year") for table in by_year]).unique().sort("census_year")
    profile = years.select(pl.lit(la).alias("la_code"), "census_year")
    for table in by_year:
        profile = profile.join(table, on="census_year", how="left", maintain_order="left")
    share = pl.when(pl.col("n_classified") > 0).then(pl.col("n_nfa") / pl.col("n_classified"))
    return profile.with_columns(pl.col("^n_.*$").fill_null(0)).with_columns(share.alias("nfa_share"))


def _by_year(rows: pl.DataFrame, date: str, counts: list[pl.Expr]) -> pl.DataFrame:
    """The counts by financial year of a date; rows without one belong to no year."""
    return rows.drop_nulls(date).group_by(financial_year(pl.col(date)).alias("census_year")).agg(counts)
