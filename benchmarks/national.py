"""Measure a study of national size: 152 LAs, eleven years, some 12 million referral rows.

    python -m benchmarks.national [--shares 0.1 0.333 1] [--cores 2] [--folder /scratch] [--json figures.json]

The study is that of config.yaml with its LAs and 116 more. The workflow's own rule generates the extracts, which is
measured apart. Then come a full run from these extracts, a preview, a run with nothing to do, one after the extract of
an LA outside every matched group changed, and one after that of a comparator changed. A share generates so much of the
referrals in as many LAs, which shows how the cost grows. Takes about 12 GB of disk below --folder, and an hour.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import ROOT, copy_project, measured, print_runs, print_stages, stages, write_figures
from benchmarks.run import EXTRACTS, change_extract, n_rows

N_LAS = 152
# Distinct referrals; with the copies that later censuses restate they are about 12 million rows.
REFERRALS = 7_700_000
# Codes that config.yaml does not use
FIRST_CODE = 600
# What counts as a row of each kind
FILES = {"referral": "CIN_2*.csv", "assessment": "WWCSC_*.csv", "care episode": "Episode_final_CLA.csv"}


def overlay(share: float) -> dict[str, Any]:
    """The configuration laid over config.yaml: its LAs and as many more as a nation has, all of about one size."""
    codes = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["las"]["codes"]
    more = [{"code": str(FIRST_CODE + i), "name": f"Further {i + 1}"} for i in range(N_LAS - len(codes))]
    return {
        "study": {"title": "National volume, synthetic"},
        "las": {"codes": codes + more},
        "synthetic": {"referrals": round(REFERRALS * share)},
    }


def figures_of(folder: Path, share: float, cores: int) -> dict[str, Any]:
    """Runs, stages and rows of one share in a fresh copy of the project."""
    copy_project(folder)
    chosen = overlay(share)
    (folder / "config" / "national.yaml").write_text(yaml.safe_dump(chosen), encoding="utf-8")
    run = ["--cores", str(cores), "--configfile", "config/national.yaml"]
    codes = [each["code"] for each in chosen["las"]["codes"]]
    extracts = [str(EXTRACTS / name) for name in ("la_covariates.csv", *(f"{code}/manifest.json" for code in codes))]
    runs = {"extracts generated": measured(folder, [*extracts, *run])}
    rows = {kind: n_rows(folder, pattern) for kind, pattern in FILES.items()}
    runs["full run"] = measured(folder, run)
    by_stage = [row for row in stages(folder) if row["stage"] not in ("synthetic", "la_covariates")]
    runs["preview"] = measured(folder, ["-n", *run])
    runs["nothing to do"] = measured(folder, run)
    change_extract(folder, codes[-1])
    runs["preview, an LA outside the groups changed"] = measured(folder, ["-n", *run])
    runs["an LA outside the groups changed"] = measured(folder, run)
    change_extract(folder, "510")
    runs["a comparator changed"] = measured(folder, run)
    return {"share": share, "rows": rows, "runs": runs, "stages": by_stage}


def main() -> None:
    """Print the tables of every share."""
    parser = argparse.ArgumentParser(description="Measure a study of national size.")
    parser.add_argument("--shares", type=float, nargs="*", default=[0.1, 1 / 3, 1.0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the runs are kept while they are measured")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found = []
    for share in chosen.shares:
        with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
            folder = Path(name) / "project"
            folder.mkdir()
            found.append(figures_of(folder, share, chosen.cores))
        rows, runs = found[-1]["rows"], found[-1]["runs"]
        told = ", ".join(f"{number:,} {kind} rows" for kind, number in rows.items())
        print(f"\n## {share:.0%} of national volume, {chosen.cores} cores\n\n{told}\n")
        print_runs(runs)
        print_stages(found[-1]["stages"], rows["referral"])
        full = runs["full run"]["seconds"]
        told = (f"{label} {runs[label]['seconds'] / full:.1%}" for label in runs if label.endswith("changed"))
        print(f"\nOf the full run: {'; '.join(told)}", flush=True)
    write_figures(chosen.json, {"cores": chosen.cores, "shares": found})


if __name__ == "__main__":
    main()
