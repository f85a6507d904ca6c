"""Code sets by census year, read from `schemas/codes/*.yaml`: the one place that says which codes exist and when.

In: the name of a code set. Out: its codes, the codes valid in a census year (the year the financial year starts in),
and polars expressions that recognise, normalise or date-check a column of codes. Ingest counts with them, cleaning
maps.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from scripts.errors import StudyError
from scripts.yaml_file import load_yaml

# The level that stands for a gap in a categorical covariate, from cleaning to the models.
MISSING = "Missing"
CODES_FOLDER = Path(__file__).parent.parent / "schemas" / "codes"


@dataclass(frozen=True)
class Code:
    """A code, what it means, the first and last census year it is valid in (None: no known bound), its group."""

    code: str
    label: str
    first: int | None = None
    last: int | None = None
    group: str | None = None

    def valid_in(self, census_year: int) -> bool:
        """Whether the code belongs to the set in a census year."""
        return (self.first is None or self.first <= census_year) and (self.last is None or census_year <= self.last)


@dataclass(frozen=True)
class CodeSet:
    """The codes of one kind, the dirt known to stand for them, and whether unknown codes carry meaning too (open)."""

    name: str
    codes: tuple[Code, ...]
    dirt: dict[str, str | None] = field(default_factory=dict)
    open: bool = False

    def recoding(self) -> dict[str, str | None]:
        """Every value that is understood -> the code it stands for."""
        return {**self.dirt, **{code.code: code.code for code in self.codes}}


@cache
def load_codes(name: str) -> CodeSet:
    """Read `schemas/codes/{name}.yaml`.

    Raises
    ------
    StudyError : CODES, if the file is absent or contradicts itself.
    """
    path = CODES_FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise StudyError("CODES", f"schemas/codes/{name}.yaml", "no such code set", "Add the file or correct the name")
    content = load_yaml(path)
    code_set = CodeSet(
        name=name,
        codes=tuple(Code(**entry) for entry in content["codes"]),
        dirt=content.get("map") or {},
        open=content.get("open", False),
    )
    if problem := _contradiction(code_set):
        raise StudyError("CODES", f"schemas/codes/{name}.yaml", problem, "Correct the file")
    return code_set


def _contradiction(code_set: CodeSet) -> str | None:
    """What is wrong with a code set, if anything; YAML reads an unquoted NO or 1 as no text."""
    names = [code.code for code in code_set.codes]
    written: list[Any] = [*names, *code_set.dirt, *filter(None, code_set.dirt.values())]
    if not all(isinstance(value, str) and value == value.strip().upper() for value in written):
        return "codes must be quoted, upper-case text"
    if len(set(names)) < len(names):
        return "a code is listed twice"
    if set(names) & set(code_set.dirt):
        return "a code is also listed as dirt"
    if not set(filter(None, code_set.dirt.values())) <= set(names):
        return "dirt is mapped to a code that is not in the set"
    if any(code.first is not None and code.last is not None and code.first > code.last for code in code_set.codes):
        return "a code ends before it begins"
    return None


def valid_codes(name: str, census_year: int | None = None) -> frozenset[str]:
    """The codes of a set, or only those valid in a census year."""
    codes = load_codes(name).codes
    return frozenset(code.code for code in codes if census_year is None or code.valid_in(census_year))


def retired_codes(name: str) -> frozenset[str]:
    """The codes of a set that are no longer given, whether the year is on record or not."""
    codes = load_codes(name).codes
    return frozenset(code.code for code in codes if code.last is not None or "(retired)" in code.label)


def groups(name: str) -> dict[str, str]:
    """Code -> analysis group, for the codes that have one; the others say nothing and count as missing."""
    return {code.code: code.group for code in load_codes(name).codes if code.group is not None}


def tidy(column: pl.Expr) -> pl.Expr:
    """Strip and upper-case a String column: the form every code has in canonical tables."""
    return column.str.strip_chars().str.to_uppercase()


def normalised(column: pl.Expr, name: str) -> pl.Expr:
    """The codes of a String column with known dirt mapped (trap T-34); null for what stands for no code."""
    return tidy(column).replace_strict(load_codes(name).recoding(), default=None, return_dtype=pl.String)


def is_code(column: pl.Expr, name: str) -> pl.Expr:
    """Boolean: the value is a code of the set as it stands, in whatever year; null stays null."""
    return tidy(column).is_in(sorted(valid_codes(name)))


def is_understood(column: pl.Expr, name: str) -> pl.Expr:
    """Boolean: the value is a code of the set or known dirt; null stays null."""
    return tidy(column).is_in(sorted(load_codes(name).recoding()))


def is_out_of_year(column: pl.Expr, census_year: pl.Expr, name: str) -> pl.Expr:
    """Boolean: the value is a code of the set but not one of its census year; false where either is unknown."""
    codes = load_codes(name).codes
    first = {code.code: code.first for code in codes if code.first is not None}
    last = {code.code: code.last for code in codes if code.last is not None}
    value = tidy(column)
    too_early = census_year < _bound(value, first)
    too_late = census_year > _bound(value, last)
    return too_early.fill_null(False) | too_late.fill_null(False)


def _bound(value: pl.Expr, years: dict[str, int]) -> pl.Expr:
    """The bound of each code, null where it has none. Int32."""
    if not years:
        return pl.lit(None, dtype=pl.Int32)
    return value.replace_strict(years, default=None, return_dtype=pl.Int32)
