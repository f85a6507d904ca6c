"""CIN census XML, streamed child by child into the rows the National Pupil Database would hold.

In: an XML file and the layouts of the tables it fills. Out: frames of strings under canonical names. As in the pupil
database, a referral has one row per child protection plan, or one row if it led to none (data-formats section 3.1);
what hangs below a referral (assessments, section 47 enquiries) loses that link. A conference is recorded either with
the referral or with the enquiry, and stays where it was recorded (trap T-20). Hostile input is refused: no document
type, no entities, a size limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import polars as pl
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from scripts.errors import StudyError
from scripts.ingest.layout import TableLayout
from scripts.ingest.tabular import place_of

ROOTS = ("message", "cindetailscollection")
NO_DISABILITY = "NONE"
Row = dict[str, str | None]


@dataclass
class CensusFile:
    """What one file holds: rows per table, the header's year and LA if it has one, and the elements nothing reads."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    year: str | None = None
    la: str | None = None
    unread: dict[str, set[str]] = field(default_factory=dict)


def read_census(path: str | Path, layouts: dict[str, TableLayout], max_bytes: int | None) -> CensusFile:
    """Read a CIN census file.

    Parameters
    ----------
    layouts : table -> where its columns come from; only elements named there are kept.
    max_bytes : refuse larger files; None sets no limit.

    Raises
    ------
    StudyError : FILE, if the file is too large, not well-formed, declares entities, or is no CIN census.
    """
    if max_bytes is not None and Path(path).stat().st_size > max_bytes:
        problem = f"the file is larger than {max_bytes} bytes"
        raise StudyError("FILE", place_of(path), problem, "Raise extracts.xml_max_bytes if the file is right")
    result = CensusFile(rows={table: [] for table in layouts}, unread={table: set() for table in layouts})
    reader = _Reader(layouts, result)
    try:
        with Path(path).open("rb") as stream:
            for element in _elements(stream, place_of(path)):
                reader.take(element)
    except (ParseError, DefusedXmlException, UnicodeError, ValueError):
        result = None
    if result is None:
        problem = "the file is not well-formed XML, or it declares entities or a document type"
        raise StudyError("FILE", place_of(path), problem, "Supply a plain CIN census file")
    return result


def frame(result: CensusFile, layout: TableLayout, place: str) -> pl.DataFrame:
    """The rows of one table as strings, one column per canonical column of its layout.

    Raises
    ------
    StudyError : SCHEMA, if there are rows and not one of them has a required element.
    """
    rows = result.rows[layout.table]
    names = list(layout.columns)
    if layout.table == "referrals":
        names.append("disability")
    text = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))
    absent = [name for name, source in layout.columns.items() if source.required and rows and not text[name].count()]
    if absent:
        wanted = "; ".join(f"{name} ({' or '.join(layout.columns[name].names)})" for name in absent)
        raise StudyError("SCHEMA", place, f"required elements are missing: {wanted}", "Add them or their alias")
    return text


def _elements(stream: object, place: str) -> Iterator[Element]:
    """Headers and children as they end; each is cleared after use, so memory holds one child at a time."""
    parents: list[Element] = []
    for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
        if event == "start":
            if not parents and _name(element) not in ROOTS:
                raise StudyError("FILE", place, "the file is no CIN census", "Supply a file with a Message of children")
            parents.append(element)
            continue
        parents.pop()
        if _name(element) in ("header", "child"):
            yield element
            parents[-1].clear()


def _name(element: Element) -> str:
    """The local name in lower case, without its name space."""
    return element.tag.rpartition("}")[2].lower()


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _name(child) == name)


def _text(element: Element) -> str:
    return (element.text or "").strip()


class _Reader:
    """Turns header and child elements into rows."""

    def __init__(self, layouts: dict[str, TableLayout], result: CensusFile) -> None:
        self.result = result
        self.aliases = {
            table: {name.lower(): column for column, source in layout.columns.items() for name in source.names}
            for table, layout in layouts.items()
        }

    def take(self, element: Element) -> None:
        """Note a header, or add the rows of a child."""
        if _name(element) == "child":
            self._take_child(element)
            return
        texts = {_name(part): _text(part) for part in element.iter()}
        self.result.year = texts.get("year") or None
        self.result.la = texts.get("lea") or None

    def _take_child(self, child: Element) -> None:
        person: Row = {}
        for module in ("childidentifiers", "childcharacteristics"):
            for part in _children(child, module):
                person.update(self._leaves(part, "referrals"))
        codes = [_text(code) for part in child.iter() if _name(part) == "disabilities" for code in part]
        person["disability"] = _has_disability(codes)
        key = {"child_id": person.get("child_id")}
        self.result.rows["disabilities"].extend({**key, "disability": code} for code in codes)
        for details in _children(child, "cindetails"):
            self._take_referral(details, person, key)

    def _take_referral(self, details: Element, person: Row, key: Row) -> None:
        referral = {**person, **self._leaves(details, "referrals")}
        plans = [self._leaves(plan, "referrals") for plan in _children(details, "childprotectionplans")]
        self.result.rows["referrals"].extend({**referral, **plan} for plan in plans or [{}])
        for module, table in (("assessments", "assessments"), ("section47", "section47")):
            rows = [{**key, **self._leaves(part, table)} for part in _children(details, module)]
            self.result.rows[table].extend(rows)

    def _leaves(self, element: Element, table: str) -> Row:
        """Canonical column -> text of the elements directly below that the table reads; the others' names are noted."""
        aliases = self.aliases[table]
        row: Row = {}
        for leaf in element:
            if len(leaf):
                continue
            column = aliases.get(_name(leaf))
            if column is None:
                self.result.unread[table].add(_name(leaf))
            else:
                row.setdefault(column, _text(leaf))
        return row


def _has_disability(codes: list[str]) -> str | None:
    """The flag the pupil database derives: any code but NONE is a disability; without a code it is unknown."""
    stated = {code.upper() for code in codes if code}
    return str(int(stated != {NO_DISABILITY})) if stated else None
