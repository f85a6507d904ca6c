"""What stands on the page, in order: each section's pictures and tables, made from the results tables that there are.

An edition of the page is the set of results tables it is given: a part is left out where its tables are absent or say
nothing, and a section where nothing is left of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from scripts.report.canvas import Chart
from scripts.report.charts import assumptions, effects, events, flow, matching, robustness, trends
from scripts.report.charts import quality as quality_charts
from scripts.report.study import AUTHORITIES, Study
from scripts.report.tables import provenance, quality, results, who
from scripts.report.tables.table import Table

Tables = dict[str, pl.DataFrame]
Part = Callable[[Tables, Study], list[Chart] | list[Table]]


@dataclass(frozen=True)
class Section:
    """The pictures and tables of a section."""

    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


# Section -> its parts, each with the results tables it reads.
PARTS: dict[str, list[tuple[Part, tuple[str, ...]]]] = {
    "trial": [(provenance.trial, ())],
    "flow": [(flow.flow, ("flow", "balance_overall")), (who.flow, ("flow",))],
    "quality": [
        (quality_charts.completeness, ("la_matches", "completeness")),
        (quality_charts.recording, ("la_matches", "yearly_profile")),
        (quality_charts.cleaning, ("la_matches", "ledger")),
        (quality.set_aside, ("ledger",)),
        (quality.unknown_class, ("ledger",)),
        (quality.returns, ("completeness",)),
        (quality.breaks, ("recording_breaks",)),
        (quality.lost, ("published_groups",)),
    ],
    "missing": [(quality_charts.missing, ("missingness",)), (quality.missing, ("missingness",))],
    "matching": [(who.matches, ("la_matches",)), (matching.la_balance, ("la_balance",))],
    "balance": [
        (matching.love, ("balance",)),
        (who.samples, ("balance_overall",)),
        (who.dropped, ("dropped",)),
    ],
    "overlap": [(matching.overlap, ("overlap",))],
    "trends": [(trends.trends, ("trends", "la_matches"))],
    "events": [
        (events.events, ("estimates", "model_tests")),
        (results.before_embedding, ("model_tests",)),
        (events.staggered, ("estimates",)),
    ],
    "inference": [
        (effects.effects, ("conclusions",)),
        (effects.methods, ("estimates",)),
        (results.specifications, ("estimates",)),
        (results.not_estimated, ("estimation_status",)),
        (results.omitted, ("model_terms",)),
    ],
    "stability": [(robustness.leave_one_out, ("leave_one_out", "conclusions"))],
    "authorities": [(robustness.la_effects, ("la_effects",))],
    "curve": [(robustness.curve, ("specification_curve",))],
    "subgroups": [(robustness.subgroups, ("subgroups",))],
    "sensitivity": [
        (assumptions.bounds, ("sensitivity",)),
        (results.sensitivity, ("sensitivity",)),
        (results.placebos, ("estimates",)),
    ],
    "power": [(assumptions.power, ("conclusions",))],
    "multiplicity": [(results.multiplicity, ("conclusions",))],
    "evidence": [
        (results.ratings, ("conclusions",)),
        (results.facts, ("evidence",)),
        (results.rules, ()),
    ],
    "choices": [(provenance.choices, ())],
    "protocol": [(provenance.deviations, ())],
    "provenance": [
        (provenance.software, ()),
        (provenance.inputs, ("inputs",)),
        (provenance.published, ("published_files",)),
    ],
    "checklist": [(provenance.checklist, ())],
    "calibration": [(provenance.calibration, ("calibration",))],
}


# Sections whose words say something where they have no tables
ALWAYS = ("protocol",)
# Sections about records, which published figures have nothing of
OF_CHILDREN = ("trial", "choices", "protocol", "checklist")


def content(tables: Tables, study: Study) -> dict[str, Section]:
    """Section -> what stands in it, of sections that have anything."""
    left_out = OF_CHILDREN if study.edition == AUTHORITIES else ()
    made = {name: section_of(name, tables, study) for name in PARTS if name not in left_out}
    return {name: section for name, section in made.items() if section.charts or section.tables or name in ALWAYS}


def section_of(name: str, tables: Tables, study: Study) -> Section:
    """What stands in a section."""
    section = Section()
    for part, needed in PARTS[name]:
        for each in part(tables, study) if set(needed) <= set(tables) else []:
            (section.charts if isinstance(each, Chart) else section.tables).append(each)
    return section
