"""Measure child matching on a cohort of national size: CPU seconds and peak memory of each step, beside its peers.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.matching [--rows 4000000] [--json figures.json]

The cohort has the columns that the cohort stage leaves: 150 LAs of which 10 treated, a matched group each, 12
covariates (8 matched on). The text of the file is turned into integers once (`encode`); the steps start from the
encoded frame or from integer levels, and what each includes stands beside it. CPU seconds are those of all threads.
Peers run on fewer rows, as named: statsmodels' Logit and, where R and MatchIt are installed, MatchIt.
"""

import argparse
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import statsmodels.api as sm

from benchmarks.measure import MIB, write_figures
from scripts.matching.balance import balance_of, balance_tables, sample
from scripts.matching.cem import cross, period_factors
from scripts.matching.covariates import ChildCovariate, coarsened, encoded, exact_levels
from scripts.matching.dropped import dropped_table
from scripts.matching.methods import STUDY_METHOD, matched_by
from scripts.matching.nearest import nearest_pairs
from scripts.matching.overlap import overlap_table
from scripts.matching.propensity import logit_predictor
from scripts.matching.terms import columns, terms
from scripts.matching.weights import composite_weights, individual_weights, pair_weights

N_LAS, N_TREATED = 150, 10
# Name, kind, matched on, levels
COVARIATES = (
    ("gender", "categorical", True, 3),
    ("age", "numeric", True, 18),
    ("ethnicity", "categorical", True, 6),
    ("academic_phase", "categorical", True, 3),
    ("disability", "binary", True, 2),
    ("low_income", "categorical", True, 3),
    ("uasc", "binary", True, 2),
    ("previous_plan", "binary", True, 2),
    ("sen", "categorical", False, 4),
    ("main_need", "categorical", False, 9),
    ("category_of_abuse", "categorical", False, 6),
    ("elevated_risk", "binary", False, 2),
)
ENTROPY = {"method": "entropy", "entropy": {"tolerance": 1e-9, "max_iterations": 100}}
PEER_ROWS, R_ROWS = 400_000, 50_000
R_SCRIPT = """
suppressMessages(library(MatchIt)); d <- read.csv(commandArgs(TRUE)[1])
f <- treated ~ gender + age + ethnicity + academic_phase + disability + low_income + uasc + previous_plan
run <- function(...) { t <- proc.time(); m <- suppressWarnings(matchit(f, d, ...)); s <- proc.time() - t; s[1] + s[2] }
e <- ~ group + post
cem <- run(method = "cem", cutpoints = list(age = c(-.5, 4.5, 12.5, 17.5)))
cat(cem, run(ratio = 3, exact = e), as.character(packageVersion("MatchIt")))
"""


def generated(rows: int) -> pl.DataFrame:
    """A cohort of matched groups: LA `g` of the first ten is treated, every other LA a comparator of one of them."""
    rng = np.random.default_rng(1)
    la = rng.integers(0, N_LAS, rows)
    child = la * (rows // 200) + rng.integers(0, rows // 200, rows)
    columns = {
        "la_code": pl.Series(np.arange(300, 300 + N_LAS)).cast(pl.String).gather(la),
        "child_id": pl.format("c{}", pl.Series(child)),
        "index_date": np.datetime64("2010-04-01") + rng.integers(0, 365 * 8, rows),
        "group": pl.Series(np.arange(300, 300 + N_TREATED)).cast(pl.String).gather(la % N_TREATED),
        "treated": (la < N_TREATED).astype(np.int8),
        "post": rng.integers(0, 2, rows).astype(np.int8),
    }
    lean = 0.15 * (la < N_TREATED)
    for name, kind, _, levels in COVARIATES:
        code = np.minimum((rng.random(rows) ** (1 + lean) * levels).astype(np.int64), levels - 1)
        text = [f"level {number}" for number in range(levels)]
        columns[name] = (
            pl.Series(code).cast(pl.Float64 if kind == "numeric" else pl.Int8)
            if kind != "categorical"
            else pl.Series(text).gather(code)
        )
    # The order of the cohort stage: not by child.
    order = ("group", "la_code", "index_date", "child_id")
    return pl.select(**columns).sort(order).with_row_index("row_id")


class Meter:
    """CPU seconds and peak memory above the start, by step."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def step(self, name: str, includes: str, work: Callable[[], Any]) -> Any:
        """Run a step and note what it took."""
        process, done, peak = psutil.Process(), threading.Event(), [0]
        start = process.memory_info().rss

        def watch() -> None:
            while not done.wait(0.005):
                peak[0] = max(peak[0], process.memory_info().rss - start)

        watcher = threading.Thread(target=watch)
        watcher.start()
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        row = {"cpu_seconds": time.process_time() - cpu, "seconds": time.perf_counter() - wall}
        done.set()
        watcher.join()
        self.rows.append({"step": name, "includes": includes, **row, "peak_mib": peak[0] / MIB})
        print(f"| {name} | {row['cpu_seconds']:.2f} | {row['seconds']:.2f} | {peak[0] / MIB:.0f} | {includes} |")
        return result


def child_covariates() -> tuple[ChildCovariate, ...]:
    """The cohort's covariates."""
    return tuple(ChildCovariate(n, k, m, (5, 13) if k == "numeric" else ()) for n, k, m, _ in COVARIATES)


def measured(cohort: pl.DataFrame, meter: Meter) -> None:
    """Every step of matching, on the frame and on codes."""
    covariates = child_covariates()
    matching, n_rows = [each for each in covariates if each.match], cohort.height
    everything = tuple(ChildCovariate(each.name, each.kind, True, each.cuts) for each in covariates)
    cohort = meter.step(
        "encode", "text columns, groups, LAs, children to integers", lambda: encoded(cohort, covariates)
    )
    # What is compiled is kept beside the source; a first run would measure the compiler.
    balance_tables(cohort.head(1000), covariates, np.ones(1000), np.ones(1000))
    individual = meter.step("individual weights", "from the encoded frame", lambda: individual_weights(cohort))
    result = meter.step(
        "CEM",
        "levels of 8 covariates, strata, weights, from the encoded frame",
        lambda: matched_by(cohort, covariates, individual, STUDY_METHOD),
    )
    factors = [*period_factors(cohort), *(coarsened(cohort, each) for each in matching)]
    treated = cohort["treated"].to_numpy().astype(np.int64)
    period = cross(factors[:2], n_rows)

    def cem() -> np.ndarray:
        return composite_weights(cross(factors, n_rows), period, treated, individual)

    meter.step("CEM on codes", "strata and weights", cem)
    parts, wide = terms(cohort, covariates), terms(cohort, everything)
    score = meter.step(
        "logit, 8 covariates", "patterns and Newton, from codes", lambda: logit_predictor(parts, treated, individual)
    )
    meter.step(
        "logit, 12 covariates", "patterns and Newton, from codes", lambda: logit_predictor(wide, treated, individual)
    )
    exact = [exact_levels(cohort, each) for each in covariates if each.name in ("gender", "low_income", "uasc")]
    stratum = cross([*factors[:2], *exact], n_rows)
    nearest_pairs(stratum[:1000], score[:1000], treated[:1000], 3, np.inf, False)
    # A wide score has few ties, as with many covariates; both kinds are met.
    spread = score + np.random.default_rng(2).normal(0, 0.1, n_rows)
    strata = f"sort and greedy search in {stratum.max() + 1} strata, compiled before"
    pairs = meter.step("nearest 1:3", strata, lambda: nearest_pairs(stratum, spread, treated, 3, np.inf, False))
    meter.step("nearest 1:3, many ties", strata, lambda: nearest_pairs(stratum, score, treated, 3, np.inf, False))
    meter.step("nearest 1:3, caliper", strata, lambda: nearest_pairs(stratum, spread, treated, 3, 0.01, False))
    meter.step(
        "nearest 1:3, with replacement", strata, lambda: nearest_pairs(stratum, spread, treated, 3, np.inf, True)
    )
    meter.step("weights of pairs", "from pairs", lambda: pair_weights(pairs, period, treated, individual))
    meter.step(
        "entropy balancing",
        "levels, patterns, Newton and weights, from the encoded frame",
        lambda: matched_by(cohort, covariates, individual, ENTROPY),
    )
    taken = meter.step(
        "rows by child", "sort, from the encoded frame", lambda: sample(cohort, individual, result.weight)
    )
    meter.step("balance", "both tables, before and after, by child", lambda: balance_of(taken, cohort, covariates))
    meter.step("dropped", "the table, by child", lambda: dropped_table(taken, cohort, covariates))
    meter.step("overlap", "score and table, by child", lambda: overlap_table(taken, cohort, covariates, individual, 20))


def peers(cohort: pl.DataFrame, meter: Meter) -> dict[str, Any]:
    """statsmodels' Logit, and MatchIt if it is there."""
    part = cohort.head(PEER_ROWS)
    parts = terms(part, tuple(ChildCovariate(n, k, True, ()) for n, k, _, _ in COVARIATES))
    treated, ones = part["treated"].to_numpy().astype(np.int64), np.ones(part.height)
    design = columns(parts, slice(0, part.height))
    label = f"{part.height:,} rows, 12 covariates"
    fitted = meter.step(
        "peer: statsmodels Logit",
        f"{label}, design made before",
        lambda: sm.Logit(treated, design).fit(disp=0).fittedvalues,
    )
    own = meter.step("logit on the same rows", f"{label}, from codes", lambda: logit_predictor(parts, treated, ones))
    result: dict[str, Any] = {"largest_difference_from_statsmodels": float(np.abs(own - fitted).max())}
    print(f"\nLargest difference of the linear predictors: {result['largest_difference_from_statsmodels']:.1e}")
    return result | {"matchit": matchit(cohort.head(R_ROWS))}


def matchit(part: pl.DataFrame) -> dict[str, Any] | str:
    """CPU seconds of MatchIt on some rows, or that it is absent."""
    if not shutil.which("Rscript"):
        print("\nMatchIt: absent (no Rscript)")
        return "absent"
    with tempfile.TemporaryDirectory() as folder:
        part.write_csv(Path(folder) / "part.csv")
        run = subprocess.run(
            ["Rscript", "-e", R_SCRIPT, str(Path(folder) / "part.csv")], capture_output=True, text=True, check=False
        )
    if run.returncode:
        print("\nMatchIt: absent (R does not load it)")
        return "absent"
    cem, nearest, version = run.stdout.split()
    print(
        f"\nMatchIt {version}, {part.height:,} rows: CEM {float(cem):.2f}, nearest 1:3 {float(nearest):.2f} CPU seconds"
    )
    return {"version": version, "rows": part.height, "cem": float(cem), "nearest_1_3": float(nearest)}


def main() -> None:
    """Print a Markdown table and write the figures."""
    parser = argparse.ArgumentParser(description="Measure child matching.")
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    cohort, meter = generated(chosen.rows), Meter()
    print(f"{cohort.height:,} rows, {cohort['group'].n_unique()} groups\n")
    print("| step | CPU seconds | seconds | peak memory, MiB | includes |\n|---|---|---|---|---|")
    measured(cohort, meter)
    beside = peers(cohort, meter)
    write_figures(chosen.json, {"rows": cohort.height, "steps": meter.rows, "peers": beside})


if __name__ == "__main__":
    main()
