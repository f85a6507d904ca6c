"""Composite weights: a hand-worked example with a comparator LA that serves two pilots, and the sum property."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import StudyError
from scripts.matching.covariates import ChildCovariate, dense
from scripts.matching.job import weighted_cohort
from scripts.matching.weights import _check_totals, composite_weights, individual_weights
from tests.matching.cohorts import cohort

SEX = (ChildCovariate("gender", "categorical", True, ()),)

# Pilot A has comparators C and D, pilot B has C: C's three records stand in both groups.
REUSE = """
group la child gender treated
A     A  a1    f      1
A     A  a2    f      1
A     A  a3    m      1
A     A  a4    x      1
A     C  c1    f      0
A     C  c2    m      0
A     C  c3    f      0
A     D  d1    m      0
A     D  d2    m      0
A     D  d3    y      0
B     B  b1    f      1
B     B  b2    m      1
B     B  b3    m      1
B     C  c1    f      0
B     C  c2    m      0
B     C  c3    f      0
"""


def reuse_cohort() -> pl.DataFrame:
    """The cohort of the table above, all before embedding on one day."""
    header, *rows = [line.split() for line in REUSE.strip().splitlines()]
    frame = pl.DataFrame(rows, schema=header, orient="row")
    return frame.rename({"la": "la_code", "child": "child_id"}).with_columns(
        pl.col("treated").cast(pl.Int8), index_date=date(2012, 5, 1), post=pl.lit(0, pl.Int8)
    )


def test_composite_weights_with_a_reused_comparator_by_hand() -> None:
    """Group A: a4 and d3 have no counterpart. C's records weigh 1/2 each.

    Matched: W1 = 3 (f 2, m 1); W0 = c1 + c3 (f) 1.0, c2 + d1 + d2 (m) 2.5, in all 3.5.
    f: (2 / 1.0) x (3.5 / 3) = 7/3, times 1/2 = 7/6 for c1 and c3; m: (1 / 2.5) x (3.5 / 3) = 7/15, 7/30 for c2.
    Group B: W1 = 3 (f 1, m 2); W0 = 1.5 (f 1.0, m 0.5).
    f: (1 / 1.0) x (1.5 / 3) = 1/2, times 1/2 = 1/4; m: (2 / 0.5) x (1.5 / 3) = 2, times 1/2 = 1.
    """
    weighted = weighted_cohort(reuse_cohort(), SEX)
    expected = [1, 1, 1, 0, 7 / 6, 7 / 30, 7 / 6, 7 / 15, 7 / 15, 0, 1, 1, 1, 1 / 4, 1, 1 / 4]
    assert weighted["weight"].to_list() == pytest.approx(expected, rel=1e-14)
    assert weighted["individual_weight"].to_list() == [1] * 4 + [0.5] * 3 + [1] * 6 + [0.5] * 3
    in_a = weighted.filter((pl.col("group") == "A") & (pl.col("treated") == 0))
    assert in_a["weight"].sum() == pytest.approx(3.5)


def test_multiplicity_counts_la_child_and_date_together() -> None:
    frame = pl.DataFrame(
        {
            "la_code": ["1", "1", "2", "1", "1"],
            "child_id": ["a", "a", "a", "a", "b"],
            "index_date": [date(2012, 1, 1), date(2012, 1, 2), date(2012, 1, 1), date(2012, 1, 1), date(2012, 1, 1)],
        }
    )
    assert individual_weights(frame).tolist() == [0.5, 1, 1, 0.5, 1]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 1), st.integers(1, 4)), min_size=1, max_size=80
    )
)
def test_composite_weights_sum_to_individual_weights_in_every_arm(rows: list[tuple[int, int, int, int]]) -> None:
    period, cell, treated, multiplicity = np.array(rows).T
    stratum = dense(period * 10 + cell)[0]
    arms = [set(stratum[treated == arm]) for arm in (0, 1)]
    kept = np.isin(stratum, sorted(arms[0] & arms[1]))
    individual = 1.0 / multiplicity
    weights = composite_weights(stratum[kept], period[kept], treated[kept], individual[kept])
    assert (weights > 0).all()
    for p in set(period[kept]):
        for arm in (0, 1):
            inside = (period[kept] == p) & (treated[kept] == arm)
            assert weights[inside].sum() == pytest.approx(individual[kept][inside].sum())


def test_stratum_composition_of_comparators_becomes_that_of_the_treated() -> None:
    weighted = weighted_cohort(cohort(), SEX).filter(pl.col("weight") > 0)
    shares = (
        weighted.group_by("group", "post", "treated", "gender")
        .agg(pl.col("weight").sum())
        .with_columns(share=pl.col("weight") / pl.col("weight").sum().over("group", "post", "treated"))
        .pivot("treated", index=["group", "post", "gender"], values="share")
    )
    assert np.allclose(shares["0"], shares["1"], rtol=1e-12)


def test_a_wrong_total_is_an_internal_error() -> None:
    with pytest.raises(StudyError, match="INTERNAL"):
        _check_totals(np.array([[1.0], [2.0]]), np.array([[1.0], [2.1]]))


def test_no_rows_have_no_weights() -> None:
    assert weighted_cohort(cohort().head(0), SEX).height == 0
