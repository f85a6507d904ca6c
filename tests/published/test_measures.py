"""Outcomes out of published figures, by hand, and what becomes of figures that are not there."""

from pathlib import Path

import polars as pl
import pytest

from scripts.errors import StudyError
from scripts.published.job import READ, read
from scripts.published.measures import VALUES, breaks, files_of, outcome_values, read_figures, tables_of
from tests.published.release import BLOCK, PILOTS, RELEASE, world, write_release

needs_release = pytest.mark.skipif(not RELEASE.is_dir(), reason="the published files are not beside the project")
OUTCOMES = BLOCK["outcomes"]


def figures(*rows: tuple[str, int, str, float | None, str | None]) -> pl.DataFrame:
    schema = {
        "la_code": pl.String,
        "census_year": pl.Int32,
        "figure": pl.String,
        "value": pl.Float64,
        "flag": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def values(outcome: str, table: pl.DataFrame, years: range = range(2018, 2019)) -> list[tuple]:
    found = outcome_values(table, {outcome: OUTCOMES[outcome]}, years)
    assert found.schema == VALUES
    return found.select("la_code", "financial_year", "value", "flag").rows()


def test_a_share_adds_subtracts_and_divides() -> None:
    known = [
        ("assessments", 200.0),
        ("days_46_50", 10.0),
        ("days_51_60", 20.0),
        ("days_61_up", 30.0),
    ]
    table = figures(*(("304", 2018, name, value, None) for name, value in known))
    assert values("within_45_days", table) == [("304", 2018, 0.7, None)]


def test_a_rate_is_per_ten_thousand_children() -> None:
    table = figures(("304", 2018, "plans_started", 300.0, None), ("304", 2018, "population", 60000.0, None))
    assert values("plans_started", table) == [("304", 2018, 50.0, None)]


def test_a_figure_alone_is_the_outcome() -> None:
    assert values("median_assessment", figures(("304", 2018, "median_days", 31.0, None))) == [("304", 2018, 31.0, None)]


def test_a_lost_year_says_of_which_figure_and_why() -> None:
    table = figures(
        ("304", 2018, "plans_started", None, "suppressed"),
        ("304", 2018, "population", None, "not available"),
        ("801", 2018, "population", 60000.0, None),
        ("855", 2018, "plans_started", 5.0, None),
        ("855", 2018, "population", 0.0, None),
    )
    assert values("plans_started", table) == [
        ("304", 2018, None, "plans_started: suppressed; population: not available"),
        ("801", 2018, None, "plans_started: no row"),
        ("855", 2018, None, "nothing to divide by"),
    ]


def test_every_la_has_every_year_whether_published_or_not() -> None:
    found = values("median_assessment", figures(("304", 2018, "median_days", 31.0, None)), range(2017, 2020))
    assert found == [
        ("304", 2017, None, "median_days: no row"),
        ("304", 2018, 31.0, None),
        ("304", 2019, None, "median_days: no row"),
    ]


def test_a_change_is_flagged_from_the_jump_on_and_never_over_a_gap() -> None:
    rows = [
        ("m", "304", year, None, None, value, None)
        for year, value in ((2014, 10.0), (2015, 20.0), (2016, 29.9), (2017, None), (2018, 60.0))
    ]
    found = breaks(pl.DataFrame(rows, schema=VALUES, orient="row"), {"m": 10.0})
    assert found.select("census_year", "change", "flagged").rows() == [
        (2015, 10.0, 1),
        (2016, pytest.approx(9.9), 0),
    ]


def test_only_tables_that_an_outcome_needs_are_read() -> None:
    assert tables_of({"one": OUTCOMES["median_assessment"]}) == {"assessments": ["median_days"]}
    assert set(tables_of(OUTCOMES)) == {
        "referrals",
        "assessments",
        "conferences",
        "plans",
        "population",
        "subsequent_plans",
    }


def test_years_in_which_a_figure_covered_less_are_not_compared(tmp_path: Path) -> None:
    files = files_of(write_release(tmp_path, world()), OUTCOMES)
    found = outcome_values(read_figures(files, OUTCOMES, "ees_2024"), OUTCOMES, range(2012, 2016))
    lost = found.filter(pl.col("value").is_null())
    assert set(lost["outcome"]) == {"median_assessment", "within_45_days"}
    assert set(lost["financial_year"]) == {2012, 2013}
    assert lost["flag"].str.contains("not comparable").all()


@pytest.mark.parametrize("newest", [True, False])
def test_t27_names_of_older_releases_give_the_same_values(tmp_path: Path, newest: bool) -> None:
    expected = files_of(write_release(tmp_path / "a", world()), OUTCOMES)
    other = files_of(write_release(tmp_path / "b", world(), newest_names=newest), OUTCOMES)
    assert read_figures(other, OUTCOMES, "ees_2020").equals(read_figures(expected, OUTCOMES, "ees_2024"))


def test_t26_the_same_symbol_is_lost_for_the_reason_of_its_release(tmp_path: Path) -> None:
    def some(name: str, la: str, year: int) -> str:
        return "x" if (name, la, year) == ("median_days", "304", 2018) else world()(name, la, year)

    files = files_of(write_release(tmp_path, some), OUTCOMES)
    wanted = {"m": OUTCOMES["median_assessment"]}
    for release, meaning in (("sfr_2013", "suppressed"), ("ees_2024", "not available")):
        found = outcome_values(read_figures(files, OUTCOMES, release), wanted, range(2018, 2019)).filter(la_code="304")
        assert found["flag"].to_list() == [f"median_days: {meaning}"]
    with pytest.raises(StudyError, match=r"neither a number nor a symbol of release ees_2020: 1 times \(median_days\)"):
        read_figures(files, OUTCOMES, "ees_2020")


def written(folder: Path, source: Path) -> dict[str, bytes]:
    folder.mkdir()
    outputs = {name: str(folder / f"{name}.csv") for name in READ}
    read(files_of(source, OUTCOMES), outputs, BLOCK)
    return {name: Path(path).read_bytes() for name, path in outputs.items()}


def garbled(folder: Path, source: Path) -> Path:
    """A copy of a release with nonsense in the nine-character codes of two tables."""
    folder.mkdir()
    for path in source.glob("*.csv"):
        table = pl.read_csv(path, infer_schema=False)
        if path.name.startswith(("c2_", "c4_")):
            table = table.with_columns(pl.col("new_la_code").str.reverse())
        table.write_csv(folder / path.name)
    return folder


def test_t23_nine_character_codes_change_no_byte(tmp_path: Path) -> None:
    source = write_release(tmp_path / "source", world())
    plain = written(tmp_path / "plain", source)
    other = written(tmp_path / "other", garbled(tmp_path / "garbled", source))
    assert {name for name in READ if plain[name] != other[name]} == {"published_files"}


@needs_release
def test_t23_nine_character_codes_of_the_real_release_change_no_byte(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain", RELEASE)
    other = written(tmp_path / "other", garbled(tmp_path / "garbled", RELEASE))
    assert {name for name in READ if plain[name] != other[name]} == {"published_files"}


@needs_release
def test_the_real_release_has_the_figures_published_and_loses_the_returns_that_failed() -> None:
    found = outcome_values(read_figures(files_of(RELEASE, OUTCOMES), OUTCOMES, "ees_2024"), OUTCOMES, range(2012, 2020))
    assert set(PILOTS) <= set(found["la_code"])
    # Norfolk's return of 2013 failed (trap T-25).
    norfolk = found.filter(la_code="926", financial_year=2012, outcome="no_further_action").row(0, named=True)
    assert norfolk["value"] is None and "not available" in norfolk["flag"]
    # Read off the files with `grep ,304, c1_*.csv` and so on: Brent in the year that ended in March 2019.
    brent = dict(found.filter(la_code="304", financial_year=2018).select("outcome", "value").rows())
    assert brent == pytest.approx(
        {
            "median_assessment": 39,
            "within_45_days": (3874 - 184 - 79 - 157) / 3874,
            "conferences_per_referral": 419 / 3908,
            "rereferrals": 575 / 3908,
            "no_further_action": 417 / 3908,
            "plans_started": 10000 * 348 / 76543,
            "second_plans": 65 / 348,
        },
        rel=1e-12,
    )
