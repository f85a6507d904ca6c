"""docs/decisions.md, written out of the record of contested choices."""

from collections.abc import Iterable

from scripts.decisions import Decision

HEAD = """# Decisions

One record per contested choice: what the sources say, what we do, and where to change it. This page is written out of
`schemas/decisions.yaml` by `snakemake documentation`; the report shows the same records with the values of its run.

"""
TAIL = """
[traps.md](traps.md) lists the forty known traps of such records, with the choice and the count of each.

The published specification as a whole is `config/replication.yaml`.
"""


def decisions_page(sources: dict[str, str], records: Iterable[Decision]) -> str:
    """The whole page as Markdown."""
    told = "\n".join(f"- [{letter}] {meaning}" for letter, meaning in sources.items())
    lines = ["| choice | what sources do | ours | where |", "|---|---|---|---|"]
    lines += [f"| {each.choice} | {each.alternatives} | {each.ours} | {_where(each)} |" for each in records]
    return HEAD + told + "\n\n" + "\n".join(lines) + "\n" + TAIL


def _where(record: Decision) -> str:
    return ", ".join(f"`{key}`" for key in record.keys) or "in the code"
