"""How often tests reject a true null, and how often intervals cover a known effect.

    python -m benchmarks.simulation size [--studies 1000] [--scenario plain|noisy|six|three]
    python -m benchmarks.simulation coverage [--studies 500]
    python -m benchmarks.simulation table

`size` draws studies without effect at LA x year level: 60 LAs, 9 of them treated, in matched groups with dates of their
own, LA effects and AR(1) LA x year shocks; in scenario `noisy` those of treated LAs are twice as large, in `six` and
`three` 6 of 40 and 3 of 20 LAs are treated. `coverage` draws cohorts of children with a planted effect and takes them
through matching, cross-products and the headline specification, one outcome of each of the study's five kinds. Every
study has a seed of its own, kept with its result in benchmarks/results/*.jsonl; a run adds the studies that are missing
there. `table` prints what the files say.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.models.cells import Cells, accumulate
from scripts.models.fitted import Fitted, assignment, fit_specification
from scripts.models.inference import CR2, CRV1, CRV3, RI, WCR, Inference, clustered, randomised, wild
from scripts.models.specification import EFFECT, Specification
from scripts.models.wild import wild_weights

RESULTS = Path(__file__).parent / "results"
N_LAS, N_TREATED, YEARS = 60, 9, tuple(range(2009, 2019))
LA_SD, SHOCK_SD, PERSISTENCE = 1.0, 0.5, 0.5
WILD = {"draws": 999, "webb_up_to": 5, "enumerate_up_to": 12}
RANDOMISATION_DRAWS = 999
CONFIDENCE, MAX_MISSING_SHARE = 0.95, 0.3
MAIN = Specification("main", "did", child_covariates=True, la_covariates=True)


@dataclass(frozen=True)
class Scenario:
    """LAs and treated ones of a study without effect, and how many times larger the shocks of treated LAs are."""

    n_las: int
    n_treated: int
    treated_sd: float


SCENARIOS = {
    "plain": Scenario(N_LAS, N_TREATED, 1.0),
    "noisy": Scenario(N_LAS, N_TREATED, 2.0),
    "six": Scenario(40, 6, 1.0),
    "three": Scenario(20, 3, 1.0),
}


@dataclass(frozen=True)
class Kind:
    """An outcome of the study: base rate or mean, planted effect, sd of LA effects and of shocks, all additive."""

    level: float
    effect: float
    la_sd: float
    shock_sd: float
    binary: bool = True


# Effects are those of config.yaml, `synthetic.effects`; additive on the outcome's own scale, so the truth is exact.
OUTCOMES = {
    "assessment_duration": Kind(30.0, -3.0, 4.0, 1.5, binary=False),
    "icpc": Kind(0.17, -0.03, 0.03, 0.012),
    "nfa_rereferral": Kind(0.20, 0.0, 0.04, 0.015),
    "rereferral_escalation": Kind(0.08, 0.0, 0.012, 0.005),
    "kinship": Kind(0.25, 0.08, 0.04, 0.015),
}


def main() -> None:
    """Add missing studies, or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("size", "coverage", "table"))
    parser.add_argument("--studies", type=int)
    parser.add_argument("--scenario", choices=tuple(SCENARIOS), default="plain")
    given = parser.parse_args()
    if given.what == "size":
        _run(f"size_{given.scenario}", given.studies or 1000, lambda seed: null_study(seed, SCENARIOS[given.scenario]))
    elif given.what == "coverage":
        _run("coverage", given.studies or 500, covered_study)
    else:
        print(table())


def _run(name: str, n_studies: int, study: Callable[[int], dict[str, Any]]) -> None:
    """Append the studies that the file of results lacks, one line each."""
    path = RESULTS / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    known = {each["seed"] for each in _stored(name)}
    with path.open("a") as stream:
        for seed in (seed for seed in range(1, n_studies + 1) if seed not in known):
            stream.write(json.dumps({"seed": seed} | study(seed)) + "\n")
            stream.flush()


def _stored(name: str) -> list[dict[str, Any]]:
    """Results so far."""
    path = RESULTS / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def autoregressive(rng: np.random.Generator, sd: np.ndarray, n_years: int) -> np.ndarray:
    """Stationary AR(1) shocks of LAs with standard deviations `sd` (G,). (G, years)"""
    shocks = np.empty((len(sd), n_years))
    shocks[:, 0] = sd * rng.standard_normal(len(sd))
    for t in range(1, n_years):
        fresh = np.sqrt(1 - PERSISTENCE**2) * sd * rng.standard_normal(len(sd))
        shocks[:, t] = PERSISTENCE * shocks[:, t - 1] + fresh
    return shocks


# --- size: studies of LA x year cells -------------------------------------------------------------------------------


def null_study(seed: int, scenario: Scenario) -> dict[str, Any]:
    """p-values of every method in a study without effect."""
    cells = null_cells(np.random.default_rng(seed), scenario)
    fitted = fit_specification(MAIN, [cells], MAX_MISSING_SHARE)
    if not isinstance(fitted, Fitted):
        raise ValueError(fitted)
    position = fitted.position(EFFECT)
    found = [clustered(method, fitted.fits, position, CONFIDENCE) for method in (CRV1, CRV3, CR2)]
    found.append(wild(fitted.fits, position, CONFIDENCE, wild_weights(scenario.n_las, WILD, seed)))
    drawn = assignment(MAIN, fitted, [cells], MAX_MISSING_SHARE)
    found.append(randomised(fitted.fits, position, CONFIDENCE, drawn, RANDOMISATION_DRAWS, seed))
    return {each.method: each.p_value for each in found} | {"df": found[2].df}


def null_cells(rng: np.random.Generator, scenario: Scenario) -> Cells:
    """Cells of a study: a pilot and its share of the other LAs per group, dates by group, one child covariate."""
    n_las, n_treated = scenario.n_las, scenario.n_treated
    treated = (np.arange(n_las) < n_treated).astype(np.int64)
    group = np.arange(n_las) % n_treated
    start = YEARS[0] + 4 + rng.integers(0, 3, n_treated)
    shocks = autoregressive(rng, SHOCK_SD * np.where(treated == 1, scenario.treated_sd, 1.0), len(YEARS))
    mean = rng.normal(0, LA_SD, n_las)[:, None] + shocks + 0.1 * np.arange(len(YEARS))
    la, t = (each.ravel() for each in np.meshgrid(np.arange(n_las), np.arange(len(YEARS)), indexing="ij"))
    year = YEARS[0] + t
    # The year of embedding itself is dropped, as between start and end in the study.
    kept = year != start[group[la]]
    la, t, year = la[kept], t[kept], year[kept]
    since = np.where(year > start[group[la]], year - start[group[la]] - 1, year - start[group[la]])
    size = np.maximum(rng.poisson(rng.lognormal(4.0, 0.5, n_las)[la]), 5)
    matrices = _child_moments(rng, size, mean[la, t])
    codes = np.char.zfill(np.arange(n_las).astype(str), 3)
    none = np.array([], dtype=str)
    density = rng.normal(size=(n_las, 1))[la] + 0.1 * t[:, None]
    return Cells(
        columns=np.array(["const", "x"]),
        roles=np.array(["const", "child"]),
        references=none,
        left_out_terms=none,
        left_out_reasons=none,
        term_names=none,
        term_rows=np.array([], dtype=np.int64),
        term_children=np.array([], dtype=np.int64),
        la_names=np.array(["density"]),
        la_values=density,
        group=codes[group[la]],
        la=codes[la],
        treated=treated[la],
        post=(since >= 0).astype(np.int64),
        since=since,
        year=year,
        rows=size,
        matrices=matrices,
        la_codes=codes,
        la_treated=treated == 1,
        la_children=np.bincount(la, weights=size, minlength=n_las).astype(np.int64),
    )


def _child_moments(rng: np.random.Generator, size: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """[1 x y]'[1 x y] of cells of `size` children, y = mean + 0.3 x + noise, x and noise standard normal. (C, 3, 3)"""
    n = size.astype(float)
    x, noise = (rng.standard_normal(len(n)) / np.sqrt(n) for _ in range(2))
    y = mean + 0.3 * x + noise
    spread = rng.chisquare(n - 1)
    shared = rng.standard_normal(len(n))
    across = 0.3 * spread + np.sqrt(spread) * shared
    within = 0.09 * spread + 0.6 * np.sqrt(spread) * shared + shared**2 + rng.chisquare(n - 2)
    values = np.stack([np.ones(len(n)), x, y], axis=1)
    matrices = n[:, None, None] * values[:, :, None] * values[:, None, :]
    matrices[:, 1, 1] += spread
    matrices[:, 1, 2] += across
    matrices[:, 2, 1] += across
    matrices[:, 2, 2] += within
    return matrices


# --- coverage: studies of children, through matching --------------------------------------------------------------


def settings(outcome: str) -> dict[str, Any]:
    """Settings of matching and cross-products."""
    return {
        "outcome": outcome,
        "covariates": {
            "child": [
                {"name": "gender", "kind": "categorical", "match": True},
                {"name": "age", "kind": "numeric", "match": True, "cuts": [5, 13]},
                {"name": "ethnicity", "kind": "categorical", "match": True},
                {"name": "disability", "kind": "binary", "match": False},
            ],
            "la": [{"name": "density", "fill": "linear"}],
        },
        "models": {"subgroups": [], "min_level_children": 0},
    }


def covered_study(seed: int) -> dict[str, Any]:
    """Per outcome the estimate, its error and the ends of the WCR interval."""
    return {name: _covered(name, kind, [seed, i]) for i, (name, kind) in enumerate(OUTCOMES.items())}


def _covered(name: str, kind: Kind, seed: list[int]) -> list[float | None]:
    """Estimate, error, low and high end of one outcome."""
    frame, chosen = cohort(kind, np.random.default_rng(seed)), settings(name)
    matched = weighted_cohort(frame, child_covariates(chosen)).filter(pl.col("weight") > 0)
    fitted = fit_specification(MAIN, [accumulate(matched, chosen)], MAX_MISSING_SHARE)
    if not isinstance(fitted, Fitted):
        raise ValueError(fitted)
    weights = wild_weights(fitted.fits[0].moments.n_las, WILD, seed[0])
    found: Inference = wild(fitted.fits, fitted.position(EFFECT), CONFIDENCE, weights)
    return [found.estimate, found.std_error, found.ci_low, found.ci_high]


def cohort(kind: Kind, rng: np.random.Generator, mean_rows: int = 250) -> pl.DataFrame:
    """A cohort as scripts/cohort leaves it: every pilot with its comparators, one of which serves the next group too.

    LAs differ in size, level, mix of children and recorded density; effects of covariates, LA x year shocks, a common
    trend and the effect are planted.
    """
    n_members = -(-(N_LAS - N_TREATED) // N_TREATED) + 2
    members = np.full((N_TREATED, n_members), -1)
    for g in range(N_TREATED):
        own = [la for la in range(N_TREATED, N_LAS) if la % N_TREATED == g]
        following = next(la for la in range(N_TREATED, N_LAS) if la % N_TREATED == (g + 1) % N_TREATED)
        members[g, : len(own) + 2] = [g, *own, following]
    records = _records(kind, rng, mean_rows)
    # Rows of each LA are a run; a group is the runs of its members.
    starts = np.searchsorted(records["la"], np.arange(N_LAS + 1))
    parts, groups = [], []
    for g in range(N_TREATED):
        rows = np.concatenate([np.arange(starts[la], starts[la + 1]) for la in members[g] if la >= 0])
        parts.append(rows)
        groups.append(np.full(len(rows), g))
    rows, group = np.concatenate(parts), np.concatenate(groups)
    start = records["start"][group]
    end = start + 365
    day = records["day"][rows]
    kept = (day < start) | (day > end)
    rows, group, day, start, end = rows[kept], group[kept], day[kept], start[kept], end[kept]
    post, treated = day > end, records["la"][rows] == group
    y = _outcome(kind, records, rows, post & treated)
    since = np.floor(np.where(post, day - end, day - start) / 365.25)
    return _frame(records, rows, group, treated, post, since, y)


def _records(kind: Kind, rng: np.random.Generator, mean_rows: int) -> dict[str, np.ndarray]:
    """Records of all LAs in order of LA, and the first day of embedding per group."""
    size = np.maximum(rng.poisson(mean_rows * rng.lognormal(-0.08, 0.4, N_LAS)), 60)
    la = np.repeat(np.arange(N_LAS), size)
    day = rng.integers(0, 365 * len(YEARS), len(la))
    year = day // 365
    level = rng.normal(0, kind.la_sd, N_LAS)[:, None]
    level = level + autoregressive(rng, np.full(N_LAS, kind.shock_sd), len(YEARS))
    female, disabled = rng.uniform(0.4, 0.6, N_LAS), rng.uniform(0.08, 0.2, N_LAS)
    ethnic = rng.dirichlet([8.0, 2.0, 1.0, 1.0], N_LAS).cumsum(axis=1)
    density = rng.normal(0, 1, N_LAS)[:, None] + 0.1 * np.arange(len(YEARS))
    return {
        "la": la,
        "day": day,
        "year": year,
        "child": rng.integers(0, len(la), len(la)),
        "gender": np.where(rng.random(len(la)) < female[la], 1, 2),
        "age": rng.integers(0, 18, len(la)),
        "ethnicity": (rng.random(len(la))[:, None] > ethnic[la, :3]).sum(axis=1),
        "disability": (rng.random(len(la)) < disabled[la]).astype(np.int8),
        "density": density[la, year],
        "level": level[la, year] + 0.05 * kind.la_sd * density[la, year],
        "draw": rng.random(len(la)),
        "noise": rng.gamma(4.0, 0.5, len(la)) - 2.0,
        "start": 365 * 4 + rng.integers(0, 3 * 365, N_TREATED),
    }


def _outcome(kind: Kind, records: dict[str, np.ndarray], rows: np.ndarray, exposed: np.ndarray) -> np.ndarray:
    """Outcome of rows: linear in everything; a rate is a probability, so the planted effect is exact."""
    step = kind.la_sd
    mean = kind.level + records["level"] + 0.05 * step * records["year"]
    mean = mean + step * (0.3 * (records["gender"] == 1) + 0.03 * records["age"] + 0.4 * records["disability"])
    mean = mean[rows] + kind.effect * exposed
    if not kind.binary:
        return np.maximum(mean + 12.0 * records["noise"][rows], 0.0)
    return (records["draw"][rows] < np.clip(mean, 0.0, 1.0)).astype(float)


def _frame(
    records: dict[str, np.ndarray],
    rows: np.ndarray,
    group: np.ndarray,
    treated: np.ndarray,
    post: np.ndarray,
    since: np.ndarray,
    outcome: np.ndarray,
) -> pl.DataFrame:
    """The columns of a cohort, in order of group, LA, child and day."""
    order = np.lexsort((records["day"][rows], records["child"][rows], records["la"][rows], group))
    chosen = rows[order]
    child = pl.Series(records["child"][chosen]).cast(pl.String)
    return pl.DataFrame(
        {
            "group": pl.Series(100 + group[order]).cast(pl.String),
            "la_code": pl.Series(100 + records["la"][chosen]).cast(pl.String),
            "child_id": child,
            "index_date": pl.Series(records["day"][chosen]).cast(pl.Int32).cast(pl.Date),
            "financial_year": pl.Series(YEARS[0] + records["year"][chosen]).cast(pl.Int32),
            "treated": pl.Series(treated[order]).cast(pl.Int8),
            "post": pl.Series(post[order]).cast(pl.Int8),
            "years_since": pl.Series(since[order]).cast(pl.Int32),
            "gender": pl.Series(records["gender"][chosen]).cast(pl.String),
            "age": records["age"][chosen].astype(float),
            "ethnicity": pl.Series(records["ethnicity"][chosen]).cast(pl.String),
            "disability": records["disability"][chosen],
            "density": records["density"][chosen],
            "outcome": outcome[order],
            "row_id": pl.Series(np.arange(len(order))).cast(pl.UInt32),
        }
    )


# --- tables ---------------------------------------------------------------------------------------------------------


def table() -> str:
    """Shares of rejections at 5 % and of intervals that cover, with Monte Carlo errors, as Markdown."""
    lines = ["| Scenario | Studies | CRV1 | CRV3 | CR2 (mean df) | WCR | RI |", "|---|---|---|---|---|---|---|"]
    for name in SCENARIOS:
        if stored := _stored(f"size_{name}"):
            shares = {m: _share([each[m] <= 1 - CONFIDENCE for each in stored]) for m in (CRV1, CRV3, CR2, WCR, RI)}
            df = np.mean([each["df"] for each in stored])
            shares[CR2] += f" ({df:.1f})"
            lines.append(f"| {name} | {len(stored):,} | " + " | ".join(shares.values()) + " |")
    lines += [
        "",
        "| Outcome | Planted | Studies | Mean estimate | sd | Coverage | Half-width |",
        "|---|---|---|---|---|---|---|",
    ]
    stored = _stored("coverage")
    for name, kind in OUTCOMES.items() if stored else ():
        estimate, _, low, high = np.array([each[name] for each in stored], dtype=float).T
        # An end that is null is open, and covers.
        inside = ~(low > kind.effect) & ~(high < kind.effect)
        numbers = f"{estimate.mean():.4f} | {estimate.std(ddof=1):.4f} | {_share(inside)}"
        lines.append(f"| {name} | {kind.effect:g} | {len(stored):,} | {numbers} | {np.nanmedian(high - low) / 2:.4f} |")
    return "\n".join(lines)


def _share(hits: Any) -> str:
    """A share in per cent and its Monte Carlo error."""
    share = float(np.mean(hits))
    return f"{100 * share:.1f} % ± {100 * np.sqrt(share * (1 - share) / len(hits)):.1f}"


if __name__ == "__main__":
    main()
