"""Measure what each LA costs, from the gate to the outcomes: seconds, rows per second and peak memory of every stage.

    python -m benchmarks.per_la [--referrals 80000 240000]

Generates the extract of one LA with about so many referrals and runs each stage in a process of its own, as the
workflow's jobs are functions of files. Nationally an LA has about 4,300 referrals a year; 80,000 is an LA of average
size over the study's eleven years with its restated copies left out, 240,000 the largest.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import write_figures
from scripts.clean.job import CLEANED
from scripts.config.load import load_study
from scripts.ingest.discovery import discover
from scripts.ingest.layout import TABLES
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from scripts.privacy.keys import key_id
from scripts.synthetic.job import generate
from scripts.validation.from_tables import TABLES as VALIDATED
from scripts.workflow.jobs import ONE_BLAS_THREAD, ROOT
from scripts.workflow.plan import Plan
from scripts.workflow.settings import JobSettings

MIB = 1024
# Calls the job named, with the arguments on standard input, as a worker does.
ALONE = """
import importlib, json, sys
module, name = sys.argv[1].split(":")
getattr(importlib.import_module(module), name)(**json.load(sys.stdin))
"""
# The stages whose results table is an argument called `report`.
REPORTING = ("privacy", "ingest", "validate")


def settings_for(referrals: int) -> JobSettings:
    """The default study with so many referrals in each LA on average and no spread of sizes."""
    files = [ROOT / "config.yaml"]
    study = load_study(yaml.safe_load(files[0].read_text()), files, set(POPULATIONS), set(MEASURES))
    study["synthetic"] |= {"referrals": referrals * len(study["las"]["codes"]), "size_spread": 0.0}
    return JobSettings(Plan(study))


def jobs(folder: Path, la: str, settings: JobSettings) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Stage -> the jobs of one LA, as module:function and arguments."""
    key = folder / "key"
    key_id(key, create=True)
    files = discover(folder, la, "npd")
    ingested = {table: str(folder / f"ingested_{table}.parquet") for table in TABLES}
    cleaned = {table: str(folder / f"{table}.parquet") for table in CLEANED}
    validated = {table: ingested[table] for table in VALIDATED}
    return {
        "privacy": [
            (
                "scripts.privacy.job:inspect",
                {"files": files, "inputs": str(folder / "inputs.csv"), "settings": settings.privacy(la)},
            )
        ],
        "ingest": [
            (
                "scripts.ingest.job:ingest",
                {"files": files, "outputs": ingested, "settings": settings.ingest(la) | {"key_file": str(key)}},
            )
        ],
        "validate": [
            (
                "scripts.validation.job:validate",
                {"files": files, "ingested": validated, "settings": settings.validate(la)},
            )
        ],
        "clean": [
            (
                "scripts.clean.job:clean",
                {
                    "inputs": {table: [path] for table, path in ingested.items()},
                    "outputs": cleaned,
                    "ledger_file": str(folder / "ledger.csv"),
                    "settings": settings.clean(la),
                },
            )
        ],
        "outcomes": [
            (
                "scripts.outcomes.job:outcomes",
                {
                    "inputs": cleaned,
                    "events_file": str(folder / f"{outcome}.parquet"),
                    "flow_file": str(folder / f"{outcome}.csv"),
                    "settings": settings.outcomes(outcome, la),
                },
            )
            for outcome in settings.plan.outcomes
        ],
    }


def measured(target: str, arguments: dict[str, Any]) -> dict[str, float]:
    """Seconds, CPU seconds and peak resident memory (MiB) of one job, the start of Python included."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", ALONE, target],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | ONE_BLAS_THREAD | {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1"},
        text=True,
    )
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(arguments))
    process.stdin.close()
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(said)
    seconds, cpu = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_mib": usage.ru_maxrss / MIB}


def main() -> None:
    """Print a Markdown table per size and write the figures."""
    parser = argparse.ArgumentParser(description="Measure what each LA costs.")
    parser.add_argument("--referrals", type=int, nargs="*", default=[80_000, 240_000])
    parser.add_argument("--json", type=Path)
    given, found = parser.parse_args(), []
    for referrals in given.referrals:
        with tempfile.TemporaryDirectory() as name:
            folder, settings = Path(name), settings_for(referrals)
            la = settings.plan.las[0]
            generate(la, folder / la, "", settings.synthetic(la))
            rows = sum(sum(1 for _ in path.open()) - 1 for path in (folder / la).glob("CIN_2*.csv"))
            print(f"\n{rows:,} referral rows\n")
            print("| stage | jobs | seconds | CPU seconds | rows per second | peak memory, MiB |")
            print("|---|---|---|---|---|---|")
            for stage, parts in jobs(folder, la, settings).items():
                report = {"la": la} | ({"report": str(folder / f"{stage}.csv")} if stage in REPORTING else {})
                taken = [measured(target, report | arguments) for target, arguments in parts]
                seconds, cpu = (sum(each[name] for each in taken) for name in ("seconds", "cpu_seconds"))
                peak = max(each["peak_mib"] for each in taken)
                print(f"| {stage} | {len(parts)} | {seconds:.1f} | {cpu:.1f} | {rows / seconds:,.0f} | {peak:,.0f} |")
                row = {"rows": rows, "stage": stage, "jobs": len(parts), "seconds": seconds, "cpu_seconds": cpu}
                found.append(row | {"peak_mib": peak})
    write_figures(given.json, {"stages": found})


if __name__ == "__main__":
    main()
