"""Words that the tables of SSDA903 rules are written in."""

from collections.abc import Callable

import polars as pl

from scripts.codes import is_out_of_year, valid_codes
from scripts.validation.rules import ERROR, Rule

YEAR = pl.col("year")
TEMPORARY = ("T0", "T1", "T2", "T3", "T4")
PLACED_FOR_ADOPTION = ("A3", "A4", "A5", "A6")
FOSTER = ("U1", "U2", "U3", "U4", "U5", "U6")
OTHER_KINDS = ("Z11", "Z12", "Z13", "Z14")  # of placement; Z1 alone before 2025/26


def rules_on(view: str, module: str) -> Callable[..., Rule]:
    """A maker of rules on a view; fields are named in one text, without the module where it is the given one."""

    def rule(
        code: str,
        fields: str,
        message: str,
        fails: pl.Expr,
        severity: str = ERROR,
        first: int | None = None,
        last: int | None = None,
    ) -> Rule:
        named = tuple(name if "." in name else f"{module}.{name}" for name in fields.split())
        return Rule(code, view, named, message, fails, severity, first, last)

    return rule


def invalid(column: str, code_set: str, without: tuple[str, ...] = ()) -> pl.Expr:
    """Boolean: something stands there that is no code of the set in its census year; `without`: codes not accepted."""
    accepted = sorted(valid_codes(code_set) - set(without))
    value = pl.col(column)
    return value.is_not_null() & (~value.is_in(accepted) | is_out_of_year(value, YEAR, code_set))


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
