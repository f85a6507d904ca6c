"""LA-years as rows of the engine: who takes part, which years count as before and after, and how much each weighs."""

from typing import Any

import polars as pl
import pytest

from scripts.published.panel import panel, pilots_of

EMBEDDING = {"start": "2017-09-29", "end": "2018-03-31"}


def settings(**changes: Any) -> dict[str, Any]:
    pilots = [{"code": "304", "wave_1": True}, {"code": "303", "wave_1": False}, {"code": "855", "wave_1": True}]
    return {"embedding": EMBEDDING, "pilots": pilots, "only_wave_1": False, "drop_breaks": False} | changes


def values(*las: str) -> pl.DataFrame:
    rows = [(la, year, None if (la, year) == ("341", 2016) else 1.0) for la in las for year in range(2015, 2020)]
    return pl.DataFrame(rows, schema=["la_code", "financial_year", "value"], orient="row")


def groups(**members: list[str]) -> pl.DataFrame:
    rows = [
        (pilot[1:], la, "pilot" if la == pilot[1:] else "comparator")
        for pilot, comparators in members.items()
        for la in (pilot[1:], *comparators)
    ]
    return pl.DataFrame(rows, schema=["group", "la_code", "role"], orient="row")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["304", "303"]),
        ({"only_wave_1": True}, ["304"]),
        ({"drop_breaks": True}, ["303"]),
    ],
)
def test_pilots_have_figures_and_what_the_study_asks_for(changes: dict, expected: list[str]) -> None:
    found = pilots_of(settings(**changes), known={"304", "303", "341"}, broken={"304"})
    assert [each.code for each in found] == expected


def test_years_around_embedding_are_left_out_and_the_others_counted_from_it() -> None:
    rows = panel(values("304", "340"), groups(p304=["340"]), EMBEDDING).filter(la_code="304")
    assert rows.select("financial_year", "post", "years_since").rows() == [
        (2015, 0, -2),
        (2016, 0, -1),
        (2018, 1, 0),
        (2019, 1, 1),
    ]


def test_embedding_over_several_years_leaves_all_of_them_out() -> None:
    long = {"start": "2016-06-01", "end": "2018-06-30"}
    rows = panel(values("304", "340"), groups(p304=["340"]), long).filter(la_code="304")
    assert rows.select("financial_year", "post", "years_since").rows() == [(2015, 0, -1), (2019, 1, 0)]


def test_an_la_year_weighs_one_however_many_groups_it_serves() -> None:
    rows = panel(values("304", "855", "340"), groups(p304=["340"], p855=["340"]), EMBEDDING)
    weight = rows.group_by("la_code", "financial_year").agg(pl.col("weight").sum())
    assert rows.height == 16 and weight.height == 12 and set(weight["weight"]) == {1.0}
    assert set(rows.filter(la_code="340")["weight"]) == {0.5} and set(rows.filter(la_code="304")["weight"]) == {1.0}


def test_a_lost_year_and_a_group_without_comparators_have_no_rows() -> None:
    rows = panel(values("304", "855", "341"), groups(p304=["341"], p855=[]), EMBEDDING)
    assert set(rows["group"]) == {"304"}
    assert rows.filter(la_code="341")["financial_year"].to_list() == [2015, 2018, 2019]
    assert rows.filter(la_code="304")["treated"].unique().to_list() == [1]
