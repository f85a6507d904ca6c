"""The DfE's four forms: what is compiled, and every return that is refused."""

from pathlib import Path

import pytest

from scripts.errors import StudyError
from scripts.governance.effects import Effects, Rectification, RowKey, applied
from scripts.governance.forms import Store, compiled, forms_in
from tests.governance.stores import OWN, store

CHILD = "1000164880"
WHOLE = "table,child_id\n,1000164880\n"
FIRST = "table,child_id,referral_date,census_year\nreferrals,1000164880,2013-05-01,2013\n"
GENDER = "table,child_id,column,new_value\nreferrals,1000164880,gender,2\n"


def folder(path: Path, **forms: str) -> Path:
    place = path / "R9" / "return"
    place.mkdir(parents=True)
    for name, text in forms.items():
        (place / f"{name}.csv").write_text(text)
    return place


def of(path: Path, *earlier: Effects, **forms: str) -> tuple[Effects, dict[str, dict[str, int]]]:
    return compiled(folder(path, **forms), "R9", "510", Store(store(), earlier, CHILD, OWN))


def test_the_whole_child_is_deleted_by_an_empty_table(tmp_path: Path) -> None:
    effects, counts = of(tmp_path, delete=WHOLE)
    assert effects.deleted == (RowKey(None, OWN, {}),) and effects.erased_children == {OWN}
    assert counts == {"delete": {"rows_named": 1, "rows_deleted": 5}}


def test_single_rows_are_deleted_by_their_key(tmp_path: Path) -> None:
    effects, counts = of(tmp_path, delete=FIRST)
    assert effects.deleted == (RowKey("referrals", OWN, {"referral_date": "2013-05-01", "census_year": "2013"}),)
    assert counts["delete"]["rows_deleted"] == 1


def test_a_rectification_replaces_each_old_value(tmp_path: Path) -> None:
    effects, counts = of(tmp_path, rectify=GENDER)
    after = applied(store(), [effects], (), lambda *_: None)
    assert set(after["referrals"].filter(child_id=OWN)["gender"]) == {"2"}
    assert counts == {"rectify": {"values_named": 1, "rows_rectified": 3}}


def test_the_information_held_is_compared_both_ways(tmp_path: Path) -> None:
    held = FIRST + "referrals,1000164880,2009-01-01,2009\n"
    effects, counts = of(tmp_path, held=held)
    assert counts["held"] == {"rows_listed": 2, "listed_and_here": 1, "here_and_not_listed": 4}
    assert effects == Effects("R9", "510")


ERASED = Effects("R1", "510", (RowKey(None, OWN, {}),))


@pytest.mark.parametrize(
    ("forms", "told"),
    [
        ({"delete": "table,child_id\n,99\n"}, "column child_id: unknown, a row names another child"),
        ({"delete": "table,child_id\nreferals,1000164880\n"}, "column table: a row names no table"),
        ({"delete": "table,child_id,age\n,1000164880,7\n"}, "unknown columns age"),
        ({"delete": "child_id\n1000164880\n"}, "no table"),
        ({"delete": "table,child_id\n"}, "the form has no rows"),
        ({"delete": WHOLE + ",1000164880\n"}, "duplicate: 1 rows are there twice"),
        ({"delete": FIRST.replace("2013-05-01", "2013-05-09")}, "unknown: 1 of 1 row keys match no row"),
        ({"delete": FIRST.replace("2013-05-01", "01/05/2013")}, "column referral_date: a value is not a date"),
        ({"delete": FIRST.replace("referrals", "")}, "a row names values but no table"),
        ({"delete": FIRST.replace("referrals", "assessments")}, "column referral_date: table assessments has none"),
        ({"delete": FIRST, "rectify": GENDER}, "contradictory: 1 rows to rectify are to be deleted too"),
        ({"delete": WHOLE, "rectify": GENDER}, "contradictory: 1 rows to rectify are to be deleted too"),
        ({"rectify": GENDER + "referrals,1000164880,gender,9\n"}, "duplicate: 1 rows are there twice"),
        ({"rectify": GENDER.replace("referrals,1", "referrals,9")}, "unknown, a row names another child"),
        ({"rectify": GENDER.replace("gender,2", "gender,X")}, "new_value: a value for gender is not in the code set"),
        ({"rectify": GENDER.replace("gender", "child_id")}, "a row names no table, or no column"),
        ({"rectify": GENDER.replace("gender", "height")}, "a row names no table, or no column"),
        ({"rectify": GENDER.replace("gender,2", "closure_date,soon")}, "closure_date: a value is not a date"),
        ({"rectify": GENDER.replace("gender,2", "previous_cpps,100")}, "a whole number from 0 to 99"),
        ({"rectify": GENDER.replace("gender,2", "referral_nfa,2")}, "referral_nfa: a value is not readable"),
        ({"rectify": GENDER.replace("gender,2", "census_year,")}, "census_year: a value is not"),
        ({"rectify": GENDER.replace("gender,2", "closure_date,")}, "duplicate: 1 values are already"),
        (
            {
                "rectify": "table,child_id,census_year,column,new_value\nreferrals,1000164880,,gender,2\n"
                "referrals,1000164880,2013,gender,9\n"
            },
            "contradictory: 1 values are to be rectified by two rows",
        ),
        ({"held": "table,child_id\nreferrals,7\n"}, "unknown, a row names another child"),
    ],
)
def test_a_return_that_does_not_fit_is_refused_without_a_value(
    forms: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(StudyError, match=told) as error:
        of(tmp_path, **forms)
    assert error.value.code == "RETURN"
    assert not any(value in str(error.value) for value in (CHILD, OWN, "99\n", "soon", "01/05/2013"))


@pytest.mark.parametrize(
    ("forms", "told"),
    [
        ({"delete": WHOLE}, "duplicate: rows were deleted by request R1"),
        ({"rectify": GENDER}, "contradictory: rows to rectify were deleted by request R1"),
    ],
)
def test_what_an_earlier_return_deleted_is_told_apart(forms: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=told):
        of(tmp_path, ERASED, **forms)


def test_rows_named_by_a_rectified_value_cannot_be_found_in_the_extract(tmp_path: Path) -> None:
    later = RowKey("referrals", OWN, {"referral_date": "2014-06-02"})
    moved = Effects("R1", "510", (), (Rectification.of(later, "referral_date", "2014-06-03", ["2014-06-02"]),))
    with pytest.raises(StudyError, match="1 rows are named by a value that an earlier request rectified"):
        of(tmp_path, moved, delete="table,child_id,referral_date\nreferrals,1000164880,2014-06-03\n")


def test_only_forms_may_lie_in_a_return(tmp_path: Path) -> None:
    place = folder(tmp_path, delete=WHOLE)
    assert forms_in(place) == ["delete"]
    (place / "letter.docx").write_text("Dear Sir")
    with pytest.raises(StudyError, match=r"holds letter.docx, which is no form"):
        forms_in(place)
    with pytest.raises(StudyError, match="there is no form"):
        forms_in(tmp_path / "elsewhere")
