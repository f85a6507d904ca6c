"""Every SSDA903 rule on a smallest failing and a smallest passing return, and what the views compare."""

from collections import Counter
from datetime import date

import polars as pl
import pytest

from scripts.validation.rules import ABSENT, absent_fields, count_failures
from scripts.validation.ssda903 import RULES, views
from scripts.validation.ssda903_views import COLUMNS
from tests.validation.ssda903_examples import EPISODE, EXAMPLES, Return, carried, episodes, header, moves

BY_CODE = {rule.code: rule for rule in RULES}


def frames(example: Return) -> dict[str, pl.DataFrame]:
    """The modules of an example as a reader gives them: text and the census year."""
    return {
        module: pl.DataFrame(
            [{"year": year} | row for year, rows in by_year.items() for row in rows],
            schema={"year": pl.Int32} | dict.fromkeys(COLUMNS[module], pl.String),
        )
        for module, by_year in example.modules.items()
    }


def n_failing(code: str, example: Return) -> int:
    """Rows that break a rule in the last year of an example; fails where the rule judged none."""
    counts = count_failures(views(frames(example)), [BY_CODE[code]])
    last = max(year for by_year in example.modules.values() for year in by_year)
    (judged,) = counts.filter(pl.col("census_year") == last).rows(named=True)
    assert judged["n_checked"] > 0
    return judged["n_failing"]


def test_every_rule_has_examples_and_a_code_of_its_own() -> None:
    assert set(EXAMPLES) == set(BY_CODE)
    assert [code for code, times in Counter(rule.code for rule in RULES).items() if times > 1] == []
    assert len(RULES) >= 90


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_a_rule_counts_the_rows_that_break_it(code: str) -> None:
    example = EXAMPLES[code][0]
    assert n_failing(code, example) == example.n_failing


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_a_rule_leaves_alone_what_keeps_it(code: str) -> None:
    assert n_failing(code, EXAMPLES[code][1]) == 0


def test_a_clean_episode_breaks_no_rule() -> None:
    counts = count_failures(views(frames(episodes({}))), RULES)
    assert counts.filter(pl.col("n_failing") > 0)["rule"].to_list() == []


def test_messages_and_fields_are_of_the_return() -> None:
    known = {f"{module}.{column}" for module, columns in COLUMNS.items() for column in columns}
    assert {field for rule in RULES for field in rule.fields} <= known
    assert all(rule.message.endswith(".") and rule.fields for rule in RULES)


def test_a_rule_is_not_judged_outside_its_years() -> None:
    counts = count_failures(views(frames(header({"SEX": "U"}, year=2023))), [BY_CODE["232"]])
    assert counts.is_empty()


def test_rules_on_a_module_the_return_lacks_are_listed_as_unchecked() -> None:
    given = frames(episodes({}))
    counts = count_failures(views(given), RULES, absent_fields(RULES, given))
    unchecked = counts.filter(pl.col("status") == ABSENT)["rule"].to_list()
    assert unchecked == ["104", "205A", "205D", "231", "304", "INT09", "INT18", "INT21", "INT36"]


def test_rules_on_a_column_the_return_lacks_are_listed_as_unchecked() -> None:
    given = frames(episodes({}))
    given["Episodes"] = given["Episodes"].drop("REASON_PLACE_CHANGE")
    assert absent_fields(RULES, given) & {"Episodes.REASON_PLACE_CHANGE", "Episodes.LS"} == {
        "Episodes.REASON_PLACE_CHANGE"
    }
    counts = count_failures(views(given), RULES, absent_fields(RULES, given))
    assert {"225", "226", "233", "234", "1009"} <= set(counts.filter(pl.col("status") == ABSENT)["rule"])


def test_neighbours_are_of_the_same_child_and_year_in_order_of_start() -> None:
    later, earlier = {"DECOM": "01/09/2018", "LS": "C1"}, {"DECOM": "01/06/2018", "LS": "V2"}
    stacked = Return(
        {
            "Header": {2018: []},
            "Episodes": {
                2018: [EPISODE | later, EPISODE | earlier, EPISODE | {"CHILD": "2"}],
                2019: [EPISODE | {"LS": "E1"}],
            },
        }
    )
    view = views(frames(stacked))["episodes"].select("year", "CHILD", "LS", "prev_LS", "next_DECOM")
    assert view.rows() == [
        (2018, "1", "V2", None, date(2018, 9, 1)),
        (2018, "1", "C1", "V2", None),
        (2018, "2", "C2", None, None),
        (2019, "1", "E1", None, None),
    ]


def test_ages_are_completed_years_by_the_calendar() -> None:
    view = views(frames(episodes({"DEC": "09/05/2019"}, born="10/05/2008")))["episodes"]
    assert view.select("age_start", "age_end").row(0) == (10, 10)
    assert views(frames(episodes({"DEC": "10/05/2019"})))["episodes"]["age_end"][0] == 11


def test_dates_are_read_in_both_forms_and_two_digit_years_are_no_dates() -> None:
    rows = [{"DECOM": text} for text in ("01/06/2018", "2018-06-01", "2018-06-01T00:00:00", "01/06/18", " ")]
    view = views(frames(episodes(*rows)))["episodes"]
    assert sorted(view["DECOM"].drop_nulls()) == [date(2018, 6, 1)] * 3
    assert view.filter(pl.col("DECOM").is_null())["DECOM_given"].to_list() == [True, False]


def test_a_run_of_one_legal_status_is_measured_over_its_episodes() -> None:
    view = views(frames(moves({"LS": "L2"}, {"LS": "L2", "DEC": "11/09/2018"})))["episodes"]
    assert view["status_days"].to_list() == [102, 102]
    broken = views(frames(moves({"LS": "L2"}, {"LS": "L2", "DECOM": "02/09/2018", "DEC": "11/09/2018"})))["episodes"]
    assert broken["status_days"].to_list() == [92, 9]


def test_the_year_before_is_compared_only_where_it_is_there() -> None:
    assert views(frames(episodes({})))["first_episodes"].is_empty()
    view = views(frames(carried({"LS": "C1"}, {})))["first_episodes"]
    assert view.select("year", "LS", "last_LS").rows() == [(2018, "C2", "C1")]
