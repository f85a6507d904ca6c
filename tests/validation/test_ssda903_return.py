"""The SSDA903 rules on a third party's made-up return: against the reference validator, and row by row in plain Python.

The return has 5,050 episodes of 2,123 children. Reference counts: tests/reference/ssda903_counts.csv, made by the
script beside it.
"""

import csv
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import groupby, pairwise
from pathlib import Path

import polars as pl
import pytest

from scripts.validation.rules import absent_fields, count_failures
from scripts.validation.ssda903 import RULES, views
from tests.reference.ssda903_counts import RUNS, SPLIT, last_year, read

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "data" / "records" / "ssda903-d2i"
REFERENCE = ROOT / "tests" / "reference" / "ssda903_counts.csv"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the third-party SSDA903 return is not here")

TABLES = {"episodes": "Episodes", "first_episodes": "Episodes", "uasc": "UASC"}
OTHER_TABLE = {"231": "Header"}  # the reference marks the header where the asylum list is judged here
RETURN_YEAR = SPLIT.year
COLLECTIONS = [collection for collection, _ in RUNS]

# Rule: census year -> (count here, reference count), and why they differ.
DIFFERENCES: dict[str, tuple[dict[int, tuple[int, int]], str]] = {
    "149": ({2017: (226, 0)}, "E45 to E48 began in 2018/19; the reference has one list for all years to 2022/23"),
    "1009": ({2017: (216, 0)}, "CUSTOD began in 2018/19; the reference has one list for all years"),
    "178": (
        {2017: (0, 1105), 2018: (0, 1105), 2023: (0, 1105), 2025: (0, 718)},
        "the reference also marks a provider of a temporary or other placement, which is the matter of rule 213",
    ),
    "370": ({2017: (183, 141), 2018: (183, 141), 2023: (189, 143)}, "the reference leaves out open episodes"),
    "371": (
        {2017: (177, 134), 2018: (177, 134), 2023: (206, 156), 2025: (206, 0)},
        "the reference leaves out open episodes, and H5, here still judged by age after it ended",
    ),
    "372": (dict.fromkeys(COLLECTIONS, (96, 67)), "the reference leaves out open episodes"),
    "373": (dict.fromkeys(COLLECTIONS, (8, 7)), "the reference leaves out open episodes"),
    "374": (dict.fromkeys(COLLECTIONS, (151, 108)), "the reference leaves out open episodes"),
    "389": (
        dict.fromkeys(COLLECTIONS, (39, 48)),
        "the reference marks an episode without an end date, where the age is not known",
    ),
}


@pytest.fixture(scope="module")
def counts() -> dict[tuple[int, str], int]:
    """(census year, rule) -> failing rows, of each collection the reference was run for."""
    given = read(FOLDER)
    before = {RETURN_YEAR: {RETURN_YEAR - 1: last_year(given)}}
    collections = [before.get(collection, {}) | {collection: given} for collection in COLLECTIONS]
    frames = [_stacked(returns) for returns in collections]
    assert not any(absent_fields(RULES, each) for each in frames)
    judged = pl.concat([count_failures(views(each), RULES) for each in frames])
    return {(row["census_year"], row["rule"]): row["n_failing"] for row in judged.rows(named=True)}


def _stacked(returns: dict[int, dict]) -> dict[str, pl.DataFrame]:
    return {
        module: pl.concat(
            pl.DataFrame(tables[module]).with_columns(pl.lit(year, pl.Int32).alias("year"))
            for year, tables in returns.items()
        )
        for module in ("Header", "Episodes", "UASC")
    }


def test_counts_are_those_of_the_reference_validator_but_for_explained_differences(counts: dict) -> None:
    table = {rule.code: OTHER_TABLE.get(rule.code, TABLES.get(rule.view, "Header")) for rule in RULES}
    with REFERENCE.open(encoding="utf-8") as file:
        marked = {
            (int(row["collection"]), row["rule"]): int(row["n_failing"])
            for row in csv.DictReader(file)
            if row["table"] == table.get(row["rule"])
        }
    both = counts.keys() & marked.keys()
    differing = {key: (counts[key], marked[key]) for key in both if counts[key] != marked[key]}
    explained = {(year, code): pair for code, (pairs, _) in DIFFERENCES.items() for year, pair in pairs.items()}
    assert differing == explained
    assert {code for _, code in both} == set(table)


# --- row by row -----------------------------------------------------------------------------------------------------


def _day(text: str) -> date | None:
    return datetime.strptime(text, "%d/%m/%Y").date() if text else None


def _birthday(born: date, age: int) -> date:
    month, day = (3, 1) if (born.month, born.day) == (2, 29) else (born.month, born.day)
    return date(born.year + age, month, day)


def _by_child() -> Iterator[list[dict]]:
    """Each child's episodes in order of start, dates parsed, with the date of birth."""
    tables = read(FOLDER)
    born = {row["CHILD"]: _day(row["DOB"]) for row in tables["Header"]}
    rows = [row | {name: _day(row[name]) for name in ("DECOM", "DEC")} for row in tables["Episodes"]]
    rows = [row | {"DOB": born[row["CHILD"]]} for row in rows]
    for _, group in groupby(sorted(rows, key=lambda row: (row["CHILD"], row["DECOM"])), key=lambda row: row["CHILD"]):
        yield list(group)


def _alone(test: Callable[[dict], bool]) -> Callable[[list[dict]], int]:
    return lambda rows: sum(bool(test(row)) for row in rows)


def _paired(test: Callable[[dict, dict], bool]) -> Callable[[list[dict]], int]:
    return lambda rows: sum(bool(test(before, now)) for before, now in pairwise(rows))


def _younger(places: tuple[str, ...], age: int) -> Callable[[list[dict]], int]:
    return _alone(lambda row: row["PLACE"] in places and row["DECOM"] < _birthday(row["DOB"], age))


def _ended(reasons: tuple[str, ...], age: int, reached: bool) -> Callable[[list[dict]], int]:
    return _alone(
        lambda row: row["REC"] in reasons and row["DEC"] and (row["DEC"] >= _birthday(row["DOB"], age)) == reached
    )


def _too_many_t3(rows: list[dict]) -> int:
    n = sum(row["PLACE"] == "T3" for row in rows)
    return n if n > 2 else 0


def _both_breaks(rows: list[dict]) -> int:
    kinds = [row["LS"] for row in rows if row["LS"] in ("V3", "V4")]
    return len(kinds) if len(set(kinds)) == 2 else 0


def _continuation(rows: list[dict]) -> int:
    """Rule 388 in its three cases."""
    between = sum(
        row["DEC"] is not None and row["REC"] != "" and (row["REC"] == "X1") != (row["DEC"] == after["DECOM"])
        for row, after in pairwise(rows)
    )
    return between + (rows[-1]["DEC"] is not None and rows[-1]["REC"] == "X1")


def _status_run(status: str, days: int) -> Callable[[list[dict]], int]:
    """Episodes in unbroken runs of a legal status longer than `days`."""

    def count(rows: list[dict]) -> int:
        runs: list[list[dict]] = []
        for row in rows:
            last = runs[-1][-1] if runs else None
            if last and last["LS"] == row["LS"] and last["DEC"] == row["DECOM"]:
                runs[-1].append(row)
            else:
                runs.append([row])
        year_end = date(RETURN_YEAR + 1, 3, 31)
        long = [r for r in runs if (max(x["DEC"] or year_end for x in r) - r[0]["DECOM"]).days > days]
        return sum(len(run) for run in long if run[0]["LS"] == status)

    return count


def _temporary(row: dict) -> bool:
    return row["PLACE"] in ("T0", "T1", "T2", "T3", "T4")


def _no_reason_for_change(before: dict, now: dict) -> bool:
    changed = before["REC"] == "X1" and now["RNE"] in ("P", "B", "T", "U")
    return changed and not before["REASON_PLACE_CHANGE"] and not _temporary(before) and not _temporary(now)


PLAIN: dict[str, Callable[[list[dict]], int]] = {
    "142": lambda rows: sum(not row["DEC"] or not row["REC"] for row in rows[:-1]),
    "148": _alone(lambda row: (row["DEC"] is None) != (row["REC"] == "")),
    "217": _alone(
        lambda row: row["PLACE"] in ("A3", "A5") and row["RNE"] in "PLB" and row["DECOM"] >= date(2015, 4, 1)
    ),
    "225": _paired(_no_reason_for_change),
    "355": _alone(lambda row: row["DEC"] == row["DECOM"]),
    "356": _alone(lambda row: row["DEC"] is not None and row["DEC"] < row["DECOM"]),
    "357": lambda rows: int(rows[0]["RNE"] != "S" and rows[0]["DECOM"] >= date(RETURN_YEAR, 4, 1)),
    "361": _status_run("L1", 3),
    "362": _status_run("L2", 21),
    "363": _status_run("L3", 7),
    "364": _status_run("J2", 21),
    "366": _alone(lambda row: row["LS"] == "V3" and row["RNE"] != "S"),
    "370": _younger(("P2",), 15),
    "371": _younger(("H5",), 14),
    "372": _younger(("R5",), 10),
    "373": _younger(("S1",), 4),
    "374": _younger(("P3",), 14),
    "375": _alone(lambda row: row["PLACE"] == "T1" and row["DEC"] and (row["DEC"] - row["DECOM"]).days > 42),
    "376": _alone(lambda row: row["PLACE"] == "T3" and row["DEC"] and (row["DEC"] - row["DECOM"]).days > 21),
    "377": _too_many_t3,
    "378": _alone(lambda row: row["PLACE"] == "P1" and row["LS"] == "V2"),
    "379": _alone(lambda row: row["PLACE"] == "T4" and row["DEC"] and (row["DEC"] - row["DECOM"]).days > 7),
    "381": _alone(lambda row: _temporary(row) and row["REC"] not in ("", "X1")),
    "386": _ended(("E11", "E12"), 18, reached=True),
    "387": _ended(("E5", "E6"), 14, reached=False),
    "388": _continuation,
    "389": _ended(("E7",), 16, reached=False),
    "390": _alone(lambda row: row["REC"] in ("E11", "E12") and row["PLACE"][0] != "A"),
    "407": _ended(("E45", "E46", "E47", "E48"), 18, reached=True),
    "408": _alone(lambda row: row["PLACE"] in ("A5", "A6") and row["LS"] != "E1"),
    "426": _both_breaks,
    "431": _paired(lambda before, now: now["RNE"] == "S" and before["DEC"] and now["DECOM"] <= before["DEC"]),
    "432": _paired(lambda before, now: now["RNE"] != "S" and before["REC"].startswith("E")),
    "433": _paired(lambda before, now: now["RNE"] != "S" and before["DEC"] != now["DECOM"]),
    "435": _paired(lambda before, now: now["RNE"] in ("P", "T") and before["LS"] != now["LS"]),
    "436": _paired(lambda before, now: now["RNE"] in ("B", "U") and before["LS"] == now["LS"]),
    "437": _paired(lambda before, _now: before["REC"] in ("E2", "E15")),
    "460": _ended(("E17",), 18, reached=False),
    "501": _paired(lambda before, now: before["DEC"] is not None and now["DECOM"] < before["DEC"]),
    "504": _paired(
        lambda before, now: before["REC"] == "X1" and before["DEC"] == now["DECOM"] and before["CIN"] != now["CIN"]
    ),
    "516": _alone(lambda row: row["REC"] in ("E45", "E46") and row["PLACE"][0] != "U"),
    "527": _alone(lambda row: row["PLACE_PROVIDER"] == "PR1" and row["PLACE"] in ("P1", "R2", "R5")),
    "550": _alone(lambda row: row["PLACE_PROVIDER"] == "PR0" and row["PLACE"] != "P1"),
}


def test_counts_are_those_of_a_row_by_row_reading_of_the_rules(counts: dict) -> None:
    children = list(_by_child())
    assert (len(children), sum(len(rows) for rows in children)) == (2123, 5050)
    plain = {code: sum(count(rows) for rows in children) for code, count in PLAIN.items()}
    assert {code: counts[RETURN_YEAR, code] for code in PLAIN} == plain


def test_the_return_has_the_known_overlaps_and_open_episodes(counts: dict) -> None:
    assert counts[RETURN_YEAR, "501"] == 62
    assert counts[RETURN_YEAR, "148"] == 1413
