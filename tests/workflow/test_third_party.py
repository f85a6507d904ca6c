"""The whole graph on files that others made: CIN census XML and an SSDA903 return. Skipped where they are absent."""

import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.workflow.conftest import ROOT, Project, copy_project

RECORDS = ROOT.parent / "shared" / "data" / "records"
pytestmark = pytest.mark.skipif(not RECORDS.is_dir(), reason="the third-party example files are not beside the project")
# The generated return has no header, so its LA is free; the other states LA 975. Both get the one SSDA903 return.
STUDY = {
    "extracts": {"source": "per_la", "folder": "extracts", "census_year": 2023},
    "dates": {"data_start": "2004-04-01", "data_end": "2025-03-31"},
    "las": {
        "codes": [{"code": "502", "name": "Generated return"}, {"code": "975", "name": "Fake return"}],
        "pilots": [
            {
                "code": "502",
                "embedding_start": "2021-01-01",
                "embedding_end": "2021-06-30",
                "comparators": {"default": ["975"]},
            }
        ],
    },
    "outcomes": {"kinship": {"embedded_before": None}},
    "synthetic": {"recording_breaks": []},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = copy_project(tmp_path_factory.mktemp("third party"))
    (made.folder / "config" / "third_party.yaml").write_text(yaml.safe_dump(STUDY))
    for la, source in (("502", "cin-census-generated/cin_n500.xml"), ("975", "cin-census-d2i/fake_CIN_data.xml")):
        folder = made.folder / "extracts" / la
        (folder / "ssda903").mkdir(parents=True)
        shutil.copy(RECORDS / source, folder)
        for name in ("header.csv", "episodes.csv", "uasc.csv"):
            shutil.copy(RECORDS / "ssda903-d2i" / name, folder / "ssda903")
    made.overlays = ["config/census-return.yaml", "config/third_party.yaml"]
    made.run()
    return made


def table(project: Project, name: str) -> pl.DataFrame:
    return pl.read_csv(
        project.folder / "results" / "aggregate" / f"{name}.csv", schema_overrides={"la_code": pl.String}
    )


def counted(project: Project, la: str, name: str, kind: str, reason: str = "") -> int:
    rows = table(project, "ledger").filter(la_code=la, table=name, kind=kind)
    return rows.filter(pl.col("reason").fill_null("") == reason)["n_rows"].sum()


def test_every_row_that_came_in_is_accounted_for(project: Project) -> None:
    assert counted(project, "502", "referrals", "rows_in") == 603
    assert counted(project, "975", "referrals", "rows_in") == 402
    assert counted(project, "975", "care_episodes", "rows_in") == 5050
    assert counted(project, "502", "assessments", "rows_in") == 675


def test_the_care_return_is_counted_as_it_came_and_its_periods_of_care_are_derived(project: Project) -> None:
    """5,050 episodes of 2,123 children, counted by hand from the file: all of them, before anything is left out."""
    for reason, n_rows in (("overlaps_next_episode", 62), ("gap_before_next_episode", 53), ("open_episode", 1413)):
        assert counted(project, "975", "care_episodes", "noted", reason) == n_rows
    cleaned = project.folder / "results" / "individual" / "cleaned" / "975" / "care_episodes.parquet"
    care = pl.read_parquet(cleaned)
    assert care["poc_start"].null_count() == 0
    assert care.select("child_id", "poc_start").n_unique() < care.height


def test_absurd_dates_of_the_generated_return_are_counted_exactly(project: Project) -> None:
    """Counted independently, straight from the same children's CSV files."""
    source = RECORDS / "cin-census-generated" / "n500_csvs"
    assessments = pl.read_csv(source / "Assessments.csv", try_parse_dates=True)
    closures = pl.read_csv(source / "CINdetails.csv", try_parse_dates=True)
    negative = assessments.filter(pl.col("AssessmentAuthorisationDate") < pl.col("AssessmentActualStartDate")).height
    early = closures.filter(pl.col("CINClosureDate") < pl.col("CINreferralDate")).height
    assert negative > 100 and early > 50
    assert counted(project, "502", "assessments", "set_aside", "end_before_start") == negative
    assert counted(project, "502", "referrals", "noted", "closure_before_referral") == early


def test_every_outcome_has_an_estimate_or_a_reason(project: Project) -> None:
    status = table(project, "estimation_status")
    assert set(status["outcome"]) >= {
        "assessment_duration",
        "icpc",
        "nfa_rereferral",
        "rereferral_escalation",
        "kinship",
    }
    lacking = status.filter(pl.col("status") != "estimated")
    assert lacking.height and lacking["reason"].null_count() == 0


def test_the_page_says_which_population_is_empty_and_why(project: Project) -> None:
    page = (project.folder / "results" / "report" / "index.html").read_text(encoding="utf-8")
    # The fake return has no assessments at all, so its LA cannot be a comparator.
    assert "Could not be estimated: no rows of comparator LAs are left before embedding" in page
    assert "SYNTHETIC" not in page


def test_a_changed_file_is_stale_and_a_copy_is_not(project: Project) -> None:
    assert project.preview() == set()
    file = project.folder / "extracts" / "975" / "fake_CIN_data.xml"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"WIRT", b"WBRI", 1))
    jobs = project.preview()
    file.write_bytes(before)
    assert "Clean LA 975" in jobs and "Clean LA 502" not in jobs
    assert project.preview() == set()


def test_no_identifier_of_the_source_reaches_what_is_not_individual(project: Project) -> None:
    header = pl.read_csv(RECORDS / "ssda903-d2i" / "header.csv", infer_schema=False)
    identifiers = {value for value in header["UPN"] if value and len(value) == 13}
    open_files = [
        path for path in (project.folder / "results").rglob("*") if path.is_file() and "individual" not in path.parts
    ]
    assert len(identifiers) > 100 and len(open_files) > 50
    text = "\n".join(path.read_text(encoding="utf-8") for path in open_files if path.suffix != ".npz")
    assert not any(identifier in text for identifier in identifiers)


def test_the_source_files_are_not_committed() -> None:
    assert not list(Path(ROOT).glob("**/fake_CIN_data.xml"))
