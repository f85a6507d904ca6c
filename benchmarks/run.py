"""Measure a whole run in a fresh copy of the project: seconds, peak memory, and each stage's share.

    python benchmarks/run.py [--cores 2] [--overlay config/small.yaml …] [--json figures.json]

Prints Markdown tables. Peak memory is the largest sum of resident memory over Snakemake and its processes, sampled ten
times a second. Stage seconds are sums over jobs, which overlap when several cores are used.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import psutil

ROOT = Path(__file__).parent.parent
COPIED = ("Snakefile", "config.yaml", "config", "docs", "profiles", "rules", "scripts", "schemas")
SAMPLE_SECONDS = 0.1
MIB = 1024**2


def copy_project(folder: Path) -> None:
    """Copy what a run needs into an existing folder."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, folder / name)


def measured(folder: Path, arguments: list[str]) -> dict[str, float]:
    """Wall seconds, CPU seconds and peak memory (MiB) of one Snakemake call that must succeed."""
    before, started, peak = os.times(), time.perf_counter(), 0
    # The key that re-keys ids is made in the home folder; a measurement leaves none behind.
    environment = os.environ | {"HOME": str(folder.with_name(f"{folder.name} home"))}
    with (folder / "snakemake.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _resident(watched))
            time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        sys.exit((folder / "snakemake.log").read_text()[-4000:])
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": time.perf_counter() - started, "cpu_seconds": cpu, "peak_mib": peak / MIB}


def _resident(process: psutil.Process) -> int:
    """Resident bytes of a process and its descendants; those that end meanwhile count as nothing."""
    total = 0
    try:
        for member in (process, *process.children(recursive=True)):
            total += member.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def stages(folder: Path) -> list[dict[str, float | int | str]]:
    """Jobs, summed seconds and largest job of every stage, from Snakemake's own benchmark files."""
    rows = []
    base = folder / "results" / "benchmarks"
    for entry in sorted(base.iterdir()):
        files = list(entry.rglob("*.tsv")) if entry.is_dir() else [entry]
        seconds = [pl.read_csv(file, separator="\t", columns=["s"])["s"].item() for file in files]
        rows.append({"stage": entry.stem, "jobs": len(files), "seconds": sum(seconds), "longest": max(seconds)})
    return rows


def one_la_changed(folder: Path) -> None:
    """Change a byte in the extract of an LA that takes part in an outcome."""
    individual = folder / "results" / "individual"
    la = max(path.stem for path in (individual / "outcomes" / "icpc").iterdir())
    extract = individual / "extracts" / la / "CIN_2014.csv"
    extract.write_bytes(extract.read_bytes().replace(b"WBRI", b"WIRI", 1))


def main() -> None:
    """Measure a full run, a preview, a run with nothing to do, and one after an LA changed."""
    parser = argparse.ArgumentParser(description="Measure a whole run.")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--overlay", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    overlays = ["--configfile", *chosen.overlay] if chosen.overlay else []
    run = ["--cores", str(chosen.cores), *overlays]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        folder.mkdir()
        copy_project(folder)
        figures = {"full run": measured(folder, run)}
        by_stage = stages(folder)
        figures["preview"] = measured(folder, ["-n", *run])
        figures["nothing to do"] = measured(folder, run)
        one_la_changed(folder)
        figures["one LA changed"] = measured(folder, run)
    machine = {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3),
        "python": platform.python_version(),
    }
    print("| run | seconds | CPU seconds | peak memory, MiB |\n|---|---|---|---|")
    for label, row in figures.items():
        print(f"| {label} | {row['seconds']:.1f} | {row['cpu_seconds']:.1f} | {row['peak_mib']:.0f} |")
    total = sum(float(row["seconds"]) for row in by_stage)
    print("\n| stage | jobs | seconds, summed | share | longest job |\n|---|---|---|---|---|")
    for row in sorted(by_stage, key=lambda row: -float(row["seconds"])):
        share = float(row["seconds"]) / total
        print(f"| {row['stage']} | {row['jobs']} | {row['seconds']:.1f} | {share:.0%} | {row['longest']:.2f} |")
    print(f"\nMachine: {machine}")
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine, "runs": figures, "stages": by_stage}, indent=1) + "\n")


if __name__ == "__main__":
    main()
