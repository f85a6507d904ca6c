"""The record of processing (UK GDPR, Article 30) and a privacy notice, written out of configuration and schemas.

In: what the study states of itself (governance.processing), the register of columns (privacy), the clocks of retention
and the canonical tables; no record of a child is read. Out: a page for the information-governance lead, and a notice in
Markdown that a study adapts for the people its records are about. What a study decides is taken from the configuration
word for word; what the software does is said in the templates.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, pass_eval_context, select_autoescape
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from schemas import tables
from scripts.artefacts import write_text
from scripts.config.schema import KeyPath, dotted
from scripts.dates import add_months
from scripts.documentation.dictionary import KINDS
from scripts.pages.templates import environment as templates
from scripts.privacy.register import RETURNS

FOLDER = Path(__file__).parent
TEMPLATES = {"page": "record.html", "notice": "notice.md"}
# How the configuration marks what only a study can know.
GAP = re.compile(r"\[fill in: [^\]]*\]")


@dataclass(frozen=True)
class Held:
    """A canonical column as the register has it; `category` is None where the register lacks it."""

    name: str
    holds: str
    category: str | None
    special: bool
    purpose: str


def write(outputs: Mapping[str, str], settings: dict[str, Any]) -> None:
    """Write both texts.

    Parameters
    ----------
    outputs : page, notice -> path. settings : study, synthetic, format, dates, privacy, processing, retention,
        project_completed, encrypted; see `scripts.workflow.settings`.
    """
    for name, text in texts(settings).items():
        write_text(text, outputs[name])


def texts(settings: dict[str, Any]) -> dict[str, str]:
    """The page and the notice by name."""
    privacy, processing = settings["privacy"], settings["processing"]
    completed, months = settings["project_completed"], settings["retention"]["data_months"]
    facts = settings | {
        "gaps": [dotted(path) for path in gaps(processing)],
        "columns": columns(privacy),
        "validated": settings["format"] == RETURNS,
        "categories": used_categories(privacy, settings["format"] == RETURNS),
        "deadline": completed and add_months(date.fromisoformat(completed), months).isoformat(),
    }
    environment = _environment()
    return {name: environment.get_template(template).render(facts) for name, template in TEMPLATES.items()}


def gaps(stated: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Paths of the texts that a study has still to fill in."""
    if isinstance(stated, str):
        if GAP.search(stated):
            yield path
        return
    for name, value in stated.items() if isinstance(stated, dict) else enumerate(stated):
        yield from gaps(value, (*path, name))


def columns(privacy: Mapping[str, Any]) -> dict[str, list[Held]]:
    """Canonical table -> its columns, with category and purpose out of the register."""
    register = {name: entry for entry in privacy["register"] for name in entry["columns"]}
    return {
        table: [
            _held(column, register.get(name), privacy["categories"]) for name, column in tables.columns(table).items()
        ]
        for table in tables.MODELS
    }


def _held(column: tables.Column, entry: Mapping[str, Any] | None, categories: Mapping[str, Any]) -> Held:
    holds = KINDS.get(column.kind, "whole number")
    if entry is None:
        return Held(column.name, holds, None, False, "Not read: an extract that has the column is refused")
    category = categories[entry["category"]]
    return Held(column.name, holds, category["label"], category["special"], entry["purpose"])


def used_categories(privacy: Mapping[str, Any], validated: bool) -> list[dict[str, Any]]:
    """The categories of which a column is read: label, special, and the columns; also for validation if `validated`."""
    entries = [*privacy["register"], *(privacy["validation_only"] if validated else [])]
    read = {
        key: [name for entry in entries if entry["category"] == key for name in entry["columns"]]
        for key in privacy["categories"]
    }
    return [category | {"columns": read[key]} for key, category in privacy["categories"].items() if read[key]]


def _environment() -> Environment:
    environment = templates(
        FOLDER, autoescape=select_autoescape(["html"]), finalize=_gaps_marked, keep_trailing_newline=True
    )
    environment.filters |= {"months": _months, "day": _day}
    environment.globals["about"] = {table: (model.__doc__ or "").strip() for table, model in tables.MODELS.items()}
    return environment


@pass_eval_context
def _gaps_marked(context: EvalContext, value: Any) -> Any:
    """What a template prints, with each gap set off: no text of the configuration can show one unmarked."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if context.autoescape:
        # As plain text, because a substitution in a Markup escapes what it puts in.
        return Markup(GAP.sub(r"<mark>\g<0></mark>", str(escape(value))))
    return GAP.sub(r"**\g<0>**", value)


def _months(number: int) -> str:
    return f"{number} month{'' if number == 1 else 's'}"


def _day(iso: str) -> str:
    """An ISO date as it is said: 1 April 2008."""
    day = date.fromisoformat(iso)
    return f"{day.day} {day:%B %Y}"
