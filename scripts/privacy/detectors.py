"""What a column's values look like: direct identifiers are recognised by content, whatever the column is called.

In: the distinct values of a column and how often each occurs. Out: the share of values that look like an identifier,
and whether that is more than chance and dirt explain. Only shares ever leave; no value does.

Sources: UPN check letter and NHS number check digit as the Department for Education and the NHS Data Dictionary define
them (disclosure-and-governance section 4).
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
UPN = r"^[A-Z][0-9]{12}$"
TEMPORARY_UPN = r"(?i)^[A-Z]\d{11}[A-Z]$"
NHS = r"^[0-9]{10}$"
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
    looks = values.select(LOOKS[name].alias(name) for name in active)
    likely = looks.sum().row(0, named=True)
    found = []
    for name, rule in active.items():
        if likely[name] < rule["min_values"]:
            continue
        alike = values.filter(looks[name])
        matching = alike.filter(CHECKS[name]) if name in CHECKS else alike
        many = matching.height >= rule["min_values"] and matching["n"].sum() >= rule["min_share"] * n_values
        if many and (name != "nhs_number" or _beyond_chance(matching.height, alike.height, rule["standard_errors"])):
            found.append(Finding(name, matching["n"].sum(), n_values))
    return found


def _beyond_chance(n_matching: int, n: int, standard_errors: float) -> bool:
    """More of the n different ten-digit values pass the check of the NHS number than a binomial share explains."""
    spread = (n * NHS_BY_CHANCE * (1 - NHS_BY_CHANCE)) ** 0.5
    return n_matching > n * NHS_BY_CHANCE + standard_errors * spread


def _digit(value: pl.Expr, position: int) -> pl.Expr:
    return value.str.slice(position, 1).cast(pl.Int32)


def _has_upn_letter(value: pl.Expr) -> pl.Expr:
    """Position 1 is the letter of the sum of position x digit over positions 2 to 13, modulo 23."""
    check = pl.sum_horizontal((position + 1) * _digit(value, position) for position in range(1, 13)) % len(UPN_LETTERS)
    return check.replace_strict(dict(enumerate(UPN_LETTERS)), return_dtype=pl.String) == value.str.slice(0, 1)


def _has_nhs_digit(value: pl.Expr) -> pl.Expr:
    """The tenth digit is 11 less the weighted sum (10 to 2) modulo 11, 0 for 11; 10 is never issued."""
    total = pl.sum_horizontal((10 - position) * _digit(value, position) for position in range(9))
    return (11 - total % 11) % 11 == _digit(value, 9)


VALUE = pl.col("value")
# NHS and telephone numbers are often written in groups.
UNSPACED = VALUE.str.replace_all(r"[ ()-]", "")
UPPER = VALUE.str.to_uppercase()
# Detector -> whether a value has its form
LOOKS: dict[str, pl.Expr] = {
    "upn": UPPER.str.contains(UPN),
    "temporary_upn": VALUE.str.contains(TEMPORARY_UPN),
    "nhs_number": UNSPACED.str.contains(NHS),
    "postcode": VALUE.str.contains(POSTCODE),
    "email": VALUE.str.contains(EMAIL),
    "phone": UNSPACED.str.contains(PHONE),
    "full_name": VALUE.str.contains(FULL_NAME),
    "single_name": VALUE.str.contains(SINGLE_NAME) & ~VALUE.str.contains(CODE),
    "full_date": VALUE.str.contains(FULL_DATE),
    "free_text": VALUE.str.contains(FREE_TEXT),
}
# Detector -> whether a value of its form passes its check character
CHECKS = {"upn": _has_upn_letter(UPPER), "nhs_number": _has_nhs_digit(UNSPACED)}
