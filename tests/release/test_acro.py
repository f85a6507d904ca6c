"""Against `acro` 0.4.12, in an environment of its own that ACRO_PYTHON names (docs/release.md has the command)."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.release.small_study import documented, judge, tables
from tests.release.test_pack import packed, settings

pytestmark = pytest.mark.long

CROSSTABS = """
import json, sys, warnings, logging
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
import pandas as pd
from acro import ACRO
made = ACRO(suppress=False)
answers = []
for codes in json.load(sys.stdin):
    frame = pd.DataFrame({"level": [f"l{a}" for a, _ in codes], "arm": [f"a{b}" for _, b in codes]})
    made.crosstab(frame["level"], frame["arm"])
    record = made.results.get_index(-1)
    outcome = record.outcome
    answers.append({f"{i[1:]},{j[1:]}": str(outcome.loc[i, j]) for i in outcome.index for j in outcome.columns})
print(json.dumps(answers))
"""
LOAD = """
import sys
from acro.record import load_records
records = load_records(sys.argv[1])
print(len(records.results), sorted({record.status for record in records.results.values()}))
"""


def acro(code: str, *arguments: str, given: str = "") -> str:
    """What a program prints in acro's environment."""
    python = os.environ.get("ACRO_PYTHON")
    if not python:
        pytest.skip("ACRO_PYTHON names no environment with acro 0.4.12")
    run = subprocess.run([python, "-c", code, *arguments], input=given, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def test_whatever_acro_would_withhold_in_a_crosstab_is_withheld(tmp_path: Path) -> None:
    """Fifty random tables of one row per child: no cell that acro marks is shown; the gate may withhold more."""
    random = np.random.default_rng(4)
    drawn = [
        [(int(a), int(b)) for a, b in zip(random.integers(0, 4, n), random.integers(0, 2, n), strict=True)]
        for n in random.integers(40, 200, 50)
    ]
    answers = json.loads(acro(CROSSTABS, given=json.dumps(drawn)).splitlines()[-1])
    marked = looser = 0
    for codes, answer in zip(drawn, answers, strict=True):
        cells = {(a, b): sum(pair == (a, b) for pair in codes) for a in range(4) for b in range(2)}
        # In the gate's own table: so many children of a level and arm, half of whom dropped out.
        rows = [
            ("o", "pre", ("treated", "comparator")[b], "gender", str(a), 2 * n, n, 2 * n, n)
            for (a, b), n in cells.items()
        ]
        frame = documented("dropped", pl.DataFrame(rows, schema=tables()["dropped"].columns[:9], orient="row"))
        withheld = judge(tables() | {"dropped": frame}).reasons(["dropped"])["dropped"]
        for (a, b), reason in zip(cells, withheld, strict=True):
            unsafe = "threshold" in answer.get(f"{a},{b}", "")
            marked += unsafe
            looser += unsafe and reason is None
    assert marked > 20 and looser == 0


def test_acro_opens_the_pack(tmp_path: Path) -> None:
    leaves = packed(tmp_path, settings())
    told = acro(LOAD, str(leaves))
    assert told.split()[0].isdigit() and "'fail'" not in told
