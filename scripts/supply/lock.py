"""The lock as data. In: requirements.lock, as `uv pip compile --generate-hashes` writes it. Out: what is pinned."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\\n]+?))? \\$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """A distribution of the lock: name, version, the environments it is for, SHA-256 of every file that may be it."""

    name: str
    version: str
    marker: str | None
    hashes: tuple[str, ...]

    def applies(self, environment: dict[str, str]) -> bool:
        """Whether an environment needs it (variables of PEP 508)."""
        return self.marker is None or Marker(self.marker).evaluate(environment)

    def only(self, hashes: Iterable[str]) -> "Pin":
        """The same, for no particular environment, with fewer or other files."""
        return replace(self, marker=None, hashes=tuple(sorted(hashes)))

    def __str__(self) -> str:
        """As a requirement with hashes."""
        marker = f" ; {self.marker}" if self.marker else ""
        return " \\\n".join([f"{self.name}=={self.version}{marker}", *(f"    --hash=sha256:{h}" for h in self.hashes)])


def read_lock(path: Path) -> list[Pin]:
    """Everything that a lock pins, in its order."""
    pins: list[Pin] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := PINNED.match(line):
            pins.append(Pin(canonicalize_name(found[1]), found[2], found[3], ()))
        elif hashed := HASH.search(line):
            pins[-1] = replace(pins[-1], hashes=(*pins[-1].hashes, hashed[1]))
    return pins


def write_requirements(pins: Iterable[Pin], path: Path) -> None:
    """Write pins as a file that pip reads."""
    path.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
