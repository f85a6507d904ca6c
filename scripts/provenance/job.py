"""The entry point of `snakemake crate`: what the folder of results says of the run that made it, out as a crate."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import read_results, results_contract, write_json
from scripts.integrity.records import read_record, record_of
from scripts.provenance.crate import Software, Step, run_crate
from scripts.workflow.digests import LIBRARIES
from scripts.workflow.stages import STAGES

PAGES = {"report/index.html": "The report", "governance/processing-record.html": "The record of processing"}


def crate(made: str, code: str, outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Write the configuration and the metadata of the crate.

    Parameters
    ----------
    made : today, ISO. code : digest of the code of all stages. outputs : config and metadata.
    settings : config, the whole; results, the folder; version of this software.
    """
    results, config = Path(settings["results"]), settings["config"]
    write_json(config, outputs["config"])
    labels = {f"aggregate/{name}.csv": entry["description"] for name, entry in results_contract().items()}
    labels |= PAGES | {Path(outputs["config"]).relative_to(results).as_posix(): "The configuration of the run"}
    files = {path: {"label": label} | told for path, label in labels.items() if (told := _recorded(results / path))}
    inputs = read_results("inputs", results / "aggregate" / "inputs.csv")
    named = pl.concat_str("la_code", "file", separator="/").alias("name")
    study = {
        "title": config["study"]["title"],
        "description": f"{config['study']['practice_model']}: results of one run, not checked for disclosure",
        "organisation": config["governance"]["processing"]["controller"]["name"],
        "conditions": "Not to leave the secure environment before an output checker has cleared it.",
    }
    libraries = {name: version(name) for name in ("snakemake", *LIBRARIES)}
    software = Software(settings["version"], code, platform.python_version(), libraries)
    told = inputs.select(named, "size_bytes", "sha256").sort("name").to_dicts()
    write_json(run_crate(study, software, told, files, steps(results), made), outputs["metadata"])


def _recorded(path: Path) -> dict[str, Any] | None:
    record = record_of(path)
    return read_record(record) if record and path.is_file() else None


def steps(results: Path) -> list[Step]:
    """The stages that left times, in the order in which they began; a job's end is when its times were written."""
    found = []
    for stage, parts in STAGES.items():
        files = sorted((results / "benchmarks").glob(f"{stage}.tsv")) + sorted(
            (results / "benchmarks" / stage).rglob("*.tsv")
        )
        times = [(float(pl.read_csv(file, separator="\t")["s"].sum()), file.stat().st_mtime) for file in files]
        if times:
            started = min(ended - seconds for seconds, ended in times)
            total, last = sum(seconds for seconds, _ in times), max(ended for _, ended in times)
            found.append(Step(stage, parts.entry, parts.tables, len(times), total, started, last))
    return sorted(found, key=lambda step: step.started)
