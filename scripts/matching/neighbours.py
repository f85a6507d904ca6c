"""Statistical neighbours as the Department for Education publishes them: for each LA the ten most like it, in order.

In: the CSV as published (LA number, SN1, SNP, SN2, SNP, …; the header SNP, how close, repeats), with blank lines and a
heading between current and former LAs. Out: the neighbours of the pilots asked for, as LAs of the analysis. Joined on
three-digit codes, never on names (trap T-24).
"""

import csv
import re
from pathlib import Path

import polars as pl

from schemas.patterns import LA_PATTERN
from scripts.errors import StudyError

# The header of the published file.
CODE_COLUMN = "LA number"
NEIGHBOUR_COLUMN = re.compile(r"SN(\d+)")
COLUMNS = {"group": pl.String, "la_code": pl.String, "neighbour_rank": pl.Int64}


def neighbours_of(path: str, pilots: list[str], members: dict[str, list[str]]) -> pl.DataFrame:
    """The published neighbours of the pilots.

    Parameters
    ----------
    pilots : LA codes that need a row in the file.
    members : analysis LA -> the codes it consists of; a neighbour outside all of them is no LA of the analysis and
        left out, and of several that belong to one analysis LA the first counts.

    Returns
    -------
    group (the pilot), la_code (the neighbour), neighbour_rank (its place in the published list), sorted.

    Raises
    ------
    StudyError : NEIGHBOURS, naming file and column, if the file is malformed or lacks a pilot.
    """
    owner = {code: la for la, codes in members.items() for code in codes}
    lists = read_neighbours(path)
    lacking = [pilot for pilot in pilots if pilot not in lists]
    if lacking:
        remedy = "List their comparators in las.pilots, or use a file that has them"
        raise _error(path, CODE_COLUMN, f"there is no row for pilot LAs {', '.join(lacking)}", remedy)
    rows = [
        (pilot, owner[code], rank)
        for pilot in sorted(pilots)
        for rank, code in enumerate(lists[pilot], start=1)
        if code in owner
    ]
    frame = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    return frame.unique(["group", "la_code"], keep="first", maintain_order=True)


def neighbours_beside(folder: str, pattern: str) -> str | None:
    """The list of statistical neighbours in or beside the folder of a release, if there is one.

    Raises
    ------
    StudyError : FILE, if there are several.
    """
    found = sorted({path for place in (Path(folder), Path(folder).parent) for path in place.glob(pattern)})
    if len(found) > 1:
        raise StudyError("FILE", f"published folder {folder}", f"{len(found)} files {pattern}", "Keep one of them")
    return str(found[0]) if found else None


def read_neighbours(path: str) -> dict[str, list[str]]:
    """LA code -> codes of its neighbours, nearest first.

    Raises
    ------
    StudyError : NEIGHBOURS, naming file and column, for an absent or repeated column, a row of another length, a value
        that is no three-digit code, an LA with two rows, and a neighbour that is named twice or is the LA itself.
    """
    header, rows = _read(path)
    places = _neighbour_places(path, header)
    if header.count(CODE_COLUMN) != 1:
        raise _error(path, CODE_COLUMN, f"occurs {header.count(CODE_COLUMN)} times in the header", _AS_PUBLISHED)
    ragged = sum(len(row) != len(header) for row in rows)
    if ragged:
        raise _error(path, "", f"{ragged} rows do not have the {len(header)} columns of the header", _AS_PUBLISHED)
    used = {CODE_COLUMN: header.index(CODE_COLUMN)} | places
    # Blank lines and the heading before the former LAs carry no code.
    cells = [
        cells for cells in ({name: row[place] for name, place in used.items()} for row in rows) if any(cells.values())
    ]
    for name in used:
        unfit = sum(not re.match(LA_PATTERN, row[name]) for row in cells)
        if unfit:
            raise _error(path, name, f"{unfit} values are no three-digit LA codes", _AS_PUBLISHED)
    found = {row[CODE_COLUMN]: [row[name] for name in places] for row in cells}
    if len(found) < len(cells):
        raise _error(path, CODE_COLUMN, f"{len(cells) - len(found)} LAs have a second row", "Keep one row for each")
    unsound = sum(len({la, *codes}) <= len(codes) for la, codes in found.items())
    if unsound:
        problem = f"{unsound} LAs have a neighbour twice, or are their own"
        raise _error(path, f"{next(iter(places))} to {list(places)[-1]}", problem, _AS_PUBLISHED)
    return found


_AS_PUBLISHED = "Use the file as the Department for Education publishes it"


def _read(path: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows, cells stripped; the byte order mark that some editions have is dropped."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise _error(path, "", "it is not UTF-8 text", "Save it as CSV UTF-8") from error
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines) if row]
    if len(rows) < 2:
        raise _error(path, "", f"it has {len(rows)} lines", _AS_PUBLISHED)
    return rows[0], rows[1:]


def _neighbour_places(path: str, header: list[str]) -> dict[str, int]:
    """SN1, SN2, … -> place in the header, in the order of the ranks."""
    named = [(int(match[1]), place) for place, name in enumerate(header) if (match := NEIGHBOUR_COLUMN.fullmatch(name))]
    ranks = sorted(rank for rank, _ in named)
    absent = next(rank for rank in range(1, len(ranks) + 2) if rank not in ranks)
    if absent <= max(ranks, default=1):
        raise _error(path, f"SN{absent}", "missing", _AS_PUBLISHED)
    if len(set(ranks)) < len(ranks):
        repeated = next(rank for rank in ranks if ranks.count(rank) > 1)
        raise _error(path, f"SN{repeated}", f"occurs {ranks.count(repeated)} times in the header", _AS_PUBLISHED)
    return {f"SN{rank}": place for rank, place in sorted(named)}


def _error(path: str, column: str, problem: str, remedy: str) -> StudyError:
    place = f"{Path(path).name}, column {column}" if column else Path(path).name
    return StudyError("NEIGHBOURS", place, problem, remedy)
