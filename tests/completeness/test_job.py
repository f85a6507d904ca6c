"""The rules' entry points, from files to files."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.artefacts import read_results, write_parquet, write_results
from scripts.completeness.job import TABLES, completeness, profile, published_files
from scripts.errors import StudyError
from scripts.integrity.digest import file_digest

REFERRALS = (
    "time_period,geographic_level,old_la_code,Category,"
    "Referrals,Re_referrals,Re_referrals_percent,No_Further_Action,No_Further_Action_percent"
)
ASSESSMENTS = "time_period,geographic_level,old_la_code,Category,Assessments_completed,Median_days"


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    """LA 501 with 100 referrals and 80 assessments in each of 2013 and 2014; a fifth, then half, no further action."""
    rows = {
        "la_code": ["501", "501"],
        "census_year": [2013, 2014],
        "n_referrals": [100, 100],
        "n_classified": [100, 100],
        "n_nfa": [20, 50],
        "nfa_share": [0.2, 0.5],
        "n_assessments": [80, 80],
        "median_duration": [30.0, 31.0],
        "n_conferences": [0, 0],
        "n_plans": [0, 0],
        "n_children_nfa": [20, 50],
        "n_children_in_need": [80, 50],
        "n_children_below": [40, 40],
        "n_children_above": [40, 40],
    }
    write_results(pl.DataFrame(rows), "yearly_profile", tmp_path / "yearly_profile.csv")
    return tmp_path / "yearly_profile.csv"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """In 2014 half of the referrals found were published; assessments of 2013 were of one kind alone."""
    folder = tmp_path / "release"
    folder.mkdir()
    years = [f"{year},Local authority,501,Referrals,{count},1,1,1,1" for year, count in ((2014, 105), (2015, 200))]
    (folder / "c1_referrals.csv").write_text("\n".join([REFERRALS, *years]) + "\n")
    years = [f"{year},Local authority,501,Assessments,{count},30" for year, count in ((2014, 10), (2015, 80))]
    (folder / "c2_assessments.csv").write_text("\n".join([ASSESSMENTS, *years]) + "\n")
    return folder


def settings(**choices: Any) -> dict[str, Any]:
    block = {
        "release": "ees_2024",
        "tolerance": 0.1,
        "jumps": {"nfa_share": 0.1, "median_duration": 10},
        "min_rows": 50,
        "on_failure": "flag",
        "failed_returns": [],
    }
    dates = {"data_start": "2013-04-01", "data_end": "2015-03-31"}
    return {"completeness": block | choices, "dates": dates, "members": {"501": ["501"]}}


def run(profiles: Path, folder: Path | None, **choices: Any) -> dict[str, pl.DataFrame]:
    outputs = {name: str(profiles.parent / f"{name}.csv") for name in TABLES}
    completeness(str(profiles), published_files(folder and str(folder)), outputs, settings(**choices))
    return {name: read_results(name, path) for name, path in outputs.items()}


def test_every_la_year_is_listed_with_its_status(profiles: Path, release: Path) -> None:
    tables = run(profiles, release)
    assert tables["completeness"].select("census_year", "measure", "published", "status").rows() == [
        (2013, "assessments", None, "not published"),
        (2013, "referrals", 105.0, "complete"),
        (2014, "assessments", 80.0, "complete"),
        (2014, "referrals", 200.0, "short"),
    ]
    assert tables["completeness"]["published_flag"].to_list()[0] == "not comparable"
    assert tables["recording_breaks"].select("measure", "flagged").rows() == [("median_duration", 0), ("nfa_share", 1)]


def test_t28_the_results_name_the_release_and_the_checksum_of_each_file(profiles: Path, release: Path) -> None:
    files = run(profiles, release)["published_files"]
    assert files.rows() == [
        ("ees_2024", "referrals", "c1_referrals.csv", file_digest(release / "c1_referrals.csv")),
        ("ees_2024", "assessments", "c2_assessments.csv", file_digest(release / "c2_assessments.csv")),
    ]


def test_without_a_folder_breaks_are_found_and_nothing_is_compared(profiles: Path) -> None:
    tables = run(profiles, None, on_failure="refuse")
    assert set(tables["completeness"]["status"]) == {"no published figures"}
    assert tables["recording_breaks"]["flagged"].sum() == 1
    assert tables["published_files"].is_empty()


def test_refuse_names_the_la_year_and_leaves_no_table(profiles: Path, release: Path) -> None:
    with pytest.raises(StudyError, match=r"INCOMPLETE.*1 counts .*501 2014 referrals \(short\)"):
        run(profiles, release, on_failure="refuse")
    assert not (profiles.parent / "completeness.csv").exists()
    run(profiles, release, on_failure="refuse", tolerance=0.5)


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="FILE"):
        published_files(str(tmp_path))
    assert published_files(None) == {}


def test_the_profile_of_an_la_is_written_as_documented(tmp_path: Path) -> None:
    day = date(2014, 5, 1)
    tables = {
        "referrals": pl.DataFrame({"child_id": ["a"], "referral_date": [day], "is_cin": [0]}),
        "assessments": pl.DataFrame({"child_id": ["a"], "assessment_end": [day], "working_days": [7]}),
        "conferences": pl.DataFrame({"icpc_date": [day]}),
        "plans": pl.DataFrame({"cpp_start": [day]}),
    }
    for name, table in tables.items():
        write_parquet(table, tmp_path / f"{name}.parquet")
    profile("501", {name: str(tmp_path / f"{name}.parquet") for name in tables}, str(tmp_path / "profile.csv"))
    row = read_results("yearly_profile", tmp_path / "profile.csv").row(0)
    assert row == ("501", 2014, 1, 1, 1, 1.0, 1, 7.0, 1, 1, 1, 0, 1, 1)
