"""Where everything comes from: target trial, choices and their sources, protocol, software, inputs, checklist."""

import hashlib
import platform
from importlib.metadata import version

import polars as pl

from scripts.decisions import decisions, in_short, sources, values
from scripts.report.checklist import items
from scripts.report.protocol import fingerprint
from scripts.report.sections import SECTIONS
from scripts.report.study import Study
from scripts.report.tables.table import Link, Table, table
from scripts.report.trial import target_trial
from scripts.report.words import number

TEXT, NUMBER = "text", "number"
LIBRARIES = ("snakemake", "polars", "pandera", "statsmodels", "numpy", "scipy", "matplotlib", "jinja2")
# Of a checksum shown to readers; sixteen characters tell any two files apart.
SHOWN = 16


def trial(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """The target trial beside its imitation."""
    columns = dict.fromkeys(("Component", "The trial", "This study"), TEXT)
    return table("Target trial and imitation", columns, target_trial(study.config))


def choices(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Every contested choice, what sources say, and the values of this run."""
    key = "; ".join(f"[{letter}] {meaning}" for letter, meaning in sources().items())
    return table(
        f"Choices. {key}",
        dict.fromkeys(("Choice", "Sources", "Ours", "In this run"), TEXT),
        [
            (
                each.choice,
                each.alternatives,
                each.ours.replace("`", ""),
                "; ".join(f"{name}: {value}" for name, value in values(each, study.config)) or "in the code",
            )
            for each in decisions()
        ],
        folded=True,
    )


def deviations(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """What differs from the protocol, with the reasons declared."""
    return table(
        "Deviations from the protocol",
        dict.fromkeys(("Key", "Protocol", "This run", "Reason"), TEXT),
        [
            (each["key"], in_short(each["protocol"]), in_short(each["now"]), each["reason"] or "no reason given")
            for each in study.protocol.get("differences", [])
        ],
    )


def software(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """What made this page, and the fingerprint of what decided it."""
    rows = [(name, version(name)) for name in LIBRARIES] + [("Python", platform.python_version())]
    decided = [("Configuration, SHA-256 of what decides the study", fingerprint(study.config))]
    registered = [("Protocol, the same", study.protocol["sha256"])] if study.protocol else []
    return table("Software and configuration", {"What": TEXT, "Version": TEXT}, rows + decided + registered)


def inputs(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """A fingerprint of each source LA's files; those of single files are in inputs.csv."""
    by_la = tables["inputs"].group_by("la_code").agg(pl.len(), pl.col("size_bytes").sum(), pl.col("sha256").sort())
    return table(
        "What came in",
        {"Authority": TEXT, "Files": NUMBER, "Bytes": NUMBER, "Fingerprint": TEXT},
        [
            (
                study.la(row["la_code"]),
                number(row["len"]),
                number(row["size_bytes"]),
                hashlib.sha256("".join(row["sha256"]).encode()).hexdigest()[:SHOWN],
            )
            for row in by_la.sort("la_code").iter_rows(named=True)
        ],
        folded=True,
    )


def published(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """The published files that were read."""
    return table(
        "Published files",
        dict.fromkeys(("Table", "File", "Release", "SHA-256"), TEXT),
        [
            (row["table"], row["file"], row["release"], row["sha256"][:SHOWN])
            for row in tables["published_files"].iter_rows(named=True)
        ],
        folded=True,
    )


def checklist(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """A table for each guideline, with the section that answers each item."""
    names = dict.fromkeys(item.guideline for item in items())
    return [
        made
        for name in names
        for made in table(
            name,
            dict.fromkeys(("Item", "What it asks", "Where"), TEXT),
            [
                (item.number, item.asks, Link(SECTIONS[item.section], item.section) if item.section else item.note)
                for item in items()
                if item.guideline == name
            ],
            folded=True,
        )
    ]


def calibration(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Generated figures beside published ones."""
    return table(
        "Generated and published figures",
        {"Measure": TEXT, "Unit": TEXT, "Published": NUMBER, "Generated": NUMBER, "Within tolerance": TEXT},
        [
            (
                row["measure"],
                row["unit"],
                number(row["target"], 2),
                number(row["generated"], 2),
                "yes" if row["within"] else "no",
            )
            for row in tables["calibration"].iter_rows(named=True)
        ],
    )
