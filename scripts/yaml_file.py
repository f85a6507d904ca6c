"""The project's own YAML files, which tests check; a user's are read by scripts.config.strict_yaml."""

from pathlib import Path
from typing import Any

import yaml


def load_yaml(path: Path) -> Any:
    """The content of a YAML file, by libyaml: in pure Python the largest takes half a second in every process."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
