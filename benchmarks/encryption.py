"""Measure what encryption of individual-level files costs: seconds, sizes and peak memory, plain and encrypted.

    python -m benchmarks.encryption [--rows 100000 1000000 4000000] [--repeats 5] [--json figures.json]

The frames have 18 columns like those of a cohort. Each step runs in a process of its own on a file that the system has
in its cache; seconds are the least of the repeats, writes with the sync to disk that every file gets; peak memory is
that of the first repeat above what the process held before. A second table compares the container with its peer, the
library's bare AES-256-GCM, by size of chunk.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from scripts.artefacts import read_parquet, write_parquet
from scripts.privacy.encryption import CHUNK_VARIABLE, KEY_VARIABLE, decrypted, encrypted
from scripts.privacy.keys import ROOT, key_id

MIB = 1024**2
LEVELS = {"gender": 3, "ethnicity": 18, "need": 9, "abuse": 6, "phase": 5, "low_income": 3, "sen": 4}
BINARY = ("disability", "uasc", "previous_plan", "elevated_risk")
FEW = ["la_code", "financial_year", "event_end", "outcome"]
STEPS = ("write", "read", "read 4 columns")
CHUNKS = (1 << 12, 1 << 16, 1 << 20, 1 << 24)
PEER_BYTES = 256 * MIB


def generated(rows: int) -> pl.DataFrame:
    """Index events of 150 LAs in the order of the cohort."""
    rng = np.random.default_rng(1)
    la = np.sort(rng.integers(0, 150, rows))
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
    ids = letters[rng.integers(0, 32, (2 * rows // 3 + 1, 16))].tobytes().decode("ascii")
    pseudonyms = pl.Series([ids[start : start + 16] for start in range(0, len(ids), 16)])
    start = np.datetime64("2010-04-01") + rng.integers(0, 365 * 8, rows)
    frame = pl.DataFrame(
        {
            "la_code": pl.Series(300 + la).cast(pl.String),
            "child_id": pseudonyms.gather(rng.integers(0, len(pseudonyms), rows)),
            "index_date": start,
            "event_end": start + rng.integers(0, 200, rows),
            "financial_year": pl.Series(2010 + rng.integers(0, 8, rows)).cast(pl.Int32),
            "age": rng.integers(0, 18, rows).astype(float),
            "outcome": rng.integers(0, 2, rows).astype(float),
        }
        | {name: pl.Series(rng.integers(0, n, rows)).cast(pl.String) for name, n in LEVELS.items()}
        | {name: pl.Series(rng.random(rows) < 0.1).cast(pl.Int8) for name in BINARY}
    )
    return frame.sort("la_code", "index_date", "child_id")


def measured(step: str, path: str, environment: dict[str, str], repeats: int) -> dict[str, float]:
    """Seconds, added MiB and the size of the file of one step; called in a process of its own."""
    os.environ |= environment
    work: Callable[[], Any]
    if step == "write":
        target = f"{path}.written"
        work = partial(write_parquet, read_parquet(path), target)
    else:
        target = path
        work = partial(read_parquet, path, None if step == "read" else FEW)
    seconds, peak = [], 0.0
    for number in range(repeats):
        _reset_peak()
        before, started = _memory("VmRSS"), time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
        peak = peak if number else _memory("VmHWM") - before
    return {"seconds": min(seconds), "added_mib": round(peak), "mib": Path(target).stat().st_size / MIB}


def _reset_peak() -> None:
    """Start the kernel's record of peak memory anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _memory(field: str) -> float:
    """A memory figure of this process in MiB."""
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith(field))
    return int(line.split()[1]) / 1024


def in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function called in a fresh process."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def files(rows: int, folder: Path, environment: dict[str, str], repeats: int) -> list[dict[str, Any]]:
    """Every step on a frame of so many rows, plain and encrypted."""
    found = []
    for kind, chosen in (("plain", {}), ("encrypted", environment)):
        path = str(folder / f"{kind}.parquet")
        in_a_process(_written, rows, path, chosen)
        for step in STEPS:
            row = in_a_process(measured, step, path, chosen, repeats)
            found.append({"rows": rows, "step": step, "kind": kind} | row)
    return found


def _written(rows: int, path: str, environment: dict[str, str]) -> None:
    os.environ |= environment
    write_parquet(generated(rows), path)


def peers(repeats: int) -> list[dict[str, float]]:
    """MiB per second of bare AES-256-GCM and of the container, by size of chunk."""
    data, key = os.urandom(PEER_BYTES), os.urandom(32)
    view, cipher, found = memoryview(data), AESGCM(key), []
    for size in CHUNKS:
        starts = range(0, PEER_BYTES, size)
        nonces = [number.to_bytes(12, "big") for number in range(len(starts))]
        pieces = [cipher.encrypt(nonce, view[s : s + size], b"") for nonce, s in zip(nonces, starts, strict=True)]
        container = b"".join(encrypted(data, key, size))
        steps = {
            "bare encryption": lambda n=nonces, b=starts, w=size: [
                cipher.encrypt(nonce, view[s : s + w], b"") for nonce, s in zip(n, b, strict=True)
            ],
            "container made": lambda w=size: list(encrypted(data, key, w)),
            "bare decryption": lambda n=nonces, p=pieces: [
                cipher.decrypt(nonce, piece, b"") for nonce, piece in zip(n, p, strict=True)
            ],
            "container opened": lambda c=container: decrypted(BytesIO(c), key, "benchmark"),
        }
        rates = {name: PEER_BYTES / MIB / _least(work, repeats) for name, work in steps.items()}
        found.append({"chunk_bytes": size, "added_share": len(container) / PEER_BYTES - 1} | rates)
    return found


def _least(work: Callable[[], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure what encryption of individual-level files costs.")
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000, 4_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["governance"]["encryption"]
    figures = []
    print(
        "| rows | step | size, MiB | plain, s | encrypted, s | ratio | added s per GiB | peak plain, MiB | encrypted |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            key_id(folder / "key", create=True)
            environment = {KEY_VARIABLE: str(folder / "key"), CHUNK_VARIABLE: str(settings["chunk_bytes"])}
            found = files(rows, folder, environment, given.repeats)
        figures += found
        for step in STEPS:
            plain, hidden = (row for row in found if row["step"] == step)
            ratio, extra = hidden["seconds"] / plain["seconds"], hidden["seconds"] - plain["seconds"]
            print(
                f"| {rows:,} | {step} | {plain['mib']:.1f} | {plain['seconds']:.3f} | {hidden['seconds']:.3f} "
                f"| {ratio:.2f} | {extra / plain['mib'] * 1024:.2f} | {plain['added_mib']} | {hidden['added_mib']} |"
            )
    rates = in_a_process(peers, given.repeats)
    names = [name for name in rates[0] if name not in ("chunk_bytes", "added_share")]
    print(f"\n| chunk, KiB | {' | '.join(f'{name}, MiB/s' for name in names)} | added size |")
    print("|---" * (len(names) + 2) + "|")
    for row in rates:
        speeds = " | ".join(f"{row[name]:,.0f}" for name in names)
        print(f"| {row['chunk_bytes'] // 1024} | {speeds} | {row['added_share']:.4%} |")
    machine = {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3),
        "python": platform.python_version(),
        "polars": pl.__version__,
    }
    print(f"\nMachine: {machine}")
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "files": figures, "chunks": rates}, indent=1) + "\n")


if __name__ == "__main__":
    main()
