"""Which files an extract consists of, found by the names in the alias table.

In: the folder of the extracts. Out: kind of file -> paths, for one LA or for national files. Light to import, because
the workflow asks while it builds its graph.
"""

from pathlib import Path

from scripts.errors import StudyError
from scripts.ingest.layout import FileLayout, load_layouts


def discover(folder: str | Path, la: str, source_format: str) -> dict[str, list[str]]:
    """The files of one LA, {folder}/{la}/…, by kind; every kind is listed, sorted by path.

    Raises
    ------
    StudyError : FILE, if one file is there twice, as CSV and as parquet.
    """
    return _discover(Path(folder) / la, load_layouts(source_format))


def discover_national(folder: str | Path, source_format: str) -> dict[str, list[str]]:
    """The files that hold all LAs, {folder}/…, by kind, sorted by path; errors as `discover`.

    Raises
    ------
    StudyError : CONFIG, for a format in which each LA sends its own files.
    """
    return _discover(Path(folder), national_layouts(source_format))


def national_layouts(source_format: str) -> dict[str, FileLayout]:
    """The layouts of a format whose files or tables can hold all LAs.

    Raises
    ------
    StudyError : CONFIG, for a format in which each LA sends its own files.
    """
    layouts = load_layouts(source_format)
    if "xml" in {suffix for layout in layouts.values() for suffix in layout.suffixes}:
        remedy = "Use one folder per LA (extracts.source: per_la)"
        raise StudyError("CONFIG", "extracts.source", f"the format {source_format} has no national files", remedy)
    return layouts


def _discover(folder: Path, layouts: dict[str, FileLayout]) -> dict[str, list[str]]:
    found = {}
    for kind, layout in layouts.items():
        place = folder / layout.folder
        files = sorted(path for path in place.iterdir() if layout.matches(path)) if place.is_dir() else []
        stems = [path.stem.lower() for path in files]
        if len(set(stems)) < len(stems):
            problem = f"a file of kind {kind} is there twice, as CSV and as parquet or in two spellings"
            raise StudyError("FILE", f"folder {folder.name}", problem, "Keep one of them")
        found[kind] = [str(path) for path in files]
    return found
