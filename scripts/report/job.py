"""The entry point of rule `report`: results tables in; one self-contained page out, and the figures of its pictures."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.artefacts import atomic, read_results, write_text
from scripts.report.canvas import NARROW, WIDE, Chart, svg
from scripts.report.findings import findings, in_short
from scripts.report.page import content
from scripts.report.sections import SECTIONS
from scripts.report.study import Study
from scripts.report.words import month, number, p_value, signed

TEMPLATES = Path(__file__).parent / "templates"
PIXELS_PER_INCH = 96


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


def report(tables: dict[str, str], page: str, figures: str, settings: dict[str, Any]) -> None:
    """Write the page, and beside it a folder with each picture and its figures.

    Parameters
    ----------
    tables : results table -> CSV. settings : config (the whole study), synthetic, protocol (scripts.report.study).
    """
    read = {name: read_results(name, path) for name, path in tables.items()}
    study, synthetic = Study.of(settings["config"], settings["protocol"]), settings["synthetic"]
    found = findings(study, read)
    sections = content(read, study)
    shown = {
        name: {"tables": section.tables, "charts": [_picture(chart, figures, synthetic) for chart in section.charts]}
        for name, section in sections.items()
    }
    text = (
        _environment()
        .get_template("page.html")
        .render(
            title=study.config["study"]["title"],
            config=study.config,
            synthetic=synthetic,
            sections=SECTIONS,
            short=in_short(found, study.config["study"]["practice_model"]),
            findings=found,
            shown=shown,
            agreed=study.protocol,
            configuration=yaml.safe_dump(study.config, sort_keys=False, allow_unicode=True),
        )
    )
    write_text(text, page)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "p_value": p_value,
        "signed": signed,
        "month": month,
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
    }
    return environment


def _picture(chart: Chart, folder: str, synthetic: bool) -> Picture:
    """Draw a chart, and leave its files in the folder."""
    drawn = {width.name: svg(chart, width, synthetic) for width in (WIDE, NARROW)}
    for width, text in drawn.items():
        write_text(text, Path(folder) / f"{chart.name}-{width}.svg")
    csv = chart.data.write_csv()
    with atomic(Path(folder) / f"{chart.name}.csv") as temporary:
        temporary.write_text(csv, encoding="utf-8")
    wide, narrow = (_uri("image/svg+xml", drawn[width.name]) for width in (WIDE, NARROW))
    return Picture(
        chart.name, chart.title, chart.alt, chart.caption, wide, narrow, _uri("text/csv", csv), *_size(drawn[WIDE.name])
    )


def _uri(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


def _size(drawn: str) -> tuple[int, int]:
    """Width and height of an SVG in pixels, for the page to keep room for it."""

    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)
    return tuple(round(float(box[i]) / 72 * PIXELS_PER_INCH) for i in (1, 2))
