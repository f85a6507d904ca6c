"""The version of this software: that of its citation file."""

from pathlib import Path

from scripts.yaml_file import load_yaml

CITATION_FILE = Path(__file__).parent.parent / "CITATION.cff"


def project_version() -> str:
    """The version, such as 0.1.0."""
    return str(load_yaml(CITATION_FILE)["version"])
