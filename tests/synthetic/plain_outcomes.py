"""Settings of small synthetic studies, and the study's outcomes computed the plain way from generated frames."""

from datetime import date
from typing import Any

import polars as pl

from scripts.dates import HolidayCalendar, working_days
from scripts.synthetic import layout
from scripts.synthetic.job import extract
from scripts.synthetic.parameters import Study

DIRT = (
    "restated_copy_changes",
    "closure_before_referral",
    "negative_duration",
    "repeated_assessment",
    "dirty_code",
    "sentinel_date",
    "unborn",
    "conflicting_demographics",
    "missing_birth_date",
    "overlapping_episodes",
    "missing_pupil_id",
    "missing_fsm",
    "unknown_closure_reason",
)
EFFECTS = ("assessment_duration", "icpc", "nfa_rereferral", "rereferral_escalation", "kinship")
EMBEDDED = date(2012, 3, 31)
RELATIVES = ["Q1", "U1", "U2", "U3", "F1", "F4"]


def study_settings(referrals: int, dirt: float = 0.0, **effects: float) -> dict[str, Any]:
    """One pilot LA, 501, embedded over 2011/12, with every kind of dirt at the rate `dirt`."""
    return {
        "seed": 7,
        "dates": {
            "data_start": "2008-04-01",
            "data_end": "2019-03-31",
            "bank_holidays": {"country": "GB", "subdivision": "ENG"},
        },
        "las": {"501": {"embedding_start": "2011-04-01", "embedding_end": EMBEDDED.isoformat()}},
        "n_las": 1,
        "synthetic": {
            "referrals": referrals,
            "size_spread": 0.0,
            "effects": dict.fromkeys(EFFECTS, 0.0) | effects,
            "windows": {
                "icpc": 90,
                "nfa_rereferral": 183,
                "rereferral_escalation": 360,
                "escalation": 180,
                "kinship": 365,
            },
            "kinship_placements": RELATIVES,
            "la_effect_sd": 0.0,
            "shock_sd": 0.0,
            "shock_persistence": 0.5,
            "trend_per_year": 0.0,
            "recording_breaks": [],
            "dirt": dict.fromkeys(DIRT, dirt),
        },
    }


def extract_of(settings: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """The frames of LA 501."""
    return extract("501", Study.from_settings(settings))


def referrals_of(frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per child and referral: child, referral, closure, in_need, next_referral."""
    copies = pl.concat(
        [
            frame.select("CIN_LAchildID_Anon", "CIN_ReferralDate", "CIN_CINClosureDate", "CIN_AnyPoint")
            for name, frame in frames.items()
            if name.startswith("CIN_2")
        ]
    )
    referrals = copies.group_by(
        pl.col("CIN_LAchildID_Anon").alias("child"), pl.col("CIN_ReferralDate").alias("referral")
    ).agg(pl.col("CIN_CINClosureDate").max().alias("closure"), pl.col("CIN_AnyPoint").max().alias("in_need"))
    return referrals.sort("child", "referral").with_columns(
        pl.col("referral").shift(-1).over("child").alias("next_referral")
    )


def _first_after(rows: pl.DataFrame, dates: pl.DataFrame, after: str, name: str) -> pl.DataFrame:
    """Add the child's first date strictly after the column `after`."""
    dates = dates.drop_nulls().unique().sort("date").with_columns(pl.col("date").alias(name))
    with_bound = rows.with_columns((pl.col(after) + pl.duration(days=1)).alias("bound")).sort("bound")
    return with_bound.join_asof(
        dates, check_sortedness=False, left_on="bound", right_on="date", by="child", strategy="forward"
    ).drop("bound", "date")


def _dates(frames: dict[str, pl.DataFrame], prefix: str, child: str, column: str) -> pl.DataFrame:
    parts = [
        frame.select(pl.col(child).alias("child"), pl.col(column).alias("date"))
        for name, frame in frames.items()
        if name.startswith(prefix)
    ]
    return pl.concat(parts)


def outcome_means(frames: dict[str, pl.DataFrame]) -> dict[str, float]:
    """Mean of each outcome over the post-embedding index events whose window lies within the data."""
    care = frames[layout.CARE].filter(~pl.col("legal_status").is_in(["V3", "V4"]))
    frames = frames | {layout.CARE: care}
    referrals, last = referrals_of(frames), date(2019, 3, 31)
    post = referrals.filter(pl.col("referral") > EMBEDDED)
    conferences = pl.concat(
        [
            _dates(frames, "CIN_2", "CIN_LAchildID_Anon", "CIN_DateOfInitialCPC"),
            _dates(frames, layout.SECTION47, "CIN_LAchildID_Anon", "CIN_DateOfInitialCPC"),
        ]
    )
    in_need = _first_after(
        post.filter(pl.col("in_need") == 1, (last - pl.col("referral")).dt.total_days() > 90),
        conferences,
        "referral",
        "conference",
    )
    no_action = post.filter(pl.col("in_need") == 0, (last - pl.col("closure")).dt.total_days() > 540)
    steps = pl.concat(
        [
            _dates(frames, "CIN_2", "CIN_LAchildID_Anon", "CIN_CPPstartDate"),
            _dates(frames, layout.CARE, "CHILD_LA_CODE_ANON", "poc_start"),
        ]
    )
    gap = (pl.col("next_referral") - pl.col("closure")).dt.total_days()
    returned = _first_after(no_action.filter(gap <= 360), steps, "next_referral", "step")
    escalated = returned.filter((pl.col("step") - pl.col("next_referral")).dt.total_days() <= 180)
    return {
        "assessment_duration": _mean_duration(frames, last),
        "icpc": float(((in_need["conference"] - in_need["referral"]).dt.total_days() < 90).fill_null(False).mean()),
        "nfa_rereferral": no_action.select((gap.is_between(1, 183)).fill_null(False).mean()).item(),
        "rereferral_escalation": len(escalated) / len(no_action),
        "kinship": _kinship_share(frames[layout.CARE], last),
    }


def _mean_duration(frames: dict[str, pl.DataFrame], last: date) -> float:
    parts = [
        frames[name].rename(dict(zip(frames[name].columns, "abcdef", strict=True))) for name, _, _ in layout.ASSESSMENTS
    ]
    rows = pl.concat(parts).filter(pl.col("e") > EMBEDDED, (last - pl.col("e")).dt.total_days() > 400)
    return float(working_days(rows["e"], rows["f"], HolidayCalendar("GB", "ENG")).mean())


def _kinship_share(episodes: pl.DataFrame, last: date) -> float:
    orders = episodes.filter(
        pl.col("legal_status").is_in(["C1", "C2"]),
        pl.col("poc_start") > EMBEDDED,
        (last - pl.col("poc_start")).dt.total_days() > 365,
    )
    within = (pl.col("date_episode_started") - pl.col("poc_start")).dt.total_days() <= 365
    periods = orders.group_by("CHILD_LA_CODE_ANON", "poc_start").agg(
        (within & pl.col("placement").is_in(RELATIVES)).any().alias("kin")
    )
    return float(periods["kin"].mean())
