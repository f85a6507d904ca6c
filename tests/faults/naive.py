"""What an extract says, read a second time by plain Python that shares no code with the workflow.

In: the bytes of a CSV file and what docs/extracts.md says about its kind. Out: the rows that ingest should leave, cell
by cell, or `Unfit`. It is slow and short; where it and the workflow differ, one of them is wrong.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.dom import minidom
from xml.parsers.expat import ExpatError

# Unicode's White_Space, which is what is stripped around values; Python's own str.strip strips four more.
BLANK = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
MISSING = ("", "NULL", "NA")


class Unfit(Exception):
    """The file says nothing that may be used."""


def records(content: bytes) -> list[list[str]]:
    """The records of a CSV file by RFC 4180: quotes surround whole fields or are doubled inside them.

    Raises
    ------
    Unfit : for text that is not UTF-8, NUL characters, and quotes anywhere else.
    """
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Unfit("encoding") from None
    if "\0" in text:
        raise Unfit("NUL")
    found: list[list[str]] = []
    record: list[str] = []
    position = 0
    while position < len(text):
        value, position = _quoted(text, position) if text[position] == '"' else _plain(text, position)
        record.append(value)
        end = text[position : position + 1]
        if end == "\r" and text[position + 1 : position + 2] == "\n":
            end, position = "\n", position + 1
        if end == ",":
            position += 1
            if position < len(text):
                continue
            record.append("")
        elif end not in ("\n", ""):
            raise Unfit("quotes")
        position += 1
        found.append(record)
        record = []
    return [record for record in found if record != [""]]


def _quoted(text: str, start: int) -> tuple[str, int]:
    position = start + 1
    while True:
        end = text.find('"', position)
        if end < 0:
            raise Unfit("quotes")
        if text[end + 1 : end + 2] != '"':
            return text[start + 1 : end].replace('""', '"'), end + 1
        position = end + 2


def _plain(text: str, start: int) -> tuple[str, int]:
    end = min((found for found in (text.find(",", start), text.find("\n", start)) if found >= 0), default=len(text))
    value = text[start:end]
    if '"' in value:
        raise Unfit("quotes")
    if value.endswith("\r") and text[end : end + 1] in ("\n", ""):
        return value[:-1], end - (text[end : end + 1] == "\n")
    return value, end


@dataclass(frozen=True)
class Column:
    """How a canonical column is read: `kind`, source names or a position, known spellings of its codes, a range."""

    name: str
    kind: str
    names: tuple[str, ...] = ()
    position: int | None = None
    rowwise: bool = False
    required: bool = False
    school_term: bool = False
    spellings: dict[str, str | None] | None = None
    low: int = 0
    high: int = 0


def table(content: bytes, columns: list[Column], la: str, year: int | None) -> list[dict[str, Any]]:
    """The canonical rows of a CSV file, ids as they stand there; raises as `table_of`."""
    return table_of(records(content), columns, la, year)


def table_of(rows: list[list[str]], columns: list[Column], la: str, year: int | None) -> list[dict[str, Any]]:
    """The canonical rows of the records of a file, the header first.

    Raises
    ------
    Unfit : if the file may not be used.
    """
    if not any(column.name == "la_code" for column in columns):
        columns = [Column("la_code", "text"), *columns]
    if not rows or not any(name.strip(BLANK) for name in rows[0]):
        raise Unfit("header")
    header, body = [name.strip(BLANK).lower() for name in rows[0]], rows[1:]
    if any(len(row) != len(header) for row in body):
        raise Unfit("ragged")
    if len({name for name in header if name}) < sum(map(bool, header)):
        raise Unfit("repeated names")
    sources = {column.name: _sources(column, header) for column in columns}
    for column in columns:
        if column.required and not sources[column.name]:
            raise Unfit(f"no {column.name}")
    known = []
    for row in body:
        texts = {column.name: _text(row, sources[column.name]) for column in columns}
        if "la_code" in texts and sources["la_code"] and _whole_text(texts["la_code"]) != la:
            raise Unfit("LA")
        if "census_year" in texts:
            texts["census_year"] = _year(texts["census_year"], year)
        if texts["child_id"] is not None:
            known.append(texts)
    return [{column.name: _value(column, texts[column.name], la) for column in columns} for texts in known]


def _sources(column: Column, header: list[str]) -> list[int]:
    if column.position is not None:
        return [column.position - 1] if column.position <= len(header) else []
    plain = [re.sub(r"_(spr|sum|aut)[0-9]{2}$", "", name) if column.school_term else name for name in header]
    found = [[i for i, name in enumerate(plain) if name == source.lower()] for source in column.names]
    if any(len(places) > 1 for places in found):
        raise Unfit("two sources")
    present = [places[0] for places in found if places]
    return present if column.rowwise else present[:1]


def _text(row: list[str], places: list[int]) -> str | None:
    values = (row[place].strip(BLANK) for place in places)
    return next((value for value in values if value not in MISSING), None)


def _whole_text(text: str | None) -> str | None:
    return None if text is None else re.sub(r"\.0+$", "", text)


def _year(text: str | None, otherwise: int | None) -> int:
    if text is None and otherwise is not None:
        return otherwise
    found = re.fullmatch(r"([0-9]{4})/([0-9]{4}|[0-9]{2})", text or "")
    if not found:
        raise Unfit("year")
    return int(found[1])


def _value(column: Column, text: Any, la: str) -> Any:
    if column.name == "la_code":
        return la
    if text is None or column.kind in ("text", "year"):
        return text
    if column.kind == "date":
        found = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})( 00:00:00)?", text)
        try:
            return date(*map(int, found.groups()[:3])) if found else None
        except ValueError:
            return None
    if column.kind == "whole":
        number = _whole_text(text)
        value = int(number) if re.fullmatch(r"[+-]?[0-9]{1,20}", number) else None
        return value if value is not None and column.low <= value <= column.high else None
    if column.kind == "code":
        return text.strip(BLANK).upper()
    code = _whole_text(text).strip(BLANK).upper()
    known = column.spellings.get(code)
    return (
        int(known)
        if column.kind == "flag" and known is not None
        else known or (None if column.kind == "flag" else code)
    )


# ---- returns in XML

RECORDS = ("assessments", "section47", "childprotectionplans", "cinplandates", "preproceedingsandfgdm", "cindetails")
LISTS = ("disabilities", "factorsidentifiedatassessment", "reviews")
REFERRAL = {"CINreferralDate": "date", "CINclosureDate": "date", "ReferralNFA": "flag"}
PLAN = {"CPPstartDate": "date", "NumberOfPreviousCPP": "whole"}


def referrals(content: bytes) -> list[tuple[Any, ...]]:
    """Per referral and plan of a CIN census: child id, fields of `REFERRAL`, fields of `PLAN`; in order.

    Raises
    ------
    Unfit : if the file is no well-formed XML, or declares a document type.
    """
    try:
        document = minidom.parseString(content)
    except (ExpatError, UnicodeError, ValueError, LookupError):
        raise Unfit("XML") from None
    if document.doctype is not None:
        raise Unfit("document type")
    found = []
    for child in _below(document, "child"):
        own = _parse("text", _first(child, "lachildid"))
        for details in _below(child, "cindetails"):
            facts = tuple(_parse(kind, _first(details, name.lower())) for name, kind in REFERRAL.items())
            plans = _below(details, "childprotectionplans") or [document.createElement("none")]
            found += [
                (own, *facts, *(_parse(kind, _first(plan, name.lower())) for name, kind in PLAN.items()))
                for plan in plans
            ]
    return [row for row in found if row[0] is not None]


def _parse(kind: str, text: str | None) -> Any:
    if text is None or text.strip(BLANK) in MISSING:
        return None
    flags = {"0": "0", "1": "1", "FALSE": "0", "TRUE": "1", "N": "0", "Y": "1", "NO": "0", "YES": "1", "2": None}
    return _value(Column("", kind, spellings=flags, high=99), text.strip(BLANK), "")


def _name(node: Any) -> str:
    return node.localName.lower() if node.localName else node.nodeName.rpartition(":")[2].lower()


def _elements(node: Any) -> list[Any]:
    return [child for child in node.childNodes if child.nodeType == child.ELEMENT_NODE]


def _below(node: Any, name: str) -> list[Any]:
    """Elements of a name below, not looking into records of another kind."""
    found = []
    for child in _elements(node):
        if _name(child) == name:
            found.append(child)
        elif _name(child) not in (*RECORDS, *LISTS):
            found += _below(child, name)
    return found


def _first(node: Any, name: str) -> str | None:
    """The text of the first field of a name below, not looking into records and lists."""
    for child in _elements(node):
        if _name(child) in (*RECORDS, *LISTS):
            continue
        if not _elements(child) and _name(child) == name:
            return "".join(
                part.data for part in child.childNodes if part.nodeType in (part.TEXT_NODE, part.CDATA_SECTION_NODE)
            )
        if (found := _first(child, name)) is not None:
            return found
    return None
