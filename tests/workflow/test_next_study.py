"""Another practice model: a configuration and one small module, run from extracts to the report."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from scripts.artefacts import contract_schema
from tests.workflow.conftest import ROOT, Project, copy_project

STUDY = "studies/family-safeguarding/study.yaml"
OWN = "assessed_again"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    study = copy_project(tmp_path_factory.mktemp("next"))
    study.overlays = [STUDY]
    study.run()
    return study


def table(project: Project, name: str) -> pl.DataFrame:
    return pl.read_csv(project.folder / "results" / "aggregate" / f"{name}.csv", schema=contract_schema(name))


def test_the_outcomes_chosen_are_estimated_and_no_other(project: Project) -> None:
    estimated = table(project, "estimates")
    assert set(estimated["outcome"]) == {"icpc", "nfa_rereferral", OWN}
    main = estimated.filter(outcome=OWN, specification="main")
    assert set(main["method"]) == {"CRV1", "CRV3", "CR2", "WCR", "RI"}
    assert main["n_treated_las"].unique().to_list() == [3] and main["n_children"].min() > 300
    assert set(table(project, "variants")["outcome"]) == {OWN}


def test_a_pilot_without_comparators_gets_computed_ones(project: Project) -> None:
    matches = table(project, "la_matches").filter(outcome=OWN)
    assert set(matches.filter(source="computed")["group"]) == {"603"}
    assert set(matches.filter(role="pilot")["la_code"]) == {"601", "602", "603"}


def test_the_studys_own_outcome_is_what_its_words_say(project: Project) -> None:
    """Counted again child by child from the cleaned tables, in plain Python."""
    seen = 0
    for la in ("601", "605", "610"):
        individual = project.folder / "results" / "individual"
        rows = pl.read_parquet(individual / "cleaned" / la / "assessments.parquet").rows(named=True)
        starts: dict[str, list[date]] = {}
        for row in rows:
            starts.setdefault(row["child_id"], []).append(row["assessment_start"])
        ends = {(row["child_id"], row["assessment_start"]): row["assessment_end"] for row in rows}
        events = pl.read_parquet(individual / "outcomes" / OWN / f"{la}.parquet")
        for child, index, outcome in events.select("child_id", "index_date", "outcome").rows():
            earliest, latest = ends[child, index] + timedelta(days=7), index + timedelta(days=365)
            assert outcome == any(earliest <= start <= latest for start in starts[child])
            seen += 1
        assert 0 < events["outcome"].mean() < 1
    assert seen > 200


def test_the_report_tells_the_other_practice_model(project: Project) -> None:
    page = (project.folder / "results" / "report" / "index.html").read_text()
    assert "Family Safeguarding evaluation, example" in page and "Assessed again within a year" in page
    assert "Did Family Safeguarding change what happened to children?" in page
    # The configuration is shown as it is, with the purposes of its register.
    assert page.count("Length of assessment") == 1


def test_a_change_of_the_module_reaches_its_outcome_alone(project: Project) -> None:
    module = project.folder / "studies" / "family-safeguarding" / "outcomes.py"
    before = module.read_text()
    try:
        module.write_text(before.replace("is_between(", "is_between( "))
        stale = project.preview()
    finally:
        module.write_text(before)
    assert stale and not [job for job in stale if "icpc" in job or "nfa_rereferral" in job]
    assert [job for job in stale if OWN in job]
    assert project.preview() == set()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such Python file"),
        ("def f(:", "it cannot be loaded: SyntaxError"),
        ("X = 1", "it has neither POPULATIONS nor MEASURES"),
        ("MEASURES = {'working_days': print}", "these names are the project's: working_days"),
        ("MEASURES = {'assessed_once': print}", "outcomes.assessed_again.measure"),
    ],
)
def test_a_module_that_does_not_fit_is_told_before_anything_runs(
    project: Project, content: str | None, said: str
) -> None:
    module = project.folder / "studies" / "family-safeguarding" / "outcomes.py"
    before = module.read_text()
    try:
        module.unlink() if content is None else module.write_text(content)
        ended = project.snakemake("-n")
    finally:
        module.write_text(before)
    assert ended.returncode != 0 and said in ended.stdout


def test_the_example_is_small() -> None:
    """As docs/new-study.md promises."""
    folder = ROOT / "studies" / "family-safeguarding"
    code = [line for line in (folder / "outcomes.py").read_text().splitlines() if line.strip()]
    assert len(code) < 40 and len((folder / "study.yaml").read_text().splitlines()) < 90
    assert Path(folder / "study.yaml").is_file()
