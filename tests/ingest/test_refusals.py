"""Faulty extracts are refused by one error that names file, column, rule and count, and never a value."""

from pathlib import Path

import polars as pl
import pytest

from scripts.errors import StudyError
from tests.ingest.conftest import CIN_2013, CIN_HEADER, Extracts, Run

CANARY = "KANARI7"
ROW = ",c1,2013/2014,501,,,2013-05-06"
BROKEN = {
    "repeated name": ("SCHEMA", "CIN_DOB", f"{CIN_HEADER},cin_dob\n{ROW},{CANARY}\n"),
    "missing column": ("SCHEMA", "referral_date", f"CIN_LAchildID_Anon,CIN_LA\n{CANARY},501\n"),
    "empty file": ("FILE", "empty", ""),
    "blank header": ("FILE", "header", "\n"),
    "wrong encoding": ("FILE", "UTF-8", f"{CIN_HEADER}\n,{CANARY}\xe9,2013/2014,501,,,2013-05-06\n".encode("latin-1")),
    "utf-16": ("FILE", "UTF-8", f"{CIN_HEADER}\n{ROW}\n".encode("utf-16")),
    "short row": ("FILE", "1 lines", f"{CIN_HEADER}\n{ROW}\n{CANARY},c1\n"),
    "long row": ("FILE", "1 lines", f"{CIN_HEADER}\n{ROW},{CANARY}\n"),
    "open quote": ("FILE", "paired", f'{CIN_HEADER}\n"{CANARY}{ROW}\n'),
    "other LA": ("LA", "1 of 2 rows", f"{CIN_HEADER}\n{ROW}\n{CANARY},c1,2013/2014,999,,,2013-05-06\n"),
    "no LA": ("LA", "1 of 2 rows", f"{CIN_HEADER}\n{ROW}\n{CANARY},c1,2013/2014,,,,2013-05-06\n"),
    "unknown year": ("YEAR", "1 rows", f"{CIN_HEADER}\n{ROW}\n,c1,{CANARY},501,,,2013-05-06\n"),
    "dates": ("VALUES", "referral_date: 1 of 1 values", f"{CIN_HEADER}\n,c1,2013/2014,501,,,{CANARY}\n"),
    "codes": ("CODES", "gender: none of 1 values", f"{CIN_HEADER}\n,c1,2013/2014,501,,{CANARY},2013-05-06\n"),
    "flags": ("CODES", "disability: none of 1", f"{CIN_HEADER},CIN_Disability\n{ROW},{CANARY}\n"),
    "two school terms": ("SCHEMA", "2 sources", f"{CIN_HEADER},EVERFSM_3_SPR13,EVERFSM_3_SPR14\n{ROW},1,1\n"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_without_a_value(extracts: Extracts, run: Run, name: str, tmp_path: Path) -> None:
    code, told, content = BROKEN[name]
    with pytest.raises(StudyError) as caught:
        run(extracts({"501/CIN_2013.csv": content}), max_unreadable_share=0.02)
    error = caught.value
    assert error.code == code
    assert told in str(error)
    assert "501" in error.place
    assert CANARY not in str(error)
    assert error.__cause__ is None and error.__context__ is None
    assert not (tmp_path / "out").exists()


def test_unreadable_dates_up_to_the_share_are_let_pass(extracts: Extracts, run: Run) -> None:
    content = f"{CIN_HEADER}\n" + f"{ROW}\n" * 49 + ",c1,2013/2014,501,,,unknown\n"
    folder = extracts({"501/CIN_2013.csv": content})
    frames, _ = run(folder, max_unreadable_share=0.02)
    assert frames["referrals"]["referral_date"].null_count() == 1
    with pytest.raises(StudyError, match="referral_date: 1 of 50 values are unreadable"):
        run(folder, max_unreadable_share=0.0199)


def test_assessments_need_exactly_six_columns(extracts: Extracts, run: Run) -> None:
    files = {"501/CIN_2013.csv": CIN_2013, "501/WWCSC_Assessments__2014_2019_CIN.csv": "a,b,c,d,e\n"}
    with pytest.raises(StudyError, match="5 columns where exactly 6"):
        run(extracts(files))


def test_a_file_given_as_csv_and_parquet_is_refused(extracts: Extracts, run: Run) -> None:
    folder = extracts({"501/CIN_2013.csv": CIN_2013})
    pl.DataFrame({"a": ["b"]}).write_parquet(folder / "501" / "CIN_2013.parquet")
    with pytest.raises(StudyError, match="there twice"):
        run(folder)


def test_a_parquet_file_that_is_not_parquet_is_refused(extracts: Extracts, run: Run) -> None:
    with pytest.raises(StudyError, match="cannot be read as parquet") as caught:
        run(extracts({"501/CIN_2013.parquet": CIN_2013}))
    assert caught.value.__context__ is None


def test_parquet_numbers_with_fractions_are_refused(extracts: Extracts, run: Run) -> None:
    folder = extracts({"501/x": ""})
    frame = pl.read_csv(CIN_2013.encode(), infer_schema=False).with_columns(CIN_LA=pl.lit(501.0))
    frame.write_parquet(folder / "501" / "CIN_2013.parquet")
    with pytest.raises(StudyError, match="CIN_LA"):
        run(folder)


def test_an_unknown_format_is_refused(extracts: Extracts, run: Run) -> None:
    with pytest.raises(StudyError, match="Use one of"):
        run(extracts({"501/CIN_2013.csv": CIN_2013}), format="excel")
