"""The project beside other software, on the same rows, in the same run: CPU seconds and ratios.

    OPENBLAS_NUM_THREADS=1 ACRO_PYTHON=acro/bin/python python -m benchmarks.peers [--json figures.json]

Peers: MatchIt (R; on Debian r-base-core and r-cran-matchit), statsmodels' regression on written-out dummies, pyfixest
(if this environment has it), and acro 0.4.12 in an environment of its own (docs/release.md). What is absent is said to
be. R and acro are timed inside their own process, so that starting them counts for nothing.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import matching, models
from benchmarks.measure import ROOT, require_one_thread, write_figures
from scripts.artefacts import contract_schema
from scripts.matching.balance import sample
from scripts.matching.covariates import encoded
from scripts.matching.dropped import dropped_table
from scripts.matching.methods import STUDY_METHOD, matched_by
from scripts.matching.weights import individual_weights
from scripts.models.cells import Cells, accumulate
from scripts.models.inference import CRV1, clustered
from scripts.release.primary import Judge
from scripts.release.rules import read_rules

# As MatchIt is asked to: `benchmarks.matching.R_SCRIPT`
NEAREST = {"ratio": 3, "caliper": None, "scale": "logit", "exact": [], "replacement": False}
ACRO = """
import json, logging, sys, time, warnings
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
import pandas as pd
from acro import ACRO
frame, made, started = pd.read_csv(sys.argv[1]), ACRO(suppress=True), None
started = time.process_time()
for name in json.loads(sys.argv[2]):
    made.crosstab(frame[name], [frame["treated"], frame["post"]])
print(json.dumps({"cpu_seconds": time.process_time() - started}))
"""


def cpu_seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of all threads; what it needs is compiled and imported by a first call."""
    work()
    started = time.process_time()
    work()
    return time.process_time() - started


def row(task: str, rows: int, own: float, peer: str, theirs: float | None) -> dict[str, Any]:
    """A row of the table; `theirs` is None where the peer is absent."""
    return {"task": task, "rows": rows, "own_cpu_seconds": own, "peer": peer, "peer_cpu_seconds": theirs}


def child_matching(n_rows: int) -> list[dict[str, Any]]:
    """Coarsened exact matching and nearest neighbours on the propensity score, from a frame with text columns."""
    cohort, covariates = matching.generated(n_rows), matching.child_covariates()

    def matched(method: dict[str, Any]) -> Callable[[], Any]:
        def work() -> Any:
            frame = encoded(cohort, covariates)
            return matched_by(frame, covariates, individual_weights(frame), method)

        return work

    own = {
        "cem": cpu_seconds(matched(STUDY_METHOD)),
        "nearest": cpu_seconds(matched({"method": "nearest", "nearest": NEAREST})),
    }
    peer = matching.matchit(cohort)
    known = peer if isinstance(peer, dict) else {}
    name = f"MatchIt {known['version']}" if known else "MatchIt"
    return [
        row("coarsened exact matching", n_rows, own["cem"], name, known.get("cem")),
        row("nearest 3 on the propensity score", n_rows, own["nearest"], name, known.get("nearest_1_3")),
    ]


def regression(n_rows: int) -> list[dict[str, Any]]:
    """The headline regression with errors clustered by LA: from child rows, and once their cross-products are there.

    Peers start from child rows for every specification.
    """
    frame = models.matched_rows(n_rows, np.random.default_rng(1))

    def estimated(cells: Cells) -> Any:
        fitted = models.fit(models.MAIN, cells)
        return clustered(CRV1, fitted.fits, models.effect(fitted), models.CONFIDENCE)

    cells = accumulate(frame, models.settings())
    own = {
        "headline regression, errors by LA": cpu_seconds(lambda: estimated(accumulate(frame, models.settings()))),
        "a further specification of the same rows": cpu_seconds(lambda: estimated(cells)),
    }
    peers = {
        "statsmodels, dummies": cpu_seconds(lambda: models.with_dummies(frame)),
        "pyfixest": cpu_seconds(lambda: models.with_pyfixest(frame)) if find_spec("pyfixest") else None,
    }
    return [row(task, n_rows, own[task], peer, theirs) for task in own for peer, theirs in peers.items()]


def tables(n_rows: int) -> list[dict[str, Any]]:
    """Every covariate by arm and period, counted and judged against the rules of disclosure control."""
    covariates = matching.child_covariates()
    cohort = encoded(matching.generated(n_rows), covariates)
    rules = read_rules(str(ROOT / "schemas" / "disclosure" / "rules.yaml"))
    ones, schema = np.ones(n_rows), contract_schema("dropped")

    def own() -> Any:
        made = dropped_table(sample(cohort, ones, ones), cohort, covariates).with_columns(outcome=pl.lit("any"))
        judged = made.with_columns(pl.lit(None, t).alias(n) for n, t in schema.items() if n not in made.columns)
        return Judge({"dropped": judged}, rules, "main", frozenset()).reasons(["dropped"])

    return [row("tables counted and judged", n_rows, cpu_seconds(own), "acro 0.4.12", _acro(n_rows))]


def _acro(n_rows: int) -> float | None:
    """CPU seconds of acro's crosstabs, None without it."""
    python = os.environ.get("ACRO_PYTHON")
    if not python:
        return None
    names = [covariate.name for covariate in matching.child_covariates()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort.csv"
        matching.generated(n_rows).write_csv(path)
        asked = [python, "-c", ACRO, str(path), json.dumps(names)]
        run = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=folder)
    return json.loads(run.stdout.splitlines()[-1])["cpu_seconds"]


def main() -> None:
    """Print a Markdown table and write the figures."""
    parser = argparse.ArgumentParser(description="The project beside other software.")
    parser.add_argument("--matching-rows", type=int, default=50_000)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    require_one_thread()
    found = [*child_matching(given.matching_rows), *regression(given.rows), *tables(given.rows)]
    print("\n| task | rows | this project, CPU seconds | peer | peer, CPU seconds | peer / project |")
    print("|---|---|---|---|---|---|")
    for each in found:
        own, theirs = each["own_cpu_seconds"], each["peer_cpu_seconds"]
        told = ("absent", "") if theirs is None else (f"{theirs:.2f}", f"{theirs / own:.1f}")
        print(f"| {each['task']} | {each['rows']:,} | {own:.3f} | {each['peer']} | {told[0]} | {told[1]} |")
    write_figures(given.json, {"peers": found})


if __name__ == "__main__":
    main()
