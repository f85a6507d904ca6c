"""Measure a whole run in a fresh copy of the project: seconds, peak memory, and each stage's share.

    python -m benchmarks.run [--cores 2] [--overlay config/small.yaml …] [--json figures.json]

Prints Markdown tables. Stage seconds are sums over jobs, which overlap when several cores are used.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.measure import copy_project, measured, print_runs, print_stages, stages, write_figures

EXTRACTS = Path("results", "individual", "extracts")


def change_extract(folder: Path, la: str) -> None:
    """Change a byte in the extract of an LA."""
    extract = folder / EXTRACTS / la / "CIN_2014.csv"
    extract.write_bytes(extract.read_bytes().replace(b"WBRI", b"WIRI", 1))


def n_rows(folder: Path, pattern: str) -> int:
    """Rows of the generated extracts whose names match a pattern, their headers left out."""
    total = 0
    for path in (folder / EXTRACTS).glob(f"*/{pattern}"):
        with path.open("rb") as stream:
            total += sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b"")) - 1
    return total


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
        runs = {"full run": measured(folder, run)}
        by_stage, rows = stages(folder), n_rows(folder, "CIN_2*.csv")
        runs["preview"] = measured(folder, ["-n", *run])
        runs["nothing to do"] = measured(folder, run)
        # An LA that takes part in an outcome.
        change_extract(folder, max(p.stem for p in (folder / "results" / "individual" / "outcomes" / "icpc").iterdir()))
        runs["one LA changed"] = measured(folder, run)
    print_runs(runs)
    print_stages(by_stage, rows)
    write_figures(chosen.json, {"referral_rows": rows, "runs": runs, "stages": by_stage})


if __name__ == "__main__":
    main()
