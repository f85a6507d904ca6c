"""SSDA903 rules on legal status, short breaks, and the reason an episode ended against the child's age."""

from datetime import date

import polars as pl

from scripts.validation.rules import Rule, rules_on
from scripts.validation.ssda903_table import FOSTER, PLACED_FOR_ADOPTION, TEMPORARY, is_one_of, longer, younger

LS, PLACE, REC = pl.col("LS"), pl.col("PLACE"), pl.col("REC")
SHORT_BREAKS = ("V3", "V4")
# The Adoption and Children Act 2002 put placement orders in the place of freeing orders in December 2005.
LAST_FREEING, FIRST_PLACEMENT_ORDER = date(2005, 12, 31), date(2005, 12, 1)

_episode = rules_on("episodes", "Episodes")


def _lasts_over(code: str, status: str, days: int, what: str) -> Rule:
    """A rule on the longest time a legal status may last without a break."""
    return _episode(
        code,
        "LS DECOM DEC",
        f"{what} lasted longer than {days} days.",
        (status == LS) & longer("status_days", than=days),
    )


def _ended_too_young(code: str, reasons: tuple[str, ...], age: int, what: str) -> Rule:
    """A rule on the youngest age at which an episode can end for a reason."""
    message = f"{what}, but the child is aged under {age}."
    return _episode(code, "REC DEC Header.DOB", message, is_one_of("REC", *reasons) & younger(at="end", than=age))


def _ended_too_old(code: str, reasons: tuple[str, ...], age: int, what: str) -> Rule:
    """A rule on the age from which an episode can no longer end for a reason."""
    message = f"{what}, but the child has reached age {age}."
    return _episode(code, "REC DEC Header.DOB", message, is_one_of("REC", *reasons) & ~younger(at="end", than=age))


STATUS_RULES = (
    _episode(
        "358",
        "LS DECOM Header.DOB",
        "Remanded or sentenced, but aged under 10.",
        is_one_of("LS", "J1", "J2", "J3") & younger(at="start", than=10),
    ),
    _episode(
        "359",
        "DEC LS PLACE Header.DOB",
        "Still looked after past the eighteenth birthday, but not accommodated in a children's home.",
        ~pl.col("DEC_given")
        & (pl.col("DOB").dt.offset_by("18y") < pl.col("period_end"))
        & ~((LS == "V2") & (PLACE == "K2")).fill_null(False),
    ),
    _lasts_over("361", "L1", days=3, what="Police protection"),
    _lasts_over("362", "L2", days=21, what="Emergency protection order"),
    _lasts_over("363", "L3", days=7, what="Child assessment order"),
    _lasts_over("364", "J2", days=21, what="Detention under the Police and Criminal Evidence Act"),
    _episode(
        "445",
        "LS DECOM",
        "Freeing order in an episode that starts after December 2005.",
        (LS == "D1") & (pl.col("DECOM") > LAST_FREEING),
        last=2023,
    ),
    _episode(
        "446",
        "LS DECOM",
        "Placement order in an episode that starts before December 2005.",
        (LS == "E1") & (pl.col("DECOM") < FIRST_PLACEMENT_ORDER),
    ),
    _episode(
        "451",
        "DEC REC LS",
        "Freeing order in an open episode.",
        (LS == "D1") & ~pl.col("DEC_given") & REC.is_null(),
        last=2023,
    ),
)

SHORT_BREAK_RULES = (
    _episode(
        "365",
        "LS DECOM DEC",
        "An individual short break lasted longer than 17 days.",
        (LS == "V3") & longer("episode_days", than=17),
    ),
    _episode(
        "366",
        "LS RNE",
        "Placement changed during an individual short break.",
        (LS == "V3") & pl.col("RNE").ne_missing("S"),
    ),
    _episode(
        "367",
        "LS DECOM DEC",
        "Individual short breaks of more than 75 days in the year.",
        (LS == "V3") & longer("short_break_days", than=75),
    ),
    _episode(
        "382",
        "LS PLACE",
        "Short break in a temporary placement.",
        is_one_of("LS", *SHORT_BREAKS) & is_one_of("PLACE", *TEMPORARY),
    ),
    _episode(
        "384",
        "LS PLACE",
        "Short break in a long-term foster placement.",
        is_one_of("LS", *SHORT_BREAKS) & is_one_of("PLACE", "U1", "U4"),
    ),
    _episode(
        "426",
        "LS",
        "Individual short breaks and short breaks under an agreement in the same year.",
        is_one_of("LS", *SHORT_BREAKS)
        & pl.all_horizontal((each == LS).any().over("child_number") for each in SHORT_BREAKS),
    ),
)

ENDING_RULES = (
    _ended_too_old("386", ("E11", "E12"), age=18, what="Ended by adoption"),
    _ended_too_young("387", ("E5", "E6"), age=14, what="Ended by a move to independent living"),
    _ended_too_young("389", ("E7",), age=16, what="Ended by transfer to adult social care"),
    _ended_too_old(
        "407",
        ("E43", "E44", "E45", "E46", "E47", "E48"),
        age=18,
        what="Ended by a special guardianship order",
    ),
    _ended_too_young("460", ("E17",), age=18, what="Stayed with carers as an adult"),
    _episode(
        "390",
        "REC PLACE",
        "Ended by adoption, but the child was not placed for adoption.",
        is_one_of("REC", "E11", "E12") & ~is_one_of("PLACE", *PLACED_FOR_ADOPTION).fill_null(False),
    ),
    _episode(
        "516",
        "REC PLACE",
        "Special guardianship to a former foster carer, but the child was not in a foster placement.",
        is_one_of("REC", "E45", "E46") & ~is_one_of("PLACE", *FOSTER).fill_null(False),
    ),
)

RULES = STATUS_RULES + SHORT_BREAK_RULES + ENDING_RULES
