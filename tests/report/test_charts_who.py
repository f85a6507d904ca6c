"""Pictures of who is in, data quality, matching and raw trends: the tables' numbers, in words too."""

from collections.abc import Callable

import polars as pl
import pytest

from scripts.report.canvas import NARROW, WIDE, Chart, svg
from scripts.report.charts import flow, matching, quality, trends
from tests.report.small_results import DAYS, SHARE, STUDY, rows

PILOT, OTHER = "501", "510"


def counts(arm: str, n: int, period: str = "all", **more: object) -> dict:
    return {"outcome": SHARE, "arm": arm, "period": period, "n_rows": 2 * n, "n_children": n, "n_las": 1} | more


def matched(period: str) -> dict:
    sizes = {f"n_{what}_{arm}": 7 for what in ("rows", "children", "las") for arm in ("treated", "comparator")}
    return {"outcome": SHARE, "period": period, "stage": "after"} | sizes


def match(role: str, la: str) -> dict:
    dates = {"embedding_start": "2015-04-01", "embedding_end": "2016-03-31"}
    return {"outcome": SHARE, "group": PILOT, "la_code": la, "role": role} | dates


def score(arm: str, low: float, share: float, n: int, stage: str = "before") -> dict:
    bins = {"score_low": low, "score_high": low + 0.1, "share": share, "n_children": n}
    return {"outcome": SHARE, "period": "pre", "stage": stage, "arm": arm} | bins


def trend(arm: str, year: int, mean: float, group: str = "all") -> dict:
    row = {"outcome": SHARE, "group": group, "arm": arm, "financial_year": year, "mean": mean, "std_error": 0.01}
    return row | {"n_rows": 20, "n_las": 2}


TABLES = {
    "flow": rows(
        "flow",
        *(counts(arm, 1000, step="referrals", position=0) for arm in ("pilot", "comparator")),
        *(
            counts(arm, n, period, step="before or after embedding", position=1)
            for arm in ("pilot", "comparator")
            for period, n in (("pre", 30), ("post", 20))
        ),
    ),
    "balance_overall": rows("balance_overall", matched("pre"), matched("post")),
    "la_matches": rows("la_matches", match("pilot", PILOT), match("comparator", OTHER)),
    "ledger": rows(
        "ledger",
        *(
            {"la_code": la, "table": "referrals", "census_year": 2014} | row
            for la in (PILOT, OTHER)
            for row in (
                {"kind": "rows_in", "n_rows": 200},
                {"kind": "set_aside", "reason": "repeated", "n_rows": 10},
                {"kind": "noted", "reason": "class_unknown", "n_rows": 5 if la == PILOT else 50},
                {"kind": "noted", "reason": "class_in_need", "n_rows": 95 if la == PILOT else 50},
            )
        ),
    ),
    "yearly_profile": rows(
        "yearly_profile",
        *(
            {"la_code": PILOT, "census_year": year, "nfa_share": share, "median_duration": days}
            for year, share, days in ((2014, 0.2, 30.0), (2015, 0.6, None))
        ),
    ),
    "completeness": rows(
        "completeness",
        {
            "la_code": PILOT,
            "census_year": 2014,
            "measure": "referrals",
            "published": 100.0,
            "ratio": 0.4,
            "status": "short",
        },
    ),
    "recording_breaks": rows(
        "recording_breaks", {"la_code": PILOT, "census_year": 2015, "measure": "nfa_share", "flagged": 1}
    ),
    "missingness": rows(
        "missingness",
        {"outcome": SHARE, "covariate": "gender", "treated": 1, "post": 0, "share_missing": 0.25},
        {"outcome": SHARE, "covariate": "gender", "treated": 0, "post": 0, "share_missing": 0.05},
        {"outcome": SHARE, "covariate": "age", "treated": 0, "post": 0, "share_missing": 0.0},
    ),
    "la_balance": rows("la_balance", {"outcome": SHARE, "variable": "outcome_level", "g_before": 0.9, "g_after": -0.3}),
    "balance": rows(
        "balance",
        *(
            {"outcome": SHARE, "covariate": name, "stage": stage, "period": "pre", "smd": smd}
            for name, stage, smd in (("gender", "before", -0.4), ("gender", "after", 0.02), ("sen", "after", 0.3))
        ),
    ),
    "overlap": rows(
        "overlap",
        score("treated", 0.3, 0.75, 30),
        score("comparator", 0.3, 1.0, 40),
        score("treated", 0.6, 0.25, 10),
        score("comparator", 0.6, 0.0, 0),
    ),
    "trends": rows(
        "trends",
        *(trend(arm, year, mean) for arm, mean in (("pilot", 0.2), ("comparator", 0.3)) for year in (2014, 2015)),
        *(trend(arm, 2014, 0.4, PILOT) for arm in ("pilot", "comparator")),
    ),
}
EMPTY = {name: table.clear() for name, table in TABLES.items()}
ALL = [
    flow.flow,
    quality.completeness,
    quality.recording,
    quality.cleaning,
    quality.missing,
    matching.la_balance,
    matching.love,
    matching.overlap,
    trends.trends,
]


def named(function: Callable[..., list[Chart]], name: str) -> Chart:
    return next(chart for chart in function(TABLES, STUDY) if chart.name == name)


@pytest.mark.parametrize("function", ALL)
def test_every_picture_is_drawn_for_both_widths_alike_each_time(function: Callable) -> None:
    charts = function(TABLES, STUDY)
    assert charts
    for chart, again in zip(charts, function(TABLES, STUDY), strict=True):
        for width in (WIDE, NARROW):
            assert svg(chart, width, synthetic=True) == svg(again, width, synthetic=True)
        assert chart.alt and chart.caption and chart.title and chart.data.height


@pytest.mark.parametrize("function", ALL)
def test_empty_tables_make_no_picture(function: Callable) -> None:
    assert function(EMPTY, STUDY) == []


def test_the_flow_ends_with_matched_children_of_both_periods() -> None:
    chart = named(flow.flow, f"flow_{SHARE}")
    assert "pilots from 1,000 children to 7 before embedding and 7 after embedding" in chart.alt
    drawn = svg(chart, WIDE, synthetic=False)
    assert ">matched children<" in drawn and ">before: 30 children<" in drawn and ">40 records, 1 LAs<" in drawn
    assert DAYS not in {chart.name for chart in flow.flow(TABLES, STUDY)}


def test_breaks_and_failed_returns_are_framed_and_named() -> None:
    chart = named(quality.recording, "quality_nfa")
    assert "breaks in recording (Ashmere 2015)" in chart.caption and "20 (Ashmere, 2014)" in chart.alt
    assert "Ashmere 2014" in named(quality.completeness, "quality_published").caption
    assert "none here" in named(quality.recording, "quality_duration").caption


def test_unknown_class_is_a_share_of_all_classes() -> None:
    data = named(quality.cleaning, "quality_unknown").data
    assert dict(data.select("la_code", "value").rows()) == {PILOT: 0.05, OTHER: 0.5}
    assert named(quality.cleaning, "quality_aside").data["value"].to_list() == [0.05, 0.05]


def test_gaps_are_the_largest_over_arms_and_whole_covariates_are_counted() -> None:
    (chart,) = quality.missing(TABLES, STUDY)
    assert chart.data["value"].to_list() == [0.25] and "1 covariates have no gap" in chart.caption


def test_balance_tells_what_is_left_after_matching() -> None:
    (authorities,), (children,) = matching.la_balance(TABLES, STUDY), matching.love(TABLES, STUDY)
    assert "After matching 1 of 1 differences exceed 0.25" in authorities.alt
    assert "after matching 1 differences exceed 0.1; the largest is 0.30, for special educational needs" in children.alt
    assert children.data.filter(pl.col("stage") == "before")["smd"].to_list() == [0.4]


def test_overlap_tells_the_share_of_pilots_alone_in_their_bins() -> None:
    (chart,) = matching.overlap(TABLES, STUDY)
    assert "Initial child protection conference within 90 days 25.0 %" in chart.alt


def test_trends_are_in_the_unit_shown_and_name_both_lines() -> None:
    chart = named(trends.trends, f"trends_{SHARE}")
    assert "Pilots from 20.0 in 2014 to 20.0 % in 2015; comparators from 30.0" in chart.alt
    drawn = svg(chart, NARROW, synthetic=False)
    assert "pilots<" in drawn and ">embedding<" in drawn and ">Ashmere<" in drawn
