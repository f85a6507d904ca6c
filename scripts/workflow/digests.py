"""Digests of content: of files, remembered on disk so that an unchanged file is read once, and of the code a job runs.

Snakemake's timestamps are silently wrong in both directions (a file replaced with its old date; a mere touch), so
every rule carries these digests as parameters and only they decide what is stale.
"""

import ast
import hashlib
import json
import platform
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.artefacts import write_json
from scripts.integrity.digest import file_digest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("scripts", "schemas")
# Libraries that can change a number or a picture; a new version makes every job stale, as does one of Python.
LIBRARIES = (
    "numpy", "polars", "pandas", "scipy", "statsmodels", "holidays", "pandera", "pyyaml", "defusedxml", "jinja2",
    "matplotlib",
    "numba",
)  # fmt: skip
SHOWN = 12


def digest(value: Any) -> str:
    """Short SHA-256 of a JSON-able value, for stamps that people read."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:SHOWN]


class RememberedDigests:
    """Values computed from files, remembered by (path, size, mtime, ctime, inode) in a JSON file between runs.

    A rewritten file always gets a new ctime, whatever date is put on it, so a remembered value is never out of date.
    """

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self.known: dict[str, Any] = _read_or_empty(memory)
        self.changed = False

    def of(
        self, path: Path, name: str = "sha256", compute: Callable[[Path], Any] = file_digest, context: str = ""
    ) -> Any:
        """The JSON-able value `compute(path)`, computed only if the file's identity, or `context`, is new."""
        status = path.stat()
        identity = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, context]
        key = f"{name} {path}"
        if self.known.get(key, {}).get("identity") != identity:
            self.known[key] = {"identity": identity, "value": compute(path)}
            self.changed = True
        return self.known[key]["value"]

    def save(self) -> None:
        """Write the memory, if anything was added and there is room: without it, files are read once more."""
        if self.changed:
            with suppress(OSError):
                write_json(self.known, self.memory)
            self.changed = False


def _read_or_empty(memory: Path) -> dict[str, Any]:
    """The remembered digests; a damaged memory is forgotten, which costs reading and nothing else."""
    try:
        return json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


class CodeDigests:
    """Digests of what jobs run: their modules, directly imported or through others, the data files these read, the
    libraries.

    Modules are compared as syntax trees, so that a comment, a docstring or a line break makes nothing stale.
    """

    def __init__(self, remembered: RememberedDigests) -> None:
        self.remembered = remembered
        self.libraries = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
        self._facts: dict[str, dict[str, Any] | None] = {}

    def closure(self, module: str) -> list[str]:
        """The project modules that `module` imports, directly or through others, and itself; dotted names, sorted."""
        found: set[str] = set()
        pending = [module]
        while pending:
            name = pending.pop()
            facts = self._facts_of(name)
            if name in found or facts is None:
                continue
            found.add(name)
            pending += [*facts["imports"], name.rpartition(".")[0]]
        return sorted(found)

    def of(self, entry: str, data: tuple[str, ...] = ()) -> str:
        """Digest of everything a job of module `entry` runs. `data` are glob patterns below the project's root."""
        modules = {name: facts["tree"] for name in self.closure(entry) if (facts := self._facts_of(name))}
        files = {str(path.relative_to(ROOT)): self.remembered.of(path) for path in _matching(data)}
        return digest([modules, files, self.libraries])

    def _facts_of(self, module: str) -> dict[str, Any] | None:
        """Digest of a module's syntax tree and the names it imports; None for what is not the project's."""
        if module not in self._facts:
            source = _source(module)
            self._facts[module] = source and self.remembered.of(source, "syntax", _syntax)
        return self._facts[module]


def _source(module: str) -> Path | None:
    """The source file of a project module, None for anything else."""
    if module.split(".")[0] not in PACKAGES:
        return None
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _syntax(source: Path) -> dict[str, Any]:
    """The digest of a source file's tree without docstrings, and the names it imports.

    `from a import b` gives both a and a.b, since b may be a module.
    """
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    mine = sorted({name for name in names if name.split(".")[0] in PACKAGES})
    return {"imports": mine, "tree": digest(ast.dump(tree))}


def _matching(patterns: Iterable[str]) -> list[Path]:
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())
