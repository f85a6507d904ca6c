"""CIN census rules on the return as a whole, on children, and on their disabilities."""

import polars as pl

from scripts.validation.cin_views import NO_DISABILITY
from scripts.validation.rules import QUERY, YEAR, invalid, rules_on

SEX_LETTERS_FROM, ID_FORM_FROM = 2024, 2024
GENDERS, SEXES = ("0", "1", "2", "9"), ("M", "F", "U")
NOT_IN_RETURNS = ("INVA", "MISS", "UNCL")  # ethnicity codes that the National Pupil Database adds
ID_LENGTH, FEWEST_CODES, MOST_UNKNOWN = 20, 8, 0.02

BORN, EXPECTED, DIED = pl.col("PersonBirthDate"), pl.col("ExpectedPersonBirthDate"), pl.col("PersonDeathDate")
START, END = pl.col("period_start"), pl.col("period_end")
_header = rules_on("header", "Header")
_return = rules_on("returns", "Child")
_child = rules_on("children", "Child")
_disability = rules_on("disabilities", "Disabilities")


def _by_year(letters: pl.Expr, numbers: pl.Expr) -> pl.Expr:
    """What is true of Sex from 2024/25 and of GenderCurrent before."""
    return pl.when(YEAR >= SEX_LETTERS_FROM).then(letters).otherwise(numbers)


def _none_of(column: str, codes: tuple[str, ...]) -> pl.Expr:
    return ~pl.col(column).is_in(codes).fill_null(False)


UNBORN = BORN.is_null() & EXPECTED.is_not_null()

HEADER_RULES = (
    _header(
        "100",
        "ReferenceDate Year",
        "The reference date is not 31 March of the collection's year.",
        pl.col("ReferenceDate").ne_missing(pl.date(pl.col("Year").cast(pl.Int32, strict=False), 3, 31)),
    ),
)

RETURN_RULES = (
    _return(
        "2886Q",
        "Sex GenderCurrent PersonBirthDate",
        "More than 2 in 100 children, the unborn aside, have their sex recorded as unknown.",
        pl.col("n_unknown") > MOST_UNKNOWN * pl.col("n_born"),
        QUERY,
    ),
    _return(
        "2887Q",
        "Disabilities.Disability",
        "Fewer than 8 disability codes are used in the return.",
        pl.col("n_codes") < FEWEST_CODES,
        QUERY,
    ),
    _return(
        "2888Q",
        "Disabilities.Disability",
        "No child of the return has more than one disability.",
        (pl.col("n_disabilities") == pl.col("n_disabled")) & (pl.col("n_disabled") > 0),
        QUERY,
    ),
)

CHILD_RULES = (
    _child(
        "1570",
        "LAchildID",
        "The child's local id is longer than 20 characters.",
        pl.col("LAchildID").str.len_chars() > ID_LENGTH,
        first=ID_FORM_FROM,
    ),
    _child(
        "1580",
        "LAchildID",
        "The child's local id has characters that are neither letters nor digits.",
        ~pl.col("LAchildID").str.contains(r"^[A-Z0-9]*$"),
        first=ID_FORM_FROM,
    ),
    _child(
        "4180",
        "Sex GenderCurrent",
        "Sex (GenderCurrent before 2024/25) is missing or not a valid code.",
        _by_year(_none_of("Sex", SEXES), _none_of("GenderCurrent", GENDERS)),
    ),
    _child(
        "4220",
        "Ethnicity",
        "Ethnicity is missing or not a valid code.",
        pl.col("Ethnicity").is_null() | invalid("Ethnicity", "ethnicity", without=NOT_IN_RETURNS),
    ),
    _child("8500", "LAchildID", "The child has no local id.", pl.col("LAchildID").is_null()),
    _child("8510", "LAchildID", "The local id stands on more than one child.", pl.col("repeated")),
    _child("8520", "PersonBirthDate", "Born after the census year.", BORN > END),
    _child(
        "8525Q",
        "PersonBirthDate ExpectedPersonBirthDate",
        "Neither or both of date of birth and expected date of birth are given.",
        BORN.is_null() == EXPECTED.is_null(),
        QUERY,
    ),
    _child(
        "8530Q",
        "ExpectedPersonBirthDate",
        "The expected date of birth is not from March to December of the year in which the census year ends.",
        (EXPECTED.dt.year() != END.dt.year()) | (EXPECTED.dt.month() < 3),
        QUERY,
    ),
    _child("8535Q", "PersonDeathDate PersonBirthDate", "Died before birth.", DIED < BORN, QUERY),
    _child(
        "8540",
        "Disabilities.Disability PersonBirthDate CINdetails.ReferralNFA",
        "A born child with a referral that led to further action has no disability code or one that is not valid.",
        BORN.is_not_null()
        & pl.col("further_action")
        & ((pl.col("Disability").list.len() == 0) | pl.col("has_invalid_disability")),
    ),
    _child("8545Q", "PersonDeathDate", "Died outside the census year.", (DIED < START) | (DIED > END), QUERY),
    _child("8590", "LAchildID", "The child has no case.", pl.col("n_cases") == 0),
    _child(
        "8750",
        "Sex GenderCurrent PersonBirthDate ExpectedPersonBirthDate",
        "The sex of an unborn child is not recorded as unknown.",
        UNBORN & _by_year(_none_of("Sex", ("U",)), _none_of("GenderCurrent", ("0",))),
    ),
)

DISABILITY_RULES = (
    _disability(
        "8790",
        "Disability",
        "The child has a disability code beside the code for none.",
        pl.col("contradictory") & (pl.col("Disability") != NO_DISABILITY),
    ),
    _disability("8794", "Disability", "The child has the same disability code twice.", pl.col("repeated")),
)

RULES = HEADER_RULES + RETURN_RULES + CHILD_RULES + DISABILITY_RULES
