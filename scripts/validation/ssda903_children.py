"""SSDA903 rules on the child: attributes, asylum status, and what the year before said of the same child."""

import polars as pl

from scripts.codes import normalised
from scripts.validation.rules import QUERY, YEAR, invalid, rules_on
from scripts.validation.ssda903_table import is_one_of, no_date
from scripts.validation.ssda903_views import age

SEX_BY_NUMBER, SEX_BY_LETTER, SEX_LETTERS_FROM = ("1", "2"), ("M", "F", "U"), 2024
NOT_IN_RETURNS = ("INVA", "MISS", "UNCL")  # ethnicity codes that the National Pupil Database adds

DOB, DUC = pl.col("DOB"), pl.col("DUC")
PERIOD_START, PERIOD_END = pl.col("period_start"), pl.col("period_end")
_child = rules_on("children", "Header")
_asylum = rules_on("uasc", "UASC")
_again = rules_on("children_again", "Header")


def _invalid_sex() -> pl.Expr:
    """Blank, or no code of the census year: numbers to 2023/24, letters after."""
    lettered = YEAR >= SEX_LETTERS_FROM
    known = pl.when(lettered).then(is_one_of("SEX", *SEX_BY_LETTER)).otherwise(is_one_of("SEX", *SEX_BY_NUMBER))
    return ~known.fill_null(False)


def _older_than(years: int, on: pl.Expr) -> pl.Expr:
    """The day after the birthday or later."""
    return age(on - pl.duration(days=1), DOB) >= years


def _differs(column: str) -> pl.Expr:
    """Not what the year before recorded; a value only one year has differs too."""
    return pl.col(column).ne_missing(pl.col(f"last_{column}"))


CHILD_RULES = (
    _child("101", "SEX", "Sex is blank or not a valid code.", _invalid_sex()),
    _child("102", "DOB", "Date of birth is blank or not a date.", DOB.is_null()),
    _child(
        "103",
        "ETHNIC",
        "Ethnicity is blank or not a valid code.",
        pl.col("ETHNIC").is_null() | invalid("ETHNIC", "ethnicity", without=NOT_IN_RETURNS),
    ),
    _child("232", "SEX", "Sex is recorded as unknown.", pl.col("SEX") == "U", QUERY, first=SEX_LETTERS_FROM),
    _child("301", "DOB", "Born after the collection year ended.", DOB > PERIOD_END),
    _child("351", "DOB", "Older than 25 when the collection year began.", _older_than(25, on=PERIOD_START)),
    _child("INT32", "CHILD", "Child is in the header more than once.", pl.col("repeated")),
)

ASYLUM_RULES = (
    _asylum(
        "104",
        "DUC",
        "Date asylum status ceased is not a date or lies before the collection year.",
        no_date("DUC") | (DUC < PERIOD_START),
    ),
    _asylum(
        "231",
        "DOB",
        "Unaccompanied asylum-seeking child aged under 11 at the end of the year.",
        age(PERIOD_END, DOB) < 11,
        QUERY,
        first=2024,
    ),
    _asylum("304", "DUC DOB", "Asylum status ceased after the eighteenth birthday.", _older_than(18, on=DUC)),
    _asylum("INT09", "CHILD Header.CHILD", "Child in the asylum list is not in the header.", ~pl.col("in_header")),
    _asylum(
        "INT18",
        "DOB Header.DOB",
        "Date of birth in the asylum list is not the one in the header.",
        pl.col("in_header") & DOB.ne_missing(pl.col("header_DOB")),
    ),
    _asylum(
        "INT21",
        "SEX Header.SEX",
        "Sex in the asylum list is not the one in the header.",
        pl.col("in_header") & pl.col("SEX").ne_missing(pl.col("header_SEX")),
    ),
    _asylum("INT36", "CHILD", "Child is in the asylum list more than once.", pl.col("repeated")),
)

CEASED_LAST_YEAR = (pl.col("last_DUC") < PERIOD_START).fill_null(False)

AGAIN_RULES = (
    _again(
        "202",
        "SEX",
        "Sex is not the one recorded last year.",
        # Letters took the place of numbers, which is no disagreement.
        normalised(pl.col("SEX"), "gender").ne_missing(normalised(pl.col("last_SEX"), "gender")),
    ),
    _again("203", "DOB", "Date of birth is not the one recorded last year.", _differs("DOB")),
    _again("204", "ETHNIC", "Ethnicity is not the one recorded last year.", _differs("ETHNIC")),
    _again(
        "205A",
        "CHILD UASC.CHILD UASC.DUC",
        "Asylum-seeking last year and no longer this year, but no date last year says that the status ceased.",
        pl.col("last_uasc") & ~pl.col("uasc") & ~CEASED_LAST_YEAR,
    ),
    _again(
        "205D",
        "CHILD UASC.CHILD",
        "Asylum-seeking this year but not last year.",
        pl.col("uasc") & ~pl.col("last_uasc"),
    ),
)

RULES = CHILD_RULES + ASYLUM_RULES + AGAIN_RULES
