"""Runs that are killed, starved, locked out or confused about time: after repair, results as of an undisturbed run."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from scripts.artefacts import leftovers
from tests.workflow.conftest import Project
from tests.workflow.tiny import tiny_project

# The superuser may read and write what the permissions forbid, unless these are taken away.
OBEDIENT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
TEN_YEARS = 10 * 365 * 86400


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished run; the time it took is in `seconds`."""
    project = tiny_project(tmp_path_factory.mktemp("undisturbed"))
    project.run()
    return project


@pytest.fixture
def project(undisturbed: Project, tmp_path: Path) -> Project:
    """The same study, not run: the same extracts, and the same key, so that ids can be compared."""
    folder = tmp_path / "project"
    shutil.copytree(undisturbed.folder, folder, ignore=shutil.ignore_patterns("results", ".snakemake", ".cache"))
    fresh = Project(folder, overlays=[])
    fresh.home = undisturbed.home
    return fresh


def assert_as_undisturbed(project: Project, undisturbed: Project) -> None:
    """Byte for byte, with nothing left over, and nothing left to do."""
    expected, found = undisturbed.made(), project.made()
    assert expected.keys() == found.keys()
    assert [name for name, content in expected.items() if found[name] != content] == []
    assert leftovers((project.folder / "results").rglob("*")) == []
    assert "Every file is as it was written" in project.run("verify")
    assert "Nothing to be done" in project.run("-n")


def processes_of(project: Project) -> list[psutil.Process]:
    """What runs in the project's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(project.folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def killed_after(project: Project, seconds: float) -> bool:
    """Start a run and kill its main process, as nothing can be caught; whether it was still at work."""
    process = project.started(stdout=subprocess.DEVNULL)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 20
    while processes_of(project):
        assert time.monotonic() < deadline, "workers live on without the process they work for"
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("number", [2, pytest.param(50, marks=pytest.mark.long)])
def test_killed_at_any_moment_a_run_is_taken_up_again(project: Project, undisturbed: Project, number: int) -> None:
    draw, kills, finished = random.Random("kills"), 0, 0
    started = time.monotonic()
    assert not killed_after(project, 600)
    longest = time.monotonic() - started
    shutil.rmtree(project.folder / "results")
    while kills < number:
        # Some soon after the start, while the graph is built, most while jobs run.
        if killed_after(project, draw.uniform(0.2, longest)):
            kills += 1
            project.run("--unlock")
            if draw.random() < 0.7:
                continue
        project.run()
        assert_as_undisturbed(project, undisturbed)
        finished += 1
        for name in ("results", ".snakemake") if draw.random() < 0.5 else ("results",):
            shutil.rmtree(project.folder / name)
    project.run()
    assert_as_undisturbed(project, undisturbed)
    print(f"\n### Killed {kills} times at seeded moments; {finished + 1} runs finished afterwards, all as undisturbed")


def test_a_file_system_that_is_full_is_told_and_the_run_taken_up_again(project: Project, undisturbed: Project) -> None:
    """By a limit on the size of files, which every user can set: writing fails as on a full disk."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (38_000, 38_000))

    starved = project.snakemake(preexec_fn=limit)
    assert starved.returncode != 0 and "SYSTEM: " in starved.stdout and "file too large" in starved.stdout
    assert "INTERNAL" not in starved.stdout
    shutil.rmtree(project.folder / ".snakemake" / "locks", ignore_errors=True)
    project.run()
    assert_as_undisturbed(project, undisturbed)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """A file system of a given size, in memory."""
    place.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only the superuser may mount a small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_runs_full_is_told_and_the_run_taken_up_again(project: Project, undisturbed: Project) -> None:
    results = project.folder / "results"
    with small_disk(results, "400k"):
        starved = project.snakemake()
        assert starved.returncode != 0 and "SYSTEM: " in starved.stdout
        assert "no space left on device" in starved.stdout and "INTERNAL" not in starved.stdout
        subprocess.run(["mount", "-o", "remount,size=200m", str(results)], check=True)
        project.run()
        assert_as_undisturbed(project, undisturbed)


@pytest.fixture
def obedient() -> tuple[str, ...]:
    """What makes the superuser obey permissions, nothing for others."""
    if os.geteuid():
        return ()
    if shutil.which(OBEDIENT[0]) is None:
        pytest.skip("the superuser cannot be kept from reading and writing without setpriv")
    return OBEDIENT


def test_results_that_may_not_be_written_are_told(
    project: Project, undisturbed: Project, obedient: tuple[str, ...]
) -> None:
    project.run("--until", "clean")
    folders = [path for path in (project.folder / "results").rglob("*") if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    refused = project.snakemake(before=obedient)
    assert refused.returncode != 0 and "permission denied" in refused.stdout.lower()
    for folder in folders:
        folder.chmod(0o755)
    project.run()
    assert_as_undisturbed(project, undisturbed)


@pytest.mark.parametrize("name", ["results/individual/cleaned/510/referrals.parquet", "extracts/510/CIN_2014.csv"])
def test_a_file_that_may_not_be_read_is_named(
    project: Project, undisturbed: Project, obedient: tuple[str, ...], name: str
) -> None:
    project.run("--until", "clean")
    file = project.folder / name
    # Made new, so that nobody has read it in this form.
    content = file.read_bytes()
    file.write_bytes(content)
    file.chmod(0)
    refused = project.snakemake(before=obedient)
    assert refused.returncode != 0 and "INTERNAL" not in refused.stdout
    assert file.name in refused.stdout and "permission denied" in refused.stdout.lower()
    file.chmod(0o644)
    project.run()
    assert_as_undisturbed(project, undisturbed)


def test_two_runs_at_once_exclude_each_other(project: Project, undisturbed: Project) -> None:
    first = project.started(stdout=subprocess.DEVNULL)
    while not list((project.folder / ".snakemake" / "locks").glob("*")):
        assert first.poll() is None
        time.sleep(0.05)
    second = project.snakemake()
    assert second.returncode != 0 and "Directory cannot be locked" in second.stdout
    assert first.wait() == 0
    assert_as_undisturbed(project, undisturbed)


def test_a_clock_that_was_set_back_changes_nothing(project: Project, undisturbed: Project) -> None:
    """To a clock ten years behind, everything that was made is of the future."""
    project.run()
    for path in (path for name in ("results", "extracts") for path in (project.folder / name).rglob("*")):
        if path.is_file():
            later = path.stat().st_mtime + TEN_YEARS
            os.utime(path, (later, later))
    assert "Nothing to be done" in project.run("-n")
    extract = project.folder / "extracts" / "517" / "CIN_2014.csv"
    sound = extract.read_bytes()
    for content in (sound.replace(b"WBRI", b"WIRI", 1), sound):
        extract.write_bytes(content)
        assert "Read the extracts of LA 517" in project.preview()
        project.run()
    assert_as_undisturbed(project, undisturbed)


READ_BY = {
    "individual/ingested/510/referrals.parquet": "clean",
    "individual/cleaned/510/referrals.parquet": "outcomes",
    "aggregate/parts/ledger/510.csv": "pool",
    "aggregate/parts/estimates/nfa_rereferral.csv": "pool",
}
HARMS = ("one bit", "cut short", "emptied")


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        pytest.param(name, harm, marks=[] if (n + m) % 3 == 0 else pytest.mark.long)
        for n, name in enumerate(READ_BY)
        for m, harm in enumerate(HARMS)
    ],
)
def test_a_damaged_artefact_stops_its_reader_and_is_made_anew(
    project: Project, undisturbed: Project, name: str, harm: str
) -> None:
    shutil.copytree(undisturbed.folder / "results", project.folder / "results")
    shutil.copytree(undisturbed.folder / ".snakemake", project.folder / ".snakemake")
    file = project.folder / "results" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes({"one bit": bytes(content), "cut short": content[:-7], "emptied": b""}[harm])
    assert f"results/{name}" in project.snakemake("verify").stdout
    refused = project.snakemake("--forcerun", READ_BY[name])
    assert refused.returncode != 0 and f"DAMAGED: results/{name}" in refused.stdout
    file.unlink()
    project.run()
    assert_as_undisturbed(project, undisturbed)
