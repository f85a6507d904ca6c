"""One reader per source format: files of an LA in, typed canonical tables out.

In: the files of one LA by kind. Out: referrals, assessments, disabilities, section47 and care_episodes; a table whose
optional files are absent is empty and noted. National Pupil Database extracts fill a table per kind of file; the census
format fills four from the CIN XML and one from the SSDA903 return.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from schemas import tables
from scripts.errors import StudyError
from scripts.ingest import census_xml, ssda903
from scripts.ingest import report as checks
from scripts.ingest.layout import FileLayout, TableLayout, load_layouts, resolve
from scripts.ingest.report import IngestReport
from scripts.ingest.tabular import place_of, read_header, read_text
from scripts.ingest.typed import census_years, refuse_other_las, typed, without_gaps

Files = dict[str, list[str]]


@dataclass(frozen=True)
class IngestSettings:
    """What the study decides about reading.

    format : npd | census. max_unreadable_share : tolerated share of a column's values, 0 to 1. census_year : of census
    files without a header, the year the financial year starts in. xml_max_bytes : size limit of XML files.
    """

    format: str
    max_unreadable_share: float
    census_year: int | None = None
    xml_max_bytes: int | None = None

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
        return load_layouts(self.settings.format)

    def kind_of(self, table: str) -> str:
        """The kind of file a canonical table is read from."""
        return next(kind for kind, layout in self.layouts().items() if table in layout.tables)


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
    return _READERS[reading.settings.format](reading)


def _read_npd(reading: Reading) -> dict[str, pl.DataFrame]:
    return {layout.only_table().table: _read_kind(reading, layout) for layout in reading.layouts().values()}


def _read_census(reading: Reading) -> dict[str, pl.DataFrame]:
    layouts = reading.layouts()
    parts = [_read_census_file(reading, layouts["cin_xml"], path) for path in reading.files["cin_xml"]]
    result = {table: pl.concat(part[table] for part in parts) for table in layouts["cin_xml"].tables}
    episodes, children, uasc = (
        _read_kind(reading, layouts[kind]) for kind in ("ssda903_episodes", "ssda903_header", "ssda903_uasc")
    )
    has_uasc_file = bool(reading.files.get("ssda903_uasc"))
    result["care_episodes"] = ssda903.care_episodes(episodes, children, uasc if has_uasc_file else None, reading.report)
    return result


_READERS = {"npd": _read_npd, "census": _read_census}


def _read_kind(reading: Reading, layout: FileLayout) -> pl.DataFrame:
    """All files of a kind that fills one table."""
    table = layout.only_table()
    paths = reading.files.get(layout.kind, [])
    if not paths:
        reading.report.add(table.table, layout.kind, checks.ABSENT_FILE, 0)
        return tables.empty(table.table)
    return pl.concat(_read_tabular(reading, layout, table, path) for path in paths)


def _read_tabular(reading: Reading, layout: FileLayout, table: TableLayout, path: str) -> pl.DataFrame:
    place, report = place_of(path), reading.report
    header = read_header(path)
    positions = resolve(table, header, place)
    raw = without_gaps(read_text(path, header, positions), table.missing)
    if "la_code" in raw.columns:
        refuse_other_las(raw, reading.la, place)
    year = None
    if "census_year" in tables.columns(table.table):
        year = _year_in_stem(layout, path)
        raw = census_years(raw, year, place)
    for check, n_columns in (
        (checks.NOT_READ, len(header) - len(positions)),
        (checks.ABSENT_COLUMN, len(table.columns) - len(positions)),
    ):
        if n_columns:
            report.add(table.table, layout.kind, check, n_columns, census_year=year)
    return typed(raw, reading.la, table, place, reading.settings.max_unreadable_share, report)


def _year_in_stem(layout: FileLayout, path: str) -> int | None:
    found = re.search(layout.year_in_stem, Path(path).stem, re.IGNORECASE) if layout.year_in_stem else None
    return int(found.group(1)) if found else None


def _read_census_file(reading: Reading, layout: FileLayout, path: str) -> dict[str, pl.DataFrame]:
    place, settings = place_of(path), reading.settings
    content = census_xml.read_census(path, layout.tables, settings.xml_max_bytes)
    if content.la is not None and content.la != reading.la:
        problem = f"element LEA of the header is not LA {reading.la}"
        raise StudyError("LA", place, problem, "Put the file into the folder of its LA")
    year = _financial_year_of(content.year, settings.census_year, place)
    result = {}
    for name, table in layout.tables.items():
        raw = without_gaps(census_xml.frame(content, table, place), table.missing)
        if "census_year" in tables.columns(name):
            raw = raw.with_columns(pl.lit(year, pl.Int32).alias("census_year"))
        if content.unread[name]:
            reading.report.add(name, layout.kind, checks.NOT_READ, len(content.unread[name]), census_year=year)
        result[name] = typed(raw, reading.la, table, place, settings.max_unreadable_share, reading.report)
    return result


def _financial_year_of(stated: str | None, otherwise: int | None, place: str) -> int:
    """A census of 31 March 2014 is that of the financial year 2013."""
    if stated is not None and re.fullmatch(r"\d{4}", stated):
        return int(stated) - 1
    if stated is None and otherwise is not None:
        return otherwise
    problem = "the header has no year of four digits" if stated else "the file has no header with a year"
    raise StudyError("YEAR", place, problem, "Complete the header, or set extracts.census_year for files without one")
