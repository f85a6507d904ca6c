"""Counts beside published ones, and jumps in recording, on frames small enough to check by hand."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from scripts.completeness.compare import PUBLISHED, Window, compare, recording_breaks, sum_of_members, yearly_changes
from scripts.published.ees import find_table, layout, load_release, read_table

ROOT = Path(__file__).parents[2]
RELEASE = ROOT.parent / "shared" / "data" / "published" / "cin-2024"
needs_release = pytest.mark.skipif(not RELEASE.is_dir(), reason="the published files are not beside the project")
WINDOW = Window(date(2016, 4, 1), date(2018, 9, 30))
FAILED_FLAGS = layout()["failed_return"]


def profiles(*rows: tuple[str, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["la_code", "census_year", "n_referrals", "n_assessments"], orient="row")


def counts(*rows: tuple[str, int, str, float | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=PUBLISHED, orient="row")


def status_of(found: int, published: pl.DataFrame | None, year: int = 2016, **settings: Any) -> str:
    chosen = {"members": {"501": ["501"]}, "tolerance": 0.1, "failed_returns": []} | settings
    rows = compare(profiles(("501", year, found, 0)), published, WINDOW, chosen, FAILED_FLAGS)
    return rows.filter(census_year=year, measure="referrals")["status"].item()


@pytest.mark.parametrize(
    ("found", "status"), [(899, "short"), (900, "complete"), (1000, "complete"), (1100, "complete"), (1101, "over")]
)
def test_a_count_within_the_tolerance_is_complete(found: int, status: str) -> None:
    assert status_of(found, counts(("501", 2016, "referrals", 1000.0, None))) == status


def test_half_the_unit_of_rounding_is_no_difference() -> None:
    settings = {"members": {"501": ["501"]}, "tolerance": 0.0, "failed_returns": []}
    published = counts(("501", 2016, "referrals", 100.0, None))
    statuses = [
        compare(profiles(("501", 2016, found, 0)), published, WINDOW, settings, FAILED_FLAGS, rounding=10)
        .filter(census_year=2016, measure="referrals")["status"]
        .item()
        for found in (94, 95, 105, 106)
    ]
    assert statuses == ["short", "complete", "complete", "over"]


def test_a_year_without_any_row_is_short_and_has_a_row_of_its_own() -> None:
    published = counts(("501", 2017, "referrals", 1000.0, None))
    settings = {"members": {"501": ["501"]}, "tolerance": 0.1, "failed_returns": []}
    rows = compare(profiles(("501", 2016, 5, 5)), published, WINDOW, settings, FAILED_FLAGS)
    assert rows.height == 3 * 2
    row = rows.row(by_predicate=(pl.col("census_year") == 2017) & (pl.col("measure") == "referrals"), named=True)
    assert (row["n_found"], row["ratio"], row["status"]) == (0, 0.0, "short")


def test_a_year_that_the_data_only_touch_is_not_judged() -> None:
    assert WINDOW.partial == [2018]
    assert Window(date(2008, 4, 1), date(2019, 3, 31)).partial == []
    assert status_of(1, counts(("501", 2018, "referrals", 1000.0, None)), 2018) == "partial year"
    assert status_of(1, counts(("501", 2015, "referrals", 1000.0, None)), 2015) == "outside the data"


def test_without_a_folder_every_year_says_so_and_without_a_figure_it_was_not_published() -> None:
    assert status_of(5, None) == "no published figures"
    assert status_of(5, counts()) == "not published"
    assert status_of(5, counts(("501", 2016, "referrals", None, "suppressed"))) == "not published"


@pytest.mark.parametrize("flag", ["not available", "low reliability", "low reliability, suppressed"])
def test_t25_a_figure_published_as_unavailable_or_unreliable_is_a_failed_return(flag: str) -> None:
    assert status_of(5, counts(("501", 2016, "referrals", None, flag))) == "failed return"


def test_t25_a_return_known_to_have_failed_is_listed_with_or_without_published_figures() -> None:
    failed = [{"la_code": "501", "census_year": 2016, "note": "system lost"}]
    assert status_of(1000, counts(("501", 2016, "referrals", 1000.0, None)), failed_returns=failed) == "failed return"
    assert status_of(1000, None, failed_returns=failed) == "failed return"
    assert status_of(1000, None, 2017, failed_returns=failed) == "no published figures"


def test_t25_the_failed_return_of_a_member_is_the_failed_return_of_its_la() -> None:
    failed = [{"la_code": "836", "census_year": 2016, "note": "system lost"}]
    settings = {"members": {"501": ["501"], "839": ["836", "839"]}, "tolerance": 0.1, "failed_returns": failed}
    rows = compare(profiles(("501", 2016, 5, 5)), None, WINDOW, settings, FAILED_FLAGS)
    assert rows.filter(status="failed return").select("la_code", "census_year").unique().rows() == [("839", 2016)]


def test_an_la_of_several_members_is_compared_with_the_sum_of_those_that_existed() -> None:
    published = counts(
        ("837", 2016, "referrals", 100.0, None),
        ("836", 2016, "referrals", 50.0, None),
        ("837", 2017, "referrals", 100.0, None),
        ("836", 2017, "referrals", None, "suppressed"),
        ("839", 2018, "referrals", 160.0, None),
        ("201", 2018, "referrals", 7.0, None),
    )
    summed = sum_of_members(published, {"839": ["836", "837", "839"]}).sort("census_year")
    assert summed.rows() == [
        ("839", 2016, "referrals", 150.0, None),
        ("839", 2017, "referrals", None, "suppressed"),
        ("839", 2018, "referrals", 160.0, None),
    ]


def history(**columns: list[Any]) -> pl.DataFrame:
    years = [2015, 2016, 2017, 2018]
    plain = {
        "nfa_share": [0.1] * 4,
        "median_duration": [30.0] * 4,
        "n_classified": [500] * 4,
        "n_assessments": [500] * 4,
    }
    return pl.DataFrame({"la_code": ["501"] * 4, "census_year": years} | plain | columns)


SETTINGS = {"jumps": {"nfa_share": 0.1, "median_duration": 10}, "min_rows": 50}


def test_t11_a_jump_of_the_share_of_no_further_action_is_flagged_in_both_directions() -> None:
    breaks = recording_breaks(history(nfa_share=[0.9, 0.2, 0.3, 0.05]), WINDOW, SETTINGS).filter(measure="nfa_share")
    assert breaks.select("census_year", "flagged").rows() == [(2017, 1), (2018, 1)]
    assert breaks["change"].round(6).to_list() == [0.1, -0.25]
    steady = recording_breaks(history(nfa_share=[0.9, 0.2, 0.29, 0.2]), WINDOW, SETTINGS).filter(measure="nfa_share")
    assert steady["flagged"].to_list() == [0, 0]


def test_t11_a_share_of_few_rows_is_shown_and_not_judged() -> None:
    few = history(nfa_share=[0.1, 0.1, 0.6, 0.1], n_classified=[500, 500, 49, 500])
    breaks = recording_breaks(few, WINDOW, SETTINGS).filter(measure="nfa_share")
    assert breaks.select("n_previous", "n_current", "flagged").rows() == [(500, 49, None), (49, 500, None)]


def test_a_jump_of_the_median_length_is_flagged_and_a_gap_of_a_year_is_no_jump() -> None:
    breaks = recording_breaks(history(median_duration=[30, 30, 41, 35]), WINDOW, SETTINGS)
    durations = breaks.filter(measure="median_duration")
    assert durations.select("census_year", "change", "flagged").rows() == [(2017, 11, 1), (2018, -6, 0)]
    gap = recording_breaks(history(median_duration=[30, 30, None, 60]), WINDOW, SETTINGS)
    assert gap.filter(measure="median_duration").is_empty()


def published(table: str) -> pl.DataFrame:
    return read_table(find_table(RELEASE, table), table, load_release("ees_2024"))


@needs_release
def test_t11_one_in_eight_published_transitions_of_no_further_action_is_a_jump() -> None:
    shares = published("referrals").filter(figure="no_further_action_percent")
    changes = yearly_changes(shares.select("la_code", "census_year", "value", pl.lit(None).alias("n")), 10)
    assert changes.height == 1521
    assert changes["flagged"].sum() == 191
    wakefield = changes.filter(la_code="384", flagged=1)
    assert wakefield.filter(census_year=2014).select("previous", "current").row(0) == (42.2, 63.6)


@needs_release
def test_t25_the_failed_returns_of_the_configuration_are_those_the_release_shows() -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    listed = {(entry["la_code"], entry["census_year"]) for entry in config["completeness"]["failed_returns"]}
    referrals = published("referrals").filter(figure="referrals")
    shown = referrals.filter(pl.col("flag").is_in(FAILED_FLAGS)).select("la_code", "census_year")
    assert ("926", 2012) in listed
    assert set(shown.iter_rows()) == listed
