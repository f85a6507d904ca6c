"""From tables of results to facts and conclusions, on rows written by hand."""

import polars as pl
import pytest

from scripts.artefacts import contract_schema
from scripts.conclusions.facts import Headline, facts_of
from scripts.conclusions.job import conclusions

HEADLINE = Headline("main", "WCR", "RI")
RULES = {
    "smallest_effect": {"a": 2.0, "b": 0.02},
    "effect": {"high": [{"fact": "p_adjusted", "below": 0.05}, {"fact": "treated_las", "at_least": 6}]},
    "no_effect": {"low": [{"fact": "interval_ratio", "at_most": 1.0}]},
}
SETTINGS = {"outcomes": {"a": True, "b": True}, "evidence": RULES, "inference": {"min_treated_las": 6}}


def table(name: str, *rows: dict) -> pl.DataFrame:
    """Rows of a results table of outcome a, what is not given null."""
    return pl.DataFrame([{"outcome": "a"} | row for row in rows], schema=contract_schema(name))


def tables() -> dict[str, pl.DataFrame]:
    """Everything an outcome's facts are read from."""
    main = {"specification": "main", "estimator": "did", "estimate": -3.0, "n_treated_las": 9, "n_las": 25}
    return {
        "estimates": table(
            "estimates",
            main | {"method": "WCR", "p_value": 0.02, "ci_low": -5.0, "ci_high": -1.0},
            main | {"method": "RI", "p_value": 0.03},
            main | {"method": "CR2", "df": 7.5, "mdes": 4.0},
            {"specification": "placebo", "estimator": "did", "method": "WCR", "p_value": 0.4},
            {"specification": "date", "estimator": "placebo_date", "method": "WCR", "p_value": 0.2},
        ),
        "model_tests": table(
            "model_tests", {"test": "pretrend_WCR", "p_value": 0.3}, {"test": "pretrend_F", "p_value": 0.1}
        ),
        "leave_one_out": table(
            "leave_one_out",
            {"estimate": -2.0, "std_error": 1.0, "n_las": 24},
            {"estimate": -4.0, "std_error": 1.0, "n_las": 24},
        ),
        "la_effects": table("la_effects", {"estimate": -1.0}, {"estimate": 2.0}, {"estimate": None}),
        "sensitivity": table(
            "sensitivity",
            {"measure": "trend_bound", "level": 1.0, "value": -3.0},
            {"measure": "trend_breakdown", "value": 0.7},
            {"measure": "rosenbaum_gamma", "value": 1.5},
        ),
        "balance": table("balance", {"stage": "before", "smd": 0.9}, {"stage": "after", "smd": -0.2}),
        "balance_overall": table(
            "balance_overall",
            {"period": "pre", "stage": "before", "n_rows_treated": 60},
            {"period": "post", "stage": "before", "n_rows_treated": 40},
            {"period": "pre", "stage": "after", "n_rows_treated": 50},
            {"period": "post", "stage": "after", "n_rows_treated": 30},
        ),
    }


def test_facts_are_read_off_the_tables() -> None:
    facts = facts_of(tables(), "a", HEADLINE, ["placebo", "date"], 2.0)
    # The t distribution with 23 degrees of freedom at 2.
    assert facts.pop("largest_p_without_an_la") == pytest.approx(0.0574, abs=5e-5)
    assert facts == {
        "p_wild": 0.02,
        "p_randomisation": 0.03,
        "same_sign_without_each_la": 1.0,
        "share_of_las_with_same_sign": 0.5,
        "p_pretrend": 0.3,
        "p_placebo": 0.2,
        "breakdown_mbar": 0.7,
        "rosenbaum_gamma": 1.5,
        "e_value_limit": None,
        "treated_las": 9,
        "effective_df": 7.5,
        "largest_smd": 0.2,
        "share_matched": 0.8,
        "mdes_ratio": 2.0,
        "interval_ratio": 2.5,
    }


def test_an_outcome_without_rows_knows_nothing() -> None:
    facts = facts_of(tables(), "b", HEADLINE, [], 0.02)
    assert set(facts.values()) == {None}


def test_p_values_are_adjusted_over_outcomes_and_rated() -> None:
    read = tables()
    facts = {key: facts_of(read, key, HEADLINE, [], 1.0) for key in ("a", "b")}
    found = {row["outcome"]: row for row in conclusions(read["estimates"], facts, HEADLINE, SETTINGS).rows(named=True)}
    # One known p-value of two outcomes: nothing to adjust for.
    assert (found["a"]["p_adjusted"], found["a"]["adjustment"], found["a"]["rating"]) == (0.02, "holm", "high")
    assert (found["b"]["p_adjusted"], found["b"]["rating"], found["b"]["finding"]) == (None, "none", "unclear")
    facts["b"]["p_wild"] = 0.5
    both = conclusions(read["estimates"], facts, HEADLINE, SETTINGS)
    assert both["p_adjusted"].to_list() == [0.04, 0.5]


def test_few_treated_las_are_warned_of() -> None:
    read = tables()
    read["estimates"] = read["estimates"].with_columns(n_treated_las=pl.lit(3))
    facts = {key: facts_of(read, key, HEADLINE, [], 1.0) for key in ("a", "b")}
    told = conclusions(read["estimates"], facts, HEADLINE, SETTINGS)["warning"].to_list()
    assert told[0].startswith("3 treated LAs are too few") and told[1] is None
