"""Two runs of the demo study, on one core and on two, leave the same bytes. Takes about twenty minutes."""

from pathlib import Path

import pytest

from tests.workflow.conftest import copy_project

pytestmark = pytest.mark.long


def test_one_core_and_two_leave_the_same_bytes(tmp_path: Path) -> None:
    runs = []
    for cores in ("1", "2"):
        (tmp_path / cores).mkdir()
        project = copy_project(tmp_path / cores)
        project.overlays = []
        project.cores = cores
        project.home = tmp_path / "home"  # one key, so that ids can be compared
        project.run()
        runs.append(project.made())
    one, two = runs
    assert len(one) > 900 and one.keys() == two.keys()
    assert [name for name, content in one.items() if content != two[name]] == []
