"""The forms in which the same facts arrive, and what is not guessed about them."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scripts.errors import StudyError
from scripts.ingest.layout import load_layouts
from scripts.ingest.xml_return import describe, read_return
from tests.ingest.conftest import SHARED, Extracts, Run, count
from tests.ingest.test_census import CARE, CENSUS

UCL_CIN = """la,cin_cin_la,lachildid_anon,cin_acadyr,cinreferraldate,yearofbirth,cin_monthofbirth,gender,la_9code
501,,c1,2013/2014,2013-05-06,2005,2,1,E06000001
,501.0,c2,2013/2014,2013-06-06,2006,13,2,E06000001
"""
UCL_CLA = """la,cla_child_la_code_anon,cla_child_id_anon,date_epi_comm,date_epi_ceased,legal_status,placement,rec
501,c1,x9,2014-01-02,,C2,U1,-10
"""
UCL = {"501/CIN_2009_to_2021.csv": UCL_CIN, "501/CLA_Data_Supplied.csv": UCL_CLA, "501/CLA_2006_to_2021.csv": "unread"}


def test_lower_case_extracts_with_and_without_prefix_are_read(extracts: Extracts, run: Run) -> None:
    frames, _ = run(extracts(UCL), format="ucl")
    assert frames["referrals"].select("child_id", "census_year", "referral_date", "gender").rows() == [
        ("c1", 2013, date(2013, 5, 6), "1"),
        ("c2", 2013, date(2013, 6, 6), "2"),
    ]
    care = frames["care_episodes"]
    assert care.select("child_id", "episode_start", "episode_end_reason").rows() == [("c1", date(2014, 1, 2), "-10")]
    assert frames["assessments"].is_empty() and frames["section47"].is_empty()


def test_t10_a_birth_known_by_month_stays_year_and_month(extracts: Extracts, run: Run) -> None:
    frames, report = run(extracts(UCL), format="ucl")
    births = frames["referrals"].select("birth_date", "birth_year", "birth_month").rows()
    assert births == [(None, 2005, 2), (None, 2006, None)]
    assert count(report, "unreadable numbers", column="birth_month") == 1


def test_the_la_is_the_first_stated_in_each_row(extracts: Extracts, run: Run) -> None:
    stacked = "CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA,CIN_LA_LGR,CIN_ReferralDate\n"
    rows = "c1,2008/2009,,501,2009-01-05\nc2,2013/2014,501,823,2013-05-06\n"
    frames, _ = run(extracts({"501/CIN_2008.csv": stacked + rows}))
    assert frames["referrals"]["child_id"].to_list() == ["c1", "c2"]
    with pytest.raises(StudyError, match="1 of 2 rows do not belong to LA 501"):
        run(extracts({"501/CIN_2008.csv": stacked + rows.replace("c1,2008/2009,,501", "c1,2008/2009,,502")}))


def test_t23_the_three_digit_code_is_the_la_and_the_nine_character_code_is_not(extracts: Extracts, run: Run) -> None:
    nine = "CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA_9CODE,CIN_ReferralDate\nc1,2013/2014,E06000057,2013-05-06\n"
    with pytest.raises(StudyError, match="la_code"):
        run(extracts({"501/CIN_2013.csv": nine}))


def test_t32_no_alias_takes_the_la_of_placement_of_school_or_of_the_home_for_the_responsible_la() -> None:
    others = {"pl_la", "homela", "homela_9code", "la_9code", "la_spr", "cin_la_9code", "cin_la_09"}
    for source_format in ("npd", "ucl", "census"):
        for layout in load_layouts(source_format).values():
            for table in layout.tables.values():
                if "la_code" in table.columns:
                    assert not others & {name.lower() for name in table.columns["la_code"].names}


def test_t34_dirty_codes_stay_as_written_and_are_counted(extracts: Extracts, run: Run) -> None:
    dirty = "CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA,CIN_ReferralDate,CIN_PrimaryNeedCode,CIN_AsylumSeeking\n"
    rows = "".join(f"c{i},2013/2014,501,2013-05-06,{need},{asylum}\n" for i, (need, asylum) in enumerate(
        [("N1", 0), ("n2 ", 1), ("NO", 2), ("A3", 0), ("UnmappedNeedCode", 0)]))  # fmt: skip
    frames, report = run(extracts({"501/CIN_2013.csv": dirty + rows}))
    assert frames["referrals"]["primary_need"].to_list() == ["N1", "N2", "NO", "A3", "UNMAPPEDNEEDCODE"]
    assert frames["referrals"]["asylum_seeking"].to_list() == [0, 1, None, 0, 0]
    assert count(report, "codes outside set", column="primary_need", census_year=2013) == 3
    assert count(report, "codes outside set", column="asylum_seeking", census_year=2013) == 1


SHORT_YEARS = CARE | {
    "501/ssda903/episodes.csv": "CHILD,DECOM,RNE,LS,CIN,PLACE,DEC,REC\nc1,01/04/2013,S,C2,N1,U1,02/05/13,X1\n"
}


def test_t35_years_of_two_digits_are_refused_with_the_way_out(extracts: Extracts, run: Run) -> None:
    with pytest.raises(StudyError, match=r"1 have a year of two digits, read only if extracts\.date_formats declares"):
        run(extracts(SHORT_YEARS), format="census", max_unreadable_share=0.02)


def test_t35_a_declared_format_is_read(extracts: Extracts, run: Run) -> None:
    formats = {"episode_end": ["%d/%m/%Y", "%d/%m/%y"]}
    frames, report = run(extracts(SHORT_YEARS), format="census", date_formats=formats)
    assert frames["care_episodes"]["episode_end"].to_list() == [date(2013, 5, 2)]
    assert count(report, "unreadable dates") == 0


def test_t36_field_names_that_drift_are_one_field_and_the_inverse_is_not(extracts: Extracts, run: Run) -> None:
    drifted = CENSUS.replace("DateOfInitialCPC>2013-05-20", "dateofInitialICPC>2013-05-20").replace(
        "20</DateOfInitialCPC", "20</dateofInitialICPC"
    )
    frames, _ = run(extracts({"501/census.xml": drifted}), format="census")
    assert frames["referrals"]["icpc_date"].to_list()[0] == date(2013, 5, 20)
    assert describe("cin").spelled.get("icpcrequired") is None
    names = {
        name
        for layout in load_layouts("census").values()
        for table in layout.tables.values()
        for source in table.columns.values()
        for name in source.names
    }
    assert "ICPCRequired" not in names


def test_an_unknown_field_is_kept_apart_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(CENSUS.replace("<Sex>F</Sex>", "<Sex>F</Sex><Nickname>x</Nickname>"))
    modules = read_return(tmp_path / "c.xml", "cin", None)
    assert modules["Child"]["Nickname"].to_list() == ["x"]
    assert modules["Section47"].select("ICPCnotRequired", "ICPCRequired").row(0) == (None, "True")
    assert modules["Assessments"].select("child", "details", "assessment").rows() == [(0, 0, 0)]
    assert modules["ChildProtectionPlans"]["details"].to_list() == [0, 0]
    assert modules["PreProceedingsandFGDM"].height == 0


@pytest.mark.parametrize("term", ["SPR08", "SPR14", "SUM20", "AUT23"])
def test_t37_the_school_term_is_stripped_whatever_its_year(extracts: Extracts, run: Run, term: str) -> None:
    header = f"CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA,CIN_ReferralDate,FSMeligible_{term},sENprovisionMajor_{term}\n"
    frames, _ = run(extracts({"501/CIN_2013.csv": header + "c1,2013/2014,501,2013-05-06,1,S\n"}))
    assert frames["referrals"].select("fsm_eligible", "sen_provision").row(0) == (1, "S")


def test_t37_a_column_of_two_terms_is_refused(extracts: Extracts, run: Run) -> None:
    header = "CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA,CIN_ReferralDate,FSMeligible_SPR13,FSMeligible_SPR14\n"
    with pytest.raises(StudyError, match="several school terms"):
        run(extracts({"501/CIN_2013.csv": header + "c1,2013/2014,501,2013-05-06,1,0\n"}))


XML_903 = """<EXPSSDA903><CHILD><HEADER><CHILDID>c1</CHILDID><UPN>U</UPN><SEX>F</SEX><DOB>03/02/2005</DOB>
<ETHNIC>WBRI</ETHNIC><UASC>1</UASC><DUC/><OC2><SDQ_SCORE>21</SDQ_SCORE></OC2></HEADER>
<EPISODE><DECOM>01/04/2013</DECOM><RNE>S</RNE><LS>C2</LS><CIN>N1</CIN><PL>U1</PL><DEC/><REC/></EPISODE></CHILD></EXPSSDA903>
"""


def test_a_return_in_xml_gives_what_the_same_return_in_csv_gives(extracts: Extracts, run: Run, tmp_path: Path) -> None:
    in_csv = {
        "501/ssda903/header.csv": "CHILD,SEX,DOB,ETHNIC\nc1,F,03/02/2005,WBRI\n",
        "501/ssda903/episodes.csv": "CHILD,DECOM,LS,CIN,PLACE,DEC,REC\nc1,01/04/2013,C2,N1,U1,,\n",
        "501/ssda903/uasc.csv": "CHILD\nc1\n",
    }
    from_csv, _ = run(extracts({"501/census.xml": CENSUS} | in_csv), format="census")
    for name in in_csv:
        (tmp_path / "extracts" / name).unlink()
    from_xml, report = run(extracts({"501/census.xml": CENSUS, "501/ssda903/return.xml": XML_903}), format="census")
    assert from_xml["care_episodes"].equals(from_csv["care_episodes"])
    assert from_xml["care_episodes"]["uasc"].to_list() == [1]
    assert count(report, "file absent") == 0


def test_a_return_in_xml_without_any_ended_episode_is_whole(extracts: Extracts, run: Run) -> None:
    still_open = XML_903.replace("<DEC/><REC/>", "")
    frames, _ = run(extracts({"501/census.xml": CENSUS, "501/ssda903/r.xml": still_open}), format="census")
    assert frames["care_episodes"]["episode_end"].to_list() == [None]


def test_the_returns_of_several_years_are_read_together(extracts: Extracts, run: Run) -> None:
    header = "CHILD,SEX,DOB,ETHNIC\nc1,2,03/02/2005,WBRI\n"
    episodes = "CHILD,DECOM,LS,CIN,PLACE,DEC,REC\nc1,01/04/{0},C2,N1,U1,01/05/{0},E8\n"
    files = {
        "501/census.xml": CENSUS,
        "501/ssda903/header_2013.csv": header,
        "501/ssda903/header_2014.csv": header,
        "501/ssda903/episodes_2013.csv": episodes.format(2013),
        "501/ssda903/episodes_2014.csv": episodes.format(2014),
    }
    frames, _ = run(extracts(files), format="census")
    assert frames["care_episodes"]["episode_start"].to_list() == [date(2013, 4, 1), date(2014, 4, 1)]


def test_the_fake_return_in_xml_is_read_in_full(extracts: Extracts, run: Run) -> None:
    source = SHARED / "records" / "ssda903-d2i" / "fake_903.xml"
    if not source.is_file():
        pytest.skip("the third-party records (../shared/data/records) are not on this machine")
    frames, _ = run(
        extracts({"501/census.xml": CENSUS, "501/ssda903/r.xml": source.read_bytes()}),
        format="census",
        max_unreadable_share=0.0,
    )
    care = frames["care_episodes"]
    cared_for = [child for child in source.read_text().split("<CHILD>") if "<EPISODE>" in child]
    assert (care.height, care["child_id"].n_unique()) == (459, len(cared_for))
    assert care.filter(pl.col("uasc") == 1)["child_id"].n_unique() == sum("<UASC>1<" in child for child in cared_for)
