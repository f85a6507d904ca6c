"""Reading the LA x financial year covariates: one CSV for all LAs, any value of which may be blank."""

from pathlib import Path

import polars as pl

from scripts.errors import StudyError

KEY = {"la_code": pl.String, "financial_year": pl.Int32}


def read_la_covariates(path: str | None, names: list[str]) -> pl.DataFrame:
    """la_code, financial_year (the year it starts in) and the named covariates as Float64; no rows without a file.

    Raises
    ------
    StudyError : LA_COVARIATES, naming the column, if one is missing, unreadable, or an LA-year occurs twice.
    """
    schema = KEY | dict.fromkeys(names, pl.Float64)
    if path is None:
        return pl.DataFrame(schema=schema)
    text = pl.read_csv(path, infer_schema=False)
    absent = [name for name in schema if name not in text.columns]
    if absent:
        raise _error(path, f"columns {absent}", "missing", "Add them, or take them out of covariates.la in the config")
    trimmed = text.select(pl.col(name).str.strip_chars().replace("", None) for name in schema)
    typed = trimmed.select(pl.col(name).cast(dtype, strict=False) for name, dtype in schema.items())
    for name in schema:
        unreadable = typed[name].null_count() - (0 if name in KEY else trimmed[name].null_count())
        if unreadable:
            raise _error(
                path, f"column {name}", f"{unreadable} values are no {schema[name]}", "Correct them or leave them blank"
            )
    repeated = typed.height - typed.select("la_code", "financial_year").n_unique()
    if repeated:
        raise _error(
            path, "columns la_code, financial_year", f"{repeated} LA-years occur twice", "Keep one row for each"
        )
    return typed.sort("la_code", "financial_year")


def _error(path: str, place: str, problem: str, remedy: str) -> StudyError:
    return StudyError("LA_COVARIATES", f"{Path(path).name}, {place}", problem, remedy)
