"""One reader per source format: files of an LA in, typed canonical tables out.

In: the files of one LA by kind. Out: referrals, assessments, disabilities, section47 and care_episodes; a table whose
optional files are absent is empty and noted. Extracts of the pupil database (npd, ucl) fill a table per kind of file;
the census format fills four from the CIN XML and one from the SSDA903 return, CSV or XML.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from schemas import tables
from scripts.errors import StudyError
from scripts.ingest import cin_census, ssda903
from scripts.ingest import report as checks
from scripts.ingest.layout import TABLES, FileLayout, TableLayout, declared, load_layouts, resolve, source_of
from scripts.ingest.report import IngestReport
from scripts.ingest.tabular import collect, place_of, read_header, scan_text, without_fraction
from scripts.ingest.typed import census_years, refuse_other_las, typed, without_gaps
from scripts.ingest.xml_return import read_return

Files = dict[str, list[str]]
ROW = "__row"


@dataclass(frozen=True)
class IngestSettings:
    """What the study decides about reading.

    format : npd | ucl | census. max_unreadable_share : tolerated share of a column's values, 0 to 1. census_year : of
    census files without a header, the year the financial year starts in. xml_max_bytes : size limit of XML files.
    date_formats : canonical column -> the formats its dates have, instead of those of the alias table.
    """

    format: str
    max_unreadable_share: float
    census_year: int | None = None
    xml_max_bytes: int | None = None
    date_formats: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "IngestSettings":
        """Build from the settings of the configuration."""
        return cls(**{name: settings[name] for name in cls.__dataclass_fields__ if name in settings})


@dataclass(frozen=True)
class Reading:
    """One LA being read: its code, its files by kind, the study's settings, and the report that takes the counts."""

    la: str
    files: Files
    settings: IngestSettings
    report: IngestReport

    def layouts(self) -> dict[str, FileLayout]:
        """Kind of file -> layout, for the format of the study."""
        return declared(load_layouts(self.settings.format), self.settings.date_formats)

    def kind_of(self, table: str) -> str | None:
        """The kind of file a canonical table is read from; None if the format has none."""
        return next((kind for kind, layout in self.layouts().items() if table in layout.tables), None)


def read_tables(reading: Reading) -> dict[str, pl.DataFrame]:
    """All canonical tables of one LA.

    Raises
    ------
    StudyError : FILE, if a required kind of file is absent; and whatever is wrong with a file.
    """
    for kind, layout in reading.layouts().items():
        if layout.required and not reading.files.get(kind):
            names = " or ".join(f"{stem}.{suffix}" for stem in layout.stems for suffix in layout.suffixes)
            problem = f"there is no file of kind {kind} ({names})"
            raise StudyError("FILE", f"LA {reading.la}", problem, "Supply it or take the LA out of las.codes")
    read = _READERS[reading.settings.format](reading)
    return {table: read[table] if table in read else tables.empty(table) for table in TABLES}


def _read_pupil_database(reading: Reading) -> dict[str, pl.DataFrame]:
    return {layout.only_table().table: _read_kind(reading, layout) for layout in reading.layouts().values()}


def _read_census(reading: Reading) -> dict[str, pl.DataFrame]:
    layouts = reading.layouts()
    parts = [_read_census_file(reading, layouts["cin_xml"], path) for path in reading.files["cin_xml"]]
    result = {table: pl.concat(part[table] for part in parts) for table in layouts["cin_xml"].tables}
    returns = [_ssda903_xml(path, reading.settings) for path in reading.files.get("ssda903_xml", [])]
    children, episodes, uasc = (
        _read_kind(reading, layouts[kind], [(frames[module], place_of(path)) for path, frames in returns])
        for kind, module in ssda903.MODULES.items()
    )
    has_uasc = bool(returns or reading.files.get("ssda903_uasc"))
    result["care_episodes"] = ssda903.care_episodes(episodes, children, uasc if has_uasc else None, reading.report)
    return result


def _ssda903_xml(path: str, settings: IngestSettings) -> tuple[str, dict[str, pl.DataFrame]]:
    return path, ssda903.as_files(read_return(path, "ssda903", settings.xml_max_bytes))


_READERS = {"npd": _read_pupil_database, "ucl": _read_pupil_database, "census": _read_census}


def _read_kind(reading: Reading, layout: FileLayout, modules: Iterable[tuple[pl.DataFrame, str]] = ()) -> pl.DataFrame:
    """All files of a kind that fills one table, and the modules of other files that hold the same, with their place."""
    table = layout.only_table()
    paths = reading.files.get(layout.kind, [])
    read = [_of_frame(reading, layout, table, frame, frame.columns, place) for frame, place in modules]
    read += [_of_file(reading, layout, table, path) for path in paths]
    if not read:
        reading.report.add(table.table, layout.kind, checks.ABSENT_FILE, 0)
        return tables.empty(table.table)
    return pl.concat(read)


def _of_file(reading: Reading, layout: FileLayout, table: TableLayout, path: str) -> pl.DataFrame:
    raw, n_unread = _texts(table, path)
    return _canonical(reading, layout, table, raw, place_of(path), n_unread, _year_in_stem(layout, path))


def _texts(table: TableLayout, path: str) -> tuple[pl.DataFrame, int]:
    """The columns of a text file that are read, under their canonical names, and how many are not."""
    header = read_header(path)
    positions = resolve(table, header, place_of(path))
    texts = [source_of(header, found, table.missing).alias(name) for name, found in positions.items()]
    raw = collect(scan_text(path, header).select(texts), path)
    return raw, len(header) - len({position for found in positions.values() for position in found})


def numbered_rows(reading: Reading, layout: FileLayout, path: str) -> tuple[pl.Series, pl.DataFrame]:
    """Which rows of a text file ingest reads as which canonical rows, one for one.

    Returns
    -------
    positions in the file, from 0 and without the header, of the rows that name a child of the LA; their canonical rows.
    """
    table = layout.only_table()
    raw, n_unread = _texts(table, path)
    numbered = raw.with_row_index(ROW)
    if "la_code" in raw.columns:
        numbered = numbered.filter(without_fraction(pl.col("la_code").str.strip_chars()) == reading.la)
    texts = numbered.drop(ROW)
    canonical = _canonical(reading, layout, table, texts, place_of(path), n_unread, _year_in_stem(layout, path))
    return numbered.filter(without_gaps(texts, table.missing)["child_id"].is_not_null())[ROW], canonical


def _of_frame(
    reading: Reading,
    layout: FileLayout,
    table: TableLayout,
    frame: pl.DataFrame,
    fields: list[str],
    place: str,
    year: int | None = None,
) -> pl.DataFrame:
    """As `_of_file`, from a module of a return, of which `fields` count as there."""
    header = [name for name in fields if frame.schema[name] == pl.String]
    positions = resolve(table, header, place)
    raw = frame.select(source_of(header, found, table.missing).alias(name) for name, found in positions.items())
    return _canonical(reading, layout, table, raw, place, len(header) - len(positions), year)


def _canonical(
    reading: Reading,
    layout: FileLayout,
    table: TableLayout,
    texts: pl.DataFrame,
    place: str,
    n_unread: int,
    year: int | None,
) -> pl.DataFrame:
    """The typed table of texts under canonical names; `year` is what the file says of itself as a whole."""
    raw, report = without_gaps(texts, table.missing), reading.report
    if "la_code" in raw.columns:
        refuse_other_las(raw, reading.la, place)
    if "census_year" in tables.columns(table.table):
        raw = census_years(raw, year, place)
    for check, n_columns in (
        (checks.NOT_READ, n_unread),
        (checks.ABSENT_COLUMN, len(table.columns) - texts.width),
    ):
        if n_columns:
            report.add(table.table, layout.kind, check, n_columns, census_year=year)
    return typed(raw, reading.la, table, place, reading.settings.max_unreadable_share, report)


def _year_in_stem(layout: FileLayout, path: str) -> int | None:
    found = re.search(layout.year_in_stem, Path(path).stem, re.IGNORECASE) if layout.year_in_stem else None
    return int(found.group(1)) if found else None


def _read_census_file(reading: Reading, layout: FileLayout, path: str) -> dict[str, pl.DataFrame]:
    place, settings = place_of(path), reading.settings
    modules = read_return(path, "cin", settings.xml_max_bytes)
    la, year = (next(_stated(modules["Header"], name), None) for name in ("LEA", "Year"))
    if la is not None and la != reading.la:
        problem = f"element LEA of the header is not LA {reading.la}"
        raise StudyError("LA", place, problem, "Put the file into the folder of its LA")
    census_year = year_of_return(year, settings.census_year, place)
    rows = cin_census.rows(modules)
    return {
        name: _of_frame(reading, layout, table, rows[name], _filled(rows[name]), place, census_year)
        for name, table in layout.tables.items()
    }


def _filled(rows: pl.DataFrame) -> list[str]:
    """The fields that any row has: a field that a whole file lacks is as good as misnamed."""
    return [name for name in rows.columns if rows.is_empty() or rows[name].count()]


def _stated(header: pl.DataFrame, name: str) -> Iterator[str]:
    return (value for value in header[name] if value)


def year_of_return(stated: str | None, otherwise: int | None, place: str) -> int:
    """A census of 31 March 2014 is that of the financial year 2013.

    Raises
    ------
    StudyError : YEAR, if neither the header nor the settings know the year.
    """
    if stated is not None and re.fullmatch(r"\d{4}", stated):
        return int(stated) - 1
    if stated is None and otherwise is not None:
        return otherwise
    problem = "the header has no year of four digits" if stated else "the file has no header with a year"
    raise StudyError("YEAR", place, problem, "Complete the header, or set extracts.census_year for files without one")
