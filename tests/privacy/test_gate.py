"""What may enter: by the register and by content, and never with a value in the answer."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from schemas import tables
from scripts.errors import StudyError
from scripts.ingest.discovery import discover
from scripts.ingest.layout import load_layouts
from scripts.ingest.tabular import collect
from scripts.privacy.gate import Gate
from scripts.privacy.register import Register
from tests.privacy.test_detectors import ROOT, UPNS

SHARED = ROOT.parent / "shared" / "data" / "records"
PRIVACY = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["privacy"]
RETURNS = yaml.safe_load((ROOT / "config" / "census-return.yaml").read_text(encoding="utf-8"))["privacy"]
HEADER = "CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA,CIN_ReferralDate"
ROW = "c1,2013/2014,501,2013-05-06"


def passed(folder: Path, source_format: str = "npd", la: str = "501", **changes: Any) -> pl.DataFrame:
    gate = Gate.of({"format": source_format, "privacy": PRIVACY | changes})
    return gate.pass_through(discover(folder, la, source_format))


def extract(tmp_path: Path, text: str, name: str = "CIN_2013.csv") -> Path:
    path = tmp_path / "501" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return tmp_path


def refusal(folder: Path, **changes: Any) -> str:
    with pytest.raises(StudyError) as caught:
        passed(folder, **changes)
    assert caught.value.code == "PRIVACY" and caught.value.__context__ is None
    return str(caught.value)


def test_every_canonical_column_is_in_the_register() -> None:
    register = Register.of(PRIVACY, "npd")
    read = {column for table in tables.MODELS for column in tables.columns(table)}
    assert read == set(register.canonical)
    assert {entry["category"] for entry in PRIVACY["register"]} <= set(PRIVACY["categories"])


@pytest.mark.parametrize("source_format", ["npd", "ucl", "census"])
def test_no_alias_has_a_name_that_identifies(source_format: str) -> None:
    register = Register.of(PRIVACY, source_format)
    for layout in load_layouts(source_format).values():
        names = [n for table in layout.tables.values() for source in table.columns.values() for n in source.names]
        for name in names:
            assert register.decide([name], [layout], "")[0].decision == "read", name


def test_nothing_is_read_before_every_column_is_decided_and_nothing_that_is_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[str]] = []

    def noted(lazy: pl.LazyFrame, path: str) -> pl.DataFrame:
        read.append(lazy.collect_schema().names())
        return collect(lazy, path)

    monkeypatch.setattr("scripts.privacy.gate.collect", noted)
    folder = extract(tmp_path, f"{HEADER},Surname\n{ROW},Nobody\n")
    refusal(folder)
    assert read == []
    passed(folder, discard=["Surname"])
    assert read == [HEADER.split(",")]


def test_a_clean_extract_passes_and_each_column_is_accounted_for(tmp_path: Path) -> None:
    folder = extract(tmp_path, f"{HEADER},FSMeligible_SPR14,HomeLA_SPR14\n{ROW},1,501\nc2,2013/2014,501,,0,\n")
    extract(tmp_path, "nobody reads this", "notes.txt")
    report = passed(folder)
    decided = report.select("column", "category", "decision", "n_values", "n_distinct").rows()
    assert decided == [
        ("CIN_LAchildID_Anon", "identifiers", "read", 2, 2),
        ("CIN_ACADYR", "la_and_year", "read", 2, 1),
        ("CIN_LA", "la_and_year", "read", 2, 1),
        ("CIN_ReferralDate", "referral", "read", 1, 1),
        ("FSMeligible_SPR14", "characteristics", "read", 2, 2),
        ("HomeLA_SPR14", None, "supplied, not read", 1, 1),
        (None, None, "file of no known kind, not read", None, None),
    ]


def test_columns_outside_the_register_are_refused_all_at_once(tmp_path: Path) -> None:
    told = refusal(extract(tmp_path, f"{HEADER},Home_Address,Postcode,Favourite_Colour\n{ROW},x,y,z\n"))
    assert "Home_Address (its name says that it identifies somebody)" in told
    assert "Postcode (its name" in told and "Favourite_Colour (not in privacy.register)" in told


def test_a_column_is_read_only_if_the_register_says_what_for(tmp_path: Path) -> None:
    without = [entry for entry in PRIVACY["register"] if "referral_date" not in entry["columns"]]
    told = refusal(extract(tmp_path, f"{HEADER}\n{ROW}\n"), register=without)
    assert "CIN_ReferralDate (referral_date is not in privacy.register)" in told


def test_what_the_study_discards_is_dropped_unread(tmp_path: Path) -> None:
    folder = extract(tmp_path, f"{HEADER},Surname\n{ROW},Example\n")
    assert "Surname" in refusal(folder)
    report = passed(folder, discard=["surname"])
    assert report.filter(column="Surname").select("decision", "n_values").row(0) == ("discarded", None)


def test_an_identifier_in_a_permitted_column_is_found_by_its_content(tmp_path: Path) -> None:
    rows = "".join(f"{upn},2013/2014,501,2013-05-06\n" for upn in UPNS)
    told = refusal(extract(tmp_path, f"{HEADER}\n{rows}"))
    assert "column CIN_LAchildID_Anon: 100% of 60 values look like a upn" in told
    assert not any(upn in told for upn in UPNS)
    assert passed(tmp_path, exempt={"upn": ["cin_lachildid_anon"]}).height == 4


def test_dates_of_birth_in_full_are_refused_where_a_year_is_declared(tmp_path: Path) -> None:
    header = "la,lachildid_anon,acadyr,referraldate,yearofbirth\n"
    rows = "501,c1,2013/2014,2013-05-06,2005-02-03\n501,c2,2013/2014,2013-05-06,2006-03-04\n"
    folder = extract(tmp_path, header + rows, "CIN_2009_to_2021.csv")
    with pytest.raises(StudyError, match="yearofbirth: 100% of 2 values look like a full date"):
        passed(folder, "ucl")


def test_columns_read_by_position_may_have_any_name_but_an_identifying_one(tmp_path: Path) -> None:
    name = "WWCSC_Assessments__2014_2019_CIN.csv"
    row = "p1,2013/2014,501,c1,2013-05-06,2013-06-06\n"
    assert passed(extract(tmp_path, "a,b,c,d,e,f\n" + row, name))["decision"].to_list() == [
        "supplied, not read", *["read"] * 5,
    ]  # fmt: skip
    assert "Surname" in refusal(extract(tmp_path, "a,b,c,d,e,Surname\n" + row, name))


def test_returns_are_inspected_module_by_module(tmp_path: Path) -> None:
    child = """<Message><Children><Child><ChildIdentifiers><LAchildID>c1</LAchildID><UPN>A1</UPN>{0}
    </ChildIdentifiers><CINdetails><CINreferralDate>2013-05-06</CINreferralDate><ReferralSource>1A</ReferralSource>
    </CINdetails></Child></Children></Message>"""
    folder = extract(tmp_path, child.format(""), "census.xml")
    with pytest.raises(StudyError, match=r"census\.xml, Child: columns may not be there: UPN"):
        passed(folder, "census")
    report = passed(folder, "census", **RETURNS)
    assert dict(report.select("column", "decision").iter_rows()) == {
        "LAchildID": "read", "UPN": "discarded", "CINreferralDate": "read", "ReferralSource": "validation only",
    }  # fmt: skip
    extract(tmp_path, child.format("<Nickname>x</Nickname>"), "census.xml")
    with pytest.raises(StudyError, match="Nickname"):
        passed(folder, "census", **RETURNS)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the third-party example files are not beside the project")
@pytest.mark.parametrize("census", ["cin-census-generated/cin_n500.xml", "cin-census-d2i/fake_CIN_data.xml"])
def test_third_party_returns_pass_once_their_identifiers_are_discarded(tmp_path: Path, census: str) -> None:
    extract(tmp_path, (SHARED / census).read_text(), "census.xml")
    for name in ("header.csv", "episodes.csv", "uasc.csv", "fake_903.xml"):
        extract(tmp_path, (SHARED / "ssda903-d2i" / name).read_text(), f"ssda903/{name}")
    with pytest.raises(StudyError, match="UPN"):
        passed(tmp_path, "census")
    report = passed(tmp_path, "census", **RETURNS)
    assert {"HOME_POST", "UPN"} <= set(report.filter(decision="discarded")["column"])


def test_a_column_that_is_read_cannot_be_discarded(tmp_path: Path) -> None:
    told = refusal(extract(tmp_path, f"{HEADER}\n{ROW}\n"), discard=["CIN_ReferralDate"])
    assert "CIN_ReferralDate (discarded, but read as referral_date)" in told


def test_a_date_of_birth_that_only_rules_for_returns_read_is_refused_elsewhere(tmp_path: Path) -> None:
    header = "la,lachildid_anon,acadyr,referraldate,yearofbirth,dob\n"
    folder = extract(tmp_path, header + "501,c1,2013/2014,2013-05-06,2005,2005-02-03\n", "CIN_2009_to_2021.csv")
    with pytest.raises(StudyError, match=r"dob \(not in privacy\.register\)"):
        passed(folder, "ucl")


def test_a_parquet_file_that_claims_too_many_rows_is_refused_before_it_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "501"
    folder.mkdir()
    columns = {name: [value] * 30 for name, value in zip(HEADER.split(","), ROW.split(","), strict=True)}
    pl.DataFrame(columns).write_parquet(folder / "CIN_2013.parquet")
    files = discover(tmp_path, "501", "npd")
    settings = {"format": "npd", "privacy": PRIVACY}
    assert Gate.of(settings | {"max_rows": 30}).pass_through(files).height == 4
    with pytest.raises(StudyError, match=r"claims 30 rows, more than extracts\.max_rows 29"):
        Gate.of(settings | {"max_rows": 29}).pass_through(files)
