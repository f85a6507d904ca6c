"""Reading the CSV files of the Department for Education's "explore education statistics" releases.

In: a folder of one release, the name of a table and of the release in schemas/published/ees.yaml. Out: one row per LA
(or region, or country), census year, category and figure, with either a value or the meaning of the symbol published in
its place. Nothing here knows what a figure is used for.
"""

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from schemas.patterns import LA_PATTERN
from scripts.errors import StudyError
from scripts.integrity.digest import file_digest
from scripts.yaml_file import load_yaml

LAYOUT_FILE = Path(__file__).parent.parent.parent / "schemas" / "published" / "ees.yaml"
NOT_COMPARABLE = "not comparable"
KEY = ["la_code", "census_year", "category", "figure"]
NUMBER = r"^-?\d+(\.\d+)?$"
SINGLE_YEAR = r"^\d{4}$"
SPLIT_YEAR = r"^(\d{4})[/-]?(\d{2})$"


@dataclass(frozen=True)
class Release:
    """What the symbols of a release mean, and the unit its counts are rounded to at a geographic level."""

    name: str
    symbols: dict[str, str]
    rounding: dict[str, int]


@cache
def layout() -> dict[str, Any]:
    """The content of schemas/published/ees.yaml."""
    return load_yaml(LAYOUT_FILE)


def load_release(name: str) -> Release:
    """A release by its name in schemas/published/ees.yaml.

    Raises
    ------
    StudyError : RELEASE, if there is none of that name.
    """
    known = layout()["releases"]
    if name not in known:
        remedy = f"Choose one of {', '.join(known)}, or add it to schemas/published/ees.yaml with its symbols"
        raise StudyError("RELEASE", f"release {name}", "the meaning of its symbols is not known", remedy)
    return Release(name, **known[name])


def find_table(folder: str | Path, table: str) -> Path:
    """The one file of a table in the folder of a release.

    Raises
    ------
    StudyError : FILE, if there is none or more than one.
    """
    stems = layout()["tables"][table]["stems"]
    found = sorted({path for stem in stems for path in Path(folder).glob(f"{stem}.csv")})
    if len(found) != 1:
        problem = f"{len(found)} files of table {table} ({', '.join(stems)}.csv)"
        raise StudyError("FILE", f"published folder {folder}", problem, "Put one file of one release there")
    return found[0]


def read_table(
    path: str | Path, table: str, release: Release, level: str = "la", figures: list[str] | None = None
) -> pl.DataFrame:
    """Figures of a published table at one geographic level.

    Parameters
    ----------
    table, level : key of `tables` and of `levels` in schemas/published/ees.yaml.
    figures : those wanted, so that the columns of others may be absent; by default all.

    Returns
    -------
    Columns la_code (three-digit text; null unless level is la), census_year (Int32, the year the financial year
    starts in), category, figure, value (Float64?), flag (text?: what a symbol in place of the value means), sorted.

    Raises
    ------
    StudyError : FILE, SCHEMA (columns absent), YEAR, LA_CODE, SYMBOL (unknown in this release) or REPEATED, each with
        the number of rows and never a value.
    """
    place, described = Path(path).name, layout()["tables"][table]
    names = {name: entry["names"] for name, entry in described["figures"].items() if figures is None or name in figures}
    rows = _renamed(_read(path), layout()["keys"] | names, place)
    rows = rows.filter(pl.col("geographic_level").str.to_lowercase() == layout()["levels"][level])
    rows = rows.with_columns(census_year(pl.col("time_period"), described["single_year"]).alias("census_year"))
    _refuse(rows, pl.col("census_year").is_null(), "YEAR", place, "time_period is no year")
    if level == "la":
        unfit = ~pl.col("la_code").str.contains(LA_PATTERN).fill_null(False)
        _refuse(rows, unfit, "LA_CODE", place, "old_la_code is no three-digit code")
    else:
        rows = rows.with_columns(pl.lit(None, pl.String).alias("la_code"))
    cells = rows.unpivot(list(names), index=KEY[:-1], variable_name="figure", value_name="text")
    return _valued(cells, release, place, level).sort(KEY)


def comparable(figures: pl.DataFrame, table: str) -> pl.DataFrame:
    """What `read_table` gives, without the values of years in which a figure covered less than its name says."""
    described = layout()["tables"][table]["figures"]
    first = {name: entry["comparable_from"] for name, entry in described.items() if "comparable_from" in entry}
    starts = pl.col("figure").replace_strict(first, default=0, return_dtype=pl.Int64)
    early = pl.col("census_year") < starts
    flag = pl.when(early).then(pl.lit(NOT_COMPARABLE)).otherwise("flag").alias("flag")
    return figures.with_columns(pl.when(~early).then("value").alias("value"), flag)


def manifest(files: dict[str, str], release: str) -> pl.DataFrame:
    """Which published files a result rests on (trap T-28): results table `published_files`.

    `files`: table -> path.
    """
    rows = [(release, table, Path(path).name, file_digest(path)) for table, path in files.items()]
    return pl.DataFrame(rows, schema=dict.fromkeys(("release", "table", "file", "sha256"), pl.String), orient="row")


def read_names(path: str | Path) -> dict[str, str]:
    """LA code -> the name that stands last in a published table, for readers.

    Raises
    ------
    StudyError : FILE or SCHEMA, as read_table.
    """
    keys = {name: layout()["keys"][name] for name in ("time_period", "la_code")} | {"name": layout()["la_name"]}
    rows = _renamed(_read(path), keys, Path(path).name).filter(pl.col("la_code").str.contains(LA_PATTERN))
    return dict(rows.sort("la_code", "time_period").select("la_code", "name").iter_rows())


def census_year(period: pl.Expr, single_year: str) -> pl.Expr:
    """The financial year, by its start, of 2019, 201819 or 2018/19; null for anything else (trap T-14). Int32.

    `single_year`: end or start, which of its years a year standing alone names.
    """
    first = period.str.extract(SPLIT_YEAR, 1).cast(pl.Int32)
    last = period.str.extract(SPLIT_YEAR, 2).cast(pl.Int32)
    alone = pl.when(period.str.contains(SINGLE_YEAR)).then(period).cast(pl.Int32) - (single_year == "end")
    return pl.coalesce(alone, pl.when((first + 1) % 100 == last).then(first)).cast(pl.Int32)


def _read(path: str | Path) -> pl.DataFrame:
    """Every cell as stripped text, whatever the encoding."""
    content = Path(path).read_bytes()
    for encoding in layout()["encodings"]:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    try:
        frame = pl.read_csv(BytesIO(text.encode()), infer_schema=False)
        return frame.select(pl.all().str.strip_chars().fill_null(""))
    except pl.exceptions.PolarsError:
        # The parser's message may hold cells, so it is dropped.
        problem = "the file cannot be parsed"
    raise StudyError("FILE", Path(path).name, problem, "Supply the CSV file as published")


def _renamed(rows: pl.DataFrame, wanted: dict[str, list[str]], place: str) -> pl.DataFrame:
    """The wanted columns under this project's names (trap T-27); a table without categories has an empty one."""
    present = {name.strip().lower(): name for name in rows.columns}
    found = {
        column: next((present[name.lower()] for name in names if name.lower() in present), None)
        for column, names in wanted.items()
    }
    if absent := [column for column, name in found.items() if name is None and column != "category"]:
        problem = f"there is no column for {', '.join(absent)}"
        remedy = "Supply the CSV file as published, or add its names to schemas/published/ees.yaml"
        raise StudyError("SCHEMA", place, problem, remedy)
    columns = [pl.col(name) if name else pl.lit("") for name in found.values()]
    return rows.select(expression.alias(column) for column, expression in zip(found, columns, strict=True))


def _valued(figures: pl.DataFrame, release: Release, place: str, level: str) -> pl.DataFrame:
    """Each text as a value or the meaning of its symbol in this release (trap T-26)."""
    number = pl.col("text").str.replace_all(",", "")
    paired = figures.with_columns(
        pl.when(number.str.contains(NUMBER)).then(number).cast(pl.Float64).alias("value"),
        pl.col("text").replace_strict(release.symbols, default=None, return_dtype=pl.String).alias("flag"),
    )
    unknown = pl.col("value").is_null() & pl.col("flag").is_null()
    _refuse(paired, unknown, "SYMBOL", place, f"neither a number nor a symbol of release {release.name}")
    if level == "la":
        _refuse(paired, pl.struct(KEY).is_duplicated(), "REPEATED", place, "several figures for one LA and year")
    return paired.select(*KEY, "value", "flag")


def _refuse(rows: pl.DataFrame, wrong: pl.Expr, code: str, place: str, rule: str) -> None:
    """Raise if any row is wrong, with the number of rows and, where there are any, the figures concerned."""
    bad = rows.filter(wrong)
    if bad.is_empty():
        return
    of = f" ({', '.join(bad['figure'].unique().sort())})" if "figure" in bad.columns else ""
    remedy = "Supply the CSV file as published, of the release that completeness.release names"
    raise StudyError(code, place, f"{rule}: {bad.height} times{of}", remedy)
