"""The key in a run of the workflow: a preview makes none, the first run makes one, another one re-keys everything."""

from pathlib import Path

import polars as pl
import pytest

from tests.workflow.conftest import Project, copy_project

TARGET = "results/individual/ingested/501/referrals.parquet"
READ = "Read the extracts of LA 501"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_project(tmp_path_factory.mktemp("keyed"))


def test_the_key_is_made_by_the_first_run_and_never_leaves_its_file(project: Project) -> None:
    assert READ in project.run("-n", TARGET)
    assert not project.home.exists()
    project.run(TARGET)
    (key_file,) = (path for path in project.home.rglob("*") if path.is_file() and path.suffix == ".key")
    key = key_file.read_bytes().strip()
    kept = [path for path in project.folder.rglob("*") if path.is_file()]
    assert len(key) == 64 and kept and not any(key in path.read_bytes() for path in kept)
    assert READ not in project.run("-n", TARGET)


def test_another_key_makes_other_ids_and_ingest_stale(project: Project) -> None:
    project.run(TARGET)
    before = _ids(project)
    (key_file,) = project.home.rglob("*.key")
    key_file.write_text("1" * 64)
    assert READ in project.run("-n", TARGET)
    project.run(TARGET)
    after = _ids(project)
    assert len(after) == len(before) and not after & before


def _ids(project: Project) -> set[str]:
    return set(pl.read_parquet(Path(project.folder) / TARGET)["child_id"])
