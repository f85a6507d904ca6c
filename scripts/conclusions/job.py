"""The entry point of rule `conclude`: results tables of all outcomes in; conclusions, evidence and the curve out."""

from typing import Any

import polars as pl

from scripts.artefacts import contract_schema, read_results, write_results
from scripts.conclusions.curve import specification_curve
from scripts.conclusions.facts import Facts, Headline, facts_of, headline_row
from scripts.conclusions.tables import READ
from scripts.models.evidence import FACTS, rate, read_rules
from scripts.models.multiplicity import adjust


def conclude(tables: dict[str, str], outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Write results tables `conclusions`, `evidence` and `specification_curve`.

    Parameters
    ----------
    tables : results table -> CSV, those of READ; one that is not given is empty. outputs : table -> CSV.
    settings : outcomes (key -> primary), headline, specifications, inference, evidence.
    """
    absent = {name: pl.DataFrame(schema=contract_schema(name)) for name in READ if name not in tables}
    read = absent | {name: read_results(name, path) for name, path in tables.items()}
    headline = Headline.of(settings)
    placebos = [
        name
        for name, entry in settings["specifications"].items()
        if entry["estimator"] == "placebo_date" or "placebo_outcome" in entry
    ]
    smallest = settings["evidence"]["smallest_effect"]
    facts = {key: facts_of(read, key, headline, placebos, smallest[key]) for key in settings["outcomes"]}
    curve = specification_curve(
        read["estimates"], read["variants"], settings["specifications"], headline.specification, headline.method
    )
    write = {
        "conclusions": conclusions(read["estimates"], facts, headline, settings),
        "evidence": _evidence(facts),
        "specification_curve": curve,
    }
    for name, frame in write.items():
        write_results(frame, name, outputs[name])


def conclusions(
    estimates: pl.DataFrame, facts: dict[str, Facts], headline: Headline, settings: dict[str, Any]
) -> pl.DataFrame:
    """One row per outcome; the adjusted p-value is added to its facts, for the rules to ask about."""
    rules = read_rules(settings["evidence"])
    primary = settings["outcomes"]
    adjusted = adjust(
        pl.DataFrame(
            {
                "outcome": list(primary),
                "primary": list(primary.values()),
                "p_value": [facts[key]["p_wild"] for key in primary],
            },
            schema_overrides={"p_value": pl.Float64},
        )
    )
    rows = []
    for told in adjusted.rows(named=True):
        own = facts[told["outcome"]]
        own["p_adjusted"] = told["p_adjusted"]
        rating = rate(own, rules)
        row = headline_row(estimates, told["outcome"], headline, headline.method)
        effective = headline_row(estimates, told["outcome"], headline, "CR2")
        shown = ("estimate", "ci_low", "ci_high", "n_children", "n_rows", "n_las", "n_treated_las")
        rows.append(
            {name: row.get(name) for name in shown}
            | {"outcome": told["outcome"], "primary": int(told["primary"]), "method": headline.method}
            | {"p_value": told["p_value"], "p_beside": own["p_randomisation"], "p_adjusted": told["p_adjusted"]}
            | {"adjustment": told["adjustment"], "df": effective.get("df"), "mdes": effective.get("mdes")}
            | {"finding": rating.finding, "rating": rating.level, "reason": rating.reason}
            | {"warning": _warning(row.get("n_treated_las"), settings["inference"]["min_treated_las"])}
        )
    return pl.DataFrame(rows, schema=contract_schema("conclusions"))


def _warning(n_treated: int | None, least: int) -> str | None:
    """What to say where treated LAs are too few for any method."""
    if not n_treated or n_treated >= least:
        return None
    return f"{n_treated} treated LAs are too few: with fewer than {least} no method of inference can be relied on"


def _evidence(facts: dict[str, Facts]) -> pl.DataFrame:
    """Every fact of every outcome, with what it means."""
    rows = [
        {"outcome": outcome, "fact": name, "description": description, "value": own.get(name)}
        for outcome, own in facts.items()
        for name, description in FACTS.items()
    ]
    return pl.DataFrame(rows, schema=contract_schema("evidence"))
