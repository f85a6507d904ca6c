"""The gate itself: every column of every file of an LA is decided by name, then inspected by content.

In: an LA's files by kind. Out: a row per file and column in counts, or one error that names every column refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from schemas import tables
from scripts.errors import StudyError
from scripts.ingest.layout import FileLayout, load_layouts
from scripts.ingest.ssda903 import MODULES
from scripts.ingest.tabular import collect, place_of, read_header, refuse_too_many_rows, scan_text
from scripts.ingest.xml_return import read_return
from scripts.privacy.detectors import Finding, findings
from scripts.privacy.register import DISCARDED, Decision, Register

XML_RETURNS = {"cin_xml": "cin", "ssda903_xml": "ssda903"}
ROWS = {
    "file_kind": pl.String,
    "file": pl.String,
    "column": pl.String,
    "category": pl.String,
    "decision": pl.String,
    "n_values": pl.Int64,
    "n_distinct": pl.Int64,
}
UNKNOWN_FILE = "file of no known kind, not read"


@dataclass(frozen=True)
class Gate:
    """What the study lets in: its format, register and detectors (config block `privacy`)."""

    source_format: str
    register: Register
    detectors: dict[str, dict[str, Any]]
    exempt: dict[str, list[str]]
    xml_max_bytes: int | None = None
    max_rows: int | None = None

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Gate":
        """Build from a job's settings: format, xml_max_bytes, max_rows, privacy."""
        privacy = settings["privacy"]
        register = Register.of(privacy, settings["format"])
        limits = settings.get("xml_max_bytes"), settings.get("max_rows")
        return cls(settings["format"], register, privacy["detectors"], privacy["exempt"], *limits)

    def pass_through(self, files: Mapping[str, list[str]]) -> pl.DataFrame:
        """Columns `ROWS`, a row per file and column, for an LA whose files may all enter.

        Raises
        ------
        StudyError : PRIVACY, for columns that may not be there or whose values identify somebody: file, column,
            detector and share, never a value. FILE, if a file cannot be read.
        """
        layouts = load_layouts(self.source_format)
        rows = [row for kind, paths in files.items() for path in paths for row in self._file(layouts, kind, path)]
        rows += [(None, Path(path).name, None, None, UNKNOWN_FILE, None, None) for path in _others(files)]
        return pl.DataFrame(rows, schema=ROWS, orient="row")

    def _file(self, layouts: dict[str, FileLayout], kind: str, path: str) -> Iterator[tuple[Any, ...]]:
        # An SSDA903 return in XML holds the columns of the CSV files of the same folder.
        names = MODULES if kind == "ssda903_xml" else (kind,)
        chosen = [layouts[name] for name in names]
        refused: list[str] = []
        for frame, header, place in self._frames(kind, path):
            decisions = self.register.decide(header, chosen, place)
            # All at once, because a file is parsed as a whole; but nothing before it is decided, or that is discarded.
            read = collect(frame.select(each.column for each in decisions if each.decision != DISCARDED), path)
            for decision in decisions:
                if decision.decision == DISCARDED:
                    yield (kind, Path(path).name, decision.column, None, DISCARDED, None, None)
                    continue
                values = _distinct(read[decision.column])
                refused += [_told(place, decision.column, finding) for finding in self._found(decision, values)]
                counts = (int(values["n"].sum()), values.height)
                yield (kind, Path(path).name, decision.column, decision.category, decision.decision, *counts)
        if refused:
            remedy = "Have the columns taken out of the extract, or name them in privacy.discard; docs/privacy.md helps"
            raise StudyError("PRIVACY", place_of(path), "; ".join(refused), remedy)

    def _found(self, decision: Decision, values: pl.DataFrame) -> list[Finding]:
        """The detectors a column sets off, less those the study exempts it from."""
        found = findings(values, self.detectors, whole_dates_expected=_dated(decision))
        return [f for f in found if decision.column.lower() not in map(str.lower, self.exempt.get(f.detector, []))]

    def _frames(self, kind: str, path: str) -> Iterator[tuple[pl.LazyFrame, list[str], str]]:
        """The tables of a file with the columns that hold something; a module of a return is a table."""
        if kind not in XML_RETURNS:
            header = read_header(path)
            refuse_too_many_rows(path, self.max_rows)
            yield scan_text(path, header), header, place_of(path)
            return
        for module, frame in read_return(path, XML_RETURNS[kind], self.xml_max_bytes).items():
            filled = [name for name in frame.columns if frame.schema[name] == pl.String and frame[name].count()]
            yield frame.lazy(), filled, f"{place_of(path)}, {module}"


def _dated(decision: Decision) -> bool:
    """Dates in full are expected where the canonical column is a date, and in columns that nothing reads."""
    return decision.canonical is None or decision.canonical in tables.date_columns()


def _distinct(column: pl.Series) -> pl.DataFrame:
    """The distinct values of a column, blanks left out, and how often each occurs."""
    counted = column.str.strip_chars().alias("value").value_counts(name="n")
    return counted.filter(pl.col("value") != "")


def _told(place: str, column: str, finding: Finding) -> str:
    share = finding.n_matching / finding.n_values
    what = finding.detector.replace("_", " ")
    return f"{place}, column {column}: {share:.0%} of {finding.n_values} values look like a {what}"


def _others(files: Mapping[str, list[str]]) -> list[Path]:
    """Files beside the LA's own that no kind claims; a generated extract's manifest is the workflow's."""
    known = {Path(path) for paths in files.values() for path in paths}
    folders = {path.parent for path in known}
    return sorted(
        p for f in folders for p in f.iterdir() if p.is_file() and p not in known and p.name != "manifest.json"
    )
