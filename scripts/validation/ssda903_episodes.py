"""SSDA903 rules on episodes: codes, dates, their chain within a year and its link to the year before."""

from datetime import date

import polars as pl

from scripts.codes import valid_codes
from scripts.validation.rules import QUERY, YEAR, Rule, invalid, rules_on
from scripts.validation.ssda903_table import OTHER_KINDS, is_one_of, no_date, younger

DECOM, DEC, PREV_DEC = pl.col("DECOM"), pl.col("DEC"), pl.col("prev_DEC")
REC, RNE = pl.col("REC"), pl.col("RNE")
PERIOD_START, PERIOD_END = pl.col("period_start"), pl.col("period_end")
CHILDREN_ACT = date(1991, 10, 14)
CONTINUES = REC == "X1"
# Codes that became another without the placement changing: census year, the code now, the code before.
RECODED = ((2023, ("K3",), "H5"), (2024, ("K3",), "H5"), (2025, OTHER_KINDS, "Z1"))

_episode = rules_on("episodes", "Episodes")
_first = rules_on("first_episodes", "Episodes")


def _left_care(column: str) -> pl.Expr:
    """The reason says that the child left care."""
    return is_one_of(column, *sorted(valid_codes("episode_end_reason") - {"X1"}))


def _same(column: str) -> pl.Expr:
    """As in the episode before; blank twice is the same."""
    return pl.col(column).eq_missing(pl.col(f"prev_{column}"))


def _changed_since_last_year(column: str) -> pl.Expr:
    """Not as in the episode that was open when the year before ended."""
    return ~pl.col("last_DEC_given") & pl.col(column).ne_missing(pl.col(f"last_{column}"))


def _recoded() -> pl.Expr:
    """The placement has the new code of what it was."""
    changes = [
        (pl.lit(year) == YEAR) & pl.col("PLACE").is_in(now) & (pl.col("last_PLACE") == old)
        for year, now, old in RECODED
    ]
    return pl.any_horizontal(changes).fill_null(False)


def _open_then(code: str, column: str, what: str) -> Rule:
    """A rule of the 503 family."""
    message = f"{what} of the first episode is not that of the episode open at the end of last year."
    changed = _changed_since_last_year(column)
    return _first(code, column, message, changed & ~_recoded() if column == "PLACE" else changed)


CODE_RULES = (
    _episode("141", "DECOM", "Start of the episode is not a date.", no_date("DECOM")),
    _episode("143", "RNE", "Reason for the new episode is not a valid code.", invalid("RNE", "reason_for_new_episode")),
    # Whether a freeing order still stands is the matter of rules 445 and 451, whatever the year.
    _episode("144", "LS", "Legal status is not a valid code.", invalid("LS", "legal_status") & ~is_one_of("LS", "D1")),
    _episode("145", "CIN", "Category of need is not a valid code.", invalid("CIN", "category_of_need")),
    _episode("146", "PLACE", "Placement is not a valid code.", invalid("PLACE", "placement")),
    _episode("147", "DEC", "End of the episode is not a date.", no_date("DEC")),
    _episode("149", "REC", "Reason the episode ended is not a valid code.", invalid("REC", "episode_end_reason")),
    _episode(
        "178",
        "PLACE_PROVIDER",
        "Placement provider is not a valid code.",
        invalid("PLACE_PROVIDER", "placement_provider"),
    ),
    _episode(
        "1009",
        "REASON_PLACE_CHANGE",
        "Reason for the change of placement is not a valid code.",
        invalid("REASON_PLACE_CHANGE", "reason_place_change"),
    ),
    _episode("INT03", "CHILD Header.CHILD", "Child with an episode is not in the header.", ~pl.col("in_header")),
)

DATE_RULES = (
    _episode(
        "148",
        "DEC REC",
        "Only one of end date and reason the episode ended is given.",
        pl.col("DEC_given") != REC.is_not_null(),
    ),
    _episode(
        "302",
        "DECOM Header.DOB",
        "First episode starts before the child was born.",
        ~pl.col("has_prev") & (pl.col("DOB") > DECOM),
    ),
    _episode(
        "352",
        "DECOM RNE Header.DOB",
        "Aged 18 or over when care started.",
        (RNE == "S") & ~younger(at="start", than=18),
    ),
    _episode("353", "DECOM", "Episode starts before 14 October 1991.", DECOM < CHILDREN_ACT),
    _episode("354", "DECOM", "Episode starts after the collection year ended.", DECOM > PERIOD_END),
    _episode("355", "DECOM DEC", "Episode starts and ends on the same day.", DECOM == DEC),
    _episode("356", "DECOM DEC", "Episode ends before it starts.", DEC < DECOM),
    _episode("385", "DEC", "Episode ends after the collection year ended.", DEC > PERIOD_END),
    _episode("501", "DECOM DEC", "Episode starts before the previous one ended.", DECOM < PREV_DEC),
)

CHAIN_RULES = (
    _episode(
        "142",
        "DEC REC",
        "Another episode follows, but this one has no end date or no reason.",
        pl.col("has_next") & pl.col("next_DECOM").is_not_null() & (DEC.is_null() | REC.is_null()),
    ),
    _episode(
        "199",
        "CHILD DECOM REC",
        "Episode starts after one that ended in the child's adoption.",
        pl.col("adopted_from") < DECOM,
    ),
    _episode(
        "357",
        "RNE DECOM",
        "First episode, begun within the year, does not start a period of care.",
        ~pl.col("has_prev") & (DECOM >= PERIOD_START) & RNE.ne_missing("S"),
    ),
    _episode(
        "388",
        "REC DEC",
        "The reason says that another episode begins the same day and none does, or the reverse.",
        pl.when(pl.col("next_DECOM").is_null())
        .then(CONTINUES & DEC.is_not_null())
        .otherwise((pl.col("next_DECOM") == DEC) != CONTINUES),
    ),
    _episode(
        "431",
        "RNE DECOM DEC",
        "A period of care starts on or before the day the previous episode ended.",
        (RNE == "S") & (PREV_DEC >= DECOM),
    ),
    _episode(
        "432",
        "RNE REC",
        "Care had ended with the previous episode, but this one does not start a period of care.",
        _left_care("prev_REC") & RNE.ne_missing("S"),
    ),
    _episode(
        "433",
        "RNE DECOM DEC",
        "Episode continues care but does not start on the day the previous one ended.",
        pl.col("has_prev") & is_one_of("RNE", "P", "L", "T", "U", "B") & PREV_DEC.ne_missing(DECOM),
    ),
    # Postcode and URN are not read, so whether a placement changed within its type and provider is not judged.
    _episode(
        "434",
        "RNE LS PLACE PLACE_PROVIDER",
        "Only the legal status is said to change, but it does not, or the placement changes.",
        pl.col("has_prev") & (RNE == "L") & (_same("LS") | ~_same("PLACE") | ~_same("PLACE_PROVIDER")),
    ),
    _episode(
        "435",
        "RNE LS",
        "Only the placement is said to change, but the legal status does.",
        pl.col("has_prev") & is_one_of("RNE", "P", "T") & ~_same("LS"),
    ),
    _episode(
        "436",
        "RNE LS",
        "Legal status and placement are said to change, but the legal status does not.",
        pl.col("has_prev") & is_one_of("RNE", "B", "U") & _same("LS"),
    ),
    _episode(
        "437",
        "REC",
        "The child died or was found to be an adult, but episodes follow.",
        is_one_of("REC", "E2", "E15") & pl.col("has_next"),
    ),
    _episode(
        "504",
        "CIN DECOM DEC REC",
        "Category of need changes within a period of care.",
        (pl.col("prev_REC") == "X1") & (PREV_DEC == DECOM) & ~_same("CIN"),
    ),
)

LAST_YEAR_RULES = (
    _first(
        "502",
        "DECOM DEC",
        "First episode does not start when the episode open at the end of last year did.",
        pl.col("in_last_year") & _changed_since_last_year("DECOM"),
    ),
    _open_then("503A", "RNE", "Reason for the new episode"),
    _open_then("503B", "LS", "Legal status"),
    _open_then("503C", "CIN", "Category of need"),
    _open_then("503D", "PLACE", "Placement"),
    _open_then("503E", "PLACE_PROVIDER", "Placement provider"),
    _first(
        "562",
        "DECOM",
        "Episode began before the year, but last year's return does not end with it.",
        (DECOM < PERIOD_START) & DECOM.ne_missing(pl.col("last_DECOM")),
    ),
    _first(
        "NoE",
        "DECOM",
        "Care began before the year, but last year's return has no episode of the child.",
        (DECOM < PERIOD_START) & ~pl.col("in_last_year"),
        QUERY,
    ),
)

RULES = CODE_RULES + DATE_RULES + CHAIN_RULES + LAST_YEAR_RULES
