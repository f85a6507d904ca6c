"""Compare two runs of a benchmark by their figures, and fail if one is much worse: a guard against getting slower.

    python -m benchmarks.compare benchmarks/figures/national.json new.json [--worse 1.25] [--at-least 0.5]

Prints the ratio new / old of every time and memory figure that both files have, largest first. Exit status 1 if a
ratio is above --worse; figures of which both values are below --at-least (seconds; MiB times 100) are noise and never
fail. Between two machines ratios mean little: the machines are printed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Figures by the end of their name, and by how much a MiB counts beside a second
MEASURES = {"seconds": 1.0, "longest": 1.0, "mib": 0.01}
# What tells the entries of a list apart
NAMES = ("stage", "step", "share", "rows", "kind", "searched_for", "mb")


def figures_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """Path and value of every number below, entries of lists by what tells them apart; the machine left out."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key != "machine":
                yield from figures_of(each, (*path, key))
    elif isinstance(value, list):
        for position, each in enumerate(value):
            named = [f"{key}={each[key]}" for key in NAMES if key in each] if isinstance(each, dict) else []
            yield from figures_of(each, (*path, " ".join(named) or str(position)))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, float(value)


def ratios(old: Any, new: Any, at_least: float) -> list[tuple[str, float, float, float]]:
    """Name, old, new and their ratio for every measure that both have and that is more than noise; largest first."""
    before, found = dict(figures_of(old)), []
    for path, value in figures_of(new):
        scale = next((scale for end, scale in MEASURES.items() if path[-1].endswith(end)), None)
        if scale is None or not before.get(path):
            continue
        if max(value, before[path]) * scale >= at_least:
            found.append((" / ".join(path), before[path], value, value / before[path]))
    return sorted(found, key=lambda row: -row[3])


def main() -> int:
    """Print a Markdown table; 1 if something is worse than allowed."""
    parser = argparse.ArgumentParser(description="Compare two runs of a benchmark.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--worse", type=float, default=1.25)
    parser.add_argument("--at-least", type=float, default=0.5)
    given = parser.parse_args()
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (given.old, given.new))
    rows = ratios(old, new, given.at_least)
    if not rows:
        print("The files have no figure in common")
        return 1
    print("| figure | old | new | new / old |\n|---|---|---|---|")
    for name, before, after, ratio in rows:
        print(f"| {name} | {before:.2f} | {after:.2f} | {ratio:.2f} |")
    worse = [name for name, _, _, ratio in rows if ratio > given.worse]
    for label, each in (("Old", old), ("New", new)):
        print(f"\n{label}: {each.get('machine')}")
    print(f"\n{len(worse)} of {len(rows)} figures are more than {given.worse:g} times what they were")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
