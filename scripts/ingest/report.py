"""The ingest report: counts of what was read, kept, set aside and set missing, in long form and without a value.

In: counts as they arise while one LA is read. Out: a frame with the columns of the results table `ingest_report`.
"""

from dataclasses import dataclass, field

import polars as pl

SCHEMA = {
    "la_code": pl.String,
    "table": pl.String,
    "file_kind": pl.String,
    "census_year": pl.Int32,
    "check": pl.String,
    "column": pl.String,
    "n_rows": pl.Int64,
}
ROWS_READ = "rows read"
ROWS_KEPT = "rows kept"
NO_CHILD_ID = "rows without child id"
REPEATED = "rows repeated"
ERASED = "rows erased on request"
UNREADABLE_DATES = "unreadable dates"
UNREADABLE_NUMBERS = "unreadable numbers"
OUTSIDE_SET = "codes outside set"
OUT_OF_YEAR = "codes out of year"
NOT_READ = "columns not read"
ABSENT_COLUMN = "columns absent"
ABSENT_FILE = "file absent"


@dataclass
class IngestReport:
    """The counts of one LA; every LA has a report of its own, so LAs can be read in parallel threads."""

    la: str
    rows: list[dict[str, str | int | None]] = field(default_factory=list)

    def add(
        self, table: str, kind: str, check: str, n_rows: int, column: str | None = None, census_year: int | None = None
    ) -> None:
        """Note one count."""
        entry = (self.la, table, kind, census_year, check, column, n_rows)
        self.rows.append(dict(zip(SCHEMA, entry, strict=True)))

    def add_by_year(
        self, frame: pl.DataFrame, where: pl.Expr, table: str, kind: str, check: str, column: str | None = None
    ) -> None:
        """Note the rows of `frame` for which `where` holds, per census year if the frame has one; none, no note."""
        concerned = frame.filter(where)
        if "census_year" not in frame.columns:
            years = {None: len(concerned)}
        else:
            years = dict(concerned.group_by("census_year").len().sort("census_year").iter_rows())
        for year, n_rows in years.items():
            if n_rows:
                self.add(table, kind, check, n_rows, column, year)

    def frame(self) -> pl.DataFrame:
        """All counts, summed over the files of a kind and sorted; columns as `SCHEMA`."""
        noted = pl.DataFrame(self.rows, schema=SCHEMA)
        keys = [name for name in SCHEMA if name != "n_rows"]
        return noted.group_by(keys).agg(pl.col("n_rows").sum()).sort(keys, nulls_last=False).select(list(SCHEMA))
