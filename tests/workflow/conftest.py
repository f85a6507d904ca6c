"""A copy of the project that has run the small synthetic study, for tests that really run Snakemake."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

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

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy; standard error joins standard output."""
        overlays = ["--configfile", *self.overlays] if self.overlays else []
        command = [sys.executable, "-m", "snakemake", "--cores", self.cores, *arguments, *overlays]
        own = {"XDG_CACHE_HOME": str(self.folder / ".cache"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(self.home)}
        environment = os.environ | own
        return subprocess.run(
            command, cwd=self.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, *arguments: str) -> str:
        """Run and expect success; returns what was printed."""
        finished = self.snakemake(*arguments)
        assert finished.returncode == 0, finished.stdout[-4000:]
        return finished.stdout

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
