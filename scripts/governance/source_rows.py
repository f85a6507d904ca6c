"""What the files of an extract hold about one child, as supplied, and what their columns are read as.

In: a file of an LA, its kind, and the child's ids as the file has them. Out: the child's rows as text, and nobody
else's: of a table its columns, of a return in XML every field of the child's record with the part it stands in, read
or not. A field that tells of another child (`OF_ANOTHER_CHILD`) is left out of them.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from xml.etree.ElementTree import Element

import polars as pl
from defusedxml.ElementTree import iterparse

from schemas import tables
from scripts.ingest.layout import FileLayout, load_layouts, resolve, source_of
from scripts.ingest.tabular import collect, place_of, read_header, scan_text, without_fraction
from scripts.ingest.typed import ACADEMIC_YEAR
from scripts.ingest.xml_return import Description, describe, read_return

# Kind of a file in XML -> its return, and the kinds whose alias tables know its fields.
RETURNS = {
    "cin_xml": ("cin", ("cin_xml",)),
    "ssda903_xml": ("ssda903", ("ssda903_header", "ssda903_episodes", "ssda903_uasc")),
}
RECORD = {"record": pl.Int64, "part": pl.String, "field": pl.String, "value": pl.String}
# A young mother's record in an SSDA903 return tells when her own child was born.
OF_ANOTHER_CHILD = frozenset({"mc_dob"})
LEFT_OUT = "[left out: it is about another child]"
# Codes in columns that no question of the study reads; a name in lower case, without cin_ or cla_ -> its code set.
UNREAD_CODES = {
    "referralsource": "referral_source",
    "initialcategoryofabuse": "category_of_abuse",
    "rne": "reason_for_new_episode",
    "reason_for_new_episode": "reason_for_new_episode",
    "place_provider": "placement_provider",
    "reason_place_change": "reason_place_change",
    "reason_for_placement_change": "reason_place_change",
}
DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%d/%m/%Y")


@dataclass(frozen=True)
class Known:
    """What a source column is read as: a canonical column, the formats of its dates, the texts that stand for none.

    used : whether the study's tables are made from it.
    """

    column: tables.Column
    formats: tuple[str, ...] = DATE_FORMATS
    missing: tuple[str, ...] = ("",)
    used: bool = True

    def value(self, text: str | None) -> date | int | str | None:
        """A text as the date, census year or text it stands for; a date that cannot be read stays text."""
        stripped = (text or "").strip()
        if stripped in self.missing:
            return None
        if self.column.kind == "date":
            return _date(stripped, self.formats)
        if self.column.kind == "year":
            stated = re.match(ACADEMIC_YEAR, stripped)
            return int(stated.group(1)) if stated else stripped
        return stripped


# A column without a meaning here: a date if it looks like one, else text.
UNREAD = Known(tables.Column("", pl.String(), "date"), used=False)


def source_rows(
    kind: str, path: str, la: str, ids: Sequence[str], source_format: str, xml_max_bytes: int | None
) -> pl.DataFrame:
    """The child's rows of one file, in the order of the file, every column as text.

    Parameters
    ----------
    kind : of the file, in the alias table. la : the child's source LA; rows that state another are another child's.
    ids : the child's ids as the file has them.

    Returns
    -------
    The file's columns; of a return in XML record (counted from 1), part, field and value.

    Raises
    ------
    StudyError : FILE or SCHEMA, if the file cannot be searched.
    """
    wanted = sorted({text.strip() for text in ids})
    layouts = load_layouts(source_format)
    if kind in RETURNS:
        return _of_return(kind, path, wanted, layouts, xml_max_bytes)
    table = layouts[kind].only_table()
    header = read_header(path)
    positions = resolve(table, header, place_of(path))
    found = source_of(header, positions["child_id"], table.missing).is_in(wanted)
    if "la_code" in positions:
        found &= (without_fraction(source_of(header, positions["la_code"], table.missing)) == la).fill_null(True)
    rows = collect(scan_text(path, header).filter(found), path)
    foreign = [name for name in header if name.lower() in OF_ANOTHER_CHILD]
    return rows.with_columns(pl.when(pl.col(name) != "").then(pl.lit(LEFT_OUT)).alias(name) for name in foreign)


def known_columns(kind: str, path: str, source_format: str) -> dict[str, Known]:
    """Name of a column or field of a file -> what it is read as, for those that have a meaning here.

    Raises
    ------
    StudyError : FILE or SCHEMA, as `source_rows`.
    """
    layouts = load_layouts(source_format)
    if kind in RETURNS:
        name, kinds = RETURNS[kind]
        fields = [field for module in describe(name).fields.values() for field in module]
        return dict(_unread(fields)) | {field: known for read in kinds for field, known in _fields(layouts[read])}
    table = layouts[kind].only_table()
    header = read_header(path)
    read = {
        header[position]: Known(
            tables.columns(table.table)[name], table.columns[name].formats or DATE_FORMATS, table.missing
        )
        for name, positions in resolve(table, header, place_of(path)).items()
        for position in positions
    }
    return dict(_unread(header)) | read


def _unread(names: Sequence[str]) -> Iterator[tuple[str, Known]]:
    for name in names:
        code_set = UNREAD_CODES.get(name.lower().removeprefix("cin_").removeprefix("cla_"))
        if code_set:
            yield name, Known(tables.Column(name, pl.String(), "code", code_set), used=False)


def _fields(layout: FileLayout) -> Iterator[tuple[str, Known]]:
    for table in layout.tables.values():
        for column, source in table.columns.items():
            for name in source.names:
                yield name, Known(tables.columns(table.table)[column], source.formats, table.missing)


def _date(text: str, formats: tuple[str, ...]) -> date | str:
    """The date in the first format that fits to the letter (parsers take 1/2/17 for year 17), else the text."""
    for form in formats:
        try:
            day = datetime.strptime(text, form).date()
        except ValueError:
            continue
        if day.strftime(form) == text:
            return day
    return text


def _of_return(
    kind: str, path: str, ids: list[str], layouts: dict[str, FileLayout], xml_max_bytes: int | None
) -> pl.DataFrame:
    """Every field of the child's records, also those that ingest passes over: they are held in the file too."""
    name, kinds = RETURNS[kind]
    # Refuses what is too large, not well-formed or no such return, in one place for all.
    read_return(path, name, xml_max_bytes)
    description = describe(name)
    (id_field,) = next(iter(layouts[kinds[0]].tables.values())).columns["child_id"].names
    rows = [
        (number, part, _spelled(leaf, description), _text(leaf))
        for number, record in enumerate(_records(path, description), start=1)
        if _id_of(record, id_field, description) in ids
        for part, leaf in _leaves(record, "")
    ]
    frame = pl.DataFrame(rows, schema=RECORD, orient="row")
    foreign = pl.col("field").str.to_lowercase().is_in(sorted(OF_ANOTHER_CHILD)) & (pl.col("value") != "")
    return frame.with_columns(pl.when(foreign).then(pl.lit(LEFT_OUT)).otherwise("value").alias("value"))


def _records(path: str, description: Description) -> Iterator[Element]:
    """The records of a return that has been checked, each cleared after use."""
    for _, element in iterparse(path, forbid_dtd=True):
        if len(element) and _local(element).lower() == description.record:
            yield element
            element.clear()


def _id_of(record: Element, id_field: str, description: Description) -> str | None:
    return next((_text(leaf) for _, leaf in _leaves(record, "") if _spelled(leaf, description) == id_field), None)


def _leaves(element: Element, path: str) -> Iterator[tuple[str, Element]]:
    """The fields below an element, each with the parts it stands in; parts that occur more than once are numbered."""
    total = Counter(_local(part) for part in element if len(part))
    seen: Counter[str] = Counter()
    for part in element:
        if not len(part):
            yield path, part
            continue
        name = _local(part)
        seen[name] += 1
        label = name if total[name] == 1 else f"{name} {seen[name]}"
        yield from _leaves(part, f"{path} / {label}" if path else label)


def _spelled(leaf: Element, description: Description) -> str:
    return description.spelled.get(_local(leaf).lower(), _local(leaf))


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: Element) -> str:
    return (element.text or "").strip()
