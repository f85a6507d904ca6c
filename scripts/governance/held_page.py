"""The page of a subject access request: everything held about a child in plain words.

In: what was found (scripts.governance.held_rows) and what the study says of itself. Out: one self-contained page; codes
have the words of their year, dates and yes/no are written out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from schemas import tables
from scripts.codes import load_codes
from scripts.governance.held_rows import Child, Held, stages_of
from scripts.governance.source_rows import LEFT_OUT, RETURNS, UNREAD, Known
from scripts.pages.templates import environment

FOLDER = Path(__file__).parent
# Stages whose tables answer a question of the study.
QUESTION_STAGES = ("outcomes", "cohort", "matched")
# The page shows so many records side by side; more would not fit on paper.
ACROSS = 3
LA_COLUMNS = ("la_code", "group")


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


def page_of(found: Sequence[Held], about: About) -> str:
    """The answer as one self-contained page."""
    with_rows = [entry for entry in found if entry.frame.height]
    return (
        environment(FOLDER)
        .get_template("held.html")
        .render(
            about=about,
            made=day_in_words(about.made),
            la=about.las.get(about.la, ""),
            stages=[_stage(stage, found, about) for stage in stages_of(found)],
            any_rows=bool(with_rows),
            questions=_questions(with_rows, about),
            not_searched=[f"{entry.stage}/{entry.table}" for entry in found if not entry.searched],
            left_out=any(LEFT_OUT in row for entry in with_rows if entry.kind for row in entry.frame.rows()),
        )
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
        return day_in_words(value)
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


def day_in_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
