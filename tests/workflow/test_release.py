"""The release gate through Snakemake: what leaves, what stops it, and that it is the same when it is built twice."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml

from scripts.artefacts import read_json
from scripts.release.safe_csv import WITHHELD
from tests.browser.chromium import needs_browser, violations
from tests.workflow.conftest import ROOT, Project

# Two outcomes and the tables that hang together most: all take minutes, as most cells of the small study are small.
NONE = ("subgroups", "overlap", "missingness", "yearly_profile", "variants", "la_effects", "sensitivity", "trends")
OVERLAY = {
    "release": {
        "outcomes": ["assessment_duration", "icpc"],
        "outputs": {name: {"method": "none"} for name in NONE},
    }
}


@pytest.fixture(scope="module")
def project(finished: Project) -> Iterator[Project]:
    """The finished small study with an overlay for its release."""
    overlay = finished.folder / "release.yaml"
    overlay.write_text(yaml.safe_dump(OVERLAY))
    before = finished.overlays
    finished.overlays = [*before, "release.yaml"]
    yield finished
    finished.overlays = before
    for folder in ("results/release", "results/disclosure", "governance/releases"):
        shutil.rmtree(finished.folder / folder, ignore_errors=True)


@pytest.fixture(scope="module")
def released(project: Project) -> Path:
    """A draft release."""
    project.run("release", "--config", "tag=2027-02")
    return project.folder / "results" / "release" / "2027-02"


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a release."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_that_leaves_is_a_table_a_picture_a_page_or_a_checksum(released: Path) -> None:
    kinds = {Path(name).suffix for name in content(released) if not name.endswith(".snakemake_timestamp")}
    assert kinds == {".csv", ".png", ".html", ".json", ".txt"}
    assert not list(released.rglob("*.log")) and not list(released.rglob("*.parquet"))


def test_the_audit_passed_and_its_figures_stand_in_the_pack(released: Path) -> None:
    audit = read_json(released / "request.json")["audit"]
    assert audit["protected_cells"] > 100 and audit["narrowest_interval"] >= audit["width_asked_for"] == 10


def test_no_count_of_one_to_nine_stands_in_any_table(released: Path, project: Project) -> None:
    seen = 0
    for path in released.glob("*.csv"):
        shown = pl.read_csv(path, infer_schema=False)
        for name in (n for n in shown.columns if n.startswith(("n_rows", "n_children"))):
            numbers = shown[name].cast(pl.Int64, strict=False).drop_nulls()
            assert numbers.is_between(1, 9).sum() == 0, (path.name, name)
            seen += len(numbers)
        inside = pl.read_csv(project.folder / "results" / "aggregate" / path.name, infer_schema=False)
        assert shown.height >= inside.filter(_of_outcomes(inside)).height
    assert seen > 300


def _of_outcomes(table: pl.DataFrame) -> pl.Expr:
    return pl.col("outcome").is_in(OVERLAY["release"]["outcomes"]) if "outcome" in table.columns else pl.lit(True)


def test_the_page_is_made_from_what_leaves(released: Path, project: Project) -> None:
    """Numbers of children on the page are rounded; those inside are not."""
    page = (released / "report.html").read_text()
    inside = pl.read_csv(project.folder / "results" / "aggregate" / "conclusions.csv")
    for row in inside.filter(pl.col("outcome").is_in(OVERLAY["release"]["outcomes"])).iter_rows(named=True):
        assert f"{5 * round(row['n_children'] / 5):,} children" in page
        assert row["n_children"] % 5 == 0 or f"{row['n_children']:,} children" not in page
    assert "Release edition." in page and "data:image/png;base64," in page and "image/svg" not in page


def test_pictures_have_the_figures_they_show_which_are_those_that_leave(released: Path) -> None:
    pictures = sorted(path.name.removesuffix("-wide.png") for path in (released / "figures").glob("*-wide.png"))
    assert len(pictures) > 8
    for name in pictures:
        assert (released / "figures" / f"{name}.csv").is_file()
    love = pl.read_csv(released / "figures" / "love.csv")
    shown = pl.read_csv(released / "balance.csv", infer_schema=False).filter(pl.col("smd") != WITHHELD)
    assert love["smd"].max() == pytest.approx(shown["smd"].cast(pl.Float64, strict=False).abs().max())


def test_built_again_every_byte_is_the_same(released: Path, project: Project) -> None:
    before = content(released)
    shutil.rmtree(released)
    project.run("release", "--config", "tag=2027-02")
    assert content(released) == before


def test_a_second_call_has_nothing_to_do_and_another_name_is_another_release(released: Path, project: Project) -> None:
    assert "Nothing to be done" in project.run("release", "--config", "tag=2027-02")
    assert len(project.run("release", "-n", "--config", "tag=2027-03").split("Release 2027-03")) > 3


def test_a_final_release_is_refused_with_what_is_open(released: Path, project: Project) -> None:
    finished = project.snakemake("release", "--config", "tag=2027-02", "status=final")
    assert finished.returncode != 0
    assert "release.context.requester is not filled in" in finished.stdout
    assert "rule dominance_one is graded S" in finished.stdout
    project.run("release", "--config", "tag=2027-02")


def test_without_repair_the_tables_and_the_fewest_rows_are_named(released: Path, project: Project) -> None:
    overlay = {"release": {"repair": False}}
    (project.folder / "no-repair.yaml").write_text(yaml.safe_dump(overlay))
    project.overlays.append("no-repair.yaml")
    try:
        finished = project.snakemake("release", "--config", "tag=sabotaged")
    finally:
        project.overlays.pop()
    assert finished.returncode != 0 and "Tables that together do it" in finished.stdout
    lines = [line for line in finished.stdout.splitlines() if line.strip().startswith('{"kind"')]
    assert lines and set(json.loads(lines[0])) == {"kind", "table", "where", "reason"}
    assert not list((project.folder / "results" / "release").glob("sabotaged/*.csv"))


def test_a_registered_release_stands_against_one_of_a_child_fewer(released: Path, project: Project) -> None:
    """Final, with the rules read and the context told; then the register says one child more in every number."""
    rules = yaml.safe_load((ROOT / "schemas" / "disclosure" / "rules.yaml").read_text())
    for rule in rules["rules"].values():
        rule |= {"grade": "V", "confirmed_by": "an output checker"}
    (project.folder / "confirmed.yaml").write_text(yaml.safe_dump(rules))
    names = yaml.safe_load((ROOT / "config.yaml").read_text())["release"]["context"]
    told = {"release": {"rules": "confirmed.yaml", "context": dict.fromkeys(names, "told")}}
    (project.folder / "final.yaml").write_text(yaml.safe_dump(told))
    project.overlays.append("final.yaml")
    try:
        project.run("released", "--config", "tag=first", "status=final")
        numbers = project.folder / "governance" / "releases" / "first" / "numbers.json"
        entries = read_json(numbers)
        assert entries and (numbers.parent / "manifest.json").is_file()
        # The same people again: what left before is known, and nothing follows from both.
        project.run("release", "--config", "tag=second")
        pack = read_json(project.folder / "results" / "release" / "second" / "request.json")
        assert pack["audit"]["earlier_releases"] == ["first"]
        numbers.write_text(json.dumps([entry | {"size": entry["size"] + 1} for entry in entries]))
        finished = project.snakemake("release", "--config", "tag=second")
    finally:
        project.overlays.pop()
    assert finished.returncode != 0 and "release first" in finished.stdout
    assert "Leave these tables out of release.outputs" in finished.stdout


@pytest.mark.parametrize("page", ["summary.html", "report.html"])
def test_pages_are_accessible(released: Path, tmp_path: Path, page: str) -> None:
    needs_browser()
    found = violations(released / page, tmp_path, 1280)
    assert found["violations"] == [] and found["unsure"] == []
