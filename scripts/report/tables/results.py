"""Estimates and tests in figures: every specification, tests before embedding, sensitivity, p-values, evidence."""

from typing import Any

import polars as pl

from scripts.models.evidence import FACTS
from scripts.report.findings import WITHHELD
from scripts.report.study import Outcome, Study
from scripts.report.tables.table import Table, table
from scripts.report.words import number, p_value, signed, span, words

TEXT, NUMBER = "text", "number"
MEASURES = {
    "trend_breakdown": "divergence withstood, in multiples of that before",
    "e_value": "E-value of the estimate",
    "e_value_limit": "E-value of the interval's limit",
    "rosenbaum_gamma": "Rosenbaum's gamma",
    "hedges_g": "Hedges' g",
    "cox_index": "Cox index",
}


def specifications(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """The effect by every specification, with the study's method of inference or the only one it has."""
    own = tables["estimates"].filter(~pl.col("estimator").str.contains(r"\["))
    has = (pl.col("method") == study.method).any().over("outcome", "specification", "estimator")
    shown = own.filter((pl.col("method") == study.method) | ~has)
    return [
        made
        for outcome in study.outcomes.values()
        for made in table(
            f"{outcome.label}: every specification, {outcome.unit}",
            {"Specification": TEXT, "Estimator": TEXT, "Method": TEXT}
            | dict.fromkeys(("Effect", "Interval", "p", "df", "Children", "Rows", "LAs (pilots)"), NUMBER),
            [_estimate(row, outcome) for row in shown.filter(pl.col("outcome") == outcome.key).iter_rows(named=True)],
            folded=True,
        )
    ]


def _estimate(row: dict[str, Any], outcome: Outcome) -> tuple[str, ...]:
    estimate, low, high = (
        None if row[name] is None else row[name] * outcome.scale for name in ("estimate", "ci_low", "ci_high")
    )
    return (
        words(row["specification"]),
        words(row["estimator"]),
        row["method"],
        signed(estimate, 2) or "not estimated",
        span(low, high, 2),
        p_value(row["p_value"]),
        number(row["df"], 1),
        number(row["n_children"]),
        number(row["n_rows"]),
        f"{row['n_las']} ({row['n_treated_las']})",
    )


def not_estimated(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """What could not be estimated in full, and why."""
    lacking = tables["estimation_status"].filter(pl.col("status") != "estimated")
    return table(
        "Not estimated in full",
        dict.fromkeys(("Outcome", "Specification", "What", "Why"), TEXT),
        [
            (
                study.outcomes[row["outcome"]].label,
                words(row["specification"]),
                words(row["status"]),
                row["reason"] or "",
            )
            for row in lacking.iter_rows(named=True)
        ],
    )


def omitted(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Terms that left the headline model, and why."""
    gone = tables["model_terms"].filter(pl.col("specification") == study.headline, pl.col("status") == "omitted")
    return table(
        "Terms that left the headline model",
        dict.fromkeys(("Outcome", "Term", "Why"), TEXT),
        [
            (study.outcomes[row["outcome"]].label, row["term"], row["reason"] or "")
            for row in gone.iter_rows(named=True)
        ],
        folded=True,
    )


def before_embedding(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Joint tests of the years before embedding, and the divergence they would have missed."""
    tests = {(row["outcome"], row["test"]): row for row in tables["model_tests"].iter_rows(named=True)}
    slope = "pretrend_detectable_slope"
    rows = []
    for outcome in study.outcomes.values():
        found = tests.get((outcome.key, slope), {}).get("statistic")
        told = None if found is None else found * outcome.scale
        of_test = [p_value(tests.get((outcome.key, f"pretrend_{kind}"), {}).get("p_value")) for kind in ("WCR", "F")]
        if any(of_test):
            rows.append((outcome.label, *of_test, f"{number(told, 2)} {outcome.unit} a year" if told else "not known"))
    missed = f"Steepest divergence missed with probability {number(100 * (1 - study.config['inference']['power']))} %"
    return table(
        "Did pilots and comparators move alike before embedding?",
        {"Outcome": TEXT, "p (wild bootstrap)": NUMBER, "p (F test)": NUMBER, missed: TEXT},
        rows,
    )


def sensitivity(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """What would have to be wrong for an effect to vanish, an outcome a row."""
    known = tables["sensitivity"].filter(pl.col("measure") != "trend_bound")
    values = {(row["outcome"], row["measure"]): row["value"] for row in known.iter_rows(named=True)}
    shown = [measure for measure in MEASURES if any(measure == name for _, name in values)]
    return table(
        "What would have to be wrong for the effects to vanish",
        {"Outcome": TEXT} | {MEASURES[measure]: NUMBER for measure in shown},
        [
            (outcome.label, *(number(values.get((outcome.key, measure)), 2) or "none" for measure in shown))
            for outcome in study.outcomes.values()
            if shown
        ],
    )


def placebos(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Estimates where nothing should be found."""
    named = study.config["models"]["specifications"].items()
    wanted = [n for n, entry in named if entry["estimator"] == "placebo_date" or "placebo_outcome" in entry]
    found = tables["estimates"].filter(pl.col("specification").is_in(wanted), pl.col("method") == study.method)
    return table(
        "Placebos: where nothing should be found",
        {"Outcome": TEXT, "Placebo": TEXT, "Effect": NUMBER, "Interval": NUMBER, "p": NUMBER},
        [_placebo(row, study) for row in found.drop_nulls("estimate").iter_rows(named=True)],
    )


def _placebo(row: dict[str, Any], study: Study) -> tuple[str, ...]:
    outcome = study.outcomes[row["outcome"]]
    # A placebo outcome is a share, whatever the outcome's own unit is.
    share = row["estimator"] != "placebo_date"
    scale, unit = (100.0, "percentage points") if share else (outcome.scale, outcome.unit)
    estimate, low, high = (
        None if row[name] is None else row[name] * scale for name in ("estimate", "ci_low", "ci_high")
    )
    told = f"{signed(estimate, 2)} {unit}"
    return (outcome.label, words(row["specification"]), told, span(low, high, 2), p_value(row["p_value"]))


def multiplicity(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """p-values before and after adjusting for the number of outcomes."""
    adjustments = {"holm": "Holm", "fdr_bh": "Benjamini and Hochberg"}
    inference = study.config["inference"]
    return table(
        "p-values",
        {"Outcome": TEXT, f"p ({inference['headline']})": NUMBER, f"p ({inference['beside']})": NUMBER}
        | {"p, adjusted": NUMBER, "Adjustment": TEXT},
        [
            (
                study.outcomes[row["outcome"]].label,
                *(p_value(row[name]) for name in ("p_value", "p_beside", "p_adjusted")),
                adjustments.get(row["adjustment"], row["adjustment"] or ""),
            )
            for row in tables["conclusions"].iter_rows(named=True)
        ],
    )


def ratings(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """The rating of each outcome and its reason in full."""
    return table(
        "Strength of evidence and its reason",
        dict.fromkeys(("Outcome", "Finding", "Rating", "Reason"), TEXT),
        [
            (
                study.outcomes[row["outcome"]].label,
                words(row["finding"] or WITHHELD),
                row["rating"] or "",
                " ".join(text for text in (row["reason"], row["warning"]) if text),
            )
            for row in tables["conclusions"].iter_rows(named=True)
        ],
    )


def facts(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Every fact that the rules ask about, an outcome a column."""
    values = {(row["outcome"], row["fact"]): row["value"] for row in tables["evidence"].iter_rows(named=True)}
    outcomes = [outcome for outcome in study.outcomes.values() if any(key == outcome.key for key, _ in values)]
    return table(
        "The facts behind the ratings",
        {"Fact": TEXT} | {outcome.label: NUMBER for outcome in outcomes},
        [
            (text, *(number(values.get((outcome.key, fact)), 3) or "not known" for outcome in outcomes))
            for fact, text in FACTS.items()
        ],
        folded=True,
    )


def rules(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """The rule itself, as the configuration declares it."""
    ladders = {"effect": "an effect", "no_effect": "no effect that would matter"}
    evidence = study.config["evidence"]
    return table(
        "The rule, declared beforehand: a level needs all of its conditions",
        dict.fromkeys(("Evidence of", "Level", "Conditions"), TEXT),
        [
            (told, level, "; ".join(_condition(condition) for condition in conditions))
            for ladder, told in ladders.items()
            for level, conditions in evidence[ladder].items()
        ],
        folded=True,
    )


def _condition(condition: dict[str, Any]) -> str:
    (comparison, limit) = next((name, value) for name, value in condition.items() if name != "fact")
    return f"{FACTS[condition['fact']]} {words(comparison)} {limit:g}"
