"""From text to types: dates, whole numbers, flags and codes, by the strict rules of the alias table.

In: a frame of strings under canonical names. Out: the canonical table of that file, typed, with what could not be
read set missing and counted. A column with too large a share of unreadable values refuses the file: it is more likely
the wrong column or the wrong format than dirt. Formats are listed per column and never inferred (data-formats trap
T-35).
"""

import re
from functools import cache

import polars as pl

from schemas import tables
from scripts.codes import is_code, is_out_of_year, is_understood, load_codes, normalised, tidy
from scripts.dates import financial_year
from scripts.errors import StudyError
from scripts.ingest import report as checks
from scripts.ingest.layout import TableLayout
from scripts.ingest.report import IngestReport
from scripts.ingest.tabular import without_fraction

ACADEMIC_YEAR = r"^(\d{4})/(\d{4}|\d{2})$"
TWO_DIGIT_YEAR = r"^\d{1,2}\D\d{1,2}\D\d{2}$"
# Of date formats: what stands for each part
DIRECTIVES = {"%Y": "[0-9]{4}", "%b": "[A-Za-z]{3}", "%B": "[A-Za-z]+"} | dict.fromkeys(
    ("%m", "%d", "%y", "%H", "%M", "%S"), "[0-9]{2}"
)
UNREADABLE = {"date": checks.UNREADABLE_DATES, "whole": checks.UNREADABLE_NUMBERS}


def without_gaps(raw: pl.DataFrame, missing: tuple[str, ...]) -> pl.DataFrame:
    """Strip every value; the texts in `missing` become null."""
    stripped = pl.all().str.strip_chars()
    return raw.select(pl.when(~stripped.is_in(missing)).then(stripped).name.keep())


def census_years(raw: pl.DataFrame, otherwise: int | None, place: str) -> pl.DataFrame:
    """Turn the text "2013/2014" into 2013, the year the financial year starts in; without the column, use `otherwise`.

    Raises
    ------
    StudyError : YEAR, if a row has no census year.
    """
    if "census_year" not in raw.columns:
        years = pl.lit(otherwise, pl.Int32)
    else:
        stated = pl.col("census_year").str.extract(ACADEMIC_YEAR).cast(pl.Int32)
        years = pl.when(pl.col("census_year").is_null()).then(pl.lit(otherwise, pl.Int32)).otherwise(stated)
    dated = raw.with_columns(years.alias("census_year"))
    if n_unknown := dated["census_year"].null_count():
        problem = f"column census_year: {n_unknown} rows have no year of the form 2013/2014"
        raise StudyError("YEAR", place, problem, "Complete the column, or name the file after its year")
    return dated


def refuse_other_las(raw: pl.DataFrame, la: str, place: str) -> None:
    """Every row must belong to the LA whose folder it lies in.

    Raises
    ------
    StudyError : LA, with the number of rows that do not.
    """
    n_other = raw.select((without_fraction(pl.col("la_code")) != la).fill_null(True).sum()).item()
    if n_other:
        problem = f"column la_code: {n_other} of {len(raw)} rows do not belong to LA {la}"
        raise StudyError("LA", place, problem, "Put every row into the folder of its LA")


def typed(
    raw: pl.DataFrame, la: str, layout: TableLayout, place: str, max_unreadable_share: float, report: IngestReport
) -> pl.DataFrame:
    """The canonical table of one file.

    Parameters
    ----------
    raw : strings under canonical names, gaps null (`without_gaps`); census_year, where there is one, already Int32.
    max_unreadable_share : largest share of a column's values, 0 to 1, that may be unreadable.

    Raises
    ------
    StudyError : VALUES, if more are; names every such column.
    """
    table, kind = layout.table, layout.kind
    known = raw.filter(pl.col("child_id").is_not_null())
    everything = pl.lit(True)
    report.add_by_year(raw, everything, table, kind, checks.ROWS_READ)
    report.add_by_year(raw, pl.col("child_id").is_null(), table, kind, checks.NO_CHILD_ID)
    report.add_by_year(known, everything, table, kind, checks.ROWS_KEPT)
    wanted = tables.columns(table)
    present = [name for name in wanted if name in known.columns and name != "la_code"]
    parsed = known.select(_parsed(wanted[name], layout) for name in present)
    _count_unreadable(known, parsed, layout, place, max_unreadable_share, report)
    _count_flags(known, parsed, layout, place, report)
    absent = [name for name in wanted if name not in present and name != "la_code"]
    return parsed.select(
        pl.lit(la).alias("la_code") if name == "la_code"
        else pl.lit(None, wanted[name].dtype).alias(name) if name in absent
        else pl.col(name)
        for name in wanted
    )  # fmt: skip


def _parsed(column: tables.Column, layout: TableLayout) -> pl.Expr:
    text = pl.col(column.name)
    if column.kind == "date":
        return _date(text, layout.columns[column.name].formats).alias(column.name)
    if column.kind == "whole":
        number = without_fraction(text).cast(column.dtype, strict=False)
        return pl.when(number.is_between(column.low, column.high)).then(number).alias(column.name)
    if column.kind == "flag":
        return normalised(without_fraction(text), column.codes).cast(column.dtype).alias(column.name)
    if column.kind == "recoded":
        code = tidy(without_fraction(text))
        return pl.coalesce(normalised(code, column.codes), code).alias(column.name)
    return tidy(text).alias(column.name) if column.kind == "code" else text


def _date(text: pl.Expr, formats: tuple[str, ...]) -> pl.Expr:
    """The date in the first format that fits in full.

    The form is checked digit by digit because parsers take 1/2/17 for year 17, and +2014-5-06 or 2014- 5-06 for a date.
    """
    return pl.coalesce(
        pl.when(text.str.contains(_pattern(form))).then(text.str.to_date(form, strict=False, exact=True))
        for form in formats
    )


@cache
def _pattern(form: str) -> str:
    """A date format as a regular expression: every number in full, everything else as it is written."""
    parts = re.split(r"(%.)", form)
    return "^" + "".join(DIRECTIVES.get(part, re.escape(part)) for part in parts) + "$"


def _count_unreadable(
    known: pl.DataFrame, parsed: pl.DataFrame, layout: TableLayout, place: str, max_share: float, report: IngestReport
) -> None:
    """Count text that became null by its kind, refusing the file where the share is too large."""
    kinds = {name: column.kind for name, column in tables.columns(layout.table).items()}
    refused = []
    for name in parsed.columns:
        lost = parsed[name].null_count() - known[name].null_count() if kinds[name] in UNREADABLE else 0
        if not lost:
            continue
        n_values = known[name].count()
        unreadable = known[name].is_not_null() & parsed[name].is_null()
        short = _short_years(known[name].filter(unreadable)) if kinds[name] == "date" else ""
        if lost > max_share * n_values:
            refused.append(f"column {name}: {lost} of {n_values} values are unreadable, {_rule(layout, name)}{short}")
        report.add_by_year(known, pl.lit(unreadable), layout.table, layout.kind, UNREADABLE[kinds[name]], name)
    if refused:
        remedy = "Correct the file, add the format to the alias table, or raise extracts.max_unreadable_share"
        raise StudyError("VALUES", place, "; ".join(refused), remedy)


def _short_years(unreadable: pl.Series) -> str:
    """What to add to an error about dates whose year has two digits, which could be of two centuries (trap T-35)."""
    n_short = unreadable.str.contains(TWO_DIGIT_YEAR).sum()
    if not n_short:
        return ""
    return f"; {n_short} have a year of two digits, read only if extracts.date_formats declares the format"


def _rule(layout: TableLayout, name: str) -> str:
    column = tables.columns(layout.table)[name]
    if column.kind == "date":
        return f"expected {' or '.join(layout.columns[name].formats)}"
    return f"expected whole numbers from {column.low} to {column.high}"


def _count_flags(
    known: pl.DataFrame, parsed: pl.DataFrame, layout: TableLayout, place: str, report: IngestReport
) -> None:
    """Count what no yes/no flag is known for; a column of nothing else is the wrong column."""
    for name in parsed.columns:
        column = tables.columns(layout.table)[name]
        if column.kind != "flag" or parsed[name].null_count() == known[name].null_count():
            continue
        _refuse_foreign(known.select(without_fraction(pl.col(name))), column, place)
        unknown = known[name].is_not_null() & parsed[name].is_null()
        report.add_by_year(known, pl.lit(unknown), layout.table, layout.kind, checks.OUTSIDE_SET, name)


def count_codes(frame: pl.DataFrame, table: str, kind: str, place: str, report: IngestReport) -> None:
    """Count codes outside their set, and codes of the set outside the years they are valid in, per census year.

    Where a table has no census year, the financial year of the date named in the model dates the code.

    Raises
    ------
    StudyError : CODES, if not one value of a column is understood.
    """
    for name, column in tables.columns(table).items():
        if column.kind not in ("code", "recoded") or not frame[name].count():
            continue
        _refuse_foreign(frame.select(name), column, place)
        dated = frame.select(pl.col(name), _year(column).alias("census_year"))
        outside = ~is_code(pl.col(name), column.codes)
        out_of_year = is_out_of_year(pl.col(name), pl.col("census_year"), column.codes)
        report.add_by_year(dated, outside, table, kind, checks.OUTSIDE_SET, name)
        report.add_by_year(dated, out_of_year, table, kind, checks.OUT_OF_YEAR, name)


def _year(column: tables.Column) -> pl.Expr:
    if column.year_of is None:
        return pl.lit(None, pl.Int32)
    return pl.col(column.year_of) if column.year_of == "census_year" else financial_year(pl.col(column.year_of))


def _refuse_foreign(values: pl.DataFrame, column: tables.Column, place: str) -> None:
    """Refuse a column whose values, all of them, are neither codes of its set nor known dirt."""
    if load_codes(column.codes).open:
        return
    understood = values.select(is_understood(pl.col(column.name), column.codes).any()).item()
    if understood:
        return
    problem = f"column {column.name}: none of {values[column.name].count()} values is in the code set {column.codes}"
    raise StudyError("CODES", place, problem, "Check that the alias table names the right column")
