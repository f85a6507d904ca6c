"""What ingest makes of National Pupil Database extracts."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from schemas import tables
from scripts.errors import StudyError
from scripts.ingest.layout import TABLES
from tests.ingest.conftest import CIN_2013, CIN_HEADER, Extracts, Run, count

ASSESSMENTS = "a,b,c,d,e,f\nP1,2013/2014,501,c1,2013-05-06,2013-06-01\n,2013/2014,501,c2,2013-05-06,\n"


def test_a_referral_is_read_typed_and_its_codes_are_upper_cased(extracts: Extracts, run: Run) -> None:
    frames, _ = run(extracts({"501/CIN_2013.csv": CIN_2013}))
    referrals = frames["referrals"]
    assert dict(referrals.schema) == {name: column.dtype for name, column in tables.columns("referrals").items()}
    first = referrals.row(0, named=True)
    assert (first["la_code"], first["child_id"], first["census_year"]) == ("501", "c1", 2013)
    assert first["referral_date"] == date(2013, 5, 6)
    assert (first["primary_need"], first["referral_nfa"], first["fsm_eligible"]) == ("N1", 0, 1)
    assert first["previous_cpps"] is None
    assert referrals["referral_date"][1] == date(2013, 6, 7)


def test_dirty_codes_stay_for_cleaning_and_are_counted_by_census_year(extracts: Extracts, run: Run) -> None:
    frames, report = run(extracts({"501/CIN_2013.csv": CIN_2013}))
    assert frames["referrals"]["primary_need"].to_list() == ["N1", "NO"]
    assert count(report, "codes outside set", column="primary_need", census_year=2013) == 1
    # RC9 came in 2022/23.
    assert count(report, "codes out of year", column="closure_reason", census_year=2013) == 1


def test_unregistered_columns_are_counted_and_not_read(extracts: Extracts, run: Run) -> None:
    _, report = run(extracts({"501/CIN_2013.csv": CIN_2013}))
    assert count(report, "columns not read", table="referrals") == 1


def test_absent_optional_files_give_empty_tables_and_a_note(extracts: Extracts, run: Run) -> None:
    frames, report = run(extracts({"501/CIN_2013.csv": CIN_2013}))
    for table in set(TABLES) - {"referrals"}:
        assert frames[table].equals(tables.empty(table))
        assert report.filter(pl.col("check") == "file absent", pl.col("table") == table).height == 1


def test_an_absent_required_file_is_an_error(extracts: Extracts, run: Run) -> None:
    with pytest.raises(StudyError, match="no file of kind referrals"):
        run(extracts({"501/CIN_Section47.csv": "CIN_LAchildID_Anon,CIN_LA,CIN_DateOfInitialCPC\n"}))


def test_assessments_count_by_position(extracts: Extracts, run: Run) -> None:
    frames, _ = run(
        extracts({"501/CIN_2013.csv": CIN_2013, "501/WWCSC_Core_Assessments__2013_2014_CIN.csv": ASSESSMENTS})
    )
    expected = [("501", "c1", 2013, date(2013, 5, 6), date(2013, 6, 1)), ("501", "c2", 2013, date(2013, 5, 6), None)]
    assert frames["assessments"].rows() == expected


def test_the_year_comes_from_the_file_name_where_the_column_is_absent(extracts: Extracts, run: Run) -> None:
    content = "CIN_LAchildID_Anon,CIN_LA_LGR,CIN_ReferralDate\nc1,501,2008-11-03\n"
    frames, _ = run(extracts({"501/CIN_2008.csv": content}))
    assert frames["referrals"]["census_year"].to_list() == [2008]


def test_rows_read_are_rows_kept_and_rows_without_child_id(extracts: Extracts, run: Run) -> None:
    content = CIN_2013 + "P3, ,2013/2014,501,,,2013-05-06,,,,,\n"
    frames, report = run(extracts({"501/CIN_2013.csv": content}))
    read, kept, lost = (count(report, check) for check in ("rows read", "rows kept", "rows without child id"))
    assert (read, kept, lost) == (3, 2, 1)
    assert frames["referrals"].height == kept


def test_school_columns_may_carry_any_year_and_term(extracts: Extracts, run: Run) -> None:
    content = f"{CIN_HEADER},SENprovisionMajor_SUM21,NCyearActual_SPR21\n,c1,2020/2021,501,,,2020-05-06,1_non,r\n"
    frames, _ = run(extracts({"501/CIN_2020.csv": content}))
    assert frames["referrals"].select("sen_provision", "nc_year").row(0) == ("1_NON", "R")


def test_letters_for_gender_are_recoded_to_the_numbers(extracts: Extracts, run: Run) -> None:
    rows = "".join(f",c{sex},2024/2025,501,,{sex},2024-05-06\n" for sex in ("M", "F", "U", "1.0"))
    frames, report = run(extracts({"501/CIN_2024.csv": f"{CIN_HEADER}\n{rows}"}))
    assert frames["referrals"]["gender"].to_list() == ["1", "2", "0", "1"]
    assert count(report, "codes outside set", column="gender") == 0


def test_parquet_of_strings_gives_the_same_as_csv(extracts: Extracts, run: Run, tmp_path: Path) -> None:
    from_csv, _ = run(extracts({"501/CIN_2013.csv": CIN_2013}))
    folder = tmp_path / "as_parquet"
    (folder / "501").mkdir(parents=True)
    pl.read_csv(CIN_2013.encode(), infer_schema=False).write_parquet(folder / "501" / "CIN_2013.parquet")
    from_parquet, _ = run(folder)
    assert from_parquet["referrals"].equals(from_csv["referrals"])


def test_the_same_extract_gives_the_same_bytes(extracts: Extracts, run: Run, tmp_path: Path) -> None:
    folder = extracts({"501/CIN_2013.csv": CIN_2013})
    outputs = []
    for _ in range(2):
        run(folder)
        outputs.append([path.read_bytes() for path in sorted((tmp_path / "out" / "501").iterdir())])
    assert outputs[0] == outputs[1]


def test_a_header_without_rows_gives_empty_tables(extracts: Extracts, run: Run) -> None:
    frames, _ = run(extracts({"501/CIN_2013.csv": CIN_HEADER + "\n"}))
    assert frames["referrals"].equals(tables.empty("referrals"))


@pytest.mark.parametrize("text", ["06/05/2013", "2013-5-6", "13-05-06", "2013-02-30", "2013-05-06 12:00:00"])
def test_a_date_in_another_format_is_unreadable_and_counted(extracts: Extracts, run: Run, text: str) -> None:
    content = CIN_2013 + f"P3,c3,2013/2014,501,,,{text},,,,,\n"
    frames, report = run(extracts({"501/CIN_2013.csv": content}))
    assert frames["referrals"]["referral_date"][2] is None
    assert count(report, "unreadable dates", column="referral_date", census_year=2013) == 1


def test_flags_that_say_nothing_are_missing_and_counted(extracts: Extracts, run: Run) -> None:
    content = f"{CIN_HEADER},CIN_AsylumSeeking\n,c1,2013/2014,501,,,2013-05-06,2\n,c2,2013/2014,501,,,2013-05-06,1\n"
    frames, report = run(extracts({"501/CIN_2013.csv": content}))
    assert frames["referrals"]["asylum_seeking"].to_list() == [None, 1]
    assert count(report, "codes outside set", column="asylum_seeking") == 1


def test_whole_numbers_outside_their_range_are_unreadable(extracts: Extracts, run: Run) -> None:
    rows = "".join(f",c{n},2013/2014,501,,,2013-05-06,{n}\n" for n in ("0", "3.0", "-1", "two"))
    frames, report = run(extracts({"501/CIN_2013.csv": f"{CIN_HEADER},CIN_NumberOfPreviousCPP\n{rows}"}))
    assert frames["referrals"]["previous_cpps"].to_list() == [0, 3, None, None]
    assert count(report, "unreadable numbers", column="previous_cpps") == 2
