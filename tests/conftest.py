"""Which tests run in one process: those that share the finished study, else those of a file; the longest first."""

import pytest
from xdist.scheduler import LoadScopeScheduling

WORKFLOW = "tests/workflow/"
LONGEST = (f"{WORKFLOW}test_rights.py", "tests/faults/test_runs.py")
# Modules whose tests use the fixture `finished`, so that the study is run once.
SHARED = "finished"
SHARING = {
    f"{WORKFLOW}test_{name}.py"
    for name in ("bad_input", "end_to_end", "no_value_leaves", "pages", "provenance", "release", "staleness")
}


class ByStudy(LoadScopeScheduling):
    """Hands out the tests of a file together, and those of the modules that share a study as if they were one file."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::")[0]
        return SHARED if module in SHARING else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByStudy:
    """What `-n` uses."""
    return ByStudy(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests, and refuse one that would run the shared study again in another process."""
    for item in items:
        if SHARED in getattr(item, "fixturenames", ()) and item.nodeid.split("::")[0] not in SHARING:
            raise pytest.UsageError(f"{item.nodeid} uses the fixture `{SHARED}`: name its module in tests/conftest.py")
    items.sort(key=lambda item: (not item.nodeid.startswith(LONGEST), not item.nodeid.startswith(WORKFLOW)))
