"""From copies to referrals: which copy speaks, who is in need, and that the ledger adds up."""

from typing import Any

import polars as pl
import pytest

from scripts.clean.ledger import Ledger
from scripts.clean.referrals import clear_implausible_dates, collapse_referrals, conferences, plans
from tests.tables import canonical, cleaning_settings, day

NO_S47 = canonical("section47")


def collapse(*rows: dict[str, Any], ledger: Ledger | None = None, **choices: Any) -> pl.DataFrame:
    copies = canonical("referrals", *({"census_year": 2014} | row for row in rows))
    return collapse_referrals(
        copies, conferences(copies, NO_S47), cleaning_settings(**choices), ledger or Ledger("501")
    )


def is_cin(*rows: dict[str, Any], **choices: Any) -> int:
    referral = collapse(*({"referral_date": "2014-06-02"} | row for row in rows), **choices)
    assert referral.height == 1
    return referral["is_cin"].item()


def closed(reason: str | None, **more: Any) -> dict[str, Any]:
    return {"closure_date": "2014-07-01", "closure_reason": reason} | more


@pytest.mark.parametrize(
    ("copies", "expected", "why"),
    [
        ([closed("RC8")], 0, "closed RC8"),
        ([closed("RC8"), closed("RC8", census_year=2015)], 0, "every copy closed RC8"),
        ([closed("RC8"), closed("RC7", census_year=2015)], 1, "one copy closed RC7"),
        ([{"referral_nfa": 0}, closed("RC8", census_year=2015)], 0, "the open copy states no closure"),
        ([closed(None, referral_nfa=1)], 0, "flagged no further action"),
        ([closed(None, referral_nfa=1), closed(None, referral_nfa=0, census_year=2015)], 99, "flag not in every copy"),
        ([closed("RC8", any_point=1)], 1, "in need at any point overrides RC8"),
        ([closed("RC8", cin_at_31_march=1)], 1, "in need at 31 March overrides RC8"),
        ([closed("RC8", started=1)], 1, "started flag overrides RC8"),
        ([closed("RC8", cpp_start="2014-06-20")], 1, "a plan between referral and closure"),
        ([closed("RC8", cpp_start="2014-07-02")], 0, "a plan after the closure does not count"),
        ([closed("RC8", icpc_date="2014-06-20")], 1, "a conference between referral and closure"),
        ([closed("RC8", icpc_date="2014-06-01")], 0, "a conference before the referral does not count"),
        ([closed("RC7", referral_nfa=1)], 1, "RC7 decides last"),
        ([closed("rc8 ")], 0, "lower case and blanks are dirt"),
        ([closed("UNKN")], 99, "unknown reason"),
        ([closed("RC8"), closed("UNKN", census_year=2015)], 99, "one copy closed for an unknown reason"),
        ([{"closure_reason": "UNKN"}], 99, "an unknown reason without a date is not an open case"),
        (
            [
                closed("RC8", cpp_start="2014-05-01"),
                closed("RC8", cpp_start="2014-06-10", census_year=2015),
                closed("RC8", cpp_start="2014-08-10", census_year=2016),
            ],
            1,
            "a plan between, among others outside",
        ),
        ([closed("UNKN", any_point=1)], 1, "unknown reason but in need"),
        ([{"referral_nfa": 0}], 1, "open and not flagged"),
    ],
)
def test_class_of_a_referral(copies: list[dict[str, Any]], expected: int, why: str) -> None:
    assert is_cin(*copies) == expected, why


def test_what_happens_after_a_later_referral_does_not_change_an_earlier_one_without_a_closure() -> None:
    first = {"referral_date": "2014-06-02", "referral_nfa": 1}
    second = {"referral_date": "2014-08-01", "closure_date": "2015-06-01", "closure_reason": "RC7"}
    assert collapse(first, second)["is_cin"].to_list() == [0, 1]
    protected = second | {"icpc_date": "2014-09-01", "cpp_start": "2014-09-10"}
    assert collapse(first, protected)["is_cin"].to_list() == [0, 1]


def test_a_school_code_that_says_nothing_does_not_win() -> None:
    rows = [
        {"referral_date": "2014-06-02", "sen_provision": code, "census_year": year}
        for code, year in (("4_UNCL", 2014), ("K", 2015))
    ]
    assert collapse(*rows)["sen_provision"].item() == "K"


def test_nfa_conflict_is_a_choice() -> None:
    copies = [closed(None, referral_nfa=1), closed(None, referral_nfa=0, census_year=2015)]
    assert is_cin(*copies, nfa_conflict="max") == 0


def test_early_help_closure_can_be_counted_as_no_further_action() -> None:
    assert is_cin(closed("RC9")) == 99
    assert is_cin(closed("RC9"), nfa_closure_reasons=("RC8", "RC9")) == 0


@pytest.mark.parametrize(("choice", "need"), [("earliest", "N1"), ("latest", "N5"), ("mode", "N5")])
def test_which_copy_of_a_restated_referral_speaks(choice: str, need: str) -> None:
    rows = [
        {"referral_date": "2014-06-02", "primary_need": code, "census_year": 2014 + i}
        for i, code in enumerate(["n1", "N5", "A5"])
    ]
    assert collapse(*rows, referral_copy=choice)["main_need"].item() == need


def test_latest_closure_and_category_of_abuse_count() -> None:
    referral = collapse(
        {"referral_date": "2014-06-02", "category_of_abuse": "NEG"},
        {"referral_date": "2014-06-02", "category_of_abuse": "EMO", "closure_date": "2015-05-01", "census_year": 2015},
    )
    assert referral.select("closure_date", "category_of_abuse", "census_year").row(0) == (
        day("2015-05-01"),
        "EMO",
        2014,
    )


def test_children_of_the_same_date_are_two_referrals_and_ids_sort() -> None:
    referrals = collapse(
        {"child_id": "b", "referral_date": "2014-06-02"}, {"child_id": "a", "referral_date": "2014-06-02"}
    )
    assert referrals["child_id"].to_list() == ["a", "b"]


def test_low_income_is_any_configured_flag() -> None:
    rows = [
        {"child_id": c, "referral_date": "2014-06-02"} | flags
        for c, flags in {
            "a": {"ever_fsm_6": 1, "fsm_eligible": 0},
            "b": {"fsm_eligible": 0},
            "c": {"ever_fsm_all": 1},
        }.items()
    ]
    assert collapse(*rows)["low_income"].to_list() == [1, 0, None]


@pytest.mark.parametrize(
    ("choice", "closures", "set_aside"),
    [("drop_where_used", ["2014-05-01"], 0), ("set_to_referral", ["2014-06-02"], 0), ("drop", [], 1)],
)
def test_closure_before_referral(choice: str, closures: list[str], set_aside: int) -> None:
    ledger = Ledger("501")
    referrals = collapse(
        {"referral_date": "2014-06-02", "closure_date": "2014-05-01"}, ledger=ledger, closure_before_referral=choice
    )
    assert referrals["closure_date"].to_list() == [day(text) for text in closures]
    counted = ledger.table().filter(pl.col("reason") == "closure_before_referral", pl.col("kind") == "set_aside")
    assert counted["n_rows"].sum() == set_aside


def test_ledger_tells_copies_of_the_same_year_from_restatements() -> None:
    ledger = Ledger("501")
    same = {"referral_date": "2014-06-02"}
    collapse(same, same, same | {"census_year": 2015}, {"referral_date": None}, ledger=ledger)
    counts = ledger.table().filter(pl.col("kind") != "noted").group_by("kind", "reason").agg(pl.col("n_rows").sum())
    assert {(kind, reason): n for kind, reason, n in counts.iter_rows()} == {
        ("rows_in", ""): 4,
        ("rows_kept", ""): 1,
        ("set_aside", "same_year_copy"): 1,
        ("set_aside", "restated_in_later_year"): 1,
        ("set_aside", "no_referral_date"): 1,
    }


def test_conferences_are_the_union_of_both_files_once() -> None:
    copies = canonical("referrals", {"icpc_date": "2014-06-20"}, {"icpc_date": "2014-06-20"}, {})
    found = conferences(copies, canonical("section47", {"icpc_date": "2014-06-20"}, {"icpc_date": "2014-09-01"}))
    assert found["icpc_date"].to_list() == [day("2014-06-20"), day("2014-09-01")]


def test_a_plan_stated_twice_is_one_with_its_latest_end() -> None:
    copies = canonical(
        "referrals", {"cpp_start": "2014-06-20"}, {"cpp_start": "2014-06-20", "cpp_end": "2015-01-01"}, {}
    )
    assert plans(copies).rows() == [("c1", day("2014-06-20"), day("2015-01-01"))]


def test_only_an_expected_birth_may_lie_ahead() -> None:
    rows = canonical(
        "referrals", *({"census_year": 2014, "expected_birth_date": d} for d in ("1066-04-13", "2019-06-01"))
    )
    cleared = clear_implausible_dates(rows, "referrals", ["expected_birth_date"], cleaning_settings(), Ledger("501"))
    assert cleared["expected_birth_date"].to_list() == [None, day("2019-06-01")]


def test_sentinel_and_future_dates_become_missing_and_are_noted() -> None:
    ledger = Ledger("501")
    rows = canonical(
        "referrals", *({"census_year": 2014, "referral_date": d} for d in ("1900-01-01", "2030-01-01", "2019-03-31"))
    )
    cleared = clear_implausible_dates(rows, "referrals", ["referral_date"], cleaning_settings(), ledger)
    assert cleared["referral_date"].to_list() == [None, None, day("2019-03-31")]
    assert ledger.table()["n_rows"].to_list() == [2]
