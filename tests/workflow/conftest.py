"""A copy of the project that has run the small synthetic study, for tests that really run Snakemake."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure import copy_project as copy_files

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Project:
    """A copy of the project in a folder of its own, and the configuration files its runs are given."""

    folder: Path
    overlays: list[str] = field(default_factory=lambda: ["config/small.yaml"])
    cores: str = "2"
    home: Path = field(init=False)

    def __post_init__(self) -> None:
        """A home folder of its own, beside the copy, where the key of the ids lies."""
        self.home = self.folder.with_name(f"{self.folder.name} home")

    def started(self, *arguments: str, before: tuple[str, ...] = (), **options: Any) -> subprocess.Popen[str]:
        """Start Snakemake in the copy; standard error joins standard output. `before` is put before the command."""
        overlays = ["--configfile", *self.overlays] if self.overlays else []
        command = [*before, sys.executable, "-m", "snakemake", "--cores", self.cores, *arguments, *overlays]
        own = {"XDG_CACHE_HOME": str(self.folder / ".cache"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(self.home)}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options
        return subprocess.Popen(command, cwd=self.folder, env=os.environ | own, text=True, **streams)

    def snakemake(
        self, *arguments: str, before: tuple[str, ...] = (), **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake as `started` does, to its end."""
        process = self.started(*arguments, before=before, **options)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def run(self, *arguments: str) -> str:
        """Run and expect success; returns what was printed."""
        finished = self.snakemake(*arguments)
        assert finished.returncode == 0, finished.stdout[-4000:]
        return finished.stdout

    def made(self) -> dict[str, bytes]:
        """Every artefact but logs and benchmarks, which tell times: path below the results -> content."""
        results = self.folder / "results"
        kept = [path for path in results.rglob("*") if path.is_file() and not path.name.startswith(".")]
        return {
            str(path.relative_to(results)): path.read_bytes()
            for path in kept
            if path.relative_to(results).parts[0] not in {"logs", "benchmarks"}
        }

    def preview(self) -> set[str]:
        """The messages of the jobs that `snakemake -n` lists."""
        jobs = set(re.findall(r"^Job \d+: (.*)$", self.run("-n"), flags=re.MULTILINE))
        return jobs - {"Everything is made: start with results/report/index.html"}


def copy_project(folder: Path) -> Project:
    """A project in `folder` that has not run."""
    copy_files(folder)
    return Project(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small study after a full run. Tests that change it put it back."""
    project = copy_project(tmp_path_factory.mktemp("project"))
    project.run()
    return project
