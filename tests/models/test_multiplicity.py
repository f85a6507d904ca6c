"""Adjusted p-values by hand."""

import polars as pl
import pytest

from scripts.models.multiplicity import adjust


def adjusted(primary: list[bool], p_values: list[float | None]) -> pl.DataFrame:
    """Adjusted tests of outcomes a, b, ..."""
    names = [chr(97 + i) for i in range(len(primary))]
    columns = {"outcome": names, "primary": primary, "p_value": p_values}
    return adjust(pl.DataFrame(columns, schema_overrides={"p_value": pl.Float64, "primary": pl.Boolean}))


def test_holm_over_primary_and_benjamini_hochberg_over_secondary_outcomes() -> None:
    """Holm: .01 x 3, max(.02 x 2, .03), max(.03 x 1, .04). BH: .01 x 3, .02 x 3/2, .03 x 3/3, smallest from above."""
    found = adjusted([True, True, True, False, False, False], [0.03, 0.01, 0.02, 0.01, 0.02, 0.03])
    assert found["p_adjusted"].to_list() == pytest.approx([0.04, 0.03, 0.04, 0.03, 0.03, 0.03])
    assert found["adjustment"].to_list() == ["holm"] * 3 + ["fdr_bh"] * 3
    assert found["outcome"].to_list() == list("abcdef")


def test_nulls_stay_null_and_do_not_count() -> None:
    found = adjusted([True, True, True, False], [0.02, None, 0.04, None])
    assert found["p_adjusted"].to_list() == [0.04, None, 0.04, None]


def test_no_tests_are_no_tests() -> None:
    assert adjusted([], []).columns == ["outcome", "primary", "p_value", "p_adjusted", "adjustment"]
    assert adjusted([True], [0.7])["p_adjusted"].to_list() == [0.7]
