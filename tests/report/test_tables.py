"""Tables of the page: their cells say what the results tables hold."""

import polars as pl

from scripts.report.tables import provenance, quality, results, who
from scripts.report.tables.table import Link, Table
from tests.report.small_results import DAYS, SHARE, STUDY, conclusion, rows

MINUS = "\N{MINUS SIGN}"


def only(made: list[Table]) -> Table:
    (table,) = made
    assert all(len(row) == len(table.heads) for row in table.rows)
    return table


def test_groups_that_are_the_same_for_several_outcomes_stand_once() -> None:
    dates = {"embedding_start": "2015-04-01", "embedding_end": "2016-03-31", "group": "501"}
    given = [
        {"outcome": outcome, "la_code": la, "role": role, "source": "explicit"} | dates
        for outcome in (DAYS, SHARE)
        for la, role in (("501", "pilot"), ("511", "comparator"), ("510", "comparator"))
    ]
    table = only(who.matches({"la_matches": rows("la_matches", *given)}, STUDY))
    assert table.rows == [("Ashmere", "2015-04-01 to 2016-03-31", "Jessamine, Kestrelham", "explicit", "all")]


def test_rows_set_aside_are_shares_of_the_rows_that_came_in() -> None:
    ledger = rows(
        "ledger",
        *({"la_code": la, "table": "referrals", "kind": "rows_in", "n_rows": 100} for la in ("501", "510")),
        {"la_code": "501", "table": "referrals", "kind": "set_aside", "reason": "born_late", "n_rows": 5},
    )
    table = only(quality.set_aside({"ledger": ledger}, STUDY))
    assert table.rows == [("referrals", "set aside", "born late", "5", "2.5 %")] and table.numbers == {3, 4}


def test_returns_that_agree_are_not_listed() -> None:
    row = {"la_code": "501", "census_year": 2014, "measure": "referrals", "n_found": 40, "published": 100.0}
    completeness = rows("completeness", row | {"status": "short", "ratio": 0.4}, row | {"status": "complete"})
    assert only(quality.returns({"completeness": completeness}, STUDY)).rows == [
        ("Ashmere", "2014", "referrals", "short", "40", "100", "0.40")
    ]


def test_the_studys_method_is_shown_and_an_only_method_where_there_is_no_other() -> None:
    row = {"outcome": SHARE, "specification": "main", "estimator": "did", "estimate": -0.02, "n_las": 5}
    estimates = rows(
        "estimates",
        row | {"method": "CRV1"},
        row | {"method": "WCR", "ci_low": -0.04, "ci_high": 0.0, "p_value": 0.03, "n_treated_las": 2},
        row | {"specification": "logit", "estimator": "logit_ame", "method": "CRV1"},
        row | {"specification": "event_study", "estimator": "event_study[0]", "method": "WCR"},
    )
    shown = only(results.specifications({"estimates": estimates}, STUDY)).rows
    assert [(row[0], row[2]) for row in shown] == [("main", "WCR"), ("logit", "CRV1")]
    assert shown[0][3:6] == (f"{MINUS}2.00", f"{MINUS}4.00 to 0.00", "0.030") and shown[0][-1] == "5 (2)"


def test_a_placebo_outcome_is_a_share_also_where_the_outcome_is_in_days() -> None:
    row = {"outcome": DAYS, "method": "WCR", "estimate": 0.01, "ci_low": -0.01, "ci_high": 0.03}
    estimates = rows(
        "estimates",
        row | {"specification": "placebo_outcome", "estimator": "did"},
        row | {"specification": "placebo_date", "estimator": "placebo_date"},
    )
    shown = only(results.placebos({"estimates": estimates}, STUDY)).rows
    assert [row[2] for row in shown] == ["+1.00 percentage points", "+0.01 working days"]


def test_adjusted_p_values_name_their_adjustment() -> None:
    given = conclusion(DAYS, p_value=0.01, p_adjusted=0.02, adjustment="holm")
    table = only(results.multiplicity({"conclusions": rows("conclusions", given)}, STUDY))
    assert table.rows == [("Length of assessment", "0.010", "", "0.020", "Holm")]


def test_fingerprints_of_inputs_depend_on_files_and_not_on_their_order() -> None:
    files = [{"la_code": "501", "file": name, "size_bytes": 10, "sha256": name * 4} for name in ("a", "b")]
    one, other = (
        only(provenance.inputs({"inputs": rows("inputs", *each)}, STUDY)).rows for each in (files, files[::-1])
    )
    assert one == other and one[0][:3] == ("Ashmere", "2", "20")
    changed = rows("inputs", files[0], files[1] | {"sha256": "c" * 4})
    assert only(provenance.inputs({"inputs": changed}, STUDY)).rows[0][3] != one[0][3]


def test_the_checklist_leads_to_sections() -> None:
    tables = provenance.checklist({}, STUDY)
    assert [table.caption for table in tables] == ["STROBE", "RECORD", "TARGET"]
    assert tables[0].rows[0][2] == Link("What was found", "findings")


def test_what_could_not_be_estimated_is_listed_with_its_reason() -> None:
    status = rows(
        "estimation_status",
        {"outcome": DAYS, "specification": "main", "status": "estimated"},
        {"outcome": SHARE, "specification": "main", "status": "not_estimable", "reason": "collinear"},
    )
    assert only(results.not_estimated({"estimation_status": status}, STUDY)).rows == [
        ("Initial child protection conference within 90 days", "main", "not estimable", "collinear")
    ]
    empty: pl.DataFrame = status.clear()
    assert results.not_estimated({"estimation_status": empty}, STUDY) == []
