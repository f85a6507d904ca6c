"""Raw means by hand: pooled over children within an arm, errors over LAs, records once in "all"."""

import math

import polars as pl
import pytest

from scripts.cohort.trends import trends

GROUPS = pl.DataFrame(
    {
        "group": ["501", "501", "501", "502", "502"],
        "la_code": ["501", "510", "511", "502", "510"],
        "treated": pl.Series([1, 0, 0, 1, 0], dtype=pl.Int8),
    }
)


def events(*rows: tuple[str, str, int, float | None]) -> pl.DataFrame:
    schema = {"la_code": pl.String, "child_id": pl.String, "financial_year": pl.Int32, "outcome": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


FOUND = trends(
    events(
        ("501", "a", 2014, 4.0),
        ("501", "a", 2014, 8.0),
        ("510", "a", 2014, 1.0),
        ("510", "b", 2014, 3.0),
        ("510", "c", 2014, None),
        ("511", "a", 2014, 6.0),
        ("502", "a", 2015, 5.0),
    ),
    GROUPS,
)


def row(group: str, arm: str, year: int = 2014) -> dict:
    return FOUND.row(
        by_predicate=(pl.col("group") == group) & (pl.col("arm") == arm) & (pl.col("financial_year") == year),
        named=True,
    )


def test_a_groups_mean_counts_rows_and_distinct_children() -> None:
    pilot = row("501", "pilot")
    assert (pilot["mean"], pilot["n_rows"], pilot["n_children"], pilot["n_las"]) == (6.0, 2, 1, 1)
    assert pilot["std_error"] is None


def test_comparators_are_pooled_and_their_error_is_over_las() -> None:
    found = row("501", "comparator")
    # LA means 2 and 6 differ by 4: their standard deviation is sqrt(8), over sqrt(2) LAs.
    assert found["mean"] == pytest.approx(10 / 3) and found["std_error"] == pytest.approx(math.sqrt(8) / math.sqrt(2))
    assert (found["n_rows"], found["n_children"], found["n_las"]) == (3, 3, 2)


def test_a_comparator_of_two_groups_counts_once_in_all() -> None:
    assert row("all", "comparator")["n_rows"] == 3
    assert row("502", "comparator")["n_rows"] == 2
    assert row("all", "pilot", 2015)["mean"] == 5.0


def test_no_events_no_rows() -> None:
    assert trends(events(), GROUPS).is_empty()


def test_the_largest_shares_are_of_children_not_of_rows() -> None:
    # Children 1 (510 a), 3 (510 b) and 6 (511 a) of 10; the pilot's one child holds all.
    found, pilot = row("501", "comparator"), row("501", "pilot")
    assert (found["share_largest"], found["share_two_largest"]) == (pytest.approx(0.6), pytest.approx(0.9))
    assert (pilot["share_largest"], pilot["share_two_largest"]) == (1.0, 1.0)
    assert found["n_children_with"] is None


def test_of_a_share_the_children_with_and_without_it_are_counted() -> None:
    shares = trends(events(("510", "a", 2014, 1.0), ("510", "a", 2014, 0.0), ("511", "a", 2014, 0.0)), GROUPS)
    found = shares.filter(pl.col("group") == "501").row(0, named=True)
    assert (found["n_children_with"], found["n_children_without"], found["n_children"]) == (1, 2, 2)
    assert found["share_largest"] is None
