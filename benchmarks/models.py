"""Measure the models stage at national volume: CPU seconds and peak memory of each step.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.models [--rows 4000000] [--dummies 400000] [--json figures.json]

Draws matched rows of 150 LAs, ten of them treated at different times, eight years and 12 covariates, and takes them to
cross-products, estimates and inference by draws. Beside it stands the same regression by statsmodels on the written-out
dummies of some of the rows and, if it is installed, by pyfixest.
"""

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.measure import memory, require_one_thread, reset_peak, write_figures
from scripts.models.cells import Cells, Rows, cell_products, cells_of, rows_by_cell
from scripts.models.fitted import Fitted, assignment, fit_specification
from scripts.models.inference import CR2, CRV1, CRV3, clustered, randomised, wild
from scripts.models.specification import EFFECT, Specification
from scripts.models.wild import wild_weights

N_LAS, N_TREATED, N_YEARS, FIRST_YEAR, N_OUTCOMES = 150, 10, 8, 2010, 3
DRAWS, CONFIDENCE, MAX_MISSING_SHARE = 9999, 0.95, 0.3
WILD = {"draws": DRAWS, "webb_up_to": 5, "enumerate_up_to": 12}
LEVELS = {"gender": 3, "ethnicity": 6, "academic_year": 3, "fsm": 3, "sen": 4, "main_need": 9, "abuse": 6}
BINARY = ("disability", "uasc", "previous_plans", "elevated_risk")
MAIN = Specification("main", "did", child_covariates=True, la_covariates=True)
EVENTS = Specification("events", "event_study", True, True, first=-9, last=3, reference=-1)
TARGETS = {"products": 1.5, "wild": 0.2, "after": 1.0}


def settings() -> dict[str, Any]:
    """Settings of the cross-products."""
    child = [{"name": name, "kind": "categorical", "match": True} for name in LEVELS]
    child += [{"name": name, "kind": "binary", "match": True} for name in BINARY]
    child.append({"name": "age", "kind": "numeric", "match": True, "cuts": [5, 13]})
    la = [{"name": name, "fill": "linear"} for name in ("density", "rating")]
    return {
        "outcome": "any",
        "covariates": {"child": child, "la": la},
        "models": {"subgroups": ["age"], "min_level_children": 0},
    }


def matched_rows(n_rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """Matched rows in the order of the cohort: group, LA, child."""
    la = np.sort(rng.integers(0, N_LAS, n_rows))
    group = la % N_TREATED
    start = 2 + group % 4
    day = rng.integers(0, N_YEARS * 365, n_rows)
    since = day / 365 - start[:]
    frame = pl.DataFrame(
        {
            "group": pl.Series(group).cast(pl.String),
            "la_code": pl.Series(100 + la).cast(pl.String),
            "child_id": pl.Series(rng.integers(0, 2 * n_rows // 3, n_rows)).cast(pl.String),
            "financial_year": pl.Series(FIRST_YEAR + day // 365).cast(pl.Int32),
            "treated": pl.Series(la < N_TREATED).cast(pl.Int8),
            "post": pl.Series(since >= 0).cast(pl.Int8),
            "years_since": pl.Series(np.floor(since)).cast(pl.Int32),
            "age": rng.integers(0, 18, n_rows).astype(float),
            "weight": rng.uniform(0.2, 3, n_rows),
            "density": rng.normal(size=(N_LAS, N_YEARS))[la, day // 365],
            "rating": rng.integers(1, 5, (N_LAS, N_YEARS)).astype(float)[la, day // 365],
        }
        | {name: pl.Series(rng.integers(0, n, n_rows)).cast(pl.String) for name, n in LEVELS.items()}
        | {name: pl.Series(rng.random(n_rows) < 0.2).cast(pl.Int8) for name in BINARY}
    )
    outcome = 10 + 0.1 * frame["age"] + pl.Series(rng.normal(size=N_LAS)[la] + rng.normal(0, 4, n_rows))
    ordered = frame.with_columns(outcome=outcome).sort("group", "la_code", "child_id")
    return ordered.with_columns(row_id=pl.int_range(pl.len(), dtype=pl.UInt32))


class Clock:
    """CPU seconds and peak memory (MiB) of steps."""

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, float]] = {}

    def measured(self, name: str, step: Callable[[], Any]) -> Any:
        """Run a step; its figures are kept by its name. Peak memory is the process's, above what it held before."""
        reset_peak()
        before, started = memory("VmRSS"), time.process_time()
        result = step()
        seconds, peak = time.process_time() - started, memory("VmHWM") - before
        self.figures[name] = {"cpu_seconds": round(seconds, 3), "added_mib": round(peak)}
        return result


def run(n_rows: int, n_dummies: int) -> dict[str, dict[str, float]]:
    """Figures of all steps."""
    rng, clock = np.random.default_rng(1), Clock()
    from statsmodels.regression import linear_model  # noqa: F401  # seconds to import are none of the fits'

    frame = matched_rows(n_rows, rng)
    rows: Rows = clock.measured("order and design", lambda: rows_by_cell(frame, settings()))
    noise = rng.normal(size=(frame.height, N_OUTCOMES - 1))
    outcomes, weight = np.column_stack([rows.frame["outcome"].to_numpy(), noise]), rows.frame["weight"].to_numpy()
    products = clock.measured("products", lambda: cell_products(rows.design, outcomes, weight, rows.starts))
    first = clock.measured("cells with counts", lambda: cells_of(rows, ("density", "rating")))
    cells = [_of_outcome(first, products, i) for i in range(N_OUTCOMES)]
    fits = [clock.measured(f"fit {i}", lambda each=each: fit(MAIN, each)) for i, each in enumerate(cells)]
    clock.measured("fit event study", lambda: [fit(EVENTS, each) for each in cells])
    clock.measured("CRV1, CRV3, CR2", lambda: [_clustered(each) for each in fits])
    weights = wild_weights(N_LAS, WILD, 1)
    clock.measured("wild", lambda: [wild(f.fits, effect(f), CONFIDENCE, weights) for f in fits])
    clock.measured("randomisation", lambda: [_randomised(f, each) for f, each in zip(fits, cells, strict=True)])
    some = frame.gather_every(max(1, n_rows // n_dummies))
    params = clock.measured("statsmodels dummies", lambda: with_dummies(some))
    if n_dummies >= n_rows and not np.allclose(params, fits[0].fits[0].params, rtol=1e-7, atol=1e-7):
        raise ValueError("coefficients differ from those of statsmodels")
    if find_spec("pyfixest"):
        import pyfixest  # noqa: F401

        clock.measured("pyfixest", lambda: with_pyfixest(some))
    after = [value["cpu_seconds"] for name, value in clock.figures.items() if name.startswith(("fit", "CRV1", "wild"))]
    clock.figures["after"] = {"cpu_seconds": round(sum(after), 3)}
    return clock.figures


def _of_outcome(cells: Cells, products: np.ndarray, outcome: int) -> Cells:
    """The cells of one of several outcomes."""
    width = len(cells.columns)
    chosen = np.append(np.arange(width), width + outcome)
    return replace(cells, matrices=products[:, chosen[:, None], chosen])


def fit(specification: Specification, cells: Cells) -> Fitted:
    """Fit, which must succeed."""
    found = fit_specification(specification, [cells], MAX_MISSING_SHARE)
    if not isinstance(found, Fitted):
        raise ValueError(found)
    return found


def effect(fitted: Fitted) -> int:
    """Where the effect stands among the coefficients."""
    position = fitted.position(EFFECT)
    if position is None:
        raise ValueError(EFFECT)
    return position


def _clustered(fitted: Fitted) -> None:
    """Every clustered error of the effect."""
    for method in (CRV1, CRV3, CR2):
        clustered(method, fitted.fits, effect(fitted), CONFIDENCE)


def _randomised(fitted: Fitted, cells: Cells) -> None:
    """Randomisation inference."""
    drawn = assignment(MAIN, fitted, [cells], MAX_MISSING_SHARE)
    randomised(fitted.fits, effect(fitted), CONFIDENCE, drawn, DRAWS, 1)


def with_dummies(frame: pl.DataFrame) -> np.ndarray:
    """Coefficients of the headline model by statsmodels on child rows."""
    from statsmodels.regression.linear_model import WLS

    panel = frame.select("la_code", "financial_year", "density", "rating").unique()
    scaled = panel.with_columns((pl.col(c) - pl.col(c).mean()) / pl.col(c).std() for c in ("density", "rating"))
    joined = frame.drop("density", "rating").join(scaled, on=["la_code", "financial_year"], maintain_order="left")
    columns = [pl.lit(1.0).alias("const"), "treated", "post"]
    columns += [(pl.col("financial_year") == FIRST_YEAR + i).alias(f"year {i}") for i in range(1, N_YEARS)]
    for name in LEVELS:
        counts = frame[name].value_counts().sort("count", name, descending=[True, False])
        columns += [(pl.col(name) == each).alias(f"{name} {each}") for each in sorted(counts[name].to_list()[1:])]
    columns += [*BINARY, "age", "density", "rating", (pl.col("treated") * pl.col("post")).alias(EFFECT)]
    x = joined.select(columns).cast(pl.Float64).to_numpy()
    model = WLS(frame["outcome"].to_numpy(), x, weights=frame["weight"].to_numpy())
    groups = {"groups": frame["la_code"].cast(pl.Int64).to_numpy()}
    return np.asarray(model.fit(cov_type="cluster", cov_kwds=groups).params)


def with_pyfixest(frame: pl.DataFrame) -> None:
    """The headline model by pyfixest, years and categories absorbed, clustered by LA."""
    import pandas as pd
    import pyfixest

    absorbed = " + ".join(("financial_year", *LEVELS))
    formula = f"outcome ~ treated * post + age + density + rating + {' + '.join(BINARY)} | {absorbed}"
    chosen = frame.drop("group", "child_id", "row_id").with_columns(pl.col("la_code", *LEVELS).cast(pl.Int64))
    data = pd.DataFrame({name: chosen[name].to_numpy() for name in chosen.columns})
    pyfixest.feols(formula, data, weights="weight", vcov={"CRV1": "la_code"})


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--dummies", type=int, default=400_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    require_one_thread()
    figures = run(given.rows, given.dummies)
    print(f"{given.rows:,} rows, {given.dummies:,} with dummies; peak {_peak():,.0f} MiB\n")
    print("| Step | CPU seconds | Added MiB | Target |\n|---|---|---|---|")
    for name, each in figures.items():
        target = f"{TARGETS[name]:g} s" if name in TARGETS else ""
        print(f"| {name} | {each['cpu_seconds']:.3f} | {each.get('added_mib', '')} | {target} |")
    write_figures(given.json, {"rows": given.rows, "dummies": given.dummies, "figures": figures})


def _peak() -> float:
    """Peak memory of the whole process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
