"""Periods of care and their episodes.

In: `Events` and `Children` of an LA. Out: one row per episode with days, legal status, placement, reason of end and
the period's start and end. Kinship is drawn per period under a care order, with probability base + effect at the
period's start: "yes" puts a relative's placement in a care-order episode that starts within the window, "no" keeps
relatives out of every such episode. Periods without a care order (and short breaks) follow their own rates, which the
treatment leaves alone. Counts of other definitions of kinship move with the planted effect as far as they contain
these placements.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from scripts.synthetic.authority import Authority
from scripts.synthetic.children import Children
from scripts.synthetic.parameters import (
    DAYS_PER_YEAR,
    NO_DATE,
    Part,
    Study,
    between,
    day,
    expit,
    logit,
    model,
    pick,
)
from scripts.synthetic.referrals import IN_NEED, Events

NEVER = 10**6


@dataclass(frozen=True)
class Periods:
    """Periods of care. start: day; length, order, full_order, move, second_move: days after the start, `NEVER` if
    not.
    """

    child: np.ndarray
    start: np.ndarray
    length: np.ndarray
    entry: np.ndarray
    order: np.ndarray
    full_order: np.ndarray
    move: np.ndarray
    second_move: np.ndarray
    placements: tuple[np.ndarray, np.ndarray, np.ndarray]


def care_episodes(events: Events, children: Children, authority: Authority, study: Study) -> pl.DataFrame:
    """Episodes up to the end of the data, sorted by child and start.

    Returns columns child (row in `children`), start, end (days, `NO_DATE` while open), poc_start, poc_end, reason,
    legal_status, placement, need.
    """
    rng = study.stream(authority.code, Part.CARE)
    in_care = (events.care_start != NO_DATE) & (events.care_start <= study.last_day)
    periods = _periods(
        events.child[in_care], events.care_start[in_care], events.care_end[in_care], children, authority, study, rng
    )
    frames = [
        _episodes(periods, children, study, rng),
        _short_breaks(events, children, study, study.stream(authority.code, Part.CARE, 1)),
    ]
    return (
        pl.concat(frames)
        .filter(pl.col("start") <= study.last_day)
        .sort("child", "start", "placement", maintain_order=True)
    )


def _periods(
    child: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    children: Children,
    authority: Authority,
    study: Study,
    rng: np.random.Generator,
) -> Periods:
    """Legal course, moves and placements of each period."""
    rates, length, n = model("care"), end - start, len(child)
    u = rng.random((14, n))
    entry = np.where(children.asylum_seeking[child], "section_20", pick(u[0], rates["legal"]))
    order, full_order = _orders(entry, length, u[1:5])
    under_order = order < NEVER
    # Kinship of the outcome: any episode under an order that starts within the window.
    departure = authority.departures["kinship"][study.year_index(start)] + children.risk[child]
    treated = expit(logit(rates["kinship"]) + departure) + authority.ramp(start) * study.effects["kinship"]
    relative = np.where(under_order, u[5] < np.clip(treated, 0, 1), u[5] < rates["kinship_no_order"])
    window = study.windows["kinship"]
    earliest = np.where(under_order, np.maximum(order, 5), 5)
    latest = np.minimum(length - 1, window)
    first = relative & ((u[6] < rates["kinship_first"]) | (latest < earliest))
    later = relative & ~first
    # A move keeps clear of the order's start, so that a relative's first placement reaches into the order.
    move = np.where(
        u[7] < rates["move"], between(u[8], np.where(under_order, order, 0) + 7, np.maximum(length, 30) + 7), NEVER
    )
    move = np.where(later, between(u[8], earliest, np.maximum(latest, earliest)), move)
    move = np.where(move < length, move, NEVER)
    late = ~relative & (u[9] < rates["late_kinship"])
    after_window = np.where(under_order, order, 0) + window + 1
    second = np.where(
        late, between(u[10], after_window, after_window + window), np.maximum(move, 0) + between(u[10], 14, window)
    )
    second = np.where(
        (late | (u[11] < rates["second_move"]) & (move < NEVER)) & (second < length) & ((second > move) | late),
        second,
        NEVER,
    )
    move = np.where(late & (move >= second), NEVER, move)
    others = tuple(
        np.where(under_order, pick(v, rates["other_placements_order"]), pick(v, rates["other_placements_no_order"]))
        for v in u[11:14]
    )
    kinds = (
        np.where(first, "relative", others[0]),
        np.where(later, "relative", others[1]),
        np.where(late, "relative", others[2]),
    )
    return Periods(child, start, length, entry, order, full_order, move, second, kinds)


def _orders(entry: np.ndarray, length: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days into the period at which an interim and a full care order begin."""
    rates = model("care")
    from_voluntary = (entry == "section_20") & (u[0] < rates["care_order_from_section_20"])
    from_protection = (entry == "protection") & (u[0] < rates["care_order_from_protection"])
    order = np.select(
        [entry == "care_order", from_voluntary, from_protection],
        [
            0,
            between(u[1], *rates["care_order_from_section_20_days"]),
            between(u[1], *rates["care_order_from_protection_days"]),
        ],
        NEVER,
    )
    order = np.where(order < length - 1, order, NEVER)
    full = np.where(u[2] < rates["full_order"], order + between(u[3], *rates["full_order_days"]), NEVER)
    return order, np.where((order < NEVER) & (full < length), full, NEVER)


def _episodes(periods: Periods, children: Children, study: Study, rng: np.random.Generator) -> pl.DataFrame:
    """Cut each period where its legal status or placement changes."""
    rates = model("care")
    n = len(periods.child)
    cuts = np.stack([np.zeros(n, dtype=np.int64), periods.order, periods.full_order, periods.move, periods.second_move])
    cuts.sort(axis=0)
    fresh = np.vstack([np.ones((1, n), dtype=bool), np.diff(cuts, axis=0) > 0]) & (cuts < NEVER)
    row, period = np.nonzero(fresh)
    offset = cuts[row, period]
    order = np.lexsort((offset, period))
    offset, period = offset[order], period[order]
    last = np.ones(len(period), dtype=bool)
    last[:-1] = period[1:] != period[:-1]
    next_offset = np.where(last, periods.length[period], np.roll(offset, -1))
    start = periods.start[period] + offset
    kind = np.select(
        [offset >= periods.second_move[period], offset >= periods.move[period]],
        [periods.placements[2][period], periods.placements[1][period]],
        periods.placements[0][period],
    )
    entry = np.select([periods.entry == "justice", periods.entry == "protection"], ["J1", "L2"], "V2")[period]
    legal = np.select([offset >= periods.full_order[period], offset >= periods.order[period]], ["C2", "C1"], entry)
    end = periods.start[period] + next_offset
    age = (end - children.birth[periods.child[period]]) / DAYS_PER_YEAR
    reason = np.where(last, _end_reasons(kind, age, end, rng), "X1")
    known = end <= study.last_day
    period_end = (periods.start + periods.length)[period]
    return pl.DataFrame(
        {
            "child": periods.child[period],
            "start": start,
            "end": np.where(known, end, NO_DATE),
            "poc_start": periods.start[period],
            "poc_end": np.where(period_end <= study.last_day, period_end, NO_DATE),
            "reason": pl.Series(np.where(known, reason, "").astype(object), dtype=pl.String),
            "legal_status": pl.Series(legal.astype(object), dtype=pl.String),
            "placement": pl.Series(_codes(kind, start, rng), dtype=pl.String),
            "need": pl.Series(pick(rng.random(n), rates["need"])[period], dtype=pl.String),
        }
    )


def _codes(kind: np.ndarray, start: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Placement codes of their time: F1-F6, then Q1/Q2, then U1-U6 (traps T-31)."""
    rates, n = model("care"), len(kind)
    u = rng.random(n)
    retired = start < day(rates["current_codes_from"])
    oldest = start < day(rates["retired_codes_from"])
    relative = np.select(
        [oldest, retired], [np.where(u < 0.5, "F1", "F4"), "Q1"], pick(u, rates["relative_current"]).astype(str)
    )
    foster = np.select(
        [oldest, retired], [np.where(u < 0.5, "F2", "F5"), "Q2"], pick(u, rates["foster_current"]).astype(str)
    )
    return np.where(kind == "relative", relative, np.where(kind == "foster", foster, kind)).astype(object)


def _end_reasons(kind: np.ndarray, age: np.ndarray, end: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reason codes of their time: E4 before its split, E43/E44 before E45 to E48 (trap T-31)."""
    rates, n = model("care"), len(kind)
    u = rng.random((3, n))
    reason = np.where(age < 16, pick(u[0], rates["end_under_16"]), pick(u[0], rates["end_over_16"])).astype(str)
    reason = np.where(
        (reason == "adopted"), np.where(age < 6, np.where(u[1] < 0.5, "E11", "E12"), "guardianship"), reason
    )
    carer_was_foster = np.isin(kind, ["relative", "foster"]) & (u[1] < 0.7)
    kin = np.where(carer_was_foster, (kind == "relative") | (u[2] < 0.8), u[2] < rates["guardianship_relative"])
    new_codes = np.where(carer_was_foster, np.where(kin, "E45", "E46"), np.where(kin, "E47", "E48"))
    guardianship = np.where(
        end < day(rates["guardianship_codes_from"]), np.where(carer_was_foster, "E43", "E44"), new_codes
    )
    returned = np.isin(reason, ["E4A", "E4B"]) & (end < day(rates["split_returns_from"]))
    return np.select([reason == "guardianship", returned], [guardianship, "E4"], reason)


def _short_breaks(events: Events, children: Children, study: Study, rng: np.random.Generator) -> pl.DataFrame:
    """Short breaks of disabled children in need: periods of a few days under V3 or V4 (trap T-30)."""
    eligible = (
        (events.kind == IN_NEED)
        & children.disabled[events.child]
        & (events.care_start == NO_DATE)
        & (events.closure - events.referral > 60)
    )
    chosen = np.flatnonzero(eligible & (rng.random(len(eligible)) < model("care")["short_breaks"]))
    u = rng.random((3, len(chosen) * 2))
    period = np.tile(chosen, 2)
    # The second break lies in the second half of the case, so that the two never touch.
    half = (events.closure - events.referral)[period] // 2
    start = (
        np.maximum(events.referral, children.birth[events.child])[period]
        + np.repeat([0, 1], len(chosen)) * half
        + between(u[0], 1, half - 14)
    )
    end = start + between(u[1], 2, 12)
    known = end <= study.last_day
    return pl.DataFrame(
        {
            "child": events.child[period],
            "start": start,
            "end": np.where(known, end, NO_DATE),
            "poc_start": start,
            "poc_end": np.where(known, end, NO_DATE),
            "reason": pl.Series(np.where(known, "E8", "").astype(object), dtype=pl.String),
            "legal_status": pl.Series(np.where(u[2] < 0.2, "V3", "V4").astype(object), dtype=pl.String),
            "placement": pl.Series(_codes(np.full(len(period), "foster"), start, rng), dtype=pl.String),
            "need": pl.Series(np.full(len(period), "N2", dtype=object), dtype=pl.String),
        }
    )
