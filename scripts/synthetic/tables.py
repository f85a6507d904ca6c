"""Referrals as census returns state them: one row per referral, census year and plan.

In: `Events` and `Children`. Out: a frame of copies with the columns of the raw layout (still without year suffixes
and with none of the dirt that strikes single cells). A referral open at 31 March is restated next year; each copy
knows only what had happened by its own 31 March, and some copies change their mind (trap T-1).
"""

import numpy as np
import polars as pl

from scripts.synthetic.children import Children
from scripts.synthetic.parameters import (
    DAYS_PER_YEAR,
    NO_DATE,
    Study,
    between,
    date_series,
    financial_years,
    model,
    pick,
    published,
    year_end,
    year_start,
)
from scripts.synthetic.referrals import IN_NEED, NFA, Events

SPLIT_OF_SEN_CODES = 2014


def referral_copies(
    events: Events, children: Children, in_cin_file: np.ndarray, study: Study, rng: np.random.Generator
) -> pl.DataFrame:
    """All copies, sorted by child, referral, year and plan.

    Returns row positions (child, event, copy), year, days (referral, closure, conference, plan_start, plan_end,
    death) and the codes and flags of each copy.
    """
    fixed = _fixed_fields(events, children, rng)
    event, copy = _expand(events, study, rng)
    year = financial_years(events.referral)[event] + copy
    end, start = year_end(year), year_start(year)
    shown = {name: values[event] for name, values in fixed.items()}
    closure = _closures(events, event, copy, end, rng)
    in_need = events.kind[event] == IN_NEED
    changed = (copy > 0) & (rng.random(len(event)) < study.dirt["restated_copy_changes"])
    change = rng.random((3, len(event)))
    plan_in_year = _within(events.plan_start[event], events.plan_end[event], start, end)
    second_in_year = _within(events.second_plan_start[event], events.second_plan_end[event], start, end)
    conference = events.conference[event]
    frame = pl.DataFrame(
        {
            "event": event,
            "child": events.child[event],
            "copy": copy,
            "year": year,
            "referral": events.referral[event],
            "closure": closure,
            "reason": pl.Series(np.where(closure == NO_DATE, "", shown["reason"]).astype(object), dtype=pl.String),
            "need": pl.Series(
                np.where(changed & (change[0] < 0.6), pick(change[1], model("need")), shown["need"]).astype(object),
                dtype=pl.String,
            ),
            "nfa": ((events.kind[event] == NFA) | changed & in_need & (change[0] > 0.95)).astype(np.int8),
            "conference": np.where(
                in_cin_file[event] & (conference <= end) & (conference >= start), conference, NO_DATE
            ),
            "previous_plans": shown["previous_plans"] + (changed & (change[2] < 0.2)),
            "category": pl.Series(
                np.where(changed & (change[2] > 0.9), "MUL", shown["category"]).astype(object), dtype=pl.String
            ),
            "death": np.where((shown["reason"] == "RC2") & (closure != NO_DATE), closure, NO_DATE),
            "at_31_march": (in_need & ((closure == NO_DATE) | (closure > end))).astype(np.int8),
            "any_point": in_need.astype(np.int8),
            "started": (in_need & (copy == 0)).astype(np.int8),
        }
    )
    first, second = (
        _plan_rows(frame, rows, events, name, end)
        for rows, name in ((plan_in_year, "plan"), (second_in_year, "second_plan"))
    )
    no_plan = frame.filter(~(plan_in_year | second_in_year)).with_columns(
        pl.lit(NO_DATE).alias("plan_start"), pl.lit(NO_DATE).alias("plan_end"), pl.lit("").alias("category")
    )
    second = second.with_columns(pl.col("previous_plans") + 1)
    return pl.concat([no_plan, first.select(no_plan.columns), second.select(no_plan.columns)]).sort(
        "child", "referral", "year", "plan_start", maintain_order=True
    )


def _within(opened: np.ndarray, closed: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Plans that were in force in the year."""
    return (opened != NO_DATE) & (opened <= end) & (closed >= start)


def _plan_rows(frame: pl.DataFrame, rows: np.ndarray, events: Events, name: str, end: np.ndarray) -> pl.DataFrame:
    """The copies that carry this plan, its end only once it has come."""
    event = frame["event"].to_numpy()
    plan_end = getattr(events, f"{name}_end")[event]
    dated = frame.with_columns(
        pl.Series("plan_start", getattr(events, f"{name}_start")[event]),
        pl.Series("plan_end", np.where(plan_end <= end, plan_end, NO_DATE)),
    )
    return dated.filter(rows)


def _fixed_fields(events: Events, children: Children, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What is drawn once per referral, before its copies change it."""
    n = len(events.child)
    u = rng.random((5, n))
    age = (events.referral - children.birth[events.child]) / DAYS_PER_YEAR
    reason = np.where(events.kind == IN_NEED, pick(u[0], published("closure_reason")), "RC8").astype(str)
    implausible = (reason == "RC1") & (age >= 10) | (reason == "RC6") & (age < 16)
    need = np.where((events.kind == NFA) & (u[1] < model("need_when_nfa_blank")), "", pick(u[2], model("need")))
    need = np.where(children.disabled[events.child] & (need != "") & (u[4] < model("need_of_disabled")), "N2", need)
    return {
        "reason": np.where(implausible, "RC7", reason),
        "need": need,
        "category": pick(u[3], published("category_of_abuse")),
        "previous_plans": children.previous_plans[events.child] + _plans_before(events),
    }


def _plans_before(events: Events) -> np.ndarray:
    """Plans of the child that started under its earlier referrals."""
    order = np.lexsort((events.referral, events.child))
    plans = ((events.plan_start != NO_DATE).astype(np.int64) + (events.second_plan_start != NO_DATE))[order]
    before = np.cumsum(plans) - plans
    child = events.child[order]
    first = np.ones(len(child), dtype=bool)
    first[1:] = child[1:] != child[:-1]
    before -= np.maximum.accumulate(np.where(first, before, 0))
    result = np.empty_like(before)
    result[order] = before
    return result


def _expand(events: Events, study: Study, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Event and copy number of every copy: one per census year from the referral to the closure."""
    first = financial_years(events.referral)
    last = financial_years(np.minimum(events.closure, study.last_day))
    # A case that closed just before the census is sometimes restated once more, with another closure.
    near = (
        (events.kind == IN_NEED)
        & (year_end(last) - events.closure < model("restated_closure_days"))
        & (last < study.years[-1])
    )
    again = near & (events.closure <= study.last_day) & (rng.random(len(first)) < study.dirt["restated_copy_changes"])
    copies = last - first + 1 + again
    event = np.repeat(np.arange(len(first)), copies)
    return event, np.arange(len(event)) - np.repeat(np.cumsum(copies) - copies, copies)


def _closures(
    events: Events, event: np.ndarray, copy: np.ndarray, end: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Closure as each copy knows it."""
    closure = events.closure[event]
    after_closure = financial_years(closure) < financial_years(end)
    moved = closure + between(rng.random(len(event)), 1, model("restated_closure_days"))
    closure = np.where(after_closure, moved, closure)
    return np.where(closure <= end, closure, NO_DATE)


def person_columns(copies: pl.DataFrame, children: Children, rng: np.random.Generator) -> pl.DataFrame:
    """Add the child's fields as each copy states them: unborn children have an expected date of birth and gender 0."""
    child, year = copies["child"].to_numpy(), copies["year"].to_numpy()
    referral = copies["referral"].to_numpy()
    kept = (
        children.unborn[child]
        & (copies["copy"].to_numpy() == 0)
        & (rng.random(len(child)) < model("unborn_kept_as_unborn"))
    )
    unborn = (referral < children.birth[child]) & ((year_end(year) < children.birth[child]) | kept)
    birth = np.where(unborn | children.birth_missing[child], NO_DATE, children.birth[child])
    return copies.with_columns(
        pl.Series(children.identifier, dtype=pl.String).gather(child).alias("child_id"),
        pl.Series(children.pupil, dtype=pl.String).gather(child).alias("pupil_id"),
        pl.Series("birth", birth),
        pl.Series("expected_birth", np.where(unborn, children.expected_birth[child], NO_DATE)),
        pl.Series("gender", np.where(unborn, 0, children.gender[child])),
        pl.Series(children.ethnicity, dtype=pl.String).gather(child).alias("ethnicity"),
        pl.Series("disability", children.disabled[child].astype(np.int8)),
        pl.Series("asylum_seeking", children.asylum_seeking[child].astype(np.int8)),
    )


def school_columns(copies: pl.DataFrame, children: Children, study: Study, rng: np.random.Generator) -> pl.DataFrame:
    """Add the spring census: null without a pupil id or outside school age; free school meals missing for some
    pupils.
    """
    child, year = copies["child"].to_numpy(), copies["year"].to_numpy()
    age = ((year_start(year) + 152 - children.birth[child]) / DAYS_PER_YEAR).astype(np.int64)
    pupil = (children.pupil[child] != "") & (age >= 3) & (age <= 17) & (children.birth[child] < year_end(year))
    known = pupil & (rng.random(len(child)) >= study.dirt["missing_fsm"])
    shares = model("fsm")
    flags = [
        pl.Series(name, (children.low_income[child] < share).astype(np.int8)).set(
            ~pl.Series(known & ((age < 4) | (name != "EYPPE"))), None
        )
        for name, share in shares.items()
    ]
    sen = model("sen")
    level = children.sen[child] - 0.25 * children.disabled[child]
    new_codes = year >= SPLIT_OF_SEN_CODES
    statement, support = (
        np.where(new_codes, "E", "S"),
        np.where(new_codes, "K", np.where(level < sen["statement"] + sen["support"] / 2, "P", "A")),
    )
    provision = np.where(
        level < sen["statement"], statement, np.where(level < sen["statement"] + sen["support"], support, "N")
    )
    names = np.array(["N2", "R", *map(str, range(1, 14))], dtype=object)[np.clip(age - 3, 0, 14)]
    no_pupil = ~pl.Series(pupil)
    return copies.with_columns(
        *flags,
        pl.Series("SENprovisionMajor", provision.astype(object), dtype=pl.String).set(no_pupil, None),
        pl.Series("NCyearActual", names, dtype=pl.String).set(no_pupil, None),
    )


def conference_files(events: Events, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whether each referral's conference stands in the CIN file and in the section 47 file: in one of them at least."""
    source = model("conference_source")
    u = rng.random(len(events.child))
    only_cin, only_section47 = u < source["children_in_need"], u >= 1 - source["section47"]
    return ~only_section47, ~only_cin


def section47_rows(
    events: Events, children: Children, in_file: np.ndarray, study: Study, rng: np.random.Generator
) -> pl.DataFrame:
    """The section 47 file's rows: conferences, and enquiries without one (null)."""
    held = (events.conference != NO_DATE) & (events.conference <= study.last_day)
    listed = held & in_file
    enquiry = (events.kind == IN_NEED) & ~held & (rng.random(len(held)) < model("section47_without_conference"))
    child = np.concatenate([events.child[listed], events.child[enquiry]])
    days = np.concatenate([events.conference[listed], np.full(int(enquiry.sum()), NO_DATE)])
    rows = pl.DataFrame(
        {"child_id": pl.Series(children.identifier, dtype=pl.String).gather(child), "conference": date_series(days)}
    )
    return rows.sort("child_id", "conference", nulls_last=True)
