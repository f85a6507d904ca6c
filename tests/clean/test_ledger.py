"""Conservation: whatever comes in, rows in = rows kept + rows set aside, in every table and year."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.clean.job import clean_tables
from scripts.clean.ledger import IN, KEPT, SET_ASIDE, Ledger, imbalance
from scripts.errors import StudyError
from tests.tables import canonical, cleaning_settings

days = st.none() | st.dates(date(2014, 1, 1), date(2014, 3, 1))
children = st.sampled_from(["a", "b", "c"])
years = st.sampled_from([2013, 2014, 2015])
codes = st.sampled_from([None, "RC8", "RC7", "UNKN"])
referral = st.fixed_dictionaries(
    {"child_id": children, "census_year": years, "referral_date": days, "closure_date": days, "closure_reason": codes,
     "icpc_date": days, "cpp_start": days}
)  # fmt: skip
assessment = st.fixed_dictionaries(
    {"child_id": children, "census_year": years, "assessment_start": days, "assessment_end": days}
)
episode = st.fixed_dictionaries(
    {
        "child_id": children,
        "episode_start": days,
        "episode_end": days,
        "legal_status": st.sampled_from(["C2", "V4", None]),
        "episode_end_reason": st.sampled_from(["X1", "-10", "E99", None]),
        "uasc": st.sampled_from([0, 1, None]),
    }
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(referral, max_size=12),
    st.lists(assessment, max_size=12),
    st.lists(episode, max_size=12),
    st.fixed_dictionaries(
        {
            "closure_before_referral": st.sampled_from(["drop_where_used", "set_to_referral", "drop"]),
            "repeated_assessment": st.sampled_from(["drop", "keep_later"]),
            "care_overlap": st.sampled_from(["keep", "truncate", "merge"]),
            "stale_open_episode": st.sampled_from(["keep", "close_at_next_start", "close_at_year_end", "drop"]),
            "asylum_seeking_episodes": st.sampled_from(["keep", "drop"]),
            "part_year": st.sampled_from(["keep", "drop"]),
            "part_years": st.sampled_from([(2014,), ()]),
            "nfa_conflict": st.sampled_from(["min", "max", "mode"]),
            "nfa_missing": st.sampled_from(["unknown", "in_need"]),
            "previous_plans_not_collected": st.sampled_from([(2013,), ()]),
        }
    ),
)
def test_rows_in_are_rows_kept_plus_rows_set_aside(
    referrals: list[dict[str, Any]],
    assessments: list[dict[str, Any]],
    episodes: list[dict[str, Any]],
    choices: dict[str, Any],
) -> None:
    ledger = Ledger("501")
    care = canonical("care_episodes", *episodes).with_columns(pl.lit(None, pl.Int32).alias("census_year"))
    tables = {
        "referrals": canonical("referrals", *referrals),
        "section47": canonical("section47"),
        "disabilities": canonical("disabilities"),
        "assessments": canonical("assessments", *assessments),
        "care_episodes": care,
    }
    cleaned = clean_tables(tables, cleaning_settings(**choices), ledger)
    counts = ledger.table()
    for name in ("referrals", "assessments", "care_episodes"):
        of_table = counts.filter(table=name)
        taken = {kind: of_table.filter(kind=kind)["n_rows"].sum() for kind in (IN, KEPT, SET_ASIDE)}
        assert taken[IN] == tables[name].height
        assert taken[KEPT] == cleaned[name].height
        assert taken[IN] == taken[KEPT] + taken[SET_ASIDE]
    assert cleaned["referrals"].select("child_id", "referral_date").is_duplicated().sum() == 0
    # The order of the extract's rows never matters.
    shuffled = {name: frame.reverse() for name, frame in tables.items()}
    again = clean_tables(shuffled, cleaning_settings(**choices), Ledger("501"))
    assert all(again[name].equals(frame) for name, frame in cleaned.items())


def test_a_ledger_that_does_not_add_up_is_refused() -> None:
    ledger = Ledger("501")
    rows = canonical("assessments", {"census_year": 2014}, {"census_year": 2014})
    ledger.count("assessments", IN, "", rows)
    ledger.count("assessments", KEPT, "", rows.head(1))
    with pytest.raises(StudyError, match="LEDGER"):
        ledger.table()


def test_a_surplus_in_one_year_does_not_hide_a_loss_in_another() -> None:
    frame = pl.DataFrame(
        {"table": "t", "census_year": [2013, 2014, 2013, 2014], "kind": [IN, IN, KEPT, KEPT], "n_rows": [2, 2, 1, 3]}
    )
    assert sorted(imbalance(frame)["census_year"]) == [2013, 2014]
