"""Two runs of the demo study, on one core and on two, leave the same bytes. Takes about twenty minutes."""

from pathlib import Path

import pytest

from tests.workflow.conftest import Project, copy_project

pytestmark = pytest.mark.long


def made(project: Project) -> dict[str, bytes]:
    """Every artefact but logs and benchmarks, which tell times."""
    results = project.folder / "results"
    kept = [path for path in results.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in kept
        if path.relative_to(results).parts[0] not in {"logs", "benchmarks"}
    }


def test_one_core_and_two_leave_the_same_bytes(tmp_path: Path) -> None:
    runs = []
    for cores in ("1", "2"):
        (tmp_path / cores).mkdir()
        project = copy_project(tmp_path / cores)
        project.overlays = []
        project.cores = cores
        project.home = tmp_path / "home"  # one key, so that ids can be compared
        project.run()
        runs.append(made(project))
    one, two = runs
    assert len(one) > 900 and one.keys() == two.keys()
    assert [name for name, content in one.items() if content != two[name]] == []
