"""Rows that began when their source LA did not exist are counted and stay (trap T-22); members become one LA."""

from pathlib import Path

import polars as pl

from scripts.artefacts import read_results, write_parquet
from scripts.clean.job import clean
from scripts.clean.ledger import Ledger
from scripts.clean.lifetimes import note_outside_lifetime
from tests.config.test_crosschecks import DEFAULT
from tests.tables import canonical

LIFETIMES = {"837": {"begins": None, "ends": "2014-04-01"}, "839": {"begins": "2014-04-01", "ends": None}}
TABLES = ("referrals", "assessments", "section47", "care_episodes", "disabilities")


def referrals(la: str, *dates: str | None) -> pl.DataFrame:
    rows = [{"child_id": f"{la}-{n}", "referral_date": day, "census_year": 2014} for n, day in enumerate(dates)]
    return canonical("referrals", *rows, la=la)


def both_las() -> pl.DataFrame:
    old = referrals("837", "2014-03-31", "2014-04-01", "2014-05-01", None)
    return pl.concat([old, referrals("839", "2014-03-31", "2014-04-01"), referrals("840", "1990-01-01")])


def test_t22_rows_dated_outside_the_lifetime_of_their_la_are_counted_by_year() -> None:
    ledger = Ledger("839")
    year = pl.lit(None, pl.Int32).alias("census_year")
    others = {"assessments": canonical("assessments")} | {
        name: canonical(name).with_columns(year) for name in ("section47", "care_episodes")
    }
    early = canonical("care_episodes", {"episode_start": "2013-05-01"}, la="839")
    others["care_episodes"] = early.with_columns(year)
    note_outside_lifetime(others | {"referrals": both_las()}, LIFETIMES, ledger)
    noted = ledger.table().filter(pl.col("n_rows") > 0)
    # Two of the LA that ended (on the day of the change and after it), one of the LA that had not begun.
    assert noted.select("table", "census_year", "reason", "n_rows").rows() == [
        ("care_episodes", 2013, "outside_la_lifetime", 1),
        ("referrals", 2014, "outside_la_lifetime", 3),
    ]


def test_the_members_of_an_la_are_cleaned_as_one(tmp_path: Path) -> None:
    inputs: dict[str, list[str]] = {name: [] for name in TABLES}
    for la in ("837", "839"):
        frames = {name: canonical(name, la=la).clear() for name in TABLES}
        frames["referrals"] = referrals(la, "2014-03-31", "2014-04-01")
        for name, frame in frames.items():
            inputs[name].append(str(tmp_path / f"{la}_{name}.parquet"))
            write_parquet(frame, inputs[name][-1])
    output, ledger_file = str(tmp_path / "out.parquet"), str(tmp_path / "ledger.csv")
    dates = {name: DEFAULT["dates"][name] for name in ("data_end", "bank_holidays")}
    settings = {"cleaning": DEFAULT["cleaning"], "dates": dates, "lifetimes": LIFETIMES}
    settings |= {"rights": {"folder": str(tmp_path / "governance"), "las": ["837", "839"]}}
    clean("839", inputs, {"referrals": output}, ledger_file, settings)
    assert sorted(pl.read_parquet(output)["child_id"]) == ["837-0", "837-1", "839-0", "839-1"]
    ledger = read_results("ledger", ledger_file)
    assert ledger["la_code"].unique().to_list() == ["839"]
    assert ledger.filter(table="referrals", reason="outside_la_lifetime")["n_rows"].sum() == 2
    assert ledger.filter(table="referrals", kind="rows_in")["n_rows"].sum() == 4
