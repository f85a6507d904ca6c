"""Measure what encryption of individual-level files costs: seconds, sizes and peak memory, plain and encrypted.

    python -m benchmarks.encryption [--rows 100000 1000000 4000000] [--repeats 5] [--json figures.json]

The frames have 18 columns like those of a cohort. Plain and encrypted take turns in one process, on files that the
system has in its cache, so that whatever else the machine does slows both; seconds are the least of the repeats, writes
with the sync to disk that every file gets, and CPU seconds are those of all threads. Peak memory is above what the
process held before, each in a process of its own. A second table compares the container with its peer, the library's
bare AES-256-GCM, by size of chunk.
"""

import argparse
import os
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
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.measure import MIB, memory, reset_peak, write_figures
from scripts.artefacts import read_parquet, write_parquet
from scripts.privacy.encryption import CHUNK_VARIABLE, KEY_VARIABLE, decrypted, encrypted
from scripts.privacy.keys import ROOT, key_id

LEVELS = {"gender": 3, "ethnicity": 18, "need": 9, "abuse": 6, "phase": 5, "low_income": 3, "sen": 4}
BINARY = ("disability", "uasc", "previous_plan", "elevated_risk")
FEW = ["la_code", "financial_year", "event_end", "outcome"]
STEPS, KINDS = ("write", "read", "read 4 columns"), ("plain", "encrypted")
# Column of the table -> figure and how it is written
FIGURES = {"seconds": ("seconds", ".3f"), "CPU seconds": ("cpu_seconds", ".3f"), "peak MiB": ("added_mib", ".0f")}
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


def step_on(step: str, path: str) -> Callable[[], Any]:
    """A step on a file, ready to be called."""
    if step == "write":
        return partial(write_parquet, read_parquet(path), f"{path}.written")
    return partial(read_parquet, path, None if step == "read" else FEW)


def timed(step: str, paths: dict[str, str], key: dict[str, str], repeats: int) -> dict[str, dict[str, float]]:
    """Least seconds and CPU seconds of a step, plain and encrypted in turns; called in a process of its own."""
    os.environ |= key
    work = {kind: step_on(step, path) for kind, path in paths.items()}
    least = {kind: {"seconds": float("inf"), "cpu_seconds": float("inf")} for kind in paths}
    for _ in range(repeats):
        for kind, call in work.items():
            _choose(kind, key)
            cpu, wall = time.process_time(), time.perf_counter()
            call()
            taken = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
            least[kind] = {name: min(least[kind][name], value) for name, value in taken.items()}
    return least


def peak_of(step: str, path: str, kind: str, key: dict[str, str]) -> float:
    """MiB that a step adds at its peak; called in a process of its own."""
    os.environ |= key
    call = step_on(step, path)
    _choose(kind, key)
    reset_peak()
    before = memory("VmRSS")
    call()
    return memory("VmHWM") - before


def _choose(kind: str, key: dict[str, str]) -> None:
    """Name the key, or none, from now on."""
    for name in key:
        os.environ.pop(name, None)
    os.environ |= key if kind == "encrypted" else {}


def in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function called in a fresh process."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def files(rows: int, folder: Path, key: dict[str, str], repeats: int) -> list[dict[str, Any]]:
    """Every step on a frame of so many rows, plain and encrypted."""
    paths = {kind: str(folder / f"{kind}.parquet") for kind in KINDS}
    in_a_process(_written, rows, paths, key)
    found = []
    for step in STEPS:
        times = in_a_process(timed, step, paths, key, repeats)
        for kind, path in paths.items():
            row = {"rows": rows, "step": step, "kind": kind, "mib": Path(path).stat().st_size / MIB}
            found.append(row | times[kind] | {"added_mib": in_a_process(peak_of, step, path, kind, key)})
    return found


def _written(rows: int, paths: dict[str, str], key: dict[str, str]) -> None:
    frame = generated(rows)
    for kind, path in paths.items():
        _choose(kind, key)
        write_parquet(frame, path)


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
    heads = ["rows", "step", "size, MiB", *(f"{what}, {kind}" for what in FIGURES for kind in KINDS)]
    print(f"| {' | '.join(heads)} | added CPU seconds per GiB |\n{'|---' * (len(heads) + 1)}|")
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            key_id(folder / "key", create=True)
            key = {KEY_VARIABLE: str(folder / "key"), CHUNK_VARIABLE: str(settings["chunk_bytes"])}
            found = files(rows, folder, key, given.repeats)
        figures += found
        for step in STEPS:
            plain, hidden = (row for row in found if row["step"] == step)
            extra = (hidden["cpu_seconds"] - plain["cpu_seconds"]) / plain["mib"] * 1024
            cells = [f"{row[figure]:{form}}" for figure, form in FIGURES.values() for row in (plain, hidden)]
            print(f"| {rows:,} | {step} | {plain['mib']:.1f} | {' | '.join(cells)} | {extra:.2f} |")
    rates = in_a_process(peers, given.repeats)
    names = [name for name in rates[0] if name not in ("chunk_bytes", "added_share")]
    print(f"\n| chunk, KiB | {' | '.join(f'{name}, MiB/s' for name in names)} | added size |")
    print("|---" * (len(names) + 2) + "|")
    for row in rates:
        speeds = " | ".join(f"{row[name]:,.0f}" for name in names)
        print(f"| {row['chunk_bytes'] // 1024} | {speeds} | {row['added_share']:.4%} |")
    write_figures(given.json, {"files": figures, "chunks": rates})


if __name__ == "__main__":
    main()
