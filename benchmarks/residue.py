"""Measure the scan for residue over growing trees: seconds, megabytes per second and peak memory, beside plain grep.

    python -m benchmarks.residue [--megabytes 10 100 1000] [--json figures.json]

Half of each tree is CSV and half parquet, in files of up to 50 MB, of rows as ingest leaves them; one child's rows are
in it. The scan looks for the child's two ids, then also for its rows. The peer searches the same files for the same
ids in the same run: `grep -r -a -F`, which sees no id in compressed parquet. Each is run once to fill the cache and
then measured, the scan in a process of its own, whose start and imports are not counted but whose memory is.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.measure import write_figures
from scripts.artefacts import write_parquet
from scripts.governance.fingerprints import proving
from scripts.governance.residue import Needles, scan

MB, MIB = 10**6, 1024
FILE_MB = 50
KEY, WITHOUT = bytes(range(32)), ("child_id",)
ORIGINAL, KEYED = "2076543210", "zzyyxxwwvvuu2345"
ROWS = 200_000


def rows(seed: int, number: int = ROWS) -> pl.DataFrame:
    """Referrals of many children."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz234567"))[rng.integers(0, 32, (number, 16))]
    day = np.datetime64("2010-04-01")
    return pl.DataFrame(
        {
            "child_id": pl.Series(letters.view("U16").reshape(-1)),
            "census_year": rng.integers(2010, 2019, number).astype(np.int32),
            "referral_date": day + rng.integers(0, 3650, number),
            "closure_date": pl.Series(day + rng.integers(0, 3650, number)).set(
                pl.Series(rng.random(number) < 0.3), None
            ),
            "primary_need": pl.Series([f"N{n}" for n in range(10)]).gather(rng.integers(0, 10, number)),
            "ethnicity": pl.Series(["WBRI", "WHIT", "BLAC", "ASIA"]).gather(rng.integers(0, 4, number)),
            "nfa": rng.integers(0, 2, number).astype(np.int8),
            "score": rng.random(number),
        }
    )


def plant(folder: Path, megabytes: int) -> dict[str, frozenset[str]]:
    """A tree of so many megabytes, a row of the child in every file; returns the fingerprints of these rows."""
    found: dict[str, set[str]] = {}
    for suffix in ("csv", "parquet"):
        left, number = megabytes * MB // 2, 0
        while left > 0:
            path = folder / suffix / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            name, hashes = _file(path, min(left, FILE_MB * MB), number)
            found.setdefault(name, set()).update(hashes)
            left, number = left - path.stat().st_size, number + 1
    return {name: frozenset(hashes) for name, hashes in found.items()}


def _file(path: Path, size: int, number: int) -> tuple[str, frozenset[str]]:
    """A file of about so many bytes; the child's row is its last."""
    others = rows(number)
    width = len(others.write_csv()) / ROWS if path.suffix == ".csv" else _parquet_width(others)
    own = others.head(1).with_columns(child_id=pl.lit(KEYED), score=pl.lit(2.0 + number))
    frame = pl.concat([rows(number, int(size / width)), own])
    frame.write_csv(path) if path.suffix == ".csv" else write_parquet(frame, path)
    ((name, hashes),) = proving([(own, own["child_id"] == KEYED)], KEY, WITHOUT).items()
    return name, hashes


def _parquet_width(frame: pl.DataFrame) -> float:
    with tempfile.TemporaryDirectory() as folder:
        write_parquet(frame, Path(folder) / "a.parquet")
        return (Path(folder) / "a.parquet").stat().st_size / frame.height


def measured(folder: Path, fingerprints: dict[str, frozenset[str]]) -> dict[str, Any]:
    """Scan twice in a process of its own; figures of the second time."""
    asked = json.dumps({"folder": str(folder), "prints": {name: sorted(each) for name, each in fingerprints.items()}})
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.residue", "--alone"], input=asked, capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout)


def alone() -> None:
    """What `measured` asks for on standard input."""
    asked = json.load(sys.stdin)
    needles = Needles((ORIGINAL, KEYED), {name: frozenset(each) for name, each in asked["prints"].items()})
    for _ in range(2):
        begun, used = time.perf_counter(), time.process_time()
        result = scan(Path(asked["folder"]), needles, KEY, WITHOUT, 8, [])
        seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    counts: dict[str, int] = {}
    for finding in result.findings:
        counts[finding.what] = counts.get(finding.what, 0) + finding.count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    size = sum(file.bytes for file in result.files) / MB
    figures = {"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak, "mb": size, "files": len(result.files)}
    print(json.dumps(figures | {"found": counts, "undecodable": len(result.undecodable)}))


def grep(folder: Path) -> dict[str, Any]:
    """Seconds of grep for the same ids, and how many lines it found."""
    command = ["grep", "-r", "-a", "-F", "-e", ORIGINAL, "-e", KEYED, str(folder)]
    for _ in range(2):
        begun = time.perf_counter()
        run = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"LC_ALL": "C"})
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "lines": run.stdout.count(b"\n")}


def main() -> None:
    """Print a Markdown table and write the figures."""
    parser = argparse.ArgumentParser(description="Measure the scan for residue.")
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        alone()
        return
    figures = []
    print("| MB | files | searched for | seconds | CPU seconds | MB/s | peak memory, MiB | x grep | found |")
    print("|---|---|---|---|---|---|---|---|---|")
    for megabytes in chosen.megabytes:
        with tempfile.TemporaryDirectory() as name:
            prints = plant(Path(name), megabytes)
            peer = grep(Path(name))
            for what, sought in (("ids", {}), ("ids and rows", prints)):
                row = measured(Path(name), sought) | {"grep": peer, "searched_for": what}
                figures.append(row)
                found = ", ".join(f"{count} {each}" for each, count in sorted(row["found"].items()))
                print(
                    f"| {row['mb']:.0f} | {row['files']} | {what} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} | "
                    f"{row['mb'] / row['seconds']:.0f} | {row['peak_mib']:.0f} | "
                    f"{row['seconds'] / peer['seconds']:.1f} | {found} |",
                    flush=True,
                )
            print(f"| {row['mb']:.0f} | | ids, by grep | {peer['seconds']:.2f} | | | | 1 | {peer['lines']} lines |")
    write_figures(chosen.json, {"trees": figures})


if __name__ == "__main__":
    main()
