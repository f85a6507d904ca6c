"""The entry point of rule `validate`: what an LA supplied in, how many rows break each validation rule out.

Returns are read in memory and nothing of a record is written; extracts of the pupil database are judged as ingested,
and the SSDA903 rules, which need a return, are listed as unchecked there.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, write_results
from scripts.dates import HolidayCalendar, financial_year
from scripts.governance.effects import applied
from scripts.governance.rights import in_force
from scripts.ingest.sources import year_of_return
from scripts.ingest.ssda903 import MODULES, as_files
from scripts.ingest.tabular import collect, place_of, read_header, scan_text
from scripts.ingest.xml_return import read_return
from scripts.validation import cin, ssda903
from scripts.validation.cin_return import stacked
from scripts.validation.from_tables import modules
from scripts.validation.rules import absent_fields, count_failures
from scripts.validation.ssda903_views import COLUMNS
from scripts.validation.withheld import without_absent_children

Files = Mapping[str, list[str]]
Frames = dict[str, pl.DataFrame]
StrPath = str | os.PathLike[str]


def validate(la: str, files: Files, ingested: Mapping[str, StrPath], report: StrPath, settings: dict[str, Any]) -> None:
    """Apply the CIN and SSDA903 rules to what one LA supplied; writes results table `validation`.

    Parameters
    ----------
    files : kind of file -> paths, as the LA supplied them. ingested : canonical table -> parquet path, of `TABLES`.
    settings : format, census_year, xml_max_bytes, bank_holidays, key_file; rights, the governance folder and the LA.
        Children erased or withheld are judged nowhere; single rows erased and values rectified show where canonical
        tables are judged, and not in returns, which are judged as supplied.

    Raises
    ------
    StudyError : FILE or YEAR, never with a value out of a record.
    """
    if settings["format"] == "census":
        returns = _cin_returns(files, settings), _ssda903_returns(files, settings)
        children, care = without_absent_children(la, *returns, settings)
    else:
        rights = in_force(settings)
        supplied = {name: read_parquet(path) for name, path in ingested.items()}
        children, care = modules(applied(supplied, rights.effects, rights.withheld, lambda *_: None)), {}
    calendar = HolidayCalendar(**settings["bank_holidays"])
    counts = {
        "cin": count_failures(cin.views(children, calendar), cin.RULES, absent_fields(cin.RULES, children)),
        "ssda903": count_failures(ssda903.views(care), ssda903.RULES, absent_fields(ssda903.RULES, care)),
    }
    table = pl.concat(
        frame.select(pl.lit(la).alias("la_code"), pl.lit(name).alias("return"), pl.all())
        for name, frame in counts.items()
    )
    write_results(table, "validation", report)


def _cin_returns(files: Files, settings: dict[str, Any]) -> Frames:
    """The modules of all CIN returns, stacked."""
    return stacked(_cin_return(path, settings) for path in files["cin_xml"])


def _cin_return(path: str, settings: dict[str, Any]) -> tuple[int, Frames]:
    read = read_return(path, "cin", settings["xml_max_bytes"])
    stated = next((year for year in read["Header"]["Year"] if year), None)
    return year_of_return(stated, settings["census_year"], place_of(path)), read


def _ssda903_returns(files: Files, settings: dict[str, Any]) -> Frames:
    """The modules of all SSDA903 returns with `year`: of the file's name, else the settings, else the latest start.

    Dates come last, because one mistyped year would move the whole return.
    """
    parts: dict[str, list[pl.DataFrame]] = {}
    for stated, read in (*_from_xml(files, settings), *_from_csv(files)):
        year = stated or settings["census_year"] or _latest_start(read["Episodes"])
        for module, frame in read.items():
            wanted = frame.select(name for name in COLUMNS[module] if name in frame.columns)
            parts.setdefault(module, []).append(wanted.with_columns(pl.lit(year, pl.Int32).alias("year")))
    return {module: pl.concat(frames, how="diagonal") for module, frames in parts.items()}


def _latest_start(episodes: pl.DataFrame) -> int | None:
    starts = ssda903.views({"Episodes": episodes.with_columns(pl.lit(0, pl.Int32).alias("year"))})
    return starts["episodes"].select(financial_year(pl.col("DECOM")).max()).item()


def _from_xml(files: Files, settings: dict[str, Any]) -> Iterator[tuple[None, Frames]]:
    for path in files.get("ssda903_xml", []):
        yield None, as_files(read_return(path, "ssda903", settings["xml_max_bytes"]))


def _from_csv(files: Files) -> Iterator[tuple[int | None, Frames]]:
    """The CSV files of a return carry the same year in their names, or none; only what the rules read is kept."""
    returns: dict[int | None, Frames] = {}
    for kind, module in MODULES.items():
        for path in files.get(kind, []):
            found = re.search(r"_(\d{4})$", Path(path).stem)
            header = read_header(path)
            text = scan_text(path, header).select(
                pl.col(name).alias(name.upper()) for name in header if name.upper() in COLUMNS[module]
            )
            returns.setdefault(int(found.group(1)) if found else None, {})[module] = collect(text, path)
    yield from ((year, read) for year, read in returns.items() if "Episodes" in read)
