"""Words that the tables of SSDA903 rules are written in."""

import polars as pl

from scripts.validation.rules import YEAR

TEMPORARY = ("T0", "T1", "T2", "T3", "T4")
PLACED_FOR_ADOPTION = ("A3", "A4", "A5", "A6")
FOSTER = ("U1", "U2", "U3", "U4", "U5", "U6")
OTHER_KINDS = ("Z11", "Z12", "Z13", "Z14")  # of placement; Z1 alone before 2025/26


def no_date(column: str) -> pl.Expr:
    """Boolean: something stands there that is no date."""
    return pl.col(f"{column}_given") & pl.col(column).is_null()


def is_one_of(column: str, *codes: str) -> pl.Expr:
    """Boolean: the value is one of the codes; null where there is none."""
    return pl.col(column).is_in(codes)


def younger(at: str, than: int | pl.Expr) -> pl.Expr:
    """Boolean on episodes: the child's completed years at the `start` or `end` are fewer; null without a date."""
    return pl.col(f"age_{at}") < than


def longer(span: str, than: int) -> pl.Expr:
    """Boolean on episodes: the days of a span of the view are more; null where there is none."""
    return pl.col(span) > than


def from_year(year: int, before: int, after: int) -> pl.Expr:
    """A number of the rules that changed with a census year."""
    return pl.when(pl.lit(year) <= YEAR).then(after).otherwise(before)
