"""A made-up release of published statistics: every table that is read, with columns named as some release named them.

What an LA reports is smooth in time, apart from a reproducible disturbance, so that an effect planted in it can be
found again.
"""

import csv
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from scripts.config.strict_yaml import read_yaml
from scripts.published.ees import layout

ROOT = Path(__file__).parents[2]
RELEASE = ROOT.parent / "shared" / "data" / "published" / "cin-2024"
BLOCK = read_yaml(ROOT / "config.yaml")["published_statistics"]
PILOTS = [each["code"] for each in BLOCK["pilots"]]
OTHERS = [f"{code}" for code in range(340, 364)]
YEARS = range(2012, 2023)
AFTER = 2018
# A published figure of an LA and census year, as text
Figure = Callable[[str, str, int], str]


def disturbance(*key: object) -> float:
    """A standard normal number that belongs to the key."""
    return float(np.random.default_rng(zlib.crc32(repr(key).encode())).standard_normal())


def world(effect: float = 0.0) -> Figure:
    """Figures without suppression; `effect` in days is planted in the median of pilots after embedding."""

    def figure(name: str, la: str, year: int) -> str:
        referrals = 3000 + round(300 * disturbance("size", la)) + 20 * (year - 2012)
        share = {
            "referrals": 1.0,
            "rereferrals": 0.2,
            "no_further_action": 0.1,
            "assessments": 0.9,
            "days_46_50": 0.05,
            "days_51_60": 0.04,
            "days_61_up": 0.03,
            "section47": 0.3,
            "conferences": 0.15,
            "plans_started": 0.11,
            "plans_started_of_known": 0.11,
            "subsequent_plans": 0.02,
            "population": 20.0,
        }
        if name == "median_days":
            planted = effect if la in PILOTS and year >= AFTER else 0.0
            level = 30 + 3 * disturbance("level", la) + 0.5 * (year - 2012)
            return f"{level + planted + disturbance(name, la, year):.2f}"
        if name.endswith("_percent"):
            return "10"
        return str(round(referrals * share[name] * (1 + 0.03 * disturbance(name, la, year))))

    return figure


def write_release(
    folder: Path,
    figure: Figure,
    newest_names: bool = True,
    las: Iterable[str] = (*PILOTS, *OTHERS),
    years: Iterable[int] = YEARS,
) -> Path:
    """Write all tables; headers are the newest or the oldest names known. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in layout()["tables"].values():
        names = {each: entry["names"][0 if newest_names else -1] for each, entry in table["figures"].items()}
        header = ["time_period", "time_identifier", "geographic_level", "new_la_code", "old_la_code", "la_name"]
        later = table["single_year"] == "end"
        rows = [
            [f"{year + later}", "Reporting year", "Local authority", f"E{la}", la, f"LA {la}", "all"]
            + [figure(name, la, year) for name in names]
            for la in las
            for year in years
        ]
        with (folder / table["stems"][0].replace("*", "made_up.csv")).open("w", newline="") as stream:
            csv.writer(stream).writerows([[*header, "category", *names.values()], *rows])
    return folder
