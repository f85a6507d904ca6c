"""A study that encrypts: nothing about a child can be read on disk, and results are those of one that does not."""

import re
import stat
from pathlib import Path

import polars as pl
import pytest
import yaml

from scripts.artefacts import read_parquet
from scripts.privacy.encryption import KEY_VARIABLE, is_encrypted
from tests.workflow.conftest import Project, copy_project

TARGETS = ("results/individual/outcomes/icpc/501.parquet", "results/aggregate/parts/validation/501.csv")
ENCRYPTED = "config/encrypted.yaml"
READ = "Read the extracts of LA 501"
WRITTEN = {READ, "Clean LA 501", "Outcome icpc in LA 501", "Apply the validation rules to LA 501"}
NATIONAL = {"Take the rows of LA 501 out of the national extracts", "Inspect what the extracts of LA 501 let in"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A study that encrypts, one LA of which has been analysed as far as an outcome. Tests put it back."""
    made = copy_project(tmp_path_factory.mktemp("encrypted"))
    overlay = {"governance": {"encryption": {"enabled": True, "chunk_bytes": 4096}}, "variants": {"choices": []}}
    (made.folder / ENCRYPTED).write_text(yaml.safe_dump(overlay))
    made.overlays.append(ENCRYPTED)
    listed = previewed(made)
    assert listed >= WRITTEN and not made.home.exists()
    made.run(*TARGETS)
    return made


def previewed(project: Project) -> set[str]:
    """The messages of the jobs that a preview of the targets lists."""
    return set(re.findall(r"^Job \d+: (.*)$", project.run("-n", *TARGETS), flags=re.MULTILINE))


def key_file(project: Project) -> Path:
    return project.home / ".config" / "practice-model-evaluation" / "artefacts.key"


def parquet_files(project: Project) -> dict[str, Path]:
    """Every individual-level parquet file, by its path below the folder of all."""
    folder = project.folder / "results" / "individual"
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.parquet"))}


def frames(project: Project, monkeypatch: pytest.MonkeyPatch) -> dict[str, pl.DataFrame]:
    """Their content."""
    monkeypatch.setenv(KEY_VARIABLE, str(key_file(project)))
    return {name: read_parquet(path) for name, path in parquet_files(project).items()}


def texts(frame: pl.DataFrame) -> set[str]:
    """What a person would look for: names of columns, pseudonyms, and dates."""
    dates = [frame[name].dt.to_string("%Y-%m-%d") for name in frame.columns if frame[name].dtype == pl.Date]
    ids = [frame[name] for name in ("child_id", "pupil_id") if name in frame.columns]
    values = {value for column in (*dates, *ids) for value in column.drop_nulls()}
    return values | {name for name in frame.columns if len(name) > 5}


def test_nothing_can_be_read_on_disk(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    found = frames(project, monkeypatch)
    assert len(found) > 10 and found["cleaned/501/children.parquet"].height > 100
    told = {text.encode() for frame in found.values() for text in texts(frame)}
    assert len(told) > 1000
    for path in parquet_files(project).values():
        assert is_encrypted(path)
        content = path.read_bytes()
        assert not [text for text in told if text in content]


def test_no_pseudonym_is_anywhere_else_either(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {value.encode() for value in frames(project, monkeypatch)["cleaned/501/children.parquet"]["child_id"]}
    folders = [project.folder / "results", project.folder / ".snakemake"]
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        assert not ids & set(re.findall(rb"[a-z2-7]{16}", path.read_bytes())), path


def test_the_key_is_its_owners_alone_and_in_no_file_of_the_project(project: Project) -> None:
    path = key_file(project)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and not path.is_relative_to(project.folder)
    key = path.read_text().strip()
    assert len(key) == 64
    for kept in (file for file in project.folder.rglob("*") if file.is_file()):
        content = kept.read_bytes()
        assert key.encode() not in content and bytes.fromhex(key) not in content


def test_a_second_run_has_nothing_to_do(project: Project) -> None:
    assert "Nothing to be done" in project.run(*TARGETS)


def test_a_lost_or_another_key_makes_what_it_encrypted_stale(project: Project) -> None:
    path = key_file(project)
    key = path.read_text()
    try:
        path.unlink()
        assert previewed(project) == WRITTEN and not path.exists()
        path.write_text("1" * 64)
        path.chmod(0o600)
        assert previewed(project) == WRITTEN
    finally:
        path.write_text(key)
        path.chmod(0o600)
    assert previewed(project) == set()


def test_without_encryption_the_same_steps_are_stale_and_make_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frames(project, monkeypatch)
    counted = (project.folder / TARGETS[1]).read_bytes()
    project.overlays.remove(ENCRYPTED)
    try:
        assert previewed(project) == WRITTEN
        project.run(*TARGETS)
        plain = {name: pl.read_parquet(path) for name, path in parquet_files(project).items()}
        assert plain.keys() == before.keys() and all(frame.equals(before[name]) for name, frame in plain.items())
        assert (project.folder / TARGETS[1]).read_bytes() == counted
    finally:
        project.overlays.append(ENCRYPTED)
    assert previewed(project) == WRITTEN
    project.run(*TARGETS)
    assert all(is_encrypted(path) for path in parquet_files(project).values())


def test_what_is_taken_out_of_national_extracts_is_encrypted_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frames(project, monkeypatch)
    made = project.folder / "results" / "individual" / "extracts" / "501"
    (project.folder / "national").mkdir()
    for path in made.glob("*.csv"):
        (project.folder / "national" / path.name).write_bytes(path.read_bytes())
    extracts = {"source": "national", "folder": "national", "la_covariates": None}
    (project.folder / "config" / "national.yaml").write_text(yaml.safe_dump({"extracts": extracts}))
    project.overlays.append("config/national.yaml")
    try:
        project.run(*TARGETS)
        assert previewed(project) == set()
        partitioned = [path for name, path in parquet_files(project).items() if name.startswith("partitioned/501/")]
        assert len(partitioned) > 5 and all(is_encrypted(path) for path in parquet_files(project).values())
        after = frames(project, monkeypatch)
        # Rows of national files are sorted, so ingest has them in another order; cleaning puts them in one.
        assert all(after[name].equals(frame) for name, frame in before.items() if not name.startswith("ingested/"))
        project.overlays.remove(ENCRYPTED)
        assert previewed(project) == WRITTEN | NATIONAL
    finally:
        project.overlays[:] = ["config/small.yaml", ENCRYPTED]
