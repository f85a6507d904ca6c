"""The entry point of rule `report`: results tables in; one self-contained page out, and the figures of its pictures."""

import base64
import json
import re
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from jinja2 import Environment

from scripts.artefacts import atomic, read_results, write_text
from scripts.pages.templates import environment
from scripts.release.safe_csv import formula_safe, read_safe
from scripts.report.canvas import DOTS_PER_INCH, NARROW, WIDE, Chart, png, svg
from scripts.report.findings import findings, in_short
from scripts.report.page import content, section_of
from scripts.report.sections import SECTIONS
from scripts.report.study import RELEASE, Study
from scripts.report.words import month, number, signed
from scripts.workflow.spread import spread

TEMPLATES = Path(__file__).parent / "templates"
PIXELS_PER_INCH = 96
# Section of the page, and which of its charts
Place = tuple[str, int]


@dataclass(frozen=True)
class Picture:
    """A chart drawn for the page: data URIs of both widths and of its figures, size of the wide one in pixels."""

    name: str
    title: str
    alt: str
    caption: str
    wide: str
    narrow: str
    figures: str
    width: int
    height: int


def report(tables: dict[str, str], page: str, figures: str, processes: int, settings: dict[str, Any]) -> None:
    """Write the page, and beside it a folder with each picture and its figures.

    Parameters
    ----------
    tables : results table -> CSV. processes : how many draw.
    settings : config (the whole study), synthetic, protocol (scripts.report.study).
    """
    told = json.dumps([tables, settings])
    study, read = _read(told)
    found, sections = findings(study, read), content(read, study)
    places = [(name, i) for name, section in sections.items() for i in range(len(section.charts))]
    draw = partial(_draw, told, figures, settings["synthetic"])
    drawn = dict(zip(places, spread(draw, places, processes), strict=True))
    pictures = {name: [drawn[place] for place in places if place[0] == name] for name in sections}
    text = (
        _environment()
        .get_template("page.html")
        .render(
            title=study.config["study"]["title"],
            config=study.config,
            synthetic=settings["synthetic"],
            sections=SECTIONS,
            short=in_short(found, study.config["study"]["practice_model"]),
            findings=found,
            shown={name: {"tables": sections[name].tables, "charts": pictures[name]} for name in sections},
            edition=study.edition,
            agreed=study.protocol,
            configuration=yaml.safe_dump(study.config, sort_keys=False, allow_unicode=True),
        )
    )
    write_text(text, page)


@cache
def _read(told: str) -> tuple[Study, dict[str, pl.DataFrame]]:
    """The study and its results tables, of tables and settings as JSON; each process that draws reads them once."""
    tables, settings = json.loads(told)
    reader = read_safe if settings["config"].get("edition") == RELEASE else read_results
    read = {name: reader(name, path) for name, path in tables.items()}
    return Study.of(settings["config"], settings["protocol"]).with_names(read), read


@cache
def _charts(told: str, section: str) -> list[Chart]:
    """The charts of a section, made once in each process that draws some of them."""
    study, read = _read(told)
    return section_of(section, read, study).charts


def _draw(told: str, folder: str, synthetic: bool, place: Place) -> Picture:
    """Draw one chart of a section."""
    section, position = place
    study, _ = _read(told)
    return _picture(_charts(told, section)[position], folder, synthetic, released=study.edition == RELEASE)


def _environment() -> Environment:
    made = environment(TEMPLATES)
    made.filters |= {
        "number": number,
        "signed": signed,
        "month": month,
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
    }
    return made


def _picture(chart: Chart, folder: str, synthetic: bool, released: bool) -> Picture:
    """Draw a chart, and leave its files in the folder; what is released as PNG."""
    suffix, kind = ("png", "image/png") if released else ("svg", "image/svg+xml")
    drawn = {
        width.name: png(chart, width, synthetic) if released else svg(chart, width, synthetic).encode()
        for width in (WIDE, NARROW)
    }
    for width, picture in drawn.items():
        with atomic(Path(folder) / f"{chart.name}-{width}.{suffix}") as temporary:
            temporary.write_bytes(picture)
    csv = formula_safe(chart.data).write_csv()
    write_text(csv, Path(folder) / f"{chart.name}.csv")
    wide, narrow = (_uri(kind, drawn[width.name]) for width in (WIDE, NARROW))
    return Picture(
        chart.name,
        chart.title,
        chart.alt,
        chart.caption,
        wide,
        narrow,
        _uri("text/csv", csv.encode()),
        *(_png_size if released else _size)(drawn[WIDE.name]),
    )


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _size(drawn: bytes) -> tuple[int, int]:
    """Width and height of an SVG in pixels, for the page to keep room for it."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn.decode())
    return tuple(round(float(box[i]) / 72 * PIXELS_PER_INCH) for i in (1, 2))


def _png_size(drawn: bytes) -> tuple[int, int]:
    """Width and height of a PNG on the page, from its header."""
    return tuple(round(int.from_bytes(drawn[at : at + 4], "big") / DOTS_PER_INCH * PIXELS_PER_INCH) for at in (16, 20))
