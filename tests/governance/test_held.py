"""A sealed answer to a request for access: all rows of the child, nobody else's, and nothing plain on a disk."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
from cryptography.x509.oid import NameOID

from schemas import tables
from scripts.artefacts import write_parquet
from scripts.config.strict_yaml import read_yaml
from scripts.errors import StudyError
from scripts.governance.held import ABOUT, bundle, facts_of, held
from scripts.governance.held_page import About
from scripts.governance.held_rows import Child, Held, held_rows
from scripts.governance.sealing import fingerprint, sealed
from scripts.governance.source_rows import LEFT_OUT
from scripts.ingest.discovery import discover
from scripts.ingest.layout import TABLES
from scripts.privacy.encryption import KEY_VARIABLE
from tests.ingest.test_census import CARE, CENSUS
from tests.ingest.test_formats import XML_903

ROOT = Path(__file__).parent.parent.parent
CHILD = Child(la="501", ids=("id-of-mine",), keys=("mykeymykeymykeym",))
OTHER_ID, OTHER_KEY = "id-of-another", "otherkeyotherkey"
MINE, OTHER = CHILD.keys[0], OTHER_KEY
CIN_HEADER = "CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA,CIN_ReferralDate,CIN_ReferralNFA,CIN_PrimaryNeedCode"
CIN_2013 = f"""{CIN_HEADER},CIN_ReasonForClosure,Remark
id-of-mine,2013/2014,501,2013-05-06,0,A2,RC8,=1+1
{OTHER_ID},2013/2014,501,2013-05-07,1,N8,RC7,secret-of-another
 id-of-mine ,2008/2009,501.0,2009-01-08 00:00:00,NULL,N1,RC8,@risk
id-of-mine,2013/2014,502,2013-05-09,0,N7,RC7,same-id-in-another-la
"""
SECTION47 = pl.DataFrame(
    {
        "CIN_LA": ["501", "501"],
        "CIN_LAchildID_Anon": [OTHER_ID, "id-of-mine"],
        "CIN_DateOfInitialCPC": [date(2013, 8, 1), date(2013, 6, 1)],
    }
)
OF_ANOTHER = (OTHER_ID, OTHER_KEY, "secret-of-another", "same-id-in-another-la")
REQUEST = {"reference": "R-7", "made": "2026-03-05"}


# ---- a study in small


def both(**columns: list[Any]) -> pl.DataFrame:
    """Three rows: of the child, of another, of the child."""
    return pl.DataFrame({"child_id": [MINE, OTHER, MINE]} | columns)


def of_question(**columns: list[Any]) -> pl.DataFrame:
    return both(
        row_id=[0, 1, 2],
        la_code=["501"] * 3,
        index_date=[date(2013, 5, 6), date(2013, 5, 7), date(2014, 5, 8)],
        financial_year=[2013, 2013, 2014],
        years_since=[-3, -2, -1],
        outcome=[1.0, 0.0, 0.0],
        main_need=["N1", "N8", None],
        **columns,
    )


def individual_frames() -> dict[str, pl.DataFrame]:
    """Path below results/individual -> table, one or more for every stage."""
    referrals = both(
        la_code=["501"] * 3,
        census_year=[2013, 2013, 2008],
        referral_date=[date(2013, 5, 6), date(2013, 5, 7), None],
        closure_reason=["RC8", "RC7", "RC8"],
        referral_nfa=pl.Series([0, 1, None], dtype=pl.Int8),
    )
    weights = {"stratum": [1, 1, 2], "weight": [1.0, 0.3333333, 0.25]}
    return {
        "ingested/501/referrals": referrals,
        "ingested/502/referrals": referrals.filter(child_id=OTHER),
        "cleaned/501/children": both(ethnicity=["WHIT", "BLAC", "WHIT"]),
        "outcomes/icpc/501": of_question().drop("row_id"),
        "cohort/icpc": of_question(),
        "cohort/kinship": of_question().filter(child_id=OTHER),
        "matched/icpc": of_question(**weights),
        "imputed/icpc/1": of_question(**weights, age=[3.0, 4.0, 5.0]),
        "imputed/icpc/2": of_question(**weights, age=[3.0, 4.0, 6.0]),
        "imputed/icpc/10": of_question(**weights, age=[3.0, 4.0, 5.0]),
        "draws/icpc": of_question().select("row_id", "outcome"),
        "draws/kinship": of_question().select("row_id", "outcome"),
    }


@dataclass(frozen=True)
class Place:
    """Where the small study lies."""

    folder: Path

    @property
    def individual(self) -> Path:
        return self.folder / "results" / "individual"

    def files(self, source_format: str = "npd") -> dict[str, list[str]]:
        return discover(self.folder / "extracts", CHILD.la, source_format)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / "extracts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def found(self, child: Child = CHILD, source_format: str = "npd") -> list[Held]:
        return held_rows(child, self.files(source_format), self.individual, source_format, None)


@pytest.fixture
def study(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.write({"501/CIN_2013.csv": CIN_2013})
    SECTION47.write_parquet(tmp_path / "extracts" / "501" / "CIN_Section47.parquet")
    for name, frame in individual_frames().items():
        write_parquet(frame, place.individual / f"{name}.parquet")
    # Extracts divided by LA are searched as extracts, whoever's they are.
    write_parquet(SECTION47, place.individual / "partitioned" / "502" / "CIN_Section47.parquet")
    return place


@cache
def settings() -> dict[str, Any]:
    config = read_yaml(ROOT / "config.yaml")
    dictionary = str(ROOT / "docs" / "data-dictionary.md")
    return {"config": config, "contact": "the study team", "dictionary": dictionary, "synthetic": False}


def about(**changes: Any) -> About:
    return About.of(CHILD, REQUEST, settings() | changes)


def unpacked(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def page_of(found: list[Held]) -> str:
    return unpacked(bundle(found, about()))["index.html"]


def by_file(found: list[Held]) -> dict[str, Held]:
    return {f"{entry.stage}/{entry.table}": entry for entry in found}


# ---- which rows


def test_every_stage_gives_exactly_the_rows_of_the_child(study: Place) -> None:
    found = by_file(study.found())
    for name, frame in individual_frames().items():
        if "child_id" in frame.columns:
            oracle = frame.filter(pl.col("child_id") == MINE)
            assert found[name].searched and found[name].frame.height == oracle.height, name
            assert oracle.is_empty() or found[name].frame.equals(oracle), name
    stages = list(dict.fromkeys(entry.stage for entry in study.found()))
    assert stages == ["supplied", "ingested", "cleaned", "outcomes", "cohort", "matched", "imputed", "draws"]
    assert [entry.table for entry in study.found() if entry.stage == "imputed"] == ["icpc/1", "icpc/2", "icpc/10"]


def test_rows_without_an_id_are_found_by_their_number_in_the_cohort(study: Place) -> None:
    found = by_file(study.found())
    assert found["draws/icpc"].frame.rows() == [(0, 1.0), (2, 0.0)]
    assert found["draws/kinship"].searched and found["draws/kinship"].frame.is_empty()


def test_supplied_rows_are_those_of_the_id_in_its_la_as_they_came(study: Place) -> None:
    found = by_file(study.found())
    supplied = found["supplied/501/CIN_2013.csv"].frame
    assert supplied["CIN_LAchildID_Anon"].to_list() == ["id-of-mine", " id-of-mine "]
    assert supplied["CIN_ReferralDate"].to_list() == ["2013-05-06", "2009-01-08 00:00:00"]
    assert supplied["Remark"].to_list() == ["=1+1", "@risk"]
    assert found["supplied/501/CIN_Section47.parquet"].frame.rows() == [("501", "id-of-mine", "2013-06-01")]


def test_a_child_may_have_several_ids_and_keys(study: Place) -> None:
    several = Child("501", (*CHILD.ids, OTHER_ID), (*CHILD.keys, OTHER_KEY))
    found = by_file(study.found(several))
    assert found["supplied/501/CIN_2013.csv"].frame.height == 3
    assert found["ingested/501/referrals"].frame.height == 3
    assert found["ingested/502/referrals"].frame.height == 1


def test_encrypted_artefacts_are_searched_like_plain_ones(study: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    key = study.folder / "artefact.key"
    key.write_text("0" * 64)
    key.chmod(0o600)
    plain = study.found()
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    monkeypatch.setenv("PME_ARTEFACT_CHUNK_BYTES", "4096")
    for name, frame in individual_frames().items():
        write_parquet(frame, study.individual / f"{name}.parquet")
    assert OTHER.encode() not in (study.individual / "cohort" / "icpc.parquet").read_bytes()
    again = study.found()
    assert [(e.stage, e.table, e.frame.rows()) for e in again] == [(e.stage, e.table, e.frame.rows()) for e in plain]


def test_no_row_of_another_child_is_in_any_file_of_the_zip(study: Place) -> None:
    for name, text in unpacked(bundle(study.found(), about())).items():
        assert not [value for value in OF_ANOTHER if value in text], name


def test_a_file_that_cannot_be_read_refuses_the_answer_without_a_value(study: Place) -> None:
    (study.individual / "cohort" / "icpc.parquet").write_bytes(b"PAR1 id-of-mine")
    with pytest.raises(StudyError, match=r"DAMAGED: .*cohort/icpc\.parquet") as caught:
        study.found()
    assert "id-of" not in str(caught.value) and caught.value.__context__ is None


def test_files_in_which_children_cannot_be_told_apart_are_named(study: Place) -> None:
    write_parquet(pl.DataFrame({"la_code": ["501"]}), study.individual / "outcomes" / "icpc" / "sum.parquet")
    (study.individual / "matched" / ".icpc.parquet.tmp").write_text("left over")
    found = study.found()
    not_searched = [f"{entry.stage}/{entry.table}" for entry in found if not entry.searched]
    assert not_searched == ["outcomes/icpc/sum", "matched/.icpc.parquet.tmp"]
    assert facts_of(found)["files_not_searched"] == 2
    page = page_of(found)
    assert all(name in page for name in not_searched) and "There is no file that we could not search" not in page
    stranger = page_of(study.found(Child("501", ("unknown",), ("unknownunknownun",))))
    assert "There are files that we could not search" in stranger and "the whole answer" not in stranger


# ---- returns in XML


@pytest.fixture
def returns(study: Place) -> Place:
    mothers = XML_903.replace("<UASC>", "<MOTHER>1</MOTHER><MC_DOB>01/02/2019</MC_DOB><UASC>")
    second = CENSUS.split("<Children>")[1].split("</Children>")[0].replace("c1", "c2").replace("2013-05", "2011-11")
    care = {name: text for name, text in CARE.items() if name.endswith("csv")}
    files = {"501/census.xml": CENSUS.replace("</Children>", f"{second}</Children>"), "501/ssda903/r.xml": mothers}
    study.write(files | care)
    return study


OF_RETURN = Child("501", ("c1",), ("nokey",))


def test_every_field_of_the_childs_record_in_a_return_is_there(returns: Place) -> None:
    rows = by_file(returns.found(OF_RETURN, "census"))["supplied/501/census.xml"].frame
    record = CENSUS.split("<Children>")[1].split("</Children>")[0]
    oracle = [(name, text) for name, text in re.findall(r"<(\w+)>([^<]*)</\1>", record) if text.strip()]
    spelled = {"CINClosureDate": "CINclosureDate"}
    assert rows[:, ["field", "value"]].rows() == [(spelled.get(name, name), text) for name, text in oracle]
    assert rows["record"].unique().to_list() == [1]
    of_plans = rows.filter(pl.col("part").str.ends_with("ChildProtectionPlans 2"))
    assert of_plans["value"].to_list() == ["2013-12-02", "EMO", "1"]


def test_what_ingest_passes_over_is_held_too_and_what_is_about_another_child_is_left_out(returns: Place) -> None:
    found = returns.found(OF_RETURN, "census")
    rows = dict(by_file(found)["supplied/ssda903/r.xml"].frame[:, ["field", "value"]].rows())
    assert rows["SDQ_SCORE"] == "21" and rows["MOTHER"] == "1" and rows["PLACE"] == "U1"
    assert rows["MC_DOB"] == LEFT_OUT
    files = unpacked(bundle(found, about()))
    assert not [name for name, text in files.items() if "01/02/2019" in text or "1 February 2019" in text]
    assert "One kind of fact is left out" in files["index.html"]
    assert not [name for name, text in files.items() if "2011-11" in text or ",c9," in text]


def test_csv_files_of_a_return_leave_out_another_childs_birth(returns: Place) -> None:
    header = "CHILD,SEX,DOB,ETHNIC,MC_DOB\nc1,2,03/02/2005,WBRI,01/02/2019\nc1,2,03/02/2005,WBRI,\nc9,1,,BAFR,\n"
    returns.write({"501/ssda903/header.csv": header})
    rows = by_file(returns.found(OF_RETURN, "census"))["supplied/ssda903/header.csv"].frame
    assert rows["MC_DOB"].to_list() == [LEFT_OUT, None] and rows["DOB"].to_list() == ["03/02/2005"] * 2


def test_a_return_too_large_or_broken_is_refused_as_by_ingest(returns: Place) -> None:
    with pytest.raises(StudyError, match="larger than 10 bytes"):
        held_rows(OF_RETURN, returns.files("census"), returns.individual, "census", 10)
    returns.write({"501/census.xml": CENSUS[:-9]})
    with pytest.raises(StudyError, match="not well-formed"):
        returns.found(OF_RETURN, "census")


# ---- the folder


def test_the_same_rows_give_the_same_bytes_whatever_the_day_on_the_disk(study: Place) -> None:
    first = bundle(study.found(), about())
    for path in study.folder.rglob("*"):
        os.utime(path, (0, 0))
    assert bundle(study.found(), about()) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        names = archive.namelist()
        assert names == sorted(names) and len(names) == len(set(names))
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_zip_holds_the_rows_in_full_and_the_dictionary(study: Place) -> None:
    files = unpacked(bundle(study.found(), about()))
    weights = list(csv.DictReader(io.StringIO(files["matched/icpc.csv"])))
    assert [row["weight"] for row in weights] == ["1.0", "0.25"]
    assert files["data-dictionary.md"] == (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    searched = {(row["stage"], row["file"]): row for row in csv.DictReader(io.StringIO(files["searched.csv"]))}
    assert searched["ingested", "502/referrals"]["rows"] == "0" and searched["matched", "icpc"]["rows"] == "2"


def test_no_cell_of_a_csv_is_a_formula_and_about_says_so(study: Place) -> None:
    evil = pl.DataFrame({"=bad": ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "a=1", None]})
    files = unpacked(bundle([Held("ingested", "501/evil", evil), *study.found()], about()))
    cells = [row[0] for row in csv.reader(io.StringIO(files["ingested/501/evil.csv"], newline=""))]
    assert cells == ["'=bad", "'=1+1", "'+1", "'-1", "'@a", "'\tx", "'\rx", "a=1", ""]
    for name, text in files.items():
        if name.endswith(".csv"):
            rows = csv.reader(io.StringIO(text, newline=""))
            assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))], name
    assert "apostrophe" in files["about.txt"] and "apostrophe" in ABOUT


def test_two_files_of_one_name_are_both_there() -> None:
    entries = [
        Held("supplied", "501/CIN_2013.csv", pl.DataFrame({"a": [str(number)]}), "referrals") for number in (1, 2)
    ]
    files = unpacked(bundle(entries, about()))
    assert files["supplied/501/CIN_2013.csv"] == "a\r\n1\r\n" and files["supplied/501/CIN_2013-2.csv"] == "a\r\n2\r\n"


# ---- the page


@dataclass
class Page(HTMLParser):
    """What of a page the tests ask about."""

    headings: list[tuple[int, str]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        if tag == "table":
            self.tables.append({"caption": "", "lines": []})
        if tag == "tr":
            self.tables[-1]["lines"].append([])
        if tag in ("th", "td"):
            self.tables[-1]["lines"][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        where = [tag for tag in self.open if tag in ("h1", "h2", "h3", "caption", "th", "td")]
        if not where:
            return
        if where[0].startswith("h"):
            level, text = self.headings[-1]
            self.headings[-1] = level, text + data
        elif where[0] == "caption":
            self.tables[-1]["caption"] += data
        else:
            self.tables[-1]["lines"][-1][-1] += data

    def lines(self, caption: str) -> dict[str, list[str]]:
        """Name of a column -> what is told of it in each record, of the table with this caption."""
        (table,) = [table for table in self.tables if table["caption"] == caption]
        return {line[0].replace(" not used", "").split()[-1]: line[1:] for line in table["lines"]}


def read(text: str) -> Page:
    page = Page()
    page.feed(text)
    assert not page.open
    return page


def test_the_page_is_whole_in_itself_and_has_headings_captions_and_scopes(study: Place) -> None:
    page = read(page_of(study.found()))
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert all(text.strip() for _, text in page.headings)
    assert page.tables and all(table["caption"].strip() for table in page.tables)
    captions = [table["caption"] for table in page.tables if table["caption"] != "Children"]
    assert "Referrals" in captions and "File CIN_2013.csv" in captions
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th")
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe")]
    links = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert all(link.startswith("#") and link[1:] in ids for link in links) and len(set(ids)) == len(ids)
    assert page.tags[0] == ("html", {"lang": "en-GB"})
    style = page_of(study.found()).split("<style>")[1].split("</style>")[0]
    assert "@media print" in style and "url(" not in style


def test_every_value_is_told_in_words(study: Place) -> None:
    page = read(page_of(study.found()))
    supplied = page.lines("File CIN_2013.csv")
    assert supplied["CIN_ReferralDate"] == ["6 May 2013", "8 January 2009"]
    assert supplied["CIN_ACADYR"] == ["April 2013 to March 2014", "April 2008 to March 2009"]
    assert supplied["CIN_ReferralNFA"] == ["No", "not recorded"]
    assert supplied["CIN_PrimaryNeedCode"] == ["Child's disability or illness (A2)", "Abuse or neglect (N1)"]
    assert supplied["CIN_LA"] == ["Ashmere (501)"] * 2 and supplied["Remark"] == ["=1+1", "@risk"]
    ingested = page.lines("Referrals")
    assert ingested["referral_date"] == ["6 May 2013", "not recorded"]
    assert ingested["referral_nfa"] == ["No", "not recorded"]
    cleaned = page.lines("About the child")
    assert cleaned["ethnicity"] == ["White", "White"]


def test_a_code_is_told_as_its_year_knew_it(study: Place) -> None:
    """RC8 began with the census year 2009."""
    of_2013, of_2008 = (
        "Closed after assessment, no further action (RC8)",
        "Closed after assessment, no further action (RC8); this code was not in use in that year",
    )
    page = read(page_of(study.found()))
    assert page.lines("Referrals")["closure_reason"] == [of_2013, of_2008]
    assert page.lines("File CIN_2013.csv")["CIN_ReasonForClosure"] == [of_2013, of_2008]


def test_codes_of_care_are_dated_by_their_episode(returns: Place) -> None:
    """K3 began in the financial year 2023; the episode here starts on 1 April 2013."""
    episodes = CARE["501/ssda903/episodes.csv"].replace("C2,N1,U1", "C2,N1,K3")
    returns.write({"501/ssda903/episodes.csv": episodes, "501/ssda903/r.xml": XML_903.replace(">U1<", ">K3<")})
    page = read(page_of(returns.found(OF_RETURN, "census")))
    told = "Supported accommodation (K3); this code was not in use in that year"
    assert page.lines("File episodes.csv")["PLACE"] == [told]
    assert page.lines("File r.xml")["PLACE"] == ["EPISODE", told]
    assert page.lines("File r.xml")["RNE"] == ["EPISODE", "Started to be looked after (S)"]
    assert page.lines("File census.xml")["S47ActualStartDate"] == ["CINdetails 1 / Section47", "10 May 2013"]


def test_the_questions_say_what_the_rows_took_part_in(study: Place) -> None:
    text = page_of(study.found())
    page = read(text)
    (questions,) = [table for table in page.tables if table["caption"] == "Records about the child in each question"]
    label = settings()["config"]["outcomes"]["icpc"]["label"]
    assert questions["lines"][1:] == [[label, "2", "2", "2"]]
    assert "totals over all children" in text


def test_equal_records_of_several_copies_are_shown_once(study: Place) -> None:
    text = page_of(study.found())
    imputed = text[text.index('<h2 id="imputed">') :]
    heads = re.findall(r'<th scope="col">(Record[^<]*)</th>', imputed)
    assert heads[:3] == ["Record 1, copies 1, 2 and 10", "Record 2, copies 1 and 10", "Record 2, copy 2"]


def test_every_column_the_study_makes_has_a_meaning() -> None:
    config = settings()["config"]
    ingested = [
        Held("ingested", f"501/{table}", pl.DataFrame({name: ["1"] for name in tables.columns(table)}))
        for table in TABLES
    ]
    later = [
        *("end_reason", "main_need", "is_cin", "previous_plan", "low_income", "working_days", "uasc", "elevated_risk"),
        *("birth_earliest", "birth_latest", "index_date", "event_end", "post_date", "financial_year", "outcome"),
        *("row_id", "group", "treated", "post", "years_since", "stratum", "weight", "individual_weight"),
    ]
    later += [covariate["name"] for kind in ("child", "la") for covariate in config["covariates"][kind]]
    made = [Held("cohort", "x", pl.DataFrame({name: ["1"] for name in dict.fromkeys(later)}))]
    for table in read(page_of([*ingested, *made])).tables:
        for line in table["lines"][1:]:
            meaning, _, name = line[0].rpartition(" ")
            assert meaning and meaning != name.replace("_", " "), name


def test_what_comes_out_of_a_record_cannot_become_markup() -> None:
    evil = pl.DataFrame({"<b>name": ["<script>alert(1)</script>"]})
    text = page_of([Held("ingested", "501/<i>", evil)])
    assert "<script" not in text and "<b>" not in text and "<i>" not in text


def test_a_child_who_is_not_held_gets_an_answer_too(study: Place) -> None:
    found = study.found(Child("501", ("unknown",), ("unknownunknownun",)))
    files = unpacked(bundle(found, about()))
    assert set(files) == {"index.html", "about.txt", "data-dictionary.md", "searched.csv"}
    assert "We hold nothing about this child" in files["index.html"] and "No row about the child" in files["about.txt"]
    assert files["searched.csv"].count("\n") == len(found) + 1
    assert facts_of(found)["files_with_rows"] == 0 and set(facts_of(found)["rows"].values()) == {0}
    (steps,) = [table for table in read(files["index.html"]).tables if table["caption"] == "The steps of the study"]
    assert steps["lines"][1] == ["What was sent to the study", "2", "0"]


def test_generated_records_are_marked_everywhere(study: Place) -> None:
    text = unpacked(bundle(study.found(), about(synthetic=True)))["index.html"]
    assert "Nothing here is about a real child" in text
    assert all("(SYNTHETIC)" in table["caption"] for table in read(text).tables)
    assert "SYNTHETIC" not in page_of(study.found())


# ---- sealing


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def certificate(key: Key, first: int = -1, last: int = 30) -> bytes:
    """A self-signed certificate valid from so many days ahead to so many, in PEM form."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "recipient")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now + timedelta(days=first)).not_valid_after(now + timedelta(days=last))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def private_pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def opened(content: bytes, pem: bytes, key: rsa.RSAPrivateKey) -> bytes:
    return pkcs7_decrypt_der(content, x509.load_pem_x509_certificate(pem), key, [])


def test_the_recipient_opens_it_and_nobody_else_does() -> None:
    pem, content = certificate(rsa_key()), b"line\nline\r\n\0" * 1000
    made = sealed(content, pem)
    assert opened(made, pem, rsa_key()) == content and b"line" not in made
    assert sealed(content, pem) != made
    with pytest.raises(ValueError):
        opened(made, certificate(rsa_key(3072)), rsa_key(3072))


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl here to open it with")
def test_openssl_opens_it_and_names_the_cipher(tmp_path: Path) -> None:
    pem, content = certificate(rsa_key()), os.urandom(100_000)
    for name, data in {"s": sealed(content, pem), "k": private_pem(rsa_key()), "c": pem}.items():
        (tmp_path / name).write_bytes(data)
    common = ["openssl", "cms", "-inform", "DER", "-in", tmp_path / "s"]
    run = subprocess.run([*common, "-decrypt", "-inkey", tmp_path / "k", "-recip", tmp_path / "c"], capture_output=True)
    assert run.returncode == 0 and run.stdout == content
    told = subprocess.run([*common, "-cmsout", "-print", "-noout"], capture_output=True, text=True).stdout
    assert "pkcs7-envelopedData" in told and "aes-256-cbc" in told


REFUSED = {
    "none": (lambda: b"", "0 certificates"),
    "not PEM": (lambda: b"\x30\x82\x00\x01", "0 certificates"),
    "two": (lambda: certificate(rsa_key()) * 2, "2 certificates"),
    "broken": (lambda: b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "cannot be read"),
    "private key": (lambda: private_pem(rsa_key()), "private key.*Remove it"),
    "certificate with its private key": (lambda: certificate(rsa_key()) + private_pem(rsa_key()), "private key"),
    "expired": (lambda: certificate(rsa_key(), -3, -1), "expired"),
    "not yet valid": (lambda: certificate(rsa_key(), 1, 3), "not valid yet"),
    "short": (lambda: certificate(rsa_key(1024)), "1024 bits"),
    "elliptic": (lambda: certificate(ec.generate_private_key(ec.SECP256R1())), "not an RSA key"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_fit_certificate_is_refused(name: str) -> None:
    make, problem = REFUSED[name]
    with pytest.raises(StudyError, match=f"CERTIFICATE: recipient: .*{problem}") as caught:
        sealed(b"x", make())
    assert caught.value.__context__ is None and "BEGIN" not in str(caught.value)


def test_the_fingerprint_is_the_one_that_openssl_prints() -> None:
    pem = certificate(rsa_key())
    assert fingerprint(pem) == sha256(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)).hexdigest()


# ---- the whole


WRITTEN: list[str] = []
WATCHING = [False]


def _note_writing(event: str, arguments: tuple[Any, ...]) -> None:
    if WATCHING[0] and event == "open" and isinstance(arguments[2], int):
        path, _, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR):
            WRITTEN.append(str(path))


@pytest.fixture
def written() -> Iterator[list[str]]:
    """Every path that this process opens for writing during the test; a hook cannot be taken out, only stopped."""
    if not WATCHING[0] and not WRITTEN:
        sys.addaudithook(_note_writing)
    WRITTEN.clear()
    WATCHING[0] = True
    yield WRITTEN
    WATCHING[0] = False


def answered(study: Place) -> tuple[dict[str, Any], Path, bytes]:
    pem = certificate(rsa_key())
    (study.folder / "recipient.pem").write_bytes(pem)
    outputs = {"sealed": str(study.folder / "out" / "held.p7m"), "facts": str(study.folder / "out" / "held.json")}
    request = REQUEST | {"recipient": str(study.folder / "recipient.pem")}
    facts = held(CHILD, request, study.files(), study.individual, outputs, settings())
    return facts, Path(outputs["sealed"]), pem


def test_the_sealed_file_holds_the_bundle_and_the_facts_only_counts(study: Place) -> None:
    facts, path, pem = answered(study)
    assert opened(path.read_bytes(), pem, rsa_key()) == bundle(study.found(), about())
    assert json.loads((path.parent / "held.json").read_text()) == facts
    assert facts == {
        "request": "R-7",
        "made": "2026-03-05",
        "files_searched": 14,
        "files_not_searched": 0,
        "files_with_rows": 11,
        "rows": {"supplied": 3, "imputed": 6}
        | dict.fromkeys(("ingested", "cleaned", "outcomes", "cohort", "matched", "draws"), 2),
        "sealed_sha256": sha256(path.read_bytes()).hexdigest(),
        "certificate_sha256": fingerprint(pem),
    }


def test_nothing_plain_touches_the_disk(study: Place, written: list[str]) -> None:
    before = set(study.folder.rglob("*"))
    WRITTEN.clear()
    _, path, _ = answered(study)
    made = set(study.folder.rglob("*")) - before
    assert made == {path.parent, path, path.parent / "held.json", study.folder / "recipient.pem"}
    for new in (path, path.parent / "held.json"):
        content = new.read_bytes()
        assert not [v for v in (*CHILD.ids, *CHILD.keys, *OF_ANOTHER, "index.html") if v.encode() in content]
    allowed = (str(study.folder / "recipient.pem"), f"{path.parent}/.held.p7m.", f"{path.parent}/.held.json.")
    assert written and not [name for name in written if not name.startswith(allowed)]


def test_an_unfit_certificate_stops_before_anything_is_searched(study: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.governance.held.held_rows", lambda *_: pytest.fail("it was searched"))
    outputs = {"sealed": str(study.folder / "out" / "held.p7m"), "facts": str(study.folder / "out" / "held.json")}
    for recipient in ("absent.pem", "."):
        request = REQUEST | {"recipient": str(study.folder / recipient)}
        with pytest.raises(StudyError, match="CERTIFICATE: recipient: the certificate's file cannot be read") as caught:
            held(CHILD, request, study.files(), study.individual, outputs, settings())
        assert caught.value.__context__ is None
    assert not (study.folder / "out").exists()
