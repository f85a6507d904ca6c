"""What a column's values look like: direct identifiers are recognised by content, whatever the column is called.

In: the distinct values of a column and how often each occurs. Out: the share of values that look like an identifier,
and whether that is more than chance and dirt explain. Only shares ever leave; no value does.

Sources: UPN check letter and NHS number check digit as the Department for Education and the NHS Data Dictionary define
them (disclosure-and-governance section 4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
UPN = r"^[A-Z]\d{12}$"
TEMPORARY_UPN = r"(?i)^[A-Z]\d{11}[A-Z]$"
NHS = r"^\d{10}$"
POSTCODE = r"(?i)^[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$"
EMAIL = r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"
# Eleven digits in all: local ids of ten digits are common, telephone numbers of ten are not.
PHONE = r"^(\+44|0044|0)[1-37-9]\d{9}$"
FULL_NAME = r"^\p{L}[\p{L}'-]+,?( \p{L}[\p{L}'-]*){1,2}$"
SINGLE_NAME = r"^\p{L}[\p{L}'-]{2,19}$"
# Codes of ethnicity and need are words too; there are about a hundred of ethnicity.
CODE = r"^[A-Z]{3,4}$"
FULL_DATE = r"^(\d{4}-\d{2}-\d{2}|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4})( .*)?$"
FREE_TEXT = r"^\S+( +\S+){4,}"
# One number in eleven passes the check of the NHS number by chance.
NHS_BY_CHANCE = 1 / 11


@dataclass(frozen=True)
class Finding:
    """A detector that a column sets off: how many of its values match."""

    detector: str
    n_matching: int
    n_values: int


def findings(values: pl.DataFrame, rules: dict[str, dict[str, Any]], whole_dates_expected: bool) -> list[Finding]:
    """The detectors that the values of a column set off.

    Parameters
    ----------
    values : columns value (String, distinct, not null) and n (how often).
    rules : detector -> min_share (of all values, 0 to 1) and min_values (distinct values that match); for nhs_number
        also standard_errors: matches must exceed chance by so many. A detector that is not listed is off.
    whole_dates_expected : the column is declared as a date, so dates of birth in full are no finding.
    """
    active = {name: rule for name, rule in rules.items() if not (name == "full_date" and whole_dates_expected)}
    n_values = values["n"].sum()
    if not n_values or not active:
        return []
    value = pl.col("value")
    matches = values.select(
        "n", _unspaced(value).str.contains(NHS).alias("ten digits"), *(DETECTORS[n](value).alias(n) for n in active)
    )
    distinct = matches.select(pl.exclude("n").sum()).row(0, named=True)
    of_all = matches.select(pl.col("n").filter(pl.col(name)).sum().alias(name) for name in active).row(0, named=True)
    return [
        Finding(name, of_all[name], n_values)
        for name, rule in active.items()
        if distinct[name] >= rule["min_values"]
        and of_all[name] >= rule["min_share"] * n_values
        and (name != "nhs_number" or _beyond_chance(distinct[name], distinct["ten digits"], rule["standard_errors"]))
    ]


def _beyond_chance(n_matching: int, n: int, standard_errors: float) -> bool:
    """More of the n different ten-digit values pass the check of the NHS number than a binomial share explains."""
    spread = (n * NHS_BY_CHANCE * (1 - NHS_BY_CHANCE)) ** 0.5
    return n_matching > n * NHS_BY_CHANCE + standard_errors * spread


def _digit(value: pl.Expr, position: int) -> pl.Expr:
    return value.str.slice(position, 1).cast(pl.Int32, strict=False)


def _unspaced(value: pl.Expr) -> pl.Expr:
    return value.str.replace_all(r"[ ()-]", "")


def _is_upn(value: pl.Expr) -> pl.Expr:
    """Position 1 is the letter of the sum of position x digit over positions 2 to 13, modulo 23."""
    value = value.str.to_uppercase()
    check = pl.sum_horizontal((position + 1) * _digit(value, position) for position in range(1, 13)) % len(UPN_LETTERS)
    letters = dict(enumerate(UPN_LETTERS))
    letter = check.replace_strict(letters, default=None, return_dtype=pl.String)
    return value.str.contains(UPN) & (value.str.slice(0, 1) == letter).fill_null(False)


def _is_nhs_number(value: pl.Expr) -> pl.Expr:
    """The tenth digit is 11 less the weighted sum (10 to 2) modulo 11, 0 for 11; 10 is never issued.

    The number is often written in three groups.
    """
    value = _unspaced(value)
    total = pl.sum_horizontal((10 - position) * _digit(value, position) for position in range(9))
    check = (11 - total % 11) % 11
    return value.str.contains(NHS) & (check == _digit(value, 9)).fill_null(False)


def _matches(pattern: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda value: value.str.contains(pattern)


def _is_phone(value: pl.Expr) -> pl.Expr:
    return _unspaced(value).str.contains(PHONE)


def _is_single_name(value: pl.Expr) -> pl.Expr:
    return value.str.contains(SINGLE_NAME) & ~value.str.contains(CODE)


DETECTORS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "upn": _is_upn,
    "temporary_upn": _matches(TEMPORARY_UPN),
    "nhs_number": _is_nhs_number,
    "postcode": _matches(POSTCODE),
    "email": _matches(EMAIL),
    "phone": _is_phone,
    "full_name": _matches(FULL_NAME),
    "single_name": _is_single_name,
    "full_date": _matches(FULL_DATE),
    "free_text": _matches(FREE_TEXT),
}
