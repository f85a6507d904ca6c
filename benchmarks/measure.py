"""What all benchmarks share: the machine, a measured Snakemake run, the cost of each stage, where figures go."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import psutil

ROOT = Path(__file__).parent.parent
FOLDERS = ("config", "docs", "profiles", "rules", "scripts", "schemas", "studies")
COPIED = ("Snakefile", "config.yaml", "CITATION.cff", *FOLDERS)
SAMPLE_SECONDS = 0.1
MIB = 1024**2
# Figure of a run -> how it is written
RUN_COLUMNS = {"seconds": ".1f", "cpu_seconds": ".1f", "peak_mib": ",.0f"}


def machine() -> dict[str, Any]:
    """What the figures depend on besides the code."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "polars": pl.__version__,
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "not set"),
        "date": date.today().isoformat(),
    }


def _processor() -> str:
    """The processor's name as Linux tells it; elsewhere its family."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_figures(path: Path | None, figures: dict[str, Any]) -> None:
    """Print the machine, and keep the figures beside it as JSON if a file is named."""
    print(f"\nMachine: {machine()}")
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"machine": machine(), **figures}, indent=1) + "\n", encoding="utf-8")


def require_one_thread() -> None:
    """End with a message unless linear algebra is told to use one thread, of which some figures are."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        raise SystemExit("Set OPENBLAS_NUM_THREADS=1: the figures are of one thread")


def copy_project(folder: Path) -> None:
    """Copy what a run needs into an existing folder."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, folder / name)


def measured(folder: Path, arguments: list[str], within: dict[str, str] | None = None) -> dict[str, float]:
    """Wall seconds, CPU seconds and peak memory (MiB) of one Snakemake call that must succeed.

    Peak memory is the largest sum of resident memory over Snakemake and its processes, sampled ten times a second.
    `within` adds to the environment.
    """
    before, started, peak = os.times(), time.perf_counter(), 0
    # The key that re-keys ids is made in the home folder; a measurement leaves none behind.
    environment = os.environ | {"HOME": str(folder.with_name(f"{folder.name} home"))} | (within or {})
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


def reset_peak() -> None:
    """Start the kernel's record of peak memory anew."""
    Path("/proc/self/clear_refs").write_text("5")


def memory(field: str) -> float:
    """A memory figure of this process (VmRSS now, VmHWM at most since `reset_peak`) in MiB; on Linux."""
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith(field))
    return int(line.split()[1]) / 1024


def stages(folder: Path) -> list[dict[str, Any]]:
    """Jobs, summed seconds, longest job and peak memory (MiB) of every stage, from Snakemake's own benchmark files.

    Light jobs are threads of Snakemake's process, so their peak is that of the whole process with all it runs.
    """
    rows = []
    for entry in sorted((folder / "results" / "benchmarks").iterdir()):
        files = list(entry.rglob("*.tsv")) if entry.is_dir() else [entry]
        jobs = pl.concat([_job(file) for file in files])
        rows.append(
            {
                "stage": entry.stem,
                "jobs": jobs.height,
                "seconds": jobs["s"].sum(),
                "longest": jobs["s"].max(),
                "peak_mib": jobs["max_rss"].max(),
            }
        )
    return rows


def _job(file: Path) -> pl.DataFrame:
    """One row: seconds and peak memory, null where the job was too short to be looked at."""
    taken = pl.read_csv(file, separator="\t", columns=["s", "max_rss"], infer_schema=False)
    return taken.select(pl.col("s", "max_rss").cast(pl.Float64, strict=False))


def print_runs(runs: dict[str, dict[str, float]]) -> None:
    """A Markdown table, one row per run; what was not measured stays empty."""
    print("| run | seconds | CPU seconds | peak memory, MiB |\n|---|---|---|---|")
    for label, row in runs.items():
        cells = (f"{row[name]:{form}}" if name in row else "" for name, form in RUN_COLUMNS.items())
        print(f"| {label} | {' | '.join(cells)} |")


def print_stages(by_stage: list[dict[str, Any]], rows: int) -> None:
    """A Markdown table, dearest stage first; `rows` are the referral rows of the extracts."""
    total = sum(row["seconds"] for row in by_stage)
    print("\n| stage | jobs | seconds, summed | share | longest job | peak memory, MiB | referral rows per second |")
    print("|---|---|---|---|---|---|---|")
    for row in sorted(by_stage, key=lambda row: -row["seconds"]):
        peak = "" if row["peak_mib"] is None else f"{row['peak_mib']:,.0f}"
        print(
            f"| {row['stage']} | {row['jobs']} | {row['seconds']:.1f} | {row['seconds'] / total:.0%} | "
            f"{row['longest']:.2f} | {peak} | {rows / max(row['seconds'], 0.01):,.0f} |"
        )
