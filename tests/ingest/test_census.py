"""What ingest makes of CIN census XML and SSDA903 returns."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scripts.errors import StudyError
from tests.ingest.conftest import SHARED, Extracts, Run, count

HEADER = """<Header><CollectionDetails><Collection>CIN</Collection><Year>2014</Year></CollectionDetails>
<Source><LEA>501</LEA></Source></Header>"""
CHILD = """<Child>
<ChildIdentifiers><LAchildID>c1</LAchildID><UPN>A123</UPN><PersonBirthDate>2005-02-03</PersonBirthDate>
<Sex>F</Sex></ChildIdentifiers>
<ChildCharacteristics><Ethnicity>wbri</Ethnicity><Disabilities><Disability>AUT</Disability><Disability>LD</Disability>
</Disabilities></ChildCharacteristics>
<CINdetails><CINreferralDate>2013-05-06</CINreferralDate><ReferralNFA>false</ReferralNFA>
<DateOfInitialCPC>2013-05-20</DateOfInitialCPC>
<Assessments><AssessmentActualStartDate>2013-05-07</AssessmentActualStartDate>
<AssessmentAuthorisationDate>2013-06-01</AssessmentAuthorisationDate></Assessments>
<Section47><S47ActualStartDate>2013-05-10</S47ActualStartDate><DateOfInitialCPC>2013-05-30</DateOfInitialCPC>
<ICPCRequired>True</ICPCRequired></Section47>
<ChildProtectionPlans><CPPstartDate>2013-06-02</CPPstartDate><CPPendDate>2013-09-01</CPPendDate>
<LatestCategoryOfAbuse>NEG</LatestCategoryOfAbuse><NumberOfPreviousCPP>0</NumberOfPreviousCPP></ChildProtectionPlans>
<ChildProtectionPlans><CPPstartDate>2013-12-02</CPPstartDate><LatestCategoryOfAbuse>EMO</LatestCategoryOfAbuse>
<NumberOfPreviousCPP>1</NumberOfPreviousCPP></ChildProtectionPlans>
</CINdetails>
<CINdetails><CINreferralDate>2014-01-06</CINreferralDate><ReferralNFA>1</ReferralNFA>
<CINClosureDate>2014-01-07</CINClosureDate></CINdetails>
</Child>"""
CENSUS = f"<Message>{HEADER}<Children>{CHILD}</Children></Message>"
HEADERLESS = f"<CINdetailsCollection>{CHILD}</CINdetailsCollection>"
CARE = {
    "501/census.xml": CENSUS,
    "501/ssda903/header.csv": "CHILD,SEX,DOB,ETHNIC\nc1,2,03/02/2005,WBRI\nc9,M,01/12/2001,BAFR\nc9,1,,BAFR\n",
    "501/ssda903/episodes.csv": (
        "CHILD,DECOM,RNE,LS,CIN,PLACE,DEC,REC\n"
        "c1,01/04/2013,S,C2,N1,U1,02/05/2013,X1\nc9,01/04/2013,S,C2,N1,K3,,\nc7,01/04/2013,S,V2,N1,H5,,\n"
    ),
    "501/ssda903/uasc.csv": "CHILD,SEX,DOB,DUC\nc9,1,01/12/2001,\n",
}


def test_a_referral_has_a_row_per_plan_or_one_without(extracts: Extracts, run: Run) -> None:
    frames, _ = run(extracts({"501/census.xml": CENSUS}), format="census")
    referrals = frames["referrals"]
    plans = referrals.select("referral_date", "cpp_start", "previous_cpps", "category_of_abuse").rows()
    assert plans == [
        (date(2013, 5, 6), date(2013, 6, 2), 0, "NEG"),
        (date(2013, 5, 6), date(2013, 12, 2), 1, "EMO"),
        (date(2014, 1, 6), None, None, None),
    ]
    assert referrals["closure_date"].to_list() == [None, None, date(2014, 1, 7)]
    assert referrals["referral_nfa"].to_list() == [0, 0, 1]
    assert set(referrals["gender"]) == {"2"}
    assert set(referrals["disability"]) == {1}


def test_a_census_of_march_2014_is_financial_year_2013(extracts: Extracts, run: Run) -> None:
    frames, _ = run(extracts({"501/census.xml": CENSUS}), format="census", census_year=1999)
    assert set(frames["referrals"]["census_year"]) == {2013}


def test_conferences_stay_at_the_level_they_were_recorded_at(extracts: Extracts, run: Run) -> None:
    frames, _ = run(extracts({"501/census.xml": CENSUS}), format="census")
    assert frames["referrals"]["icpc_date"].to_list() == [date(2013, 5, 20), date(2013, 5, 20), None]
    assert frames["section47"]["icpc_date"].to_list() == [date(2013, 5, 30)]


def test_what_the_pupil_database_derives_and_the_pupil_number_stay_missing(extracts: Extracts, run: Run) -> None:
    frames, _ = run(extracts({"501/census.xml": CENSUS}), format="census")
    absent = ["pupil_id", "cin_at_31_march", "any_point", "started", "fsm_eligible", "sen_provision", "asylum_seeking"]
    assert frames["referrals"].select(absent).null_count().row(0) == (3,) * len(absent)


def test_assessments_and_disabilities_are_read(extracts: Extracts, run: Run) -> None:
    frames, _ = run(extracts({"501/census.xml": CENSUS}), format="census")
    assert frames["assessments"].rows() == [("501", "c1", 2013, date(2013, 5, 7), date(2013, 6, 1))]
    assert frames["disabilities"]["disability"].to_list() == ["AUT", "LD"]


def test_name_spaces_do_not_matter(extracts: Extracts, run: Run) -> None:
    spaced = CENSUS.replace("<Message>", '<Message xmlns="urn:x">')
    frames, _ = run(extracts({"501/census.xml": spaced}), format="census")
    assert frames["referrals"].height == 3


def test_without_a_header_the_year_comes_from_the_settings(extracts: Extracts, run: Run) -> None:
    folder = extracts({"501/census.xml": HEADERLESS})
    frames, _ = run(folder, format="census", census_year=2022)
    assert set(frames["referrals"]["census_year"]) == {2022}
    with pytest.raises(StudyError, match="no header with a year"):
        run(folder, format="census")


BROKEN = {
    "other LA": ("LA", CENSUS.replace("501", "502")),
    "not a census": ("FILE", "<Other><Child/></Other>"),
    "not XML": ("FILE", CENSUS[:-9]),
    "entities": ("FILE", '<!DOCTYPE Message [<!ENTITY a "b">]>' + CENSUS.replace("wbri", "&a;")),
    "external entity": ("FILE", '<!DOCTYPE Message [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + CENSUS),
    "year": ("YEAR", CENSUS.replace("2014</Year>", "14</Year>")),
    "no referral date": ("SCHEMA", CENSUS.replace("CINreferralDate", "Date")),
    "dates": ("VALUES", CENSUS.replace("2005-02-03", "03/02/2005")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_census_is_refused(extracts: Extracts, run: Run, name: str) -> None:
    code, content = BROKEN[name]
    with pytest.raises(StudyError) as caught:
        run(extracts({"501/census.xml": content}), format="census")
    assert caught.value.code == code
    assert caught.value.__context__ is None


def test_files_above_the_size_limit_are_refused_unread(extracts: Extracts, run: Run) -> None:
    folder = extracts({"501/census.xml": CENSUS})
    run(folder, format="census", xml_max_bytes=len(CENSUS))
    with pytest.raises(StudyError, match="larger than"):
        run(folder, format="census", xml_max_bytes=len(CENSUS) - 1)


def test_care_episodes_take_their_childs_attributes(extracts: Extracts, run: Run) -> None:
    frames, report = run(extracts(CARE), format="census")
    episodes = frames["care_episodes"]
    first = episodes.row(0, named=True)
    assert (first["episode_start"], first["episode_end"]) == (date(2013, 4, 1), date(2013, 5, 2))
    assert (first["gender"], first["birth_year"], first["birth_month"], first["uasc"]) == ("2", 2005, 2, 0)
    # c9 is listed twice: the first line counts; c7 has no header line.
    assert episodes["birth_year"].to_list() == [2005, 2001, None]
    assert episodes["gender"].to_list() == ["2", "1", None]
    assert episodes["uasc"].to_list() == [0, 1, 0]
    assert episodes["poc_start"].null_count() == 3
    assert count(report, "rows repeated", table="care_children") == 1
    # K3 began in 2023/24; the other codes belong to 2013/14.
    out_of_year = report.filter(pl.col("check") == "codes out of year").select("column", "census_year", "n_rows")
    assert out_of_year.rows() == [("placement", 2013, 1)]


def test_without_the_uasc_file_asylum_status_is_unknown(extracts: Extracts, run: Run) -> None:
    files = {name: content for name, content in CARE.items() if not name.endswith("uasc.csv")}
    frames, report = run(extracts(files), format="census")
    assert frames["care_episodes"]["uasc"].null_count() == 3
    assert report.filter(pl.col("check") == "file absent")["file_kind"].to_list() == ["ssda903_uasc"]


def test_two_digit_years_are_never_read(extracts: Extracts, run: Run) -> None:
    care = CARE | {"501/ssda903/episodes.csv": CARE["501/ssda903/episodes.csv"].replace("02/05/2013", "02/05/13")}
    with pytest.raises(StudyError, match="episode_end: 1 of 1 values are unreadable, expected %d/%m/%Y"):
        run(extracts(care), format="census", max_unreadable_share=0.02)


@pytest.fixture
def third_party(extracts: Extracts) -> Extracts:
    records = SHARED / "records"
    if not records.is_dir():
        pytest.skip("the third-party records (../shared/data/records) are not on this machine")

    def prepare(la: str, census: str) -> Path:
        care = {f"{la}/ssda903/{name}.csv": (records / "ssda903-d2i" / f"{name}.csv").read_bytes()
                for name in ("header", "episodes", "uasc")}  # fmt: skip
        return extracts({f"{la}/census.xml": (records / census).read_bytes()} | care)

    return prepare


def test_the_generated_census_is_read_in_full(third_party: Extracts, run: Run) -> None:
    folder = third_party("501", "cin-census-generated/cin_n500.xml")
    frames, report = run(folder, format="census", census_year=2023, max_unreadable_share=0.0)
    sizes = {table: frame.height for table, frame in frames.items()}
    assert sizes == {
        "referrals": 603, "assessments": 675, "disabilities": 259, "section47": 305, "care_episodes": 5050,
    }  # fmt: skip
    referrals = frames["referrals"]
    filled = {name: referrals[name].count() for name in ("closure_date", "icpc_date", "cpp_start", "referral_nfa")}
    assert filled == {"closure_date": 223, "icpc_date": 103, "cpp_start": 250, "referral_nfa": 603}
    assert frames["section47"]["icpc_date"].count() == 111
    assert count(report, "rows without child id") == 0


def test_the_fake_census_and_return_are_read_in_full(third_party: Extracts, run: Run) -> None:
    folder = third_party("975", "cin-census-d2i/fake_CIN_data.xml")
    frames, _ = run(folder, la="975", format="census", max_unreadable_share=0.0)
    referrals, episodes = frames["referrals"], frames["care_episodes"]
    assert (referrals.height, referrals["child_id"].n_unique()) == (402, 332)
    assert referrals["icpc_date"].count() == 350
    assert set(referrals["referral_nfa"]) == {1}
    assert set(referrals["census_year"]) == {2021}
    assert (episodes.height, episodes["child_id"].n_unique()) == (5050, 2123)
    assert episodes["episode_end"].null_count() == 1413
