"""Sound files to harm."""

from pathlib import Path

import pytest

from scripts.config.load import load_study
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from scripts.synthetic.job import generate
from scripts.workflow.plan import Plan
from scripts.workflow.settings import JobSettings
from tests.workflow.tiny import few_las


@pytest.fixture(scope="package")
def extract_of_an_la(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """File name -> content of a generated extract."""
    folder: Path = tmp_path_factory.mktemp("extract")
    settings = JobSettings(Plan(load_study(few_las(), [], set(POPULATIONS), set(MEASURES))))
    generate("510", folder, "", settings.synthetic("510"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}
