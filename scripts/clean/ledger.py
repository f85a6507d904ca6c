"""The quarantine ledger: what happened to every row that entered cleaning, in counts by LA, table and census year.

A ledger adds up: rows in = rows kept + rows set aside, for each table and year; `Ledger.table` checks it. Values that
were set missing or recoded, and rows that stay although something about them is odd, are entries of kind ``noted``:
they explain, but take no row away.
"""

from dataclasses import dataclass, field

import polars as pl

from scripts.clean.traps import trap_of_reason
from scripts.errors import StudyError

COLUMNS = {"table": pl.String, "census_year": pl.Int32, "kind": pl.String, "reason": pl.String, "n_rows": pl.Int64}
IN, KEPT, SET_ASIDE, NOTED = "rows_in", "rows_kept", "set_aside", "noted"


@dataclass
class Ledger:
    """Collects counts while one LA is cleaned. Frames given to it need a `census_year` column (Int32, may be null)."""

    la_code: str
    entries: list[pl.DataFrame] = field(default_factory=list)

    def count(self, table: str, kind: str, reason: str, rows: pl.DataFrame) -> None:
        """Add the number of `rows` by census year."""
        counts = rows.group_by("census_year").len("n_rows")
        self.entries.append(
            counts.select(
                pl.lit(table).alias("table"),
                pl.col("census_year").cast(pl.Int32),
                pl.lit(kind).alias("kind"),
                pl.lit(reason).alias("reason"),
                pl.col("n_rows").cast(pl.Int64),
            )
        )

    def set_aside(self, table: str, reason: str, rows: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
        """Count the rows for which `where` is true as set aside and return the others (null counts as false)."""
        condition = where.fill_null(False)
        self.count(table, SET_ASIDE, reason, rows.filter(condition))
        return rows.filter(~condition)

    def note(self, table: str, reason: str, rows: pl.DataFrame, where: pl.Expr) -> None:
        """Count rows that stay, but in which something was odd or was changed."""
        self.count(table, NOTED, reason, rows.filter(where.fill_null(False)))

    def table(self) -> pl.DataFrame:
        """The ledger as results table `ledger`, sorted, after checking that it adds up.

        Raises
        ------
        StudyError : LEDGER, if in some table and year rows in differ from rows kept plus rows set aside.
        """
        frame = pl.concat([pl.DataFrame(schema=COLUMNS), *self.entries])
        frame = frame.group_by("table", "census_year", "kind", "reason").agg(pl.col("n_rows").sum())
        unbalanced = imbalance(frame)
        if unbalanced.height:
            tables = sorted(unbalanced["table"].unique())
            raise StudyError(
                "LEDGER",
                f"LA {self.la_code}, tables {tables}",
                f"rows in differ from rows kept plus rows set aside in {unbalanced.height} table-years",
                "This is a defect of the workflow; please report it",
            )
        return frame.sort("table", "census_year", "kind", "reason").select(
            pl.lit(self.la_code).alias("la_code"), pl.all(), trap_of_reason(pl.col("reason")).alias("trap")
        )


def imbalance(ledger: pl.DataFrame) -> pl.DataFrame:
    """Table-years of a ledger in which rows in, less rows kept, less rows set aside, is not zero."""
    sign = pl.col("kind").replace_strict({IN: 1, KEPT: -1, SET_ASIDE: -1}, default=0, return_dtype=pl.Int64)
    balance = ledger.group_by("table", "census_year").agg((pl.col("n_rows") * sign).sum().alias("balance"))
    return balance.filter(pl.col("balance") != 0)
