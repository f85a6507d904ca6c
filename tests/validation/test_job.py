"""The rules on what an LA supplied: returns as they are, and extracts of the pupil database as ingested."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas import tables
from scripts.dates import HolidayCalendar
from scripts.validation import cin, ssda903
from scripts.validation.from_tables import modules
from scripts.validation.job import validate
from scripts.validation.rules import ABSENT, count_failures

SETTINGS = {
    "census_year": None,
    "xml_max_bytes": None,
    "bank_holidays": {"country": "GB", "subdivision": "ENG"},
    "rights": {"folder": "no such folder", "las": ["501"]},
}
CENSUS = """<Message><Header><CollectionDetails><Collection>CIN</Collection><Year>2025</Year>
<ReferenceDate>2025-03-31</ReferenceDate></CollectionDetails><Source><LEA>501</LEA></Source></Header><Children><Child>
<ChildIdentifiers><LAchildID>SECRET</LAchildID><PersonBirthDate>2015-05-05</PersonBirthDate><Sex>X</Sex>
</ChildIdentifiers></Child></Children></Message>"""


def table(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """A canonical table of LA 501 with child A; columns not given are empty."""
    empty = tables.empty(name)
    return pl.DataFrame([{"la_code": "501", "child_id": "A"} | row for row in rows], schema=empty.schema)


def ingested(
    referrals: list[dict[str, Any]], assessments: list[date], conferences: list[date]
) -> dict[str, pl.DataFrame]:
    return {
        "referrals": table("referrals", [{"census_year": 2013} | row for row in referrals]),
        "assessments": table("assessments", [{"census_year": 2013, "assessment_start": day} for day in assessments]),
        "section47": table("section47", [{"icpc_date": day} for day in conferences]),
    }


def test_a_return_is_judged_and_only_counts_are_left(tmp_path: Path) -> None:
    source, report = tmp_path / "cin.xml", tmp_path / "validation.csv"
    source.write_text(CENSUS)
    validate("501", {"cin_xml": [str(source)]}, {}, report, SETTINGS | {"format": "census"})
    counts = pl.read_csv(report, infer_schema=False)
    failing = counts.filter(pl.col("return") == "cin", pl.col("n_failing").is_in(["1"]))
    assert failing.select("la_code", "census_year", "rule").rows() == [
        ("501", "2024", rule) for rule in ("2887Q", "4180", "4220", "8590")
    ]
    assert "SECRET" not in report.read_text()


def test_ssda903_files_of_a_year_are_one_return(tmp_path: Path) -> None:
    files: dict[str, list[str]] = {}
    for kind, name, text in (
        ("ssda903_header", "header_2018.csv", "CHILD,SEX,DOB,ETHNIC\nA,1,05/05/2015,WBRI\nA,1,05/05/2015,WBRI\n"),
        ("ssda903_episodes", "episodes_2018.csv", "CHILD,DECOM,RNE,LS,CIN,PLACE,DEC,REC\nA,01/06/2018,S,C2,N1,U1,,\n"),
    ):
        path = tmp_path / name
        path.write_text(text)
        files[kind] = [str(path)]
    (tmp_path / "cin.xml").write_text(CENSUS)
    files["cin_xml"] = [str(tmp_path / "cin.xml")]
    validate("501", files, {}, tmp_path / "report.csv", SETTINGS | {"format": "census"})
    counts = pl.read_csv(tmp_path / "report.csv").filter(pl.col("return") == "ssda903")
    repeated = counts.filter(pl.col("rule") == "INT32").select("census_year", "n_checked", "n_failing")
    assert repeated.rows() == [(2018, 2, 2)]
    assert "INT09" in counts.filter(pl.col("status") == ABSENT)["rule"].to_list()


@pytest.mark.parametrize(
    ("name", "census_year", "expected"),
    [("episodes_2018.csv", 2016, 2018), ("episodes.csv", 2016, 2016), ("episodes.csv", None, 2028)],
)
def test_a_mistyped_start_moves_a_return_only_if_nothing_states_its_year(
    tmp_path: Path, name: str, census_year: int | None, expected: int
) -> None:
    (tmp_path / "cin.xml").write_text(CENSUS)
    rows = "A,01/06/2018,S,C2,N1,U1,,\nB,01/06/2028,S,C2,N1,U1,,\n"
    (tmp_path / name).write_text("Child,DECOM,RNE,LS,CIN,PLACE,DEC,REC\n" + rows)
    files = {"cin_xml": [str(tmp_path / "cin.xml")], "ssda903_episodes": [str(tmp_path / name)]}
    validate("501", files, {}, tmp_path / "r.csv", SETTINGS | {"format": "census", "census_year": census_year})
    counts = pl.read_csv(tmp_path / "r.csv").filter(pl.col("return") == "ssda903", pl.col("n_checked") > 0)
    assert set(counts["census_year"]) == {expected} and set(counts["n_checked"]) == {2}


def test_extracts_of_the_pupil_database_are_judged_as_ingested(tmp_path: Path) -> None:
    frames = ingested([{"referral_date": date(2013, 6, 1), "closure_date": date(2013, 5, 1)}], [], [])
    paths = {name: tmp_path / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        frame.write_parquet(paths[name])
    validate("501", {}, paths, tmp_path / "report.csv", SETTINGS | {"format": "npd"})
    counts = pl.read_csv(tmp_path / "report.csv")
    early = counts.filter(pl.col("rule") == "8630").select("return", "census_year", "n_checked", "n_failing")
    assert early.rows() == [("cin", 2013, 1, 1)]
    unchecked = counts.filter(pl.col("status") == ABSENT)
    assert unchecked.filter(pl.col("return") == "ssda903").height == len(ssda903.RULES)
    assert {"8866", "4010"} <= set(unchecked["rule"])


@pytest.mark.parametrize(
    ("starts", "linked_to"),
    [
        (date(2013, 5, 31), date(2013, 6, 1)),
        (date(2013, 9, 1), date(2013, 9, 1)),
        (date(2013, 8, 31), date(2013, 6, 1)),
    ],
)
def test_an_assessment_belongs_to_the_latest_referral_before_it_or_to_the_first(starts: date, linked_to: date) -> None:
    referrals = [{"referral_date": day} for day in (date(2013, 9, 1), date(2013, 6, 1))]
    made = modules(ingested(referrals, [starts], []))
    assert made["Assessments"].join(made["CINdetails"], on="details")["CINreferralDate"].to_list() == [str(linked_to)]


def test_plans_of_a_referral_become_one_case(tmp_path: Path) -> None:
    plans = [{"cpp_start": date(2013, 7, 1)}, {"cpp_start": date(2013, 8, 1)}]
    made = modules(ingested([{"referral_date": date(2013, 6, 1)} | plan for plan in plans], [], []))
    assert made["CINdetails"].height == 1
    counts = count_failures(
        cin.views(made, HolidayCalendar("GB", "ENG")), [rule for rule in cin.RULES if rule.code == "2883"]
    )
    assert counts["n_failing"].to_list() == [1]
