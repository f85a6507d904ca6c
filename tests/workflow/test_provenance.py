"""`snakemake verify` and `snakemake crate` on a finished study; a run that opens no socket; lists of checksums."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from scripts.integrity.digest import file_digest
from tests.workflow.conftest import Project
from tests.workflow.tiny import LAS, configure, tiny_project

# Writes down who asks for a socket in any process of the run, and who connects one; those between processes aside.
WATCH = """
import os, socket, sys
_socket = socket.socket
def note(what):
    with open(os.environ["SOCKETS"], "a") as stream:
        stream.write(f"{what} by {sys._getframe(2).f_code.co_name}\\n")
class Watched(_socket):
    def __init__(self, family=-1, *rest, **named):
        if family != socket.AF_UNIX:
            note("asked")
        super().__init__(family, *rest, **named)
    def connect(self, address):
        note("connected")
        return super().connect(address)
socket.socket = Watched
"""
# A library that Snakemake imports looks once whether this machine knows IPv6: it opens no connection.
PROBE = "asked by _has_ipv6"


def test_a_finished_study_is_as_it_was_written(finished: Project) -> None:
    told = finished.run("verify")
    assert "Every file is as it was written." in told
    text = (finished.folder / "results" / "governance" / "verified.txt").read_text()
    assert text in told and "individual" in text


def test_a_run_is_described_as_a_crate(finished: Project) -> None:
    finished.run("crate", "--config", "today=2027-02-28")
    results = finished.folder / "results"
    crate = ROCrate(results)
    files = {entity.id: entity for entity in crate.data_entities}
    assert {"aggregate/estimates.csv", "report/index.html", "crate/config.json"} <= set(files)
    assert not [path for path in files if path.startswith("individual")]
    for path, entity in files.items():
        assert entity["sha256"] == file_digest(results / path), path
    stages = {each.id.removeprefix("#stage-") for each in crate.root_dataset["mentions"]}
    assert {"privacy", "ingest", "clean", "match", "impute", "estimate", "report"} < stages
    assert str(crate.root_dataset["datePublished"]) == "2027-02-28"
    config = json.loads((results / "crate" / "config.json").read_text())
    assert config["study"]["seed"] and config["las"]["codes"]
    assert "Nothing to be done" in finished.run("-n")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return tiny_project(tmp_path_factory.mktemp("tiny"))


def test_a_run_opens_no_connection(tiny: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None that Python can open; the test without a network below covers libraries that do not go through it."""
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SOCKETS", str(tmp_path / "sockets"))
    control = "import socket\ndef control():\n    socket.socket(socket.AF_INET).close()\ncontrol()"
    subprocess.run([sys.executable, "-c", control], env=os.environ, check=True)
    tiny.run()
    tiny.run("verify")
    assert set((tmp_path / "sockets").read_text().splitlines()) - {PROBE} == {"asked by control"}


def test_a_run_needs_no_network(tiny: Project) -> None:
    alone = ("unshare", "--net", "--map-root-user")
    if shutil.which(alone[0]) is None or subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a process be cut off from the network")
    shutil.rmtree(tiny.folder / "results", ignore_errors=True)
    ended = tiny.snakemake(before=alone)
    assert ended.returncode == 0, ended.stdout[-2000:]
    assert (tiny.folder / "results" / "report" / "index.html").is_file()


def write_lists(folder: Path) -> None:
    """A list of checksums beside the files of each LA, as their supplier would send it."""
    for la in LAS:
        files = sorted(path for path in (folder / "extracts" / la).iterdir() if path.suffix == ".csv")
        listed = "".join(f"{file_digest(path)}  {path.name}\n" for path in files)
        (folder / "extracts" / la / "SHA256SUMS").write_text(listed)


def test_a_truncated_extract_is_refused_by_its_list_and_stops_only_its_own_la(tiny: Project) -> None:
    write_lists(tiny.folder)
    configure(
        tiny,
        source="per_la",
        folder="extracts",
        la_covariates="extracts/la_covariates.csv",
        checksums="SHA256SUMS",
    )
    extract, other = (tiny.folder / "extracts" / la / "CIN_2014.csv" for la in ("510", "517"))
    content = extract.read_bytes()
    # At the end of a line: a shorter file in every other respect as good.
    extract.write_bytes(content[: content.rindex(b"\n", 0, len(content) // 2) + 1])
    refused = tiny.snakemake("--until", "ingest")
    assert refused.returncode != 0
    assert "CHECKSUM: 510/SHA256SUMS: CIN_2014.csv is not the file that was sent" in refused.stdout
    log = tiny.folder / "results" / "logs" / "ingest" / "517.log"
    assert "finished in" in log.read_text() and other.is_file()
    extract.write_bytes(content)
    tiny.run()
    # The list is part of what was read: a file that changes with its list is read again.
    extract.write_bytes(content.replace(b"WBRI", b"WIRI", 1))
    write_lists(tiny.folder)
    assert "Read the extracts of LA 510" in tiny.preview() and "Read the extracts of LA 517" not in tiny.preview()
    tiny.run("--until", "ingest")


def test_national_files_are_checked_before_anything_runs(tmp_path: Path) -> None:
    project = tiny_project(tmp_path)
    national = tmp_path / "national"
    national.mkdir()
    for path in sorted((tmp_path / "extracts" / "501").glob("*.csv")):
        parts = [(tmp_path / "extracts" / la / path.name).read_text().splitlines(keepends=True) for la in LAS]
        (national / path.name).write_text("".join([parts[0][0], *(row for part in parts for row in part[1:])]))
    sums = {path.name: file_digest(path) for path in sorted(national.iterdir())}
    (national / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    covariates = {"la_covariates": "extracts/la_covariates.csv", "checksums": "SHA256SUMS"}
    configure(project, source="national", folder="national", **covariates)
    project.run("-n")
    file = national / "CIN_2014.csv"
    file.write_bytes(file.read_bytes()[:-200])
    refused = project.snakemake("-n")
    assert refused.returncode != 0
    assert "CHECKSUM: national/SHA256SUMS: CIN_2014.csv is not the file that was sent" in refused.stdout
