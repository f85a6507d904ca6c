"""The yearly profile counts what happened in a financial year, by the date it happened on."""

from datetime import date

import polars as pl

from scripts.completeness.profile import yearly_profile


def tables() -> dict[str, pl.DataFrame]:
    days = [date(2018, 3, 31), date(2018, 4, 1), date(2019, 1, 1), date(2019, 2, 1), date(2019, 3, 31)]
    return {
        "referrals": pl.DataFrame({"child_id": list("abbcd"), "referral_date": days, "is_cin": [1, 0, 1, 99, 1]}),
        "assessments": pl.DataFrame(
            {
                "child_id": list("aab"),
                "assessment_end": [date(2018, 5, 1), date(2018, 6, 1), date(2019, 4, 1)],
                "working_days": [10, 21, 45],
            }
        ),
        "conferences": pl.DataFrame({"icpc_date": [date(2018, 7, 1), date(2018, 8, 1)]}),
        "plans": pl.DataFrame({"cpp_start": [date(2018, 7, 1)]}),
    }


def test_a_year_runs_from_april_to_march_and_its_share_is_of_classified_referrals() -> None:
    profile = yearly_profile("501", tables())
    assert profile["census_year"].to_list() == [2017, 2018, 2019]
    assert profile["la_code"].unique().to_list() == ["501"]
    year = profile.row(by_predicate=pl.col("census_year") == 2018, named=True)
    assert (year["n_referrals"], year["n_classified"], year["n_nfa"]) == (4, 3, 1)
    assert year["nfa_share"] == 1 / 3
    assert (year["n_assessments"], year["median_duration"]) == (2, 15.5)
    assert (year["n_conferences"], year["n_plans"]) == (2, 1)
    # The child b was referred without further action and in need, d in need, c in neither class.
    assert (year["n_children_nfa"], year["n_children_in_need"]) == (1, 2)
    # Both assessments, one on either side of the median, are of child a.
    assert (year["n_children_below"], year["n_children_above"]) == (1, 1)


def test_a_year_with_assessments_alone_has_no_share_and_zero_referrals() -> None:
    year = yearly_profile("501", tables()).row(by_predicate=pl.col("census_year") == 2019, named=True)
    assert (year["n_referrals"], year["nfa_share"], year["n_assessments"]) == (0, None, 1)
    assert (year["n_conferences"], year["n_plans"]) == (0, 0)


def test_an_la_without_rows_has_no_years() -> None:
    assert yearly_profile("501", {name: table.clear() for name, table in tables().items()}).is_empty()
