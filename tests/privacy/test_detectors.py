"""Identifiers are recognised by what they look like; clean extracts raise no alarm."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from scipy.stats import binom

from scripts.privacy.detectors import UPN_LETTERS, findings

ROOT = Path(__file__).parent.parent.parent
RULES = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["privacy"]["detectors"]
RNG = np.random.default_rng(20240331)


def values(texts: list[str]) -> pl.DataFrame:
    return pl.Series("value", texts, pl.String).value_counts(name="n")


def found(texts: list[str], whole_dates_expected: bool = False) -> list[str]:
    return [finding.detector for finding in findings(values(texts), RULES, whole_dates_expected)]


def ids(n: int) -> list[str]:
    return [f"{number:010d}" for number in RNG.integers(0, 10**10, n)]


def upn(digits: str) -> str:
    """Straight from the definition: the sum of position x digit over positions 2 to 13, modulo 23."""
    return UPN_LETTERS[sum(i * int(d) for i, d in zip(range(2, 14), digits, strict=True)) % 23] + digits


def nhs(digits: str) -> str | None:
    check = 11 - sum((10 - i) * int(d) for i, d in enumerate(digits)) % 11
    return None if check == 10 else digits + str(check % 11)


UPNS = [upn(f"{number:012d}") for number in RNG.integers(0, 10**12, 60)]
NHS_NUMBERS = [n for number in RNG.integers(4 * 10**8, 5 * 10**8, 120) if (n := nhs(f"{number:09d}"))]
PLANTED = {
    "upn": UPNS,
    "temporary_upn": [f"A{number:011d}Q" for number in RNG.integers(0, 10**11, 40)],
    "nhs_number": NHS_NUMBERS,
    "postcode": ["SW1A 1AA", "B33 8TH", "ec1a1bb", "M1 1AE", "LS2 9JT"] * 4,
    "email": ["a.person@example.org"],
    "phone": ["020 7946 0018", "07700900123", "+44 161 496 0000", "(0117) 496 0456"] * 40,
    "full_name": ["Jane Example", "EXAMPLE, John", "Ann-Marie O'Example", "Sam Q Example", "Lee Example"] * 30,
    "single_name": [f"{a}{b}{c}" for a in "BDFG" for b in ("ella", "avid", "iona") for c in ("", "na", "s", "y")] * 3,
    "free_text": [
        "seen at home with his mother today",
        "the school called again about him",
        "no one was in at all then",
    ],
}


def test_the_hand_worked_check_characters() -> None:
    # 2x1 + 3x2 + ... + 13x12 = 2+6+12+20+30+42+56+72+90+0+12+26 = 368 for digits 123456789012; 368 mod 23 = 0 -> A.
    assert upn("123456789012") == "A123456789012"
    # The example number of the NHS data dictionary.
    assert nhs("943476591") == "9434765919"
    assert found(["A123456789012", upn("000000000001")]) == ["upn"]
    assert found(["B123456789012", "C000000000001"]) == []


@pytest.mark.parametrize("detector", PLANTED)
def test_an_identifier_is_found_among_other_values(detector: str) -> None:
    assert detector in found(PLANTED[detector])
    share = {"nhs_number": 300, "upn": 900, "temporary_upn": 900, "postcode": 900, "email": 900}.get(detector, 20)
    assert detector in found(PLANTED[detector] + ids(share))


def test_the_way_an_identifier_is_written_does_not_hide_it() -> None:
    assert "nhs_number" in found([f"{n[:3]} {n[3:6]} {n[6:]}" for n in NHS_NUMBERS])
    assert "upn" in found([each.lower() for each in UPNS])
    assert "temporary_upn" in found([each.lower() for each in PLANTED["temporary_upn"]])


def test_a_full_date_is_an_alarm_only_where_none_is_declared() -> None:
    dates = ["2005-02-03", "2006-11-30", "03/02/2005"] * 5
    assert found(dates) == ["full_date"]
    assert found(dates, whole_dates_expected=True) == []


def test_clean_ids_raise_the_nhs_alarm_in_fewer_than_one_column_in_a_billion() -> None:
    """The exact binomial tail at the least number of matches that counts, for columns of up to 5,000 different ids."""
    rule = RULES["nhs_number"]
    n = np.arange(rule["min_values"], 5000)
    by_chance = n / 11 + rule["standard_errors"] * np.sqrt(n * 10 / 121)
    least = np.maximum.reduce([np.full(n.shape, rule["min_values"]), np.floor(by_chance) + 1])
    assert binom.sf(least - 1, n, 1 / 11).max() < 1e-9


def test_no_alarm_on_a_thousand_clean_extracts() -> None:
    """Each with its own 10-digit local ids, of which one in eleven passes the check of the NHS number by chance;
    a column of consecutive ids, one of dates, and in turn one of each kind of code.
    """
    codes = [f"{a}{b}{c}{d}" for a in "WMABO" for b in "BCIO" for c in "ARE" for d in "NH"]
    needs = [f"N{i}" for i in range(10)] + ["NO", "UnmappedNeedCode", "n1"]
    ethnicities = ["WBRI", "WIRI", "WOTH", "MWBC", "AIND", "BCRB", "CHNE", "OOTH", "REFU", "NOBT", "N/A", "MISS"]
    placements = ["U1", "U4", "P1", "K2", "H5", "Z1", "E4A", "Q1"]
    dates = [f"20{y:02d}-{m:02d}-{d:02d}" for y in range(8, 19) for m in range(1, 13) for d in (1, 9, 17, 28)]
    coded = [needs, ethnicities, codes, placements, ["2013/2014", "2014/2015"]]
    alarms = []
    for number, size in enumerate(RNG.integers(5, 400, 1000)):
        n = int(size)
        columns = [
            ids(n),
            [str(int(each)) for each in RNG.integers(10**9, 9 * 10**9) + np.arange(n)],
            list(RNG.choice(coded[number % len(coded)], n)),
        ]
        alarms += [alarm for texts in columns for alarm in found(texts)]
        alarms += found(list(RNG.choice(dates, n)), whole_dates_expected=True)
    assert alarms == []
