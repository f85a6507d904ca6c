"""Overlap of the arms: shares by hand where the score is known, and nothing where no score can be had."""

import numpy as np
import polars as pl
import pytest

from scripts.matching.balance import sample
from scripts.matching.covariates import child_covariates, encoded
from scripts.matching.overlap import overlap_table
from tests.matching.cohorts import settings

COVARIATES = child_covariates(
    settings(covariates={"child": [{"name": "gender", "kind": "categorical", "match": True}], "la": []})
)


def table(genders: str, treated: str, weight: list[float]) -> pl.DataFrame:
    n = len(genders)
    frame = pl.DataFrame(
        {
            "row_id": pl.Series(range(n), dtype=pl.UInt32),
            "group": ["501"] * n,
            "la_code": [("501" if arm == "1" else "510") for arm in treated],
            "child_id": [f"c{i}" for i in range(n)],
            "treated": pl.Series([int(arm) for arm in treated], dtype=pl.Int8),
            "post": pl.Series([0] * n, dtype=pl.Int8),
            "gender": list(genders),
        }
    )
    coded, individual = encoded(frame, COVARIATES), np.ones(n)
    return overlap_table(sample(coded, individual, np.array(weight)), coded, COVARIATES, individual, 10)


def test_shares_by_hand() -> None:
    # Of five F three are treated: score 0.6. Of five M one: 0.2. The last M comparator is not matched.
    found = table("FFFFFMMMMM", "1110010000", [1.0] * 9 + [0.0])
    shown = {(row["stage"], row["arm"], round(10 * row["score_low"])): row for row in found.iter_rows(named=True)}
    assert {key: row["n_children"] for key, row in shown.items()} == {
        ("before", "treated", 2): 1,
        ("before", "comparator", 2): 4,
        ("before", "treated", 6): 3,
        ("before", "comparator", 6): 2,
        ("after", "treated", 2): 1,
        ("after", "comparator", 2): 3,
        ("after", "treated", 6): 3,
        ("after", "comparator", 6): 2,
    }
    assert shown["before", "comparator", 2]["share"] == pytest.approx(4 / 6)
    assert shown["after", "comparator", 2]["share"] == pytest.approx(3 / 5)


def test_a_bin_that_one_arm_occupies_has_a_row_for_both() -> None:
    found = table("FFFMMM", "111000", [1.0] * 6)
    shares = found.group_by("stage", "score_low").agg(pl.col("share").sort())
    assert all(share == [0.0, 1.0] for share in shares["share"].to_list())
