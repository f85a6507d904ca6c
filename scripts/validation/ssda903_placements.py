"""SSDA903 rules on placements: age, temporary placements, adoption, provider, and the reason a placement changed."""

from datetime import date

import polars as pl

from scripts.validation.rules import Rule, rules_on
from scripts.validation.ssda903_table import (
    FOSTER,
    OTHER_KINDS,
    PLACED_FOR_ADOPTION,
    TEMPORARY,
    from_year,
    is_one_of,
    younger,
)

PLACE, PROVIDER, REASON = pl.col("PLACE"), pl.col("PLACE_PROVIDER"), pl.col("REASON_PLACE_CHANGE")
DECOM, DEC = pl.col("DECOM"), pl.col("DEC")
SUPPORTED_ACCOMMODATION = date(2023, 10, 28)  # independent living ended as a placement for looked-after children
WITH_FOSTER_CARER_FROM = date(2015, 4, 1)

_episode = rules_on("episodes", "Episodes")


def _too_young(code: str, places: tuple[str, ...], age: int | pl.Expr, what: str, last: int | None = None) -> Rule:
    """A rule on the youngest age in a placement, which may depend on the census year."""
    message = f"{what}, but the child is too young for it."
    fails = is_one_of("PLACE", *places) & younger(at="start", than=age)
    return _episode(code, "PLACE DECOM Header.DOB", message, fails, last=last)


def _lasts_over(code: str, place: str, days: int, what: str) -> Rule:
    """A rule on the longest time in a temporary placement that has ended."""
    fails = (place == PLACE) & ((DEC - DECOM).dt.total_days() > days)
    return _episode(code, "PLACE DECOM DEC", f"{what} lasted longer than {days} days.", fails)


def _too_many(code: str, place: str, allowed: int, what: str) -> Rule:
    """A rule on the number of placements of a kind in a child's year."""
    here = PLACE.eq(place)
    return _episode(code, "PLACE", f"More than {allowed} {what}.", here & (here.sum().over("child_number") > allowed))


def _never_provides(code: str, provider: str, places: tuple[str, ...]) -> Rule:
    """A rule on placements that a kind of provider does not offer."""
    message = f"Provider {provider} does not offer this placement."
    return _episode(code, "PLACE PLACE_PROVIDER", message, (provider == PROVIDER) & is_one_of("PLACE", *places))


AGE_RULES = (
    _too_young("370", ("P2",), age=from_year(2023, before=15, after=16), what="Independent living", last=2023),
    _too_young(
        "371", ("H5", "K3"), age=from_year(2023, before=14, after=16), what="Semi-independent or supported living"
    ),
    _too_young("372", ("R5",), age=10, what="Youth custody or prison"),
    _too_young("373", ("S1",), age=4, what="Residential school"),
    _too_young("374", ("P3",), age=14, what="Residential employment"),
    _episode(
        "234",
        "REASON_PLACE_CHANGE DECOM Header.DOB",
        "Placement changed by custody, but the child is aged under 10.",
        (REASON == "CUSTOD") & younger(at="start", than=10),
        first=2025,
    ),
)

TEMPORARY_RULES = (
    _lasts_over("375", "T1", days=42, what="Temporary placement in hospital"),
    _lasts_over("376", "T3", days=21, what="Temporary placement while the carer is on holiday"),
    _lasts_over("379", "T4", days=7, what="Temporary placement for another reason"),
    _too_many("377", "T3", allowed=2, what="temporary placements in the year while the carer is on holiday"),
    _episode(
        "380",
        "PLACE RNE",
        "Temporary placement that does not begin as a change of placement and carers.",
        is_one_of("PLACE", *TEMPORARY) & ~is_one_of("RNE", "P", "B").fill_null(False),
    ),
    _episode(
        "381",
        "PLACE REC",
        "A period of care ends with a temporary placement.",
        is_one_of("PLACE", *TEMPORARY) & (pl.col("REC") != "X1"),
    ),
    _episode(
        "383",
        "PLACE RNE",
        "The child does not return from a temporary placement to the placement before it.",
        is_one_of("prev_PLACE", *TEMPORARY)
        & pl.col("prev2_PLACE").is_not_null()
        & (pl.col("RNE").ne_missing("P") | PLACE.ne_missing(pl.col("prev2_PLACE"))),
    ),
)

ADOPTION_RULES = (
    _episode(
        "217",
        "PLACE DECOM RNE",
        "Placed for adoption with the current foster carer, but the reason for the new episode is a change of carer.",
        is_one_of("PLACE", "A3", "A5")
        & (DECOM >= WITH_FOSTER_CARER_FROM)
        & ~is_one_of("RNE", "S", "T", "U").fill_null(False),
    ),
    _episode(
        "408",
        "PLACE LS",
        "Placed for adoption with a placement order, but under another legal status.",
        is_one_of("PLACE", "A5", "A6") & pl.col("LS").ne_missing("E1"),
    ),
)

PARENT_RULES = (
    _episode(
        "217t",
        "PLACE DEC",
        "Independent living after 28 October 2023.",
        (PLACE == "P2") & (~pl.col("DEC_given") | (DEC > SUPPORTED_ACCOMMODATION)),
        first=2023,
        last=2023,
    ),
    _episode(
        "378",
        "PLACE LS",
        "Placed with parents while accommodated under section 20.",
        (PLACE == "P1") & (pl.col("LS") == "V2"),
    ),
)

PROVIDER_RULES = (
    _episode(
        "213",
        "PLACE PLACE_PROVIDER",
        "A temporary or other placement has a provider.",
        is_one_of("PLACE", *TEMPORARY, *OTHER_KINDS) & PROVIDER.is_not_null(),
    ),
    _episode(
        "526",
        "PLACE PLACE_PROVIDER",
        "A placement has no provider.",
        ~is_one_of("PLACE", *TEMPORARY, "Z1", *OTHER_KINDS).fill_null(False) & PROVIDER.is_null(),
    ),
    _never_provides("527", "PR1", ("P1", "R2", "R5")),
    _never_provides("528", "PR2", ("P1", "R2", "R5")),
    _never_provides("529", "PR3", ("P1", *PLACED_FOR_ADOPTION, "K1", "K2", *FOSTER)),
    _never_provides("530", "PR4", ("P1",)),
    _never_provides("531", "PR5", ("P1",)),
    _episode(
        "550",
        "PLACE PLACE_PROVIDER",
        "The parent is the provider, but the child is not placed with parents.",
        (PROVIDER == "PR0") & PLACE.ne_missing("P1"),
    ),
)

CHANGE_RULES = (
    _episode(
        "225",
        "REASON_PLACE_CHANGE REC RNE PLACE",
        "The placement changes, but no reason is given.",
        (pl.col("REC") == "X1")
        & REASON.is_null()
        & is_one_of("next_RNE", "P", "B", "T", "U")
        & ~is_one_of("PLACE", *TEMPORARY).fill_null(False)
        & ~is_one_of("next_PLACE", *TEMPORARY).fill_null(False),
    ),
    _episode(
        "226",
        "REASON_PLACE_CHANGE PLACE",
        "A reason for the change of placement is given at the start or the end of a temporary placement.",
        is_one_of("PLACE", *TEMPORARY) & (REASON.is_not_null() | pl.col("prev_REASON_PLACE_CHANGE").is_not_null()),
    ),
    _episode(
        "233",
        "REASON_PLACE_CHANGE DEC",
        "A reason for the change of placement is given for an open episode.",
        ~pl.col("DEC_given") & REASON.is_not_null(),
        first=2025,
    ),
)

RULES = AGE_RULES + TEMPORARY_RULES + ADOPTION_RULES + PARENT_RULES + PROVIDER_RULES + CHANGE_RULES
