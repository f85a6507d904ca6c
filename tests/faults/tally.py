"""Counting what became of harmed input, and failing with all that went wrong instead of the first."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

AS_BEFORE, AS_IT_SAYS = "read as before", "read as it says"
SHORT = 160
SHOWN = 12


def seeds(name: str, number: int) -> Iterator[tuple[int, random.Random]]:
    """Numbers from 0, each with a generator of random numbers of its own, the same in every run."""
    for seed in range(number):
        yield seed, random.Random(f"{name} {seed}")


class Tally:
    """What became of each kind of harm."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.counts: dict[str, Counter[str]] = {}
        self.wrong: list[str] = []

    def note(self, label: str, kind: str, outcome: Callable[[], str]) -> None:
        """Count one outcome; anything but a named one is wrong."""
        try:
            came = outcome()
        except Exception as error:
            came = "WRONG"
            self.wrong.append(f"{label}: {type(error).__name__}: {str(error)[:300]}")
        self.counts.setdefault(kind, Counter())[came] += 1

    def finish(self, number: int) -> None:
        """Print the table, append it to the file that FAULTS_REPORT names, and fail if anything was wrong."""
        total: Counter[str] = sum(self.counts.values(), Counter())
        columns = sorted(total, key=lambda name: (name.isupper(), name))
        lines = [f"### {self.what}: {number:,} mutations, {len(self.wrong)} silently wrong or badly told", ""]
        lines += ["| harm | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for kind, counts in [*sorted(self.counts.items()), ("all", total)]:
            lines.append(f"| {kind} | " + " | ".join(str(counts[name] or "") for name in columns) + " |")
        text = "\n".join(lines) + "\n"
        print(f"\n{text}")
        if report := os.environ.get("FAULTS_REPORT"):
            with Path(report).open("a", encoding="utf-8") as stream:
                stream.write(text + "\n")
        assert sum(total.values()) == number
        assert not self.wrong, f"{len(self.wrong)} wrong:\n" + "\n".join(self.wrong[:SHOWN])
