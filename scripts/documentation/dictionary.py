"""The data dictionary, written out of the schemas: nothing in it is typed by hand.

In: the models of the canonical tables, the alias tables, the code sets, the register of categories and what the
outcomes use. Out: Markdown.
"""

from collections.abc import Iterable, Mapping

from schemas import tables
from scripts.codes import Code, CodeSet, load_codes
from scripts.documentation.lineage import KEYS, OUTCOME
from scripts.ingest.layout import TABLES, ColumnSource, load_layouts

Uses = Mapping[tuple[str, str], Mapping[str, str]]

INTRODUCTION = """# Data dictionary

What ingest leaves of an extract, whatever its format: a section per table, then the code sets. Census years are named
by the year in which the financial year starts: 2013 is April 2013 to March 2014.

- **Source** lists the names each format uses, in order of preference; `#n` is a position in files read by position.
- **Category** is the published category of personal data ([minimisation.md](minimisation.md) has the purposes).
- **Used by** lists the outcomes that change when the column is spoilt: in **bold** where it decides who is in the
  outcome, when the clock starts or what is measured, in plain type where only covariates change. It is found by
  emptying or shuffling the column of a synthetic extract and running cleaning and outcomes again.

Written by `snakemake --cores 1 documentation`; a test keeps it equal to the schemas.
"""
KINDS = {
    "text": "text",
    "code": "code",
    "recoded": "code",
    "date": "date",
    "year": "census year",
    "flag": "yes or no (1 or 0)",
}


def dictionary(formats: Iterable[str], categories: Mapping[tuple[str, str], str], used_by: Uses) -> str:
    """The whole page. `categories`: (table, column) -> label; `used_by` as `scripts.documentation.lineage.uses`."""
    sources = {name: _sources(name) for name in formats}
    sections = [_table(name, sources, categories, used_by) for name in TABLES]
    code_sets = sorted({c.codes for table in TABLES for c in tables.columns(table).values() if c.codes})
    return "\n".join([INTRODUCTION, *sections, "## Code sets\n", *(_code_set(load_codes(name)) for name in code_sets)])


def _sources(source_format: str) -> dict[tuple[str, str], ColumnSource]:
    """(table, column) -> where a format has it."""
    return {
        (table, column): source
        for layout in load_layouts(source_format).values()
        for table, content in layout.tables.items()
        for column, source in content.columns.items()
    }


def _table(
    table: str,
    sources: Mapping[str, Mapping[tuple[str, str], ColumnSource]],
    categories: Mapping[tuple[str, str], str],
    used_by: Uses,
) -> str:
    rows = []
    for name, column in tables.columns(table).items():
        places = [(source_format, _told(found.get((table, name)))) for source_format, found in sources.items()]
        rows.append(
            [
                f"`{name}`",
                _type(column),
                "<br>".join(f"{source_format}: {told}" for source_format, told in places if told) or "derived",
                categories[table, name],
                "every outcome" if name in KEYS else _outcomes(used_by[table, name]),
            ]
        )
    header = ["Column", "Type", "Source", "Category", "Used by"]
    return f"## {table}\n\n{(tables.MODELS[table].__doc__ or '').strip()}\n\n{markdown_table(header, rows)}"


def markdown_table(header: list[str], rows: Iterable[list[str]]) -> str:
    """A table in Markdown, with a blank line after it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _type(column: tables.Column) -> str:
    if column.kind == "whole":
        return f"whole number, {column.low} to {column.high}"
    in_set = f" ([{column.codes}](#{column.codes}))" if column.codes and column.kind != "flag" else ""
    return KINDS[column.kind] + in_set


def _told(source: ColumnSource | None) -> str:
    if source is None:
        return ""
    return f"#{source.position}" if source.position else ", ".join(f"`{name}`" for name in source.names)


def _outcomes(roles: Mapping[str, str]) -> str:
    return ", ".join(f"**{name}**" if role == OUTCOME else name for name, role in roles.items()) or "no outcome"


def _code_set(code_set: CodeSet) -> str:
    rows = [[f"`{code.code}`", code.label, _years(code), code.group or ""] for code in code_set.codes]
    dirt = [f"`{written}` as {f'`{code}`' if code else 'missing'}" for written, code in code_set.dirt.items()]
    known = f"Also understood: {', '.join(dirt)}.\n" if dirt else ""
    table = markdown_table(["Code", "Meaning", "Census years", "Analysis group"], rows)
    return f"### {code_set.name}\n\n{table}\n{known}"


def _years(code: Code) -> str:
    if code.first is None and code.last is None:
        return "all"
    return f"{code.first or '…'} to {code.last or '…'}"
