"""The entry point of `snakemake verify`: is everything on disk still what was written and read?

In: the records of all artefacts, and the checksums of the extracts as they were when they were last read. Out: a list
in counts, or one error that names every file that is damaged, missing or without a record.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts.artefacts import read_results, write_text
from scripts.errors import StudyError
from scripts.integrity.digest import file_digest
from scripts.integrity.records import CHECKSUMS, GENERATED, artefact_of, damage, read_record, records

# What comes with jobs and is nobody's input: Snakemake writes it.
UNRECORDED = (CHECKSUMS, "logs", "benchmarks")
SNAKEMAKES = ".snakemake_timestamp"
SHOWN = 40


def verify(extracts: Mapping[str, list[str]], output: str, settings: dict[str, Any]) -> None:
    """Check every artefact and extract, print the counts and write them.

    Parameters
    ----------
    extracts : LA -> its files, of extracts in a folder per LA. settings : results, the folder.

    Raises
    ------
    StudyError : DAMAGED, naming the files, if any is not what was written, is gone, or has no record; extracts that
        were changed since they were read are named too. FILE, if there is nothing to check.
    """
    results = Path(settings["results"])
    recorded = list(records(results))
    if not recorded:
        raise StudyError("FILE", "verify", "nothing was made yet", "Run snakemake first")
    artefacts = [artefact_of(record) for record in recorded]
    with ThreadPoolExecutor() as threads:
        found = dict(zip(artefacts, threads.map(_problem, artefacts), strict=True))
    strangers = set(_files(results)) - set(artefacts) - {Path(output)}
    found |= dict.fromkeys(sorted(strangers), "there is no record of how it was written")
    inputs = results / "aggregate" / "inputs.csv"
    read = _changed(extracts, inputs) if inputs.is_file() and found.get(inputs) is None else {}
    told = [f"{path}: {problem}" for path, problem in (found | read).items() if problem]
    if told:
        listed = "".join(f"\n  {each}" for each in told[:SHOWN])
        more = f"\n  and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
        remedy = "Remove damaged artefacts and run again; have extracts sent again, or run if they were meant to change"
        problem = f"{len(told)} of {len(found | read)} files are not as they were:{listed}{more}\n"
        raise StudyError("DAMAGED", "verify", problem, remedy)
    text = _table(results, recorded, len(read))
    print(text, flush=True)
    write_text(text, output)


def _problem(path: Path) -> str | None:
    return damage(path) if path.is_file() else "it is gone, and its record is there"


def _files(results: Path) -> Iterator[Path]:
    """Every file that should have a record."""
    for path in results.rglob("*"):
        place = path.relative_to(results).parts
        if path.is_file() and place[0] not in UNRECORDED and place[:2] != GENERATED and path.name != SNAKEMAKES:
            yield path


def _changed(extracts: Mapping[str, list[str]], inputs: Path) -> dict[Path, str | None]:
    """Extract -> what is wrong with it, if it is not what was read last; those never read are left out."""
    rows = read_results("inputs", inputs).select("la_code", "file", "sha256").rows()
    known = {(la, name): digest for la, name, digest in rows}
    found: dict[Path, str | None] = {}
    for la, paths in extracts.items():
        for path in map(Path, paths):
            digest = known.get((la, path.name))
            if digest is not None:
                changed = not path.is_file() or file_digest(path) != digest
                found[path] = "it is not the file that was read last" if changed else None
    return found


def _table(results: Path, recorded: list[Path], n_extracts: int) -> str:
    """Files, rows and bytes by folder, as text."""
    sums: dict[str, list[int]] = {}
    for record in recorded:
        folder, told = artefact_of(record).relative_to(results).parts[0], read_record(record) or {}
        for name in dict.fromkeys((folder, "all")):
            total = sums.setdefault(name, [0, 0, 0])
            for position, value in enumerate((1, told.get("rows") or 0, told.get("bytes") or 0)):
                total[position] += value
    ordered = sorted(sums.items(), key=lambda entry: (entry[0] == "all", entry[0]))
    lines = [
        f"{name:<12} {files:>8,} files {rows:>14,} rows {size:>16,} bytes" for name, (files, rows, size) in ordered
    ]
    lines.append(f"{'extracts':<12} {n_extracts:>8,} files as they were read")
    return "Every file is as it was written.\n" + "\n".join(lines) + "\n"
