"""The entry points of rules `clean` and `traps`: tables of an LA's members in, cleaned tables and the books out."""

from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, read_results, write_parquet, write_results
from scripts.clean.assessments import clean_assessments
from scripts.clean.care import clean_care_episodes
from scripts.clean.children import consolidate_children
from scripts.clean.ledger import IN, NOTED, SET_ASIDE, Ledger
from scripts.clean.lifetimes import note_outside_lifetime
from scripts.clean.referrals import (
    clear_implausible_dates,
    collapse_referrals,
    conferences,
    note_double_conferences,
    plans,
)
from scripts.clean.settings import CleaningSettings
from scripts.clean.traps import count_traps
from scripts.governance.effects import RECTIFIED, Note, applied
from scripts.governance.rights import in_force

# What cleaning leaves of an LA.
CLEANED = ("children", "referrals", "conferences", "plans", "assessments", "care_episodes")
DATES = {
    "referrals": [
        "referral_date",
        "closure_date",
        "icpc_date",
        "cpp_start",
        "cpp_end",
        "birth_date",
        "expected_birth_date",
        "death_date",
    ],
    "assessments": ["assessment_start", "assessment_end"],
    "section47": ["icpc_date"],
    "care_episodes": ["episode_start", "episode_end", "poc_start"],
}


def clean(
    la: str, inputs: dict[str, list[str]], outputs: dict[str, str], ledger_file: str, settings: dict[str, Any]
) -> None:
    """Clean one analysis LA.

    Parameters
    ----------
    inputs : table -> parquet file of each source LA it consists of; `outputs`: table -> parquet file.
    settings : config blocks `cleaning` and `dates`; `lifetimes` of the source LAs (scripts.clean.lifetimes); `rights`,
        the governance folder and the source LAs, whose returns and restrictions are applied before anything else.
    """
    ledger = Ledger(la)
    cleaned = cleaned_la(la, inputs, settings, ledger)
    for name, path in outputs.items():
        write_parquet(cleaned[name], path)
    write_results(ledger.table(), "ledger", ledger_file)


def cleaned_la(
    la: str, inputs: dict[str, list[str]], settings: dict[str, Any], ledger: Ledger
) -> dict[str, pl.DataFrame]:
    """The cleaned tables of one analysis LA by name; arguments as for `clean`."""
    choices = CleaningSettings.from_config(settings["cleaning"], settings["dates"])
    raw = {name: pl.concat([read_parquet(path) for path in paths]) for name, paths in inputs.items()}
    raw["section47"] = raw["section47"].with_columns(pl.lit(None, pl.Int32).alias("census_year"))
    raw["care_episodes"] = raw["care_episodes"].with_columns(pl.lit(None, pl.Int32).alias("census_year"))
    rights = in_force(settings)
    raw = applied(raw, rights.effects, rights.withheld, _booked(ledger))
    note_outside_lifetime(raw, settings["lifetimes"], ledger)
    raw = {name: table.with_columns(pl.lit(la).alias("la_code")) for name, table in raw.items()}
    dated = {
        name: clear_implausible_dates(raw[name], name, columns, choices, ledger) for name, columns in DATES.items()
    }
    return clean_tables(dated | {"disabilities": raw["disabilities"]}, choices, ledger)


def _booked(ledger: Ledger) -> Note:
    """Book rows that data rights touch: erased and restricted ones come in and are set aside, rectified ones stay."""

    def note(reason: str, table: str, rows: pl.DataFrame) -> None:
        dated = (
            rows if "census_year" in rows.columns else rows.with_columns(pl.lit(None, pl.Int32).alias("census_year"))
        )
        if reason == RECTIFIED:
            ledger.count(table, NOTED, reason, dated)
            return
        ledger.count(table, IN, "", dated)
        ledger.count(table, SET_ASIDE, reason, dated)

    return note


def traps(ledger_file: str, ingest_report_file: str, traps_file: str) -> None:
    """Write how often each known trap was met, out of the ledger and the ingest report of all LAs."""
    books = read_results("ledger", ledger_file), read_results("ingest_report", ingest_report_file)
    write_results(count_traps(*books), "traps", traps_file)


def clean_tables(
    tables: dict[str, pl.DataFrame], settings: CleaningSettings, ledger: Ledger
) -> dict[str, pl.DataFrame]:
    """Every cleaned table of an LA by name."""
    note_double_conferences(tables["referrals"], tables["section47"], ledger)
    conference_dates = conferences(tables["referrals"], tables["section47"])
    referrals = collapse_referrals(tables["referrals"], conference_dates, settings, ledger)
    return {
        "children": consolidate_children(
            tables["referrals"], tables["care_episodes"], tables["disabilities"], settings, ledger
        ),
        "referrals": referrals,
        "conferences": conference_dates,
        "plans": plans(tables["referrals"]),
        "assessments": clean_assessments(tables["assessments"], referrals, settings, ledger),
        "care_episodes": clean_care_episodes(tables["care_episodes"], settings, ledger),
    }
