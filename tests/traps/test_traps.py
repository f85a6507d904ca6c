"""Each known trap is met as docs/traps.md says: a small case, the decision taken, and its count in the ledger."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from scripts.artefacts import results_contract
from scripts.clean.job import clean_tables
from scripts.clean.ledger import Ledger
from scripts.clean.referrals import clear_implausible_dates
from scripts.clean.traps import count_traps
from scripts.dates import bank_holidays, is_non_working, working_days
from scripts.privacy.keys import pseudonyms
from tests.tables import ENGLAND, canonical, cleaning_settings

Row = dict[str, Any]


def cleaned(
    referrals: list[Row] | None = None,
    assessments: list[Row] | None = None,
    episodes: list[Row] | None = None,
    section47: list[Row] | None = None,
    disabilities: list[Row] | None = None,
    **choices: Any,
) -> tuple[dict[str, pl.DataFrame], Callable[[str], int]]:
    """The cleaned tables of one LA, and how many rows the ledger counts for a reason (each with its trap)."""
    care = canonical("care_episodes", *(episodes or [])).with_columns(census_year=pl.lit(None, pl.Int32))
    tables = {
        "referrals": canonical(
            "referrals", *({"census_year": 2014, "referral_date": "2014-06-02"} | r for r in referrals or [])
        ),
        "assessments": canonical("assessments", *({"census_year": 2014} | row for row in assessments or [])),
        "section47": canonical("section47", *(section47 or [])),
        "disabilities": canonical("disabilities", *(disabilities or [])),
        "care_episodes": care,
    }
    ledger = Ledger("501")
    made = clean_tables(tables, cleaning_settings(**choices), ledger)
    book = ledger.table()

    def counted(reason: str) -> int:
        rows = book.filter(reason=reason)
        assert rows["trap"].null_count() == 0
        return rows["n_rows"].sum()

    return made, counted


def test_t01_a_restated_referral_is_one_referral_and_the_configured_copy_speaks() -> None:
    copies = [{"primary_need": "N1"}, {"census_year": 2015, "primary_need": "N5"}]
    made, counted = cleaned(copies)
    assert made["referrals"]["main_need"].to_list() == ["N1"] and counted("restated_in_later_year") == 1
    assert cleaned(copies, referral_copy="latest")[0]["referrals"]["main_need"].to_list() == ["N5"]


def test_t02_rows_of_one_referral_within_a_year_collapse_and_all_their_plans_stay() -> None:
    made, counted = cleaned([{"cpp_start": "2014-07-01"}, {"cpp_start": "2014-09-01"}])
    assert (made["referrals"].height, made["plans"].height, counted("same_year_copy")) == (1, 2, 1)


def test_t03_the_same_local_id_in_two_las_is_two_children() -> None:
    frame = pl.DataFrame({"child_id": ["7"]})
    keyed = [pseudonyms(frame, ["child_id"], la, bytes(32))["child_id"].item() for la in ("501", "502")]
    assert keyed[0] != keyed[1]
    _, counted = cleaned([{}], disabilities=[{"disability": "AUT"}, {"child_id": "elsewhere", "disability": "LD"}])
    assert counted("child_unknown_to_the_la") == 1


def test_t04_a_child_with_two_genders_has_none_or_the_most_frequent() -> None:
    copies = [{"gender": "1"}, {"gender": "1", "census_year": 2015}, {"gender": "2", "census_year": 2016}]
    made, counted = cleaned(copies)
    assert made["children"]["gender"].to_list() == ["Missing"] and counted("conflicting_gender") == 1
    assert cleaned(copies, demographics_conflict="mode")[0]["children"]["gender"].to_list() == ["Male"]


def test_t05_pupil_numbers_join_nothing_and_their_gaps_are_counted() -> None:
    rows = [{"child_id": "a", "pupil_id": "p"}, {"child_id": "b", "pupil_id": "p"}, {"child_id": "c"}]
    made, counted = cleaned(rows)
    assert (counted("pupil_id_shared"), counted("pupil_id_missing")) == (2, 1)
    assert made["referrals"]["child_id"].n_unique() == 3


@pytest.mark.parametrize(
    ("choice", "closures"),
    [("drop_where_used", [date(2014, 5, 1)]), ("set_to_referral", [date(2014, 6, 2)]), ("drop", [])],
)
def test_t06_a_closure_before_its_referral_is_settled_by_choice(choice: str, closures: list[date]) -> None:
    made, counted = cleaned([{"closure_date": "2014-05-01"}], closure_before_referral=choice)
    assert made["referrals"]["closure_date"].to_list() == closures and counted("closure_before_referral") == 1


def test_t07_an_assessment_that_ends_before_it_starts_is_left_out_and_an_open_one_is_no_such_case() -> None:
    rows = [{"assessment_start": "2014-06-10", "assessment_end": "2014-06-09"}, {"assessment_start": "2014-06-11"}]
    made, counted = cleaned([{}], rows)
    assert made["assessments"].is_empty()
    assert (counted("end_before_start"), counted("not_ended")) == (1, 1)


def test_t09_the_unborn_keep_their_expected_date_and_a_birth_on_another_day_is_counted() -> None:
    rows = [
        {"child_id": "u", "expected_birth_date": "2014-09-01"},
        {"child_id": "b", "expected_birth_date": "2014-09-01", "birth_date": "2014-08-20"},
    ]
    made, counted = cleaned(rows)
    births = dict(made["children"].select("child_id", "birth_earliest").iter_rows())
    assert births == {"u": date(2014, 9, 1), "b": date(2014, 8, 20)}
    assert (counted("unborn"), counted("born_on_another_day_than_expected")) == (1, 1)


def test_t10_a_birth_known_by_month_is_the_first_of_it_unless_a_day_is_known() -> None:
    monthly = {"birth_year": 2005, "birth_month": 2}
    made, counted = cleaned([monthly, {"child_id": "d", "birth_date": "2005-02-17"} | monthly])
    assert dict(made["children"].select("child_id", "birth_earliest").iter_rows()) == {
        "c1": date(2005, 2, 1),
        "d": date(2005, 2, 17),
    }
    assert counted("birth_by_month_only") == 1


def test_t11_the_classes_are_counted_by_year_so_that_a_flip_shows() -> None:
    rows = [{"child_id": f"{i}", "referral_nfa": int(i < 3), "closure_date": "2014-07-01"} for i in range(5)]
    _, counted = cleaned(rows)
    assert counted("class_no_further_action") == 3


@pytest.mark.parametrize(("choice", "is_cin"), [("min", 99), ("max", 0), ("mode", 0)])
def test_t12_copies_that_disagree_on_no_further_action_are_settled_by_choice(choice: str, is_cin: int) -> None:
    rows = [
        {"referral_nfa": flag, "census_year": 2014 + i, "closure_reason": "UNKN"} for i, flag in enumerate((0, 1, 1))
    ]
    made, counted = cleaned(rows, nfa_conflict=choice)
    assert made["referrals"]["is_cin"].to_list() == [is_cin] and counted("nfa_conflict") == 1


def test_t12_a_missing_flag_is_unknown_or_in_need_by_choice() -> None:
    row = {"closure_reason": "UNKN", "closure_date": "2014-07-01"}
    made, counted = cleaned([row])
    assert made["referrals"]["is_cin"].to_list() == [99] and counted("nfa_missing") == 1
    assert cleaned([row], nfa_missing="in_need")[0]["referrals"]["is_cin"].to_list() == [1]


def test_t13_signs_of_need_override_a_closure_without_action_and_late_closures_are_counted() -> None:
    closed = {"closure_reason": "RC8", "closure_date": "2014-07-01"}
    late = {"child_id": "late", "closure_reason": "RC8", "closure_date": "2014-12-01"}
    made, counted = cleaned([closed | {"any_point": 1}, late])
    assert dict(made["referrals"].select("child_id", "is_cin").iter_rows()) == {"c1": 1, "late": 0}
    assert (counted("nfa_closure_but_in_need"), counted("nfa_closed_late")) == (1, 1)


def test_t14_a_referral_after_its_census_year_is_counted_and_a_restated_one_is_not() -> None:
    _, counted = cleaned([{"referral_date": "2015-04-01"}, {"child_id": "ok", "referral_date": "2013-05-01"}])
    assert counted("referred_after_census_year") == 1


def test_t15_rows_of_a_part_year_are_kept_or_left_out_by_choice() -> None:
    row = {"census_year": 2008, "referral_date": "2008-11-03"}
    kept, counted = cleaned([row])
    dropped, set_aside = cleaned([row], part_year="drop")
    assert (kept["referrals"].height, dropped["referrals"].height) == (1, 0)
    assert (counted("part_year"), set_aside("part_year")) == (1, 1)


def test_t16_previous_plans_of_years_that_did_not_collect_them_are_missing() -> None:
    row = {"census_year": 2010, "referral_date": "2010-06-02", "previous_cpps": 0}
    made, counted = cleaned([row])
    assert made["referrals"]["previous_plan"].to_list() == [None] and counted("previous_plans_where_not_collected") == 1
    assert cleaned([row], previous_plans_not_collected=())[0]["referrals"]["previous_plan"].to_list() == [0]


def test_t17_overlapping_assessments_stay_and_two_ends_for_one_start_are_settled_by_choice() -> None:
    rows = [
        {"assessment_start": "2014-06-03", "assessment_end": "2014-06-20"},
        {"assessment_start": "2014-06-10", "assessment_end": "2014-06-12"},
        {"assessment_start": "2014-06-10", "assessment_end": "2014-06-13"},
        {"assessment_start": "2014-05-01", "assessment_end": "2014-05-02"},
    ]
    made, counted = cleaned([{}], rows)
    assert (made["assessments"].height, counted("different_ends_for_one_start")) == (2, 2)
    later, counts = cleaned([{}], rows, repeated_assessment="keep_later")
    assert later["assessments"]["assessment_end"].to_list()[-1] == date(2014, 6, 13)
    assert (counts("overlaps_next_assessment"), counts("no_referral_before_start")) == (1, 1)


def test_t18_working_days_are_counted_as_published_and_ends_on_free_days_are_noted() -> None:
    friday, saturday, monday = date(2014, 6, 6), date(2014, 6, 7), date(2014, 6, 9)
    starts, ends = pl.Series([saturday, monday, friday]), pl.Series([monday, date(2014, 6, 14), friday])
    assert working_days(starts, ends, ENGLAND).to_list() == [0, 5, 0]
    assert is_non_working(pl.Series([friday, saturday, None]), ENGLAND).to_list() == [False, True, None]
    _, counted = cleaned([{}], [{"assessment_start": "2014-06-03", "assessment_end": "2014-06-07"}])
    assert counted("ends_on_non_working_day") == 1


def test_t19_bank_holidays_cover_the_study_with_its_one_off_days() -> None:
    days = {str(day) for day in bank_holidays(ENGLAND, 2008, 2025)}
    assert {"2008-08-25", "2011-04-29", "2012-06-05", "2018-12-26", "2022-06-03", "2022-09-19", "2023-05-08"} <= days


def test_t20_a_conference_in_both_files_is_one_conference() -> None:
    made, counted = cleaned(
        [{"icpc_date": "2014-06-20"}], section47=[{"icpc_date": "2014-06-20"}, {"icpc_date": "2014-06-27"}]
    )
    assert made["conferences"].height == 2 and counted("conference_in_both_files") == 1


def test_t21_open_is_not_unknown() -> None:
    made, counted = cleaned([{"referral_nfa": 0}])
    assert made["referrals"]["is_cin"].to_list() == [1] and counted("open_at_extract") == 1


EPISODES: list[Row] = [
    {"episode_start": "2014-01-01", "episode_end": "2014-03-01"},
    {"episode_start": "2014-02-01", "episode_end": "2014-04-01"},
    {"episode_start": "2014-05-01"},
    {"episode_start": "2014-06-01", "episode_end": "2014-09-01", "legal_status": "V3"},
    {"episode_start": "2014-10-01", "episode_end": "2019-03-01", "episode_end_reason": "-10"},
]


def test_t29_overlaps_gaps_and_open_episodes_are_counted_as_the_return_came() -> None:
    made, counted = cleaned(episodes=EPISODES)
    counts = [
        counted(r) for r in ("overlaps_next_episode", "gap_before_next_episode", "open_episode", "open_by_sentinel")
    ]
    assert counts == [1, 2, 2, 1]
    assert made["care_episodes"]["poc_start"].unique().sort().to_list() == [
        date(2014, 1, 1),
        date(2014, 5, 1),
        date(2014, 10, 1),
    ]


@pytest.mark.parametrize(
    ("choice", "end", "height"),
    [
        ("keep", None, 4),
        ("close_at_next_start", date(2014, 10, 1), 4),
        ("close_at_year_end", date(2014, 10, 1), 4),
        ("drop", date(2014, 4, 1), 3),
    ],
)
def test_t29_a_stale_open_episode_is_settled_by_choice(choice: str, end: date | None, height: int) -> None:
    made, _ = cleaned(episodes=EPISODES, stale_open_episode=choice)
    care = made["care_episodes"]
    assert care.height == height
    assert (
        care.filter(pl.col("episode_start") >= date(2014, 2, 1))["episode_end"].to_list()[1 if choice != "drop" else 0]
        == end
    )


def test_t29_at_the_end_of_the_year_closes_an_episode_before_a_later_start() -> None:
    rows: list[Row] = [{"episode_start": "2014-01-01"}, {"episode_start": "2014-06-01"}]
    made, counted = cleaned(episodes=rows, stale_open_episode="close_at_year_end")
    assert (
        made["care_episodes"]["episode_end"].to_list() == [date(2014, 3, 31), None] and counted("closed_by_rule") == 1
    )


def test_t30_short_breaks_are_left_out_and_asylum_seekers_by_choice() -> None:
    rows = [*EPISODES, {"child_id": "u", "episode_start": "2014-01-01", "uasc": 1}]
    made, counted = cleaned(episodes=rows)
    assert (counted("short_break"), counted("asylum_seeking"), made["care_episodes"].height) == (1, 1, 5)
    assert cleaned(episodes=rows, asylum_seeking_episodes="drop")[0]["care_episodes"].height == 4


def test_t31_retired_codes_stay_and_are_counted() -> None:
    rows: list[Row] = [
        {"episode_start": "2014-01-01", "episode_end": "2014-03-01", "placement": "q1 ", "episode_end_reason": "E43"}
    ]
    made, counted = cleaned(episodes=rows)
    assert made["care_episodes"].select("placement", "end_reason").row(0) == ("Q1", "E43")
    assert (counted("retired_placement"), counted("retired_end_reason")) == (1, 1)


def test_t33_gaps_of_school_fields_are_counted() -> None:
    _, counted = cleaned([{"sen_provision": "S"}, {"child_id": "x", "fsm_eligible": 1}])
    assert (counted("sen_provision_missing"), counted("low_income_missing")) == (1, 1)


def test_t34_known_dirt_is_recoded_and_the_unknown_is_missing() -> None:
    rows = [{"child_id": str(i), "primary_need": need} for i, need in enumerate(["N1", "NO", "A3", "QQ"])]
    made, counted = cleaned(rows)
    assert made["referrals"]["main_need"].to_list() == ["N1", "N0", "N3", None]
    assert (counted("recoded_primary_need"), counted("unknown_code_primary_need")) == (2, 1)


def test_t38_no_match_deletes_nothing_and_no_value_has_no_extreme() -> None:
    """A condition that no row meets leaves every row; all gaps have no minimum."""
    made, _ = cleaned([{"child_id": "a"}, {"child_id": "b"}], closure_before_referral="drop")
    assert made["referrals"].height == 2 and made["referrals"]["previous_plan"].null_count() == 2


def test_t39_a_closure_for_an_unknown_reason_is_a_class_of_its_own_and_counted() -> None:
    made, counted = cleaned([{"closure_reason": "UNKN", "closure_date": "2014-07-01", "referral_nfa": 0}])
    assert made["referrals"]["is_cin"].to_list() == [99] and counted("class_unknown") == 1


def test_the_traps_table_gathers_both_books_by_la_and_year() -> None:
    ledger = pl.DataFrame(
        {
            "la_code": "501",
            "table": "referrals",
            "census_year": 2014,
            "reason": ["same_year_copy", ""],
            "n_rows": [3, 9],
            "trap": ["T-02", None],
        }
    )
    report = pl.DataFrame(
        {
            "la_code": "501",
            "table": "referrals",
            "census_year": 2014,
            "check": ["codes outside set", "rows read"],
            "column": ["gender", None],
            "n_rows": [2, 9],
        }
    )
    rows = count_traps(ledger, report).select("trap", "book", "reason", "n_rows").rows()
    assert rows == [("T-02", "ledger", "same_year_copy", 3), ("T-34", "ingest", "codes outside set: gender", 2)]


def test_t08_impossible_dates_are_missing_and_only_an_expected_birth_may_lie_ahead() -> None:
    row = {"referral_date": "2030-01-01", "birth_date": "1066-04-13", "expected_birth_date": "2019-08-01"}
    ledger = Ledger("501")
    columns = ["referral_date", "birth_date", "expected_birth_date"]
    copies = canonical("referrals", {"census_year": 2014} | row)
    cleared = clear_implausible_dates(copies, "referrals", columns, cleaning_settings(), ledger)
    assert cleared.select(columns).row(0) == (None, None, date(2019, 8, 1))
    book = ledger.table().filter(pl.col("n_rows") > 0)
    assert book.select("reason", "trap").sort("reason").rows() == [
        ("implausible_birth_date", "T-08"),
        ("implausible_referral_date", "T-08"),
    ]


def test_t40_every_results_table_marks_what_counts_people_or_rows() -> None:
    """So that a later step can act on small counts in any table without knowing it."""
    for table, content in results_contract().items():
        counts = [c["name"] for c in content["columns"] if c["name"].startswith("n_") and c["type"] == "integer"]
        unmarked = [c["name"] for c in content["columns"] if c["name"] in counts and "counts" not in c]
        assert unmarked == [] or table in {"estimates", "model_terms", "calibration"}, (table, unmarked)
