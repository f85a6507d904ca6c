"""Subject access: everything held about one child, from every stage, in plain words and sealed for one recipient.

In: the child's ids, the files of its LA's extract, results/individual. Out: a zip of a page in plain words and a CSV
file per table, encrypted for the recipient's certificate before it touches a disk, and facts about it in counts. Rows
are found by the child's id; where a stage's rows carry none, by their number in the cohort.
"""

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, count
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas import tables
from scripts.artefacts import atomic, read_parquet, write_json
from scripts.codes import load_codes
from scripts.errors import StudyError
from scripts.governance.sealing import fingerprint, recipient, sealed
from scripts.governance.source_rows import LEFT_OUT, RETURNS, UNREAD, Known, known_columns, source_rows
from scripts.ingest.tabular import place_of

FOLDER = Path(__file__).parent
SUPPLIED = "supplied"
# In the order of the data; a stage that is not named here comes after them.
STAGES = (SUPPLIED, "ingested", "cleaned", "outcomes", "cohort", "matched", "imputed")
# Stages whose tables answer a question of the study.
QUESTION_STAGES = ("outcomes", "cohort", "matched")
# Below results/individual these hold extracts, which are searched as such.
EXTRACT_FOLDERS = ("extracts", "partitioned")
COHORT = "cohort"
# The page shows so many records side by side; more would not fit on paper.
ACROSS = 3
# A spreadsheet runs what begins like this.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# A zip file cannot tell an earlier time; a fixed one makes equal content equal bytes.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
LA_COLUMNS = ("la_code", "group")
ABOUT = """What is held about a child: answer to request {reference}, {made}

{found}

index.html          Start here. Everything in plain words. Open it in any web browser; it needs no internet.
searched.csv        Every file that was searched, and how many rows about the child it holds.
*.csv in folders    The rows themselves, one folder for each stage of the study, one file for each table.
data-dictionary.md  What the columns and codes mean, for people who work with data.

The CSV files open in any spreadsheet. A spreadsheet runs a cell that begins with = + - @ or a tab as if it were a
formula. So that nothing is run, such a cell has an apostrophe (') put before it: '-3 means -3. Nothing else is changed.

These files are about a real person's life. Keep them where nobody else can read them, and delete them when they are no
longer needed.
"""


def _derived_columns() -> dict[str, tables.Column]:
    """How the columns of later stages are read: most are canonical ones, some have names of their own."""
    referrals, care = tables.columns("referrals"), tables.columns("care_episodes")
    kept = ("closure_reason", "category_of_abuse", "disability", "nc_year", "sen_provision", "census_year")
    flags = ("uasc", "previous_plan", "low_income", "elevated_risk", "innovation_programme")
    return {
        **{name: referrals[name] for name in kept},
        **{name: care[name] for name in ("legal_status", "placement")},
        **{name: tables.Column(name, pl.Int8(), "flag", "flag") for name in flags},
        "end_reason": care["episode_end_reason"],
        "main_need": referrals["primary_need"],
        "financial_year": referrals["census_year"],
    }


DERIVED = _derived_columns()


@dataclass(frozen=True)
class Child:
    """The child asked about: its source LA, its ids in the extract, and its re-keyed ids everywhere after ingest."""

    la: str
    ids: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """What one file holds about the child.

    Parameters
    ----------
    stage : supplied, or the folder below results/individual. table : the file within its stage.
    frame : the child's rows; empty where there are none.
    kind, columns : of a supplied file, its kind in the alias table and what its columns are read as.
    searched : whether rows of the child could be told from those of others.
    """

    stage: str
    table: str
    frame: pl.DataFrame
    kind: str = ""
    columns: Mapping[str, Known] = field(default_factory=dict)
    searched: bool = True


@dataclass(frozen=True)
class About:
    """What the page says besides rows.

    Parameters
    ----------
    reference, made : of the request, and the day of the answer. la : the child's source LA.
    las : LA code -> name. outcomes : outcome -> its entry in the configuration. processing : what the study says of
    itself, config governance.processing. data_months : how long records are kept after the study. contact : whom to
    turn to, or "". dictionary : the data dictionary in Markdown. synthetic : whether the records are generated ones.
    """

    reference: str
    made: date
    la: str
    title: str
    practice_model: str
    las: Mapping[str, str]
    outcomes: Mapping[str, Mapping[str, Any]]
    processing: Mapping[str, Any]
    data_months: int
    contact: str
    dictionary: str
    synthetic: bool

    @classmethod
    def of(cls, child: Child, request: Mapping[str, str], settings: Mapping[str, Any]) -> "About":
        """From the request and the study's configuration; `request` and `settings` as for `held`."""
        config = settings["config"]
        codes = config["las"]["codes"]
        names = {member: entry["name"] for entry in codes for member in (*entry.get("members", ()), entry["code"])}
        return cls(
            reference=request["reference"],
            made=date.fromisoformat(request["made"]),
            la=child.la,
            title=config["study"]["title"],
            practice_model=config["study"]["practice_model"],
            las=names,
            outcomes=config["outcomes"],
            processing=config["governance"]["processing"],
            data_months=config["governance"]["retention"]["data_months"],
            contact=settings["contact"],
            dictionary=Path(settings["dictionary"]).read_text(encoding="utf-8"),
            synthetic=settings["synthetic"],
        )


def held(
    child: Child,
    request: Mapping[str, str],
    extract_files: Mapping[str, list[str]],
    individual: str | Path,
    outputs: Mapping[str, str],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the sealed answer to a request and its facts; what is not sealed stays in memory.

    Parameters
    ----------
    request : reference; made, the day of the answer in ISO form; recipient, the path of a certificate in PEM form.
    extract_files : kind of file -> files of the child's LA. individual : results/individual.
    outputs : sealed, the path of the encrypted zip; facts, the path of the facts.
    settings : config, the whole study; contact; dictionary, the path of the data dictionary; synthetic.

    Returns
    -------
    The facts: files and rows in counts, SHA-256 of the sealed file and of the recipient's certificate.

    Raises
    ------
    StudyError : CERTIFICATE, before anything is searched; FILE or SCHEMA, if a file cannot be searched.
    """
    certificate = _certificate(request["recipient"])
    extracts = settings["config"]["extracts"]
    found = held_rows(child, extract_files, individual, extracts["format"], extracts["xml_max_bytes"])
    content = sealed(bundle(found, About.of(child, request, settings)), certificate)
    facts = facts_of(found) | {
        "request": request["reference"],
        "made": request["made"],
        "sealed_sha256": hashlib.sha256(content).hexdigest(),
        "certificate_sha256": fingerprint(certificate),
    }
    with atomic(outputs["sealed"]) as temporary:
        temporary.write_bytes(content)
    write_json(facts, outputs["facts"])
    return facts


def _certificate(path: str) -> bytes:
    """The recipient's certificate, read and found fit.

    Raises
    ------
    StudyError : CERTIFICATE.
    """
    try:
        content = Path(path).read_bytes()
    except OSError:
        content = None
    if content is None:
        remedy = "Ask the recipient for a certificate in PEM form and name its path"
        raise StudyError("CERTIFICATE", "recipient", "the certificate's file cannot be read", remedy)
    recipient(content)
    return content


def facts_of(found: Iterable[Held]) -> dict[str, Any]:
    """Counts alone: files searched and not, files with rows, rows of every stage."""
    found = list(found)
    rows = dict.fromkeys(_stages(found), 0)
    for entry in found:
        rows[entry.stage] += entry.frame.height
    return {
        "files_searched": sum(entry.searched for entry in found),
        "files_not_searched": sum(not entry.searched for entry in found),
        "files_with_rows": sum(entry.frame.height > 0 for entry in found),
        "rows": rows,
    }


def _stages(found: Iterable[Held]) -> list[str]:
    """The stages in the order of the data."""
    present = {entry.stage for entry in found}
    return [stage for stage in (*STAGES, *sorted(present - {*STAGES})) if stage in present]


# ---- the search


def held_rows(
    child: Child,
    extract_files: Mapping[str, list[str]],
    individual: str | Path,
    source_format: str,
    xml_max_bytes: int | None,
) -> list[Held]:
    """The child's rows in every file, and the files without any, in the order of the data.

    Raises
    ------
    StudyError : FILE or SCHEMA, if a file cannot be searched.
    """
    supplied = []
    for kind, paths in extract_files.items():
        for path in paths:
            rows = source_rows(kind, path, child.la, child.ids, source_format, xml_max_bytes)
            columns = known_columns(kind, path, source_format) if rows.height else {}
            supplied.append(Held(SUPPLIED, place_of(path), rows, kind, columns))
    return supplied + _derived(Path(individual), child.keys)


def _derived(individual: Path, keys: Sequence[str]) -> list[Held]:
    """The same of everything below results/individual; ids are of one LA alone, so every LA's files are searched."""
    places = {path: path.relative_to(individual) for path in individual.rglob("*") if path.is_file()}
    ordered = sorted((path for path in places if places[path].parts[0] not in EXTRACT_FOLDERS), key=_numbers_in_order)
    rows = {path: _rows(path, "child_id", keys) if path.suffix == ".parquet" else None for path in ordered}
    cohort = {
        path.stem: frame["row_id"].to_list() if frame.height else []
        for path, frame in rows.items()
        if places[path].parts[0] == COHORT and frame is not None and (frame.is_empty() or "row_id" in frame.columns)
    }
    return _in_order_of_data(
        _entry(places[path], _by_number(path, places[path], cohort) if rows[path] is None else rows[path])
        for path in ordered
    )


def _numbers_in_order(path: Path) -> tuple[str, int, str]:
    return str(path.parent), len(path.stem) if path.stem.isdigit() else 0, path.name


def _in_order_of_data(found: Iterable[Held]) -> list[Held]:
    found = list(found)
    stages = _stages(found)
    return sorted(found, key=lambda entry: stages.index(entry.stage))


def _entry(place: Path, rows: pl.DataFrame | None) -> Held:
    frame = pl.DataFrame() if rows is None else rows
    table = str(place.relative_to(place.parts[0]) if len(place.parts) > 1 else place)
    return Held(place.parts[0], table.removesuffix(".parquet"), frame, searched=rows is not None)


def _by_number(path: Path, place: Path, cohort: Mapping[str, list[int]]) -> pl.DataFrame | None:
    """Rows without a child's id, by their numbers in the cohort of the outcome that the file's path names."""
    outcome = next((name for name in place.with_suffix("").parts if name in cohort), None)
    return _rows(path, "row_id", cohort[outcome]) if outcome and path.suffix == ".parquet" else None


def _rows(path: Path, column: str, values: Sequence[Any]) -> pl.DataFrame | None:
    """The rows whose `column` is among the values; None if there is no such column. Only that is read of most files.

    Raises
    ------
    StudyError : FILE.
    """
    try:
        wanted = read_parquet(path, [column])[column].is_in(list(values)).fill_null(False)
        return read_parquet(path).filter(wanted) if wanted.any() else pl.DataFrame()
    except pl.exceptions.ColumnNotFoundError:
        return None
    except (pl.exceptions.PolarsError, OSError):
        problem = "the file cannot be read as parquet"
    raise StudyError("FILE", place_of(path), problem, "Make it again, then answer the request")


# ---- the folder


def bundle(found: Sequence[Held], about: About) -> bytes:
    """A zip of index.html, about.txt, the data dictionary, and a CSV file for every table with rows of the child.

    Equal rows give equal bytes: files are sorted and dated alike.
    """
    named = _csv_names(found)
    searched = pl.DataFrame(
        [(entry.stage, entry.table, entry.frame.height, "yes" if entry.searched else "no") for entry in found],
        schema=["stage", "file", "rows", "searched"],
        orient="row",
    )
    files = {
        "index.html": _page(found, about),
        "about.txt": ABOUT.format(reference=about.reference, made=_day(about.made), found=_found(len(named))),
        "data-dictionary.md": about.dictionary,
        "searched.csv": _csv(searched),
        **{name: _csv(entry.frame) for name, entry in named.items()},
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in sorted(files.items()):
            info = zipfile.ZipInfo(name, ZIP_DATE)
            info.create_system, info.external_attr, info.compress_type = 3, 0o600 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, text.encode())
    return stream.getvalue()


def _csv_names(found: Iterable[Held]) -> dict[str, Held]:
    """Name in the zip -> table with rows; two files of one name in two places are told apart by a number."""
    named: dict[str, Held] = {}
    for entry in found:
        if entry.frame.height:
            stem = f"{entry.stage}/{entry.table.removesuffix('.csv')}"
            names = chain([f"{stem}.csv"], (f"{stem}-{number}.csv" for number in count(2)))
            named[next(name for name in names if name not in named)] = entry
    return named


def _csv(frame: pl.DataFrame) -> str:
    """The frame as CSV in which no cell, nor a column's name, is a formula to a spreadsheet."""
    stream = io.StringIO()
    # With this end of line a return or a new line inside a cell is quoted, so that none begins a line of its own.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerows([_harmless(cell) for cell in row] for row in (frame.columns, *frame.rows()))
    return stream.getvalue()


def _harmless(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _found(n_tables: int) -> str:
    return f"Rows about the child were found in {n_tables} files." if n_tables else "No row about the child was found."


# ---- the page


@dataclass(frozen=True)
class Line:
    """A line of a table on the page: a column of the data, its value in each of the records shown side by side.

    name : as in the file. meaning : what the page's words know it by. used : whether a question of the study reads it.
    part : of a return in XML, where in it the field stands.
    """

    name: str
    meaning: str
    used: bool
    cells: tuple[str, ...]
    part: str = ""


def _page(found: Sequence[Held], about: About) -> str:
    """The answer as one self-contained page."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    with_rows = [entry for entry in found if entry.frame.height]
    return environment.get_template("held.html").render(
        about=about,
        made=_day(about.made),
        la=about.las.get(about.la, ""),
        stages=[_stage(stage, found, about) for stage in _stages(found)],
        any_rows=bool(with_rows),
        questions=_questions(with_rows, about),
        not_searched=[f"{entry.stage}/{entry.table}" for entry in found if not entry.searched],
        left_out=any(LEFT_OUT in row for entry in with_rows if entry.kind for row in entry.frame.rows()),
    )


def _stage(stage: str, found: Sequence[Held], about: About) -> dict[str, Any]:
    """A stage with the tables that hold something, those of the same question together."""
    own = [entry for entry in found if entry.stage == stage]
    groups: dict[str, list[Held]] = {}
    for entry in (entry for entry in own if entry.frame.height):
        groups.setdefault(_question(entry, about) or entry.table, []).append(entry)
    return {
        "name": stage,
        "n_files": sum(entry.searched for entry in own),
        "n_rows": sum(entry.frame.height for entry in own),
        "groups": [
            {
                "question": about.outcomes[name]["label"] if name in about.outcomes else "",
                "file": name,
                "table": Path(name).name,
                "tables": _tables(entries, about),
            }
            for name, entries in groups.items()
        ],
    }


def _tables(entries: Sequence[Held], about: About) -> list[dict[str, Any]]:
    if entries[0].kind in RETURNS:
        return [table for entry in entries for table in _of_return(entry)]
    return _side_by_side(entries, about)


def _question(entry: Held, about: About) -> str | None:
    """The outcome that a table is about, which its path names."""
    return next((part for part in Path(entry.table).parts if part in about.outcomes), None)


def _questions(with_rows: Sequence[Held], about: About) -> list[dict[str, Any]]:
    """The questions that the child's rows took part in, with their number at each step."""
    counted = {
        outcome: {
            stage: sum(e.frame.height for e in with_rows if e.stage == stage and _question(e, about) == outcome)
            for stage in QUESTION_STAGES
        }
        for outcome in about.outcomes
    }
    return [{"label": about.outcomes[name]["label"], **rows} for name, rows in counted.items() if any(rows.values())]


def _side_by_side(entries: Sequence[Held], about: About) -> list[dict[str, Any]]:
    """Records as columns, a few to a table. A record that is the same in several copies of a file is shown once."""
    copies: dict[tuple[Any, ...], list[Held]] = {}
    for entry in entries:
        for number, row in enumerate(entry.frame.iter_rows(named=True), start=1):
            copies.setdefault((number, *row.items()), []).append(entry)
    records = [
        (_head(number, held_in, len(entries)), dict(row), held_in[0]) for (number, *row), held_in in copies.items()
    ]
    return [_table(records[start : start + ACROSS], about) for start in range(0, len(records), ACROSS)]


def _head(number: int, held_in: Sequence[Held], n_files: int) -> str:
    names = [Path(entry.table).name for entry in held_in]
    listed = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
    return f"Record {number}" + (f", {'copies' if len(names) > 1 else 'copy'} {listed}" if n_files > 1 else "")


def _table(records: Sequence[tuple[str, dict[str, Any], Held]], about: About) -> dict[str, Any]:
    told = [_told(row, entry, about) for _, row, entry in records]
    names = dict.fromkeys(name for cells in told for name in cells)
    lines = []
    for name in names:
        known = _known(records[0][2], name)
        lines.append(Line(name, known.column.name or name, known.used, tuple(cells.get(name, "") for cells in told)))
    return {
        "heads": [head for head, _, _ in records],
        "lines": [line for line in lines if any(line.cells)],
        "empty": [line for line in lines if not any(line.cells)],
    }


def _of_return(entry: Held) -> list[dict[str, Any]]:
    """The fields of a return in XML, one below another, a table per record of the child."""
    shown = []
    for _, record in sorted(entry.frame.partition_by("record", as_dict=True).items()):
        lines = []
        for part in record.partition_by("part", maintain_order=True):
            values = {
                name: entry.columns.get(name, UNREAD).value(text) for name, text in part[:, ["field", "value"]].rows()
            }
            dated = {entry.columns[name].column.name: value for name, value in values.items() if name in entry.columns}
            for place, name, text in part[:, ["part", "field", "value"]].rows():
                known = entry.columns.get(name, UNREAD)
                cell = _in_words(known.value(text), known.column, _code_year(known.column, dated))
                lines.append(Line(name, known.column.name or name, known.used, (cell,), place))
        shown.append(
            {"heads": [], "lines": [x for x in lines if x.cells[0]], "empty": [x for x in lines if not x.cells[0]]}
        )
    return shown


def _known(entry: Held, name: str) -> Known:
    """How a column is read: supplied ones by the alias table, canonical ones by their table, later ones by name."""
    if entry.kind:
        return entry.columns.get(name, UNREAD)
    table = Path(entry.table).name
    canonical = tables.columns(table) if table in tables.MODELS else {}
    column = canonical.get(name) or DERIVED.get(name) or tables.Column(name, pl.String(), "text")
    return Known(replace(column, name=name))


def _told(row: Mapping[str, Any], entry: Held, about: About) -> dict[str, str]:
    """A record in words: column -> what it says."""
    known = {name: _known(entry, name) for name in row}
    values = {name: known[name].value(value) if entry.kind else value for name, value in row.items()}
    dated = {known[name].column.name: value for name, value in values.items()}
    outcome = _question(entry, about)
    told = {}
    for name, value in values.items():
        column = known[name].column
        told[name] = _in_words(value, column, _code_year(column, dated))
        if column.name in LA_COLUMNS and (la := re.sub(r"\.0+$", "", told[name])) in about.las:
            told[name] = f"{about.las[la]} ({la})"
        elif name == "outcome" and outcome and value is not None:
            told[name] = _result(value, about.outcomes[outcome]["unit"])
    return told


def _code_year(column: tables.Column, values: Mapping[str, Any]) -> int | None:
    """The census year that dates a column's codes, as far as the record tells."""
    if column.year_of is None:
        return None
    value = values.get(column.year_of, values.get("financial_year"))
    if isinstance(value, date):
        return value.year - (value.month < 4)
    return value if isinstance(value, int) else None


def _in_words(value: Any, column: tables.Column, year: int | None) -> str:
    """A value as a reader expects it."""
    if value is None:
        return ""
    if isinstance(value, date):
        return _day(value)
    if isinstance(value, float) and not column.codes:
        return _number(value)
    if column.kind == "year" and isinstance(value, int):
        return f"April {value} to March {value + 1}"
    return _code_in_words(str(value), column, year) if column.codes else str(value)


def _code_in_words(text: str, column: tables.Column, year: int | None) -> str:
    """What a code stands for, with a remark where it was not in use in its year; what is no code stays as it is."""
    code_set = load_codes(column.codes)
    understood = code_set.recoding()
    written = re.sub(r"\.0+$", "", text.strip().upper())
    if written not in understood:
        return text
    code = next((entry for entry in code_set.codes if entry.code == understood[written]), None)
    if code is None:
        return f"Not known ({text})"
    if column.kind == "flag":
        return code.label
    remark = "" if year is None or code.valid_in(year) else "; this code was not in use in that year"
    return f"{code.label} ({text}){remark}"


def _result(value: float, unit: str) -> str:
    """An outcome: shares are made of children to whom something did or did not happen."""
    return ("Yes" if value else "No") if unit == "percentage points" else f"{_number(value)} {unit}"


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
