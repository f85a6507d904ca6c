"""Matched groups, the donut, inherited dates, outliers."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.cohort.assemble import CohortFlow, assemble_cohort
from scripts.cohort.groups import Pilot, eligible_pilots
from scripts.cohort.la_covariates import join_la_covariates, read_la_covariates
from scripts.errors import StudyError
from tests.tables import day

START, END = date(2015, 1, 1), date(2016, 6, 30)
GROUPS = pl.DataFrame(
    {
        "group": ["501", "501", "502", "502"],
        "la_code": ["501", "510", "502", "510"],
        "treated": pl.Series([1, 0, 1, 0], dtype=pl.Int8),
        "embedding_start": [START, START, date(2016, 1, 1), date(2016, 1, 1)],
        "embedding_end": [END, END, date(2017, 6, 30), date(2017, 6, 30)],
    }
)


def event(index: str, end: str | None = None, post: str | None = None, la: str = "501", **more: Any) -> dict[str, Any]:
    default = {"la_code": la, "child_id": "c1", "index_date": day(index), "event_end": day(end or index)}
    return default | {"post_date": day(post or index), "financial_year": 2014, "outcome": 1.0} | more


def cohort(
    *rows: dict[str, Any], multiple: float | None = None, event_time: str = "index", flow: CohortFlow | None = None
) -> pl.DataFrame:
    schema = {
        "la_code": pl.String,
        "child_id": pl.String,
        "index_date": pl.Date,
        "event_end": pl.Date,
        "post_date": pl.Date,
        "financial_year": pl.Int32,
        "outcome": pl.Float64,
    }
    return assemble_cohort(pl.DataFrame(rows, schema=schema), GROUPS, multiple, event_time, flow or CohortFlow())


@pytest.mark.parametrize(
    ("row", "post", "why"),
    [
        (event("2014-10-01", end="2014-12-31"), 0, "window ends the day before embedding starts"),
        (event("2014-10-01", end="2015-01-01"), None, "window ends on the day embedding starts"),
        (event("2015-06-01"), None, "while embedding"),
        (event("2016-06-30", end="2016-09-01"), None, "on the last day of embedding"),
        (event("2016-07-01", end="2016-09-01"), 1, "the day after"),
        (event("2016-08-01", end="2017-02-01", post="2016-06-30"), None, "referral before the end, closure after"),
    ],
)
def test_the_donut(row: dict[str, Any], post: int | None, why: str) -> None:
    assert cohort(row)["post"].to_list() == ([] if post is None else [post]), why


def test_a_comparator_inherits_the_dates_of_each_pilot_it_serves() -> None:
    # 2015-08-01 is inside the donut of group 501 and before that of group 502; 2017-01-01 is after 501's and inside
    # 502's.
    found = cohort(event("2015-08-01", la="510"), event("2017-01-01", la="510"))
    assert found.select("group", "post").rows() == [("501", 1), ("502", 0)]
    assert found["treated"].to_list() == [0, 0]


def test_years_since_embedding_count_from_the_end_after_and_from_the_start_before() -> None:
    found = cohort(event("2014-12-31"), event("2013-12-01"), event("2016-07-01"), event("2017-07-05"))
    assert found.select("index_date", "years_since").sort("index_date")["years_since"].to_list() == [-2, -1, 0, 1]


def test_years_before_embedding_can_count_from_the_end_of_the_window() -> None:
    # A window of a year that ends the day before embedding starts: two years back by its index date, one by its end.
    row = event("2013-12-31", end="2014-12-31")
    assert cohort(row)["years_since"].to_list() == [-2]
    assert cohort(row, event_time="window_end")["years_since"].to_list() == [-1]
    after = event("2016-07-01", end="2017-07-01")
    assert cohort(after, event_time="window_end")["years_since"].to_list() == [0]


def test_outliers_are_judged_on_the_pooled_sample_with_each_event_once() -> None:
    # One LA's events 1..9 and 100: Q1 3.25, Q3 7.75, limit 7.75 + 1.5 x 4.5 = 14.5. LA 510 serves two groups.
    rows = [event("2014-01-01", la="510", child_id=f"c{n}", outcome=float(n)) for n in [*range(1, 10), 100]]
    kept = cohort(*rows, multiple=1.5)
    assert kept.height == 18 and kept["outcome"].max() == 9.0
    assert cohort(*rows).height == 20


def test_flow_counts_rows_children_and_las() -> None:
    flow = CohortFlow()
    cohort(event("2014-01-01"), event("2014-02-01"), event("2015-06-01", child_id="c2"), flow=flow)
    assert flow.steps[0].select("n_rows", "n_children", "n_las").rows() == [(3, 2, 1)]
    assert flow.steps[1].select("post", "n_rows", "n_children").rows() == [(0, 2, 1)]


def test_an_empty_cohort_keeps_its_columns() -> None:
    assert {"row_id", "group", "treated", "post", "years_since", "outcome"} <= set(cohort(multiple=1.5).columns)


def pilot(code: str, end: str = "2016-06-30", comparators: tuple[str, ...] | None = ("510",)) -> Pilot:
    return Pilot(code, START, date.fromisoformat(end), comparators)


def test_pilots_leave_by_exclusion_or_for_want_of_follow_up() -> None:
    pilots = [pilot("501"), pilot("502"), pilot("503", end="2018-01-01"), pilot("504", end="2017-12-31")]
    assert [p.code for p in eligible_pilots(pilots, ["502"], "2018-01-01")] == ["501", "504"]
    assert len(eligible_pilots(pilots, [], None)) == 4


def test_a_comparator_list_of_the_outcome_beats_the_default() -> None:
    entry = {"code": "501", "embedding_start": "2015-01-01", "embedding_end": "2016-06-30"}
    lists = {"comparators": {"default": ["510"], "kinship": ["511", "512"]}}
    assert Pilot.from_config(entry | lists, "kinship").comparators == ("511", "512")
    assert Pilot.from_config(entry | lists, "icpc").comparators == ("510",)
    assert Pilot.from_config(entry, "icpc").comparators is None


def test_la_covariates_are_read_strictly_and_blanks_are_missing(tmp_path: Path) -> None:
    file = tmp_path / "la.csv"
    file.write_text("la_code,financial_year,assessments,unused\n501,2014,7.5,x\n501,2015, ,x\n")
    assert read_la_covariates(str(file), ["assessments"]).rows() == [("501", 2014, 7.5), ("501", 2015, None)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("la_code,financial_year\n501,2014\n", "columns ['assessments']: missing"),
        ("la_code,financial_year,assessments\n501,2014,secret\n", "column assessments: 1 values are no Float64"),
        ("la_code,financial_year,assessments\n501,2014,1\n501,2014,2\n", "1 LA-years occur twice"),
    ],
)
def test_la_covariate_mistakes_name_the_column_and_never_the_value(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "la.csv"
    file.write_text(text)
    with pytest.raises(StudyError) as error:
        read_la_covariates(str(file), ["assessments"])
    assert expected in str(error.value) and "secret" not in str(error.value)


def test_no_covariate_file_means_no_rows() -> None:
    assert read_la_covariates(None, ["assessments"]).columns == ["la_code", "financial_year", "assessments"]


def covariates(**by_la: list[float | None]) -> pl.DataFrame:
    """LA series from 2008 on."""
    rows = [(la[2:], 2008 + i, value) for la, values in by_la.items() for i, value in enumerate(values)]
    return pl.DataFrame(rows, schema={"la_code": pl.String, "financial_year": pl.Int32, "x": pl.Float64}, orient="row")


def joined(series: pl.DataFrame, fill: str, *la_years: tuple[str, int], limit: float = 1.0) -> list[float | None]:
    frame = pl.DataFrame(la_years, schema={"la_code": pl.String, "financial_year": pl.Int32}, orient="row")
    return join_la_covariates(frame, series, {"x": fill}, limit)["x"].to_list()


def test_gaps_are_filled_from_the_whole_series_also_from_years_without_a_cohort_row() -> None:
    series = covariates(la501=[None, 2.0, None, 4.0])
    years = (("501", 2010), ("501", 2011), ("501", 2008), ("501", 2013))
    assert joined(series, "linear", *years) == [3.0, 4.0, 2.0, 4.0]
    assert joined(series, "last", *years) == [2.0, 4.0, 2.0, 4.0]


def test_an_la_without_any_value_stays_unknown_and_one_series_never_fills_another() -> None:
    series = covariates(la501=[None, None], la502=[7.0, 7.0])
    assert joined(series, "linear", ("501", 2008), ("502", 2008)) == [None, 7.0]


def test_a_covariate_with_too_many_gaps_before_filling_is_all_null() -> None:
    series = covariates(la501=[1.0, None, None])
    years = (("501", 2008), ("501", 2009), ("501", 2010))
    assert joined(series, "last", *years, limit=0.7) == [1.0, 1.0, 1.0]
    assert joined(series, "last", *years, limit=0.6) == [None, None, None]


def test_t23_a_nine_character_la_code_is_refused_by_column(tmp_path: Path) -> None:
    """It can change while the LA does not, and a join on it would lose LA-years in silence."""
    file = tmp_path / "covariates.csv"
    file.write_text("la_code,financial_year,x\n501,2013,1\nE08000037,2013,2\nE08000020,2014,3\n")
    with pytest.raises(StudyError) as error:
        read_la_covariates(str(file), ["x"])
    assert "covariates.csv, column la_code: 2 values are no three-digit LA codes" in str(error.value)
    assert "E08" not in str(error.value)
