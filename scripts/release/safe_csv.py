"""Tables as they leave: text cells with the symbols of official statistics, safe to open in a spreadsheet.

Symbols: c withheld to protect people, : not available, z not applicable, k rounds to zero, 0 a true zero. A text that a
spreadsheet would take for a formula starts with an apostrophe (OWASP, CSV injection).
"""

import math
from decimal import Decimal
from pathlib import Path

import polars as pl

from scripts.artefacts import atomic, contract_schema
from scripts.integrity.records import verified

WITHHELD, NOT_AVAILABLE, NOT_APPLICABLE, ROUNDS_TO_ZERO = "c", ":", "z", "k"
SYMBOLS = {
    WITHHELD: "withheld to protect people",
    NOT_AVAILABLE: "not available",
    NOT_APPLICABLE: "not applicable",
    ROUNDS_TO_ZERO: "not zero, but rounds to it",
    "0": "a true zero",
}
FORMULA, QUOTED = r"^[=+\-@\t\r]", r"^'([=+\-@\t\r])"


def number_text(value: float | int | None, digits: int, missing: str = NOT_AVAILABLE) -> str:
    """A number with at most so many significant digits; whole numbers as they are."""
    if value is None:
        return missing
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return missing
    return format(Decimal(f"{value:.{digits}g}"), "f")


def write_safe(table: pl.DataFrame, path: str | Path) -> None:
    """Write a table of texts as CSV; equal content gives equal bytes."""
    with atomic(path, table.height) as temporary:
        formula_safe(table).write_csv(temporary)


def formula_safe(table: pl.DataFrame) -> pl.DataFrame:
    """The table with an apostrophe before every text that a spreadsheet would take for a formula."""
    texts = pl.col(pl.String)
    is_number = texts.cast(pl.Float64, strict=False).is_not_null()
    formula = texts.str.contains(FORMULA) & ~is_number
    return table.with_columns(pl.when(formula).then("'" + texts).otherwise(texts).name.keep())


def read_safe(table: str, path: str | Path) -> pl.DataFrame:
    """Read a released table with the documented columns and types of its results table; symbols and columns that did
    not leave are null."""
    schema = contract_schema(table)
    text = pl.read_csv(verified(path), infer_schema=False)
    shown = pl.when(pl.col(pl.String) != WITHHELD).then(pl.col(pl.String))
    text = text.with_columns(shown.name.keep())
    known = {
        name: pl.col(name).str.replace(QUOTED, "$1") if dtype == pl.String else pl.col(name).cast(dtype, strict=False)
        for name, dtype in schema.items()
        if name in text.columns
    }
    return text.select(
        known[name].alias(name) if name in known else pl.lit(None, dtype).alias(name) for name, dtype in schema.items()
    )
