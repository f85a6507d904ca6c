"""Templates of pages, read with this folder's style sheet beside them (`{% include "base.css" %}`)."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

SHARED = Path(__file__).parent


def environment(folder: Path, **changes: Any) -> Environment:
    """Templates of a folder: text is escaped, and a name that means nothing is an error. `changes`: of jinja2's."""
    usual = {"autoescape": True, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=FileSystemLoader([folder, SHARED]), **usual | changes)
