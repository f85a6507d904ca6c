"""The entry point of rule `documentation`: a validated study in, the pages that are written out of schemas and code."""

from typing import Any

from scripts.artefacts import write_text
from scripts.decisions import decisions, sources
from scripts.documentation.decisions import decisions_page
from scripts.documentation.dictionary import dictionary
from scripts.documentation.lineage import uses
from scripts.documentation.minimisation import categories_by_column, minimisation
from scripts.documentation.sample import Sample

FORMATS = ("npd", "ucl", "census")


def document(outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Write docs/data-dictionary.md, docs/minimisation.md and docs/decisions.md. `settings`: config, the study."""
    for name, text in pages(settings["config"]).items():
        write_text(text, outputs[name])


def pages(study: dict[str, Any]) -> dict[str, str]:
    """Name -> text of every page."""
    sample = Sample(study)
    used_by = uses(sample.tables(), sample.events)
    privacy = study["privacy"]
    return {
        "data_dictionary": dictionary(FORMATS, categories_by_column(privacy), used_by),
        "minimisation": minimisation(privacy, used_by),
        "decisions": decisions_page(sources(), decisions()),
    }
