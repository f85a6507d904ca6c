"""Matched groups: explicit lists win, computed ones come from what happened before embedding, shortfalls are told."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.artefacts import read_results
from scripts.cohort.groups import Pilot, la_profiles, matched_groups
from scripts.cohort.job import match_las
from scripts.matching.las import LaMatching

START, END = date(2015, 1, 1), date(2016, 6, 30)
LEVELS = {"501": 10.0, "502": 10.1, "510": 50.0, "511": 11.0, "512": 30.0}
NOTHING = pl.DataFrame(schema={"la_code": pl.String, "financial_year": pl.Int32})
LEVEL = LaMatching(1, "mahalanobis", ("outcome_level",), None, (), 0.5, 2)


def pilot(code: str, comparators: tuple[str, ...] | None = ("510",), start: date = START) -> Pilot:
    return Pilot(code, start, END, comparators)


def events(la: str, level: float) -> pl.DataFrame:
    """Four events; the last ends on the day embedding starts: were it counted, LA 512 would be nearest to 501."""
    return pl.DataFrame(
        {
            "la_code": la,
            "financial_year": pl.Series([2012, 2013, 2013, 2014], dtype=pl.Int32),
            "event_end": [date(2012, 6, 1), date(2013, 6, 1), date(2013, 7, 1), START],
            "outcome": [level, level, level + 1, 3 * (40.0 - level)],
        }
    )


EVENTS = [events(la, level) for la, level in LEVELS.items()]


def groups(
    *pilots: Pilot, matching: LaMatching = LEVEL, neighbours: pl.DataFrame | None = None, las: tuple[str, ...] = ()
) -> pl.DataFrame:
    known = [frame for frame in EVENTS if not las or frame["la_code"][0] in las]
    return matched_groups(list(pilots), ["501", "502"], la_profiles(list(pilots), known, NOTHING), matching, neighbours)


def test_profiles_end_before_the_pilots_own_embedding() -> None:
    """LA 511 before 2015: (11 + 11 + 12) / 3; with an embedding on 1 June 2013: the first event alone."""
    found = la_profiles([pilot("501"), pilot("502", start=date(2013, 6, 1))], EVENTS, NOTHING)
    level, trend = found["501"].filter(la_code="511").select("outcome_level", "outcome_trend").row(0)
    assert (level, trend) == (pytest.approx(34 / 3), pytest.approx(0.5))
    assert found["502"].filter(la_code="511").row(0) == ("511", 11.0, None)


def test_la_covariates_are_averaged_over_the_years_before_embedding() -> None:
    covariates = pl.DataFrame(
        {
            "la_code": ["511"] * 4,
            "financial_year": pl.Series([2012, 2013, 2014, 2015], dtype=pl.Int32),
            "fsm": [1.0, 2.0, 80.0, 90.0],
        }
    )
    found = la_profiles([pilot("501")], EVENTS, covariates)["501"]
    assert found["la_code"].to_list() == sorted(LEVELS)
    assert dict(found.select("la_code", "fsm").iter_rows())["511"] == 1.5 and found["fsm"].null_count() == 4


def test_explicit_lists_win_and_other_pilots_get_the_nearest_la_that_is_no_pilot() -> None:
    found = groups(pilot("501", None), pilot("502"))
    assert found.select("group", "la_code", "source").rows() == [
        ("501", "501", "explicit"),
        ("501", "511", "computed"),
        ("502", "502", "explicit"),
        ("502", "510", "explicit"),
    ]


def test_explicit_matches_carry_distance_and_rank_and_keep_the_order_of_the_list() -> None:
    """Levels 10.1, 50, 11, 30 and a third each; the farthest LA has rank 3 whatever its place in the list."""
    found = groups(pilot("502", ("510", "511"))).filter(role="comparator")
    assert found.select("la_code", "rank", "distance_kind").rows() == [
        ("510", 3, "mahalanobis"),
        ("511", 1, "mahalanobis"),
    ]
    spread = pl.Series([10.1, 50.0, 11.0, 30.0]).std()
    assert found["distance"].to_list() == pytest.approx([39.9 / spread, 0.9 / spread])


def test_explicit_comparators_ignore_calipers_and_method() -> None:
    strict = replace(LEVEL, caliper=0.001, method="neighbours")
    found = groups(pilot("502", ("510", "511")), matching=strict)
    assert found["la_code"].to_list() == ["502", "510", "511"]
    assert found.row(0, named=True)["status"] == "as listed" and found["n_within_calipers"][0] == 0


def test_a_distance_that_cannot_be_had_is_blank() -> None:
    """LA 510 has no event before embedding, and then the pilot has none."""
    found = groups(pilot("502", ("510", "511")), las=("502", "511", "512")).filter(role="comparator")
    assert found["distance"].is_null().to_list() == [True, False]
    found = groups(pilot("502", ("510", "511")), las=("510", "511")).filter(role="comparator")
    assert found["distance"].null_count() == 2 and found["rank"].null_count() == 2


COUNTS = ("n_wanted", "n_found", "n_candidates", "n_within_calipers", "status")


@pytest.mark.parametrize(
    ("matching", "told"),
    [
        (replace(LEVEL, n_comparators=2), (2, 2, 3, 3, "complete")),
        (replace(LEVEL, n_comparators=4), (4, 3, 3, 3, "fewer than wanted")),
        (replace(LEVEL, n_comparators=2, caliper=0.5), (2, 1, 3, 1, "fewer than wanted")),
        (replace(LEVEL, variable_calipers=(("outcome_level", 0.01),)), (1, 0, 3, 0, "none")),
    ],
)
def test_a_shortfall_is_told_in_the_pilots_row(matching: LaMatching, told: tuple[Any, ...]) -> None:
    found = groups(pilot("501", None), matching=matching)
    assert found.select(COUNTS).row(0) == told
    assert found.height == 1 + told[1]
    assert found.filter(role="comparator").select(COUNTS).null_count().sum_horizontal().item() == 5 * told[1]


def test_neighbours_that_are_pilots_are_skipped() -> None:
    neighbours = pl.DataFrame({"group": "501", "la_code": ["502", "510", "599", "512"], "neighbour_rank": [1, 2, 4, 6]})
    matching = replace(LEVEL, method="neighbours", n_comparators=3)
    found = groups(pilot("501", None), matching=matching, neighbours=neighbours)
    assert found.select(COUNTS).row(0) == (3, 2, 3, 3, "fewer than wanted")
    assert found.filter(role="comparator").select("la_code", "source", "neighbour_rank", "rank").rows() == [
        ("510", "neighbours", 2, 3),
        ("512", "neighbours", 6, 2),
    ]


def settings(**changes: Any) -> dict[str, Any]:
    las = {
        "n_comparators": 2,
        "method": "mahalanobis",
        "profile": ["outcome_level", "fsm"],
        "caliper": None,
        "variable_calipers": {},
        "min_known_share": 0.5,
        "min_las_per_variable": 2,
        "balance_thresholds": [0.05, 0.25],
    }
    return {
        "outcome": "icpc",
        "groups": [pilot("501", None).as_settings(), pilot("502").as_settings()],
        "all_pilots": ["501", "502"],
        "matching": {"las": las | changes},
        "la_covariates": ["fsm"],
        "members": {la: [la] for la in LEVELS},
    }


@pytest.mark.parametrize("method", ["mahalanobis", "neighbours"])
def test_the_job_writes_matches_and_balance_as_the_contract_says(tmp_path: Path, method: str) -> None:
    files = []
    for frame in EVENTS:
        files.append(str(tmp_path / f"{frame['la_code'][0]}.parquet"))
        frame.with_columns(child_id=pl.lit("c")).write_parquet(files[-1])
    neighbours = tmp_path / "neighbours.csv"
    neighbours.write_text("LA number,SN1,SNP,SN2,SNP\n501,512,Close,510,Close\n")
    matches, balance = tmp_path / "matches.csv", tmp_path / "balance.csv"
    match_las(files, None, str(neighbours), str(matches), str(balance), settings(method=method))
    found = read_results("la_matches", matches).filter(group="501", role="comparator")["la_code"].to_list()
    assert found == (["511", "512"] if method == "mahalanobis" else ["512", "510"])
    table = read_results("la_balance", balance)
    assert table.select("outcome", "variable", "in_profile", "n_pilots", "n_candidates").rows() == [
        ("icpc", "outcome_level", 1, 2, 3),
        ("icpc", "outcome_trend", 0, 2, 3),
        ("icpc", "fsm", 1, 0, 0),
    ]


def test_las_without_any_event_leave_blanks(tmp_path: Path) -> None:
    file = tmp_path / "501.parquet"
    EVENTS[0].clear().write_parquet(file)
    matches, balance = tmp_path / "matches.csv", tmp_path / "balance.csv"
    match_las([str(file)], None, None, str(matches), str(balance), settings())
    found = read_results("la_matches", matches)
    assert found.select("la_code", "status", "n_candidates").rows() == [
        ("501", "none", 0),
        ("502", "as listed", 0),
        ("510", None, None),
    ]
    assert read_results("la_balance", balance)["g_before"].null_count() == 3
