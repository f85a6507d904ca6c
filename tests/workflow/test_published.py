"""`snakemake published` on made-up releases, as a reader without access to any records would run it."""

import re
import subprocess
from pathlib import Path

import polars as pl
import pytest
import yaml

from scripts.artefacts import read_results, results_contract
from scripts.report.words import signed
from scripts.workflow.stages import CONCLUSION_TABLES
from tests.browser.chromium import layout, needs_browser, printed, violations
from tests.published.release import BLOCK, PILOTS, RELEASE, world, write_release
from tests.workflow.conftest import ROOT, Project, copy_project

VALUES, ESTIMATE, CONCLUDE, PAGE = (
    "Read the published statistics",
    "Estimate on published statistics",
    "Conclude on published statistics",
    "Write the report on published statistics",
)
FEW_DRAWS = {
    "inference": {
        "wild_bootstrap": {"draws": 199},
        "randomisation": {"draws": 199, "draws_elsewhere": 99},
    }
}


class Published(Project):
    """A copy of the project that is asked for nothing but published statistics."""

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As Project, for the target `published` on the folder `release`."""
        return super().snakemake("published", *arguments, "--config", "published=release")

    def changed(self, **block: object) -> set[str]:
        """What a preview lists when keys of config block published_statistics change."""
        file = self.folder / "config" / "changed.yaml"
        file.write_text(yaml.safe_dump({"published_statistics": block}))
        self.overlays.append("config/changed.yaml")
        jobs = self.preview()
        self.overlays.pop()
        file.unlink()
        return jobs


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A finished run on a release with an effect of six days."""
    folder = copy_project(tmp_path_factory.mktemp("published")).folder
    (folder / "config" / "few_draws.yaml").write_text(yaml.safe_dump(FEW_DRAWS))
    write_release(folder / "release", world(-6.0))
    project = Published(folder, ["config/few_draws.yaml"])
    project.run()
    return project


def page(project: Published) -> str:
    return (project.folder / "results" / "published" / "index.html").read_text(encoding="utf-8")


def test_it_leaves_tables_a_page_and_nothing_else(ran: Published) -> None:
    results = ran.folder / "results"
    assert {path.name for path in results.iterdir()} == {"published", "checksums"}
    tables = {path.stem for path in (results / "published" / "aggregate").iterdir()}
    assert tables <= set(results_contract()) and set(CONCLUSION_TABLES) <= tables
    for name in tables:
        read_results(name, results / "published" / "aggregate" / f"{name}.csv")


def test_the_page_says_what_was_found_on_what_and_what_it_cannot_say(ran: Published) -> None:
    text = re.sub(r"\s+", " ", page(ran))
    first = text[: text.index("</section>", text.index("What this cannot say"))]
    assert re.search(r"Lower by [567]\.\d working days than expected from matched authorities", text)
    assert "Figures of authorities, not of children" in first and "yearly figures, " in first
    assert "SYNTHETIC" not in text and " children, " not in first
    assert "Open Government Licence v3.0" in text and "Department for Education" in text
    assert all(each["label"] in first for each in BLOCK["outcomes"].values())


def test_no_finding_from_aggregate_figures_is_of_high_strength(ran: Published) -> None:
    found = read_results("conclusions", ran.folder / "results" / "published" / "aggregate" / "conclusions.csv")
    days = found.filter(outcome="median_assessment").row(0, named=True)
    assert days["finding"] == "effect" and days["rating"] == "moderate" and days["n_treated_las"] == len(PILOTS)
    assert "high" not in set(found["rating"])


def test_nothing_is_stale_afterwards_and_a_choice_reaches_what_reads_it(ran: Published) -> None:
    assert ran.preview() == set()
    smallest = dict(BLOCK["evidence"]["smallest_effect"]) | {"plans_started": 6.0}
    assert ran.changed(evidence={"smallest_effect": smallest}) == {CONCLUDE, PAGE}
    assert ran.changed(title="Another title") == {PAGE}
    assert ran.changed(comparators="all") == {ESTIMATE, CONCLUDE, PAGE}
    assert ran.changed(release="ees_2020") == {VALUES, ESTIMATE, CONCLUDE, PAGE}


def test_a_changed_file_is_stale_and_a_copy_is_not(ran: Published) -> None:
    file = next((ran.folder / "release").glob("c2_*.csv"))
    before = file.read_bytes()
    file.write_bytes(before.replace(b",all,", b",All,", 1))
    assert ran.preview() == {VALUES, ESTIMATE, CONCLUDE, PAGE}
    file.write_bytes(before)
    assert ran.preview() == set()


def test_without_a_folder_or_a_table_there_is_one_clear_error(ran: Published) -> None:
    nowhere = Project(ran.folder, ran.overlays).snakemake("published", "-n")
    assert nowhere.returncode and "CONFIG: published: no folder of published statistics is named" in nowhere.stdout
    file = next((ran.folder / "release").glob("d3_*.csv"))
    hidden = file.with_suffix(".hidden")
    file.rename(hidden)
    lacking = ran.snakemake("-n")
    hidden.rename(file)
    assert lacking.returncode
    assert "FILE: published folder release: 0 files of table subsequent_plans (d3_*.csv)" in lacking.stdout


def test_a_symbol_that_the_release_does_not_know_stops_before_anything_is_lost(ran: Published) -> None:
    file = next((ran.folder / "release").glob("c2_*.csv"))
    before, made = file.read_bytes(), page(ran)
    file.write_bytes(before.replace(b",all,", b",all,~", 1))
    failed = ran.snakemake()
    file.write_bytes(before)
    log = (ran.folder / "results" / "published" / "logs" / "values.log").read_text()
    assert failed.returncode and "SYMBOL" in log and "(assessments)" in log and "~" not in log
    assert page(ran) == made
    ran.run()
    assert ran.preview() == set()


@pytest.mark.parametrize("width", (360, 1280))
def test_the_page_is_accessible(ran: Published, tmp_path: Path, width: int) -> None:
    needs_browser()
    file = ran.folder / "results" / "published" / "index.html"
    found = violations(file, tmp_path, width)
    assert found["violations"] == [] and found["unsure"] == [] and found["passes"] > 20
    facts = layout(file, tmp_path, width)
    assert facts["overflow"] <= 0 and facts["outside"] == [] and facts["unfocusable"] == []
    assert printed(file, tmp_path).startswith(b"%PDF")


@pytest.mark.long
@pytest.mark.skipif(not RELEASE.is_dir(), reason="the published files are not beside the project")
def test_the_readme_tells_what_the_real_release_says(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    project.overlays = []
    project.run("published", "--config", f"published={RELEASE}")
    found = read_results("conclusions", project.folder / "results" / "published" / "aggregate" / "conclusions.csv")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in found.filter(pl.col("outcome").is_in(list(BLOCK["outcomes"]))).iter_rows(named=True):
        outcome = BLOCK["outcomes"][row["outcome"]]
        scale = 100 if outcome["unit"] == "percentage points" else 1
        told = [signed(scale * row[name]) for name in ("estimate", "ci_low", "ci_high")]
        line = next(each for each in readme.splitlines() if each.startswith(f"| {outcome['label']} |"))
        assert f"{told[0]} ({told[1]} to {told[2]})" in line
