"""Every CIN rule on a smallest failing and a smallest passing return, and the counts of the published validator."""

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.dates import HolidayCalendar
from scripts.ingest.xml_return import read_return
from scripts.validation.cin import RULES, views
from scripts.validation.cin_return import stacked
from scripts.validation.cin_views import COLUMNS, MODULE_KEYS
from scripts.validation.rules import ABSENT, absent_fields, count_failures
from tests.validation.cin_examples import CLEAN, EXAMPLES, Rows

BY_CODE = {rule.code: rule for rule in RULES}
CALENDAR = HolidayCalendar("GB", "ENG")
ORACLE = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "records" / "cin-census-d2i"
needs_oracle = pytest.mark.skipif(not ORACLE.is_dir(), reason="the third-party return and its report are not here")


def modules(changes: Rows) -> dict[str, pl.DataFrame]:
    """The modules of the clean return with some modules' rows replaced; each row completes the clean one."""
    result = {}
    for name, clean in CLEAN.items():
        keys = MODULE_KEYS[name]
        own = keys[-1] if keys and name not in ("Disabilities", "Reviews", "AssessmentFactors") else None
        rows: list[dict[str, Any]] = [
            clean[0] | row | dict.fromkeys(keys, 0) | ({own: number} if own else {})
            for number, row in enumerate(changes.get(name, clean))
        ]
        schema = dict.fromkeys(COLUMNS[name], pl.String) | dict.fromkeys(keys, pl.Int64)
        result[name] = pl.DataFrame(rows, schema=schema)
    return result


def n_failing(code: str, changes: Rows, year: int = 2024) -> int:
    """Rows of the rule's view that break it; fails where the rule judged none."""
    counts = count_failures(views(stacked([(year, modules(changes))]), CALENDAR), [BY_CODE[code]])
    (judged,) = counts.rows(named=True)
    assert judged["n_checked"] > 0
    return judged["n_failing"]


def test_every_rule_has_examples_and_a_code_of_its_own() -> None:
    assert set(EXAMPLES) == set(BY_CODE)
    assert [code for code, times in Counter(rule.code for rule in RULES).items() if times > 1] == []
    assert len(RULES) >= 100


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_a_rule_counts_the_rows_that_break_it(code: str) -> None:
    failing, _, n_rows = EXAMPLES[code]
    assert n_failing(code, failing) == n_rows


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_a_rule_leaves_alone_what_keeps_it(code: str) -> None:
    assert n_failing(code, EXAMPLES[code][1]) == 0


def test_the_clean_return_breaks_no_rule() -> None:
    counts = count_failures(views(stacked([(2024, modules({}))]), CALENDAR), RULES)
    assert counts.filter(pl.col("n_failing") > 0)["rule"].to_list() == []
    assert counts.height == len(RULES)


def test_fields_are_of_the_return() -> None:
    known = {f"{module}.{column}" for module, columns in COLUMNS.items() for column in columns}
    assert {field for rule in RULES for field in rule.fields} <= known


def test_sex_is_judged_by_numbers_before_2024_and_by_letters_after() -> None:
    by_number = {"Child": [{"Sex": None, "GenderCurrent": "9"}]}
    assert [n_failing("4180", by_number, year) for year in (2023, 2024)] == [0, 1]


def test_returns_of_two_years_are_kept_apart() -> None:
    first, second = modules({"Child": [{}]}), modules({"Header": [{"ReferenceDate": "2024-03-31", "Year": "2024"}]})
    counts = count_failures(views(stacked([(2023, second), (2024, first)]), CALENDAR), [BY_CODE["8510"]])
    assert counts.select("census_year", "n_checked", "n_failing").rows() == [(2023, 1, 0), (2024, 1, 0)]


def test_a_rule_whose_field_a_source_lacks_is_listed_and_not_counted() -> None:
    frames = stacked([(2024, {name: frame for name, frame in modules({}).items() if name != "Reviews"})])
    counts = count_failures(views(frames, CALENDAR), RULES, absent_fields(RULES, frames))
    assert counts.filter(pl.col("status") == ABSENT)["rule"].to_list() == ["4003", "8841", "8842Q"]


@pytest.fixture(scope="module")
def oracle_views() -> dict[str, pl.DataFrame]:
    """The third-party return judged by the rules of 2024/25, as its report was."""
    return views(stacked([(2024, read_return(ORACLE / "fake_CIN_data.xml", "cin", None))]), CALENDAR)


@needs_oracle
def test_counts_equal_those_of_the_published_validator(oracle_views: dict[str, pl.DataFrame]) -> None:
    counts = count_failures(oracle_views, RULES).filter(pl.col("n_failing") > 0)
    ours = dict(counts.select("rule", "n_failing").iter_rows())
    report = pl.read_csv(ORACLE / "validator_report_cin2024_25.csv", infer_schema=False)
    theirs = Counter(code for code in report["rule_code"] if code in BY_CODE)
    # The report lists the date of death of 8555Q and 8585Q too, once per child and once per case (docs/validation.md).
    cases = oracle_views["details"]
    late = cases.filter(pl.col("CINreferralDate") > pl.col("PersonDeathDate"))["child"].n_unique()
    ours["8555Q"] += late
    ours["8585Q"] *= 2
    # It counts one referral exactly one working day before the year as earlier than that.
    on_the_day = cases.filter(pl.col("ReferralNFA"), pl.col("CINreferralDate") == pl.col("nfa_from")).height
    assert on_the_day == 1
    ours["8569Q"] += on_the_day
    assert ours == dict(theirs)


@needs_oracle
def test_every_rule_of_the_report_is_implemented_but_those_on_pupil_numbers() -> None:
    report = pl.read_csv(ORACLE / "validator_report_cin2024_25.csv", infer_schema=False)
    assert set(report["rule_code"]) - set(BY_CODE) == {"1510", "1530"}
