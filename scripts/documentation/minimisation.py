"""The minimisation page: which data may enter, under which published category, and what for.

In: config block `privacy`, the alias tables and what the outcomes use. Out: Markdown.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from schemas import tables
from scripts.documentation.dictionary import Uses, markdown_table
from scripts.documentation.lineage import KEYS
from scripts.ingest.layout import TABLES

INTRODUCTION = """# Data minimisation

Only what is listed here may enter. A column of an extract that is in none of these lists is refused before anything
reads it ([privacy.md](privacy.md)); the lists are block `privacy` of `config.yaml`, from which this page is written by
`snakemake --cores 1 documentation`. A test keeps it equal to them.
"""


def minimisation(privacy: Mapping[str, Any], used_by: Uses) -> str:
    """The whole page."""
    categories = privacy["categories"]
    return "\n".join(
        [
            INTRODUCTION,
            "## Categories\n",
            markdown_table(
                ["Category", "Special-category data, or as sensitive"],
                [[entry["label"], "yes" if entry["special"] else "no"] for entry in categories.values()],
            ),
            "## What is read\n",
            "By canonical name; [data-dictionary.md](data-dictionary.md) has the names in the sources.\n",
            markdown_table(
                ["Category", "Purpose", "Columns", "Outcomes that use them"],
                [
                    [categories[entry["category"]]["label"], entry["purpose"], _names(entry["columns"]), used]
                    for entry in privacy["register"]
                    for used in [_outcomes(entry["columns"], used_by)]
                ],
            ),
            "## What only the validation rules read\n",
            "Fields of returns by their source names; nothing of them is kept but counts of broken rules.\n",
            markdown_table(
                ["Category", "Purpose", "Columns"],
                [
                    [categories[entry["category"]]["label"], entry["purpose"], _names(entry["columns"])]
                    for entry in privacy["validation_only"]
                ],
            ),
            "## What may be supplied and is not read\n",
            f"{_names(privacy['supplied'])}\n",
            "## What is discarded by name\n",
            f"{_names(privacy['discard']) or 'Nothing.'}\n",
        ]
    )


def categories_by_column(privacy: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """(table, column) -> label of its category."""
    labels = {
        column: privacy["categories"][entry["category"]]["label"]
        for entry in privacy["register"]
        for column in entry["columns"]
    }
    return {(table, column): labels[column] for table in TABLES for column in tables.columns(table)}


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)


def _outcomes(columns: Iterable[str], used_by: Uses) -> str:
    """The outcomes that any of the columns serves, in whichever table."""
    wanted = set(columns)
    if wanted & set(KEYS):
        return "all"
    used = {outcome: None for (_, column), roles in used_by.items() if column in wanted for outcome in roles}
    return ", ".join(used) or "none: data quality and validation only"
