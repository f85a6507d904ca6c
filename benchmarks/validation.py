"""Measure the CIN rules at national volume: seconds, referrals per second, peak memory.

    python -m benchmarks.validation [--referrals 1000000]

Makes a return of random dates and codes with an assessment, an enquiry and a plan below some of its cases.
"""

import argparse
import resource
import time

import numpy as np
import polars as pl

from scripts.dates import HolidayCalendar
from scripts.validation.cin import RULES, views
from scripts.validation.cin_return import stacked
from scripts.validation.cin_views import COLUMNS
from scripts.validation.rules import count_failures

CASES_PER_CHILD, YEAR = 1.5, 2018
CODES = {
    "Sex": ["M", "F", "U"],
    "GenderCurrent": ["1", "2", "0"],
    "Ethnicity": ["WBRI", "BAFR", "MISS"],
    "Disability": ["NONE", "LD", "AUT", "MOB"],
    "ReferralSource": ["1A", "6", "2A", "PR"],
    "PrimaryNeedCode": ["N1", "N4", "A2"],
    "ReasonForClosure": ["RC7", "RC8", None],
    "ReferralNFA": ["0", "1"],
    "ICPCnotRequired": ["0", "1"],
    "AssessmentFactors": ["3A", "16A", "21"],
    "InitialCategoryOfAbuse": ["NEG", "EMO"],
    "LatestCategoryOfAbuse": ["NEG", "EMO"],
    "NumberOfPreviousCPP": ["0", "1", None],
}


def module(name: str, keys: dict[str, np.ndarray], rng: np.random.Generator) -> pl.DataFrame:
    """Random rows of a module, as text, with its keys."""
    size = len(next(iter(keys.values())))
    columns: dict[str, object] = {}
    for column in COLUMNS[name]:
        if column in CODES:
            columns[column] = pl.Series(CODES[column]).gather(rng.integers(0, len(CODES[column]), size))
        elif column == "LAchildID":
            columns[column] = keys["child"].astype(str)
        else:
            first = np.datetime64("2005-04-01" if "Birth" in column else "2018-04-01")
            columns[column] = (first + rng.integers(0, 5000 if "Birth" in column else 400, size)).astype(str)
    return pl.DataFrame(columns | keys)


def random_return(n_cases: int, rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """The modules of one return with so many cases."""
    n_children = int(n_cases / CASES_PER_CHILD)
    owner = rng.integers(0, n_children, n_cases)

    def below(share: float, key: str) -> dict[str, np.ndarray]:
        cases = np.sort(rng.choice(n_cases, int(share * n_cases), replace=False))
        return {"child": owner[cases], "details": cases, key: np.arange(len(cases))}

    assessments, plans = below(0.8, "assessment"), below(0.1, "plan")
    keys = {
        "Child": {"child": np.arange(n_children)},
        "Disabilities": {"child": rng.integers(0, n_children, n_children)},
        "CINdetails": {"child": owner, "details": np.arange(n_cases)},
        "Assessments": assessments,
        "AssessmentFactors": {name: np.repeat(values, 2) for name, values in assessments.items()},
        "Section47": below(0.3, "enquiry"),
        "ChildProtectionPlans": plans,
        "Reviews": plans,
        "CINPlanDates": below(0.2, "cin_plan"),
    }
    header = pl.DataFrame({"Year": [str(YEAR + 1)], "ReferenceDate": [f"{YEAR + 1}-03-31"]})
    return {"Header": header} | {name: module(name, columns, rng) for name, columns in keys.items()}


def main() -> None:
    """Print the figures as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--referrals", type=int, default=1_000_000)
    n_cases = parser.parse_args().referrals
    made = random_return(n_cases, np.random.default_rng(1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    judged = views(stacked([(YEAR, made)]), HolidayCalendar("GB", "ENG"))
    viewed = time.perf_counter()
    counts = count_failures(judged, RULES)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("| Referrals | Rules | Seconds | of which views | Referrals/s | Peak MiB | before |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {n_cases:,} | {counts.height} | {seconds:.1f} | {viewed - started:.1f} | {n_cases / seconds:,.0f} "
        f"| {peak / 1024:,.0f} | {before / 1024:,.0f} |"
    )


if __name__ == "__main__":
    main()
