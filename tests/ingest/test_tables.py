"""The pandera models refuse what does not fit, naming column, rule and count and never a value."""

import polars as pl
import pytest

from schemas import tables
from scripts.errors import StudyError

SECTION47 = pl.DataFrame(
    {"la_code": ["501"], "child_id": ["c1"], "icpc_date": [None]}, schema_overrides={"icpc_date": pl.Date}
)


def test_a_fitting_frame_passes_and_so_does_an_empty_one() -> None:
    assert tables.validate(SECTION47, "section47", "LA 501").equals(SECTION47)
    for table in tables.MODELS:
        tables.validate(tables.empty(table), table, "LA 501")


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [("la_code", "50K", "column la_code"), ("la_code", None, "column la_code"), ("child_id", "", "column child_id")],
)
def test_keys_must_be_whole(column: str, value: str | None, told: str) -> None:
    broken = SECTION47.with_columns(pl.lit(value, pl.String).alias(column))
    with pytest.raises(StudyError, match=told) as caught:
        tables.validate(broken, "section47", "LA 501")
    assert "in 1 rows" in str(caught.value)
    assert "50K" not in str(caught.value)
    assert caught.value.__context__ is None


def test_columns_and_types_must_be_the_documented_ones() -> None:
    with pytest.raises(StudyError, match="extra") as caught:
        tables.validate(SECTION47.with_columns(extra=1).cast({"icpc_date": pl.String}), "section47", "LA 501")
    assert "icpc_date" in str(caught.value)
    with pytest.raises(StudyError, match="child_id"):
        tables.validate(SECTION47.drop("child_id"), "section47", "LA 501")


def test_flags_and_numbers_have_ranges() -> None:
    one = tables.empty("referrals").clear(1).with_columns(la_code=pl.lit("501"), child_id=pl.lit("c"))
    valid = one.with_columns(census_year=pl.lit(2013, pl.Int32))
    tables.validate(valid, "referrals", "LA 501")
    broken = valid.with_columns(referral_nfa=pl.lit(2, pl.Int8), previous_cpps=pl.lit(-1, pl.Int32))
    with pytest.raises(StudyError, match="referral_nfa") as caught:
        tables.validate(broken, "referrals", "LA 501")
    assert "previous_cpps" in str(caught.value)
