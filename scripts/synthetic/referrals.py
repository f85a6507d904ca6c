"""What follows one referral: no further action or need, assessment, conference, plan, care, closure, return.

In: `Arrivals` (one per referral, any number) and an `Authority`. Out: `Events`, arrays of the same length. Each
outcome of the study is drawn itself, with probability base + effect, and dates are chosen to agree with it:

- conference (referrals in need): 1 to 89 days after the referral, or not before day 90;
- return after no further action: 1 to 183 days after the closure, 184 to 360, later, or never;
- escalation (a plan or care start 1 to 180 days after the first return within 360 days): drawn at the *return*, with
  the parent's effect divided by the probability of such a return, so that the product shifts by the effect.

What a child's later referral does must not answer for an earlier one whose outcome was drawn "no": `conference_bound`
and `plan_bound` are the first days on which a later conference or plan is free of every earlier window.

Remaining leaks, all second order: escalation and conference share their uniform number, so a lower conference rate
moves some escalations from plans to care; a different return rate changes how many referrals there are; "last"
instead of "first" return sees only part of a planted escalation effect. Probabilities are cut at 0 and 1.
"""

from dataclasses import dataclass

import numpy as np

from scripts.synthetic.assessments import Durations, assess
from scripts.synthetic.authority import Authority
from scripts.synthetic.children import Children
from scripts.synthetic.parameters import NO_DATE, Study, between, expit, logit, model, pick_band, weekday

NFA, NOT_IN_NEED, IN_NEED = 0, 1, 2
LONGEST_RETURN = 1800
YEAR = 365


@dataclass(frozen=True)
class Arrivals:
    """Referrals about to happen. child: row in `Children`; escalation: base * scale + add / P(in need)."""

    child: np.ndarray
    referral: np.ndarray
    conference_bound: np.ndarray
    plan_bound: np.ndarray
    escalation_scale: np.ndarray
    escalation_add: np.ndarray
    answers_for_parent: np.ndarray

    @classmethod
    def first(cls, referral: np.ndarray) -> "Arrivals":
        """First referrals of as many children."""
        n = len(referral)
        nothing = np.full(n, np.iinfo(np.int64).min // 2)
        return cls(np.arange(n), referral, nothing, nothing, np.ones(n), np.zeros(n), np.zeros(n, dtype=bool))


@dataclass(frozen=True)
class Events:
    """What happened after each referral; days, `NO_DATE` for never. kind: NFA, NOT_IN_NEED or IN_NEED."""

    child: np.ndarray
    referral: np.ndarray
    kind: np.ndarray
    assessment_start: np.ndarray
    assessment_end: np.ndarray
    conference: np.ndarray
    plan_start: np.ndarray
    plan_end: np.ndarray
    second_plan_start: np.ndarray
    second_plan_end: np.ndarray
    care_start: np.ndarray
    care_end: np.ndarray
    closure: np.ndarray


@dataclass(frozen=True)
class Drawn:
    """What is settled before dates. treatment: share of the effect in force; risk: shift on the logit scale."""

    kind: np.ndarray
    year: np.ndarray
    treatment: np.ndarray
    risk: np.ndarray
    conferred: np.ndarray
    escalates: np.ndarray


def follow(
    arrivals: Arrivals,
    children: Children,
    authority: Authority,
    study: Study,
    distribution: Durations,
    rng: np.random.Generator,
) -> tuple[Events, Arrivals]:
    """Everything that follows these referrals, and the arrivals they lead to (not yet cut at the end of the data)."""
    n = len(arrivals.child)
    drawn = _draw(arrivals, children, authority, study, rng.random((2, n)))
    start, end, untreated_end = assess(arrivals.referral, authority, study, distribution, rng.random((4, n)))
    steps = _protect(arrivals, drawn, children, study, rng.random((14, n)))
    closure = _close(arrivals.referral, drawn.kind, untreated_end, end, steps, rng.random((4, n)))
    events = Events(arrivals.child, arrivals.referral, drawn.kind, start, end, closure=closure, **steps)
    return events, _return(arrivals, events, drawn, authority, study, rng.random((3, n)))


def _draw(arrivals: Arrivals, children: Children, authority: Authority, study: Study, u: np.ndarray) -> Drawn:
    """Kind, conference and escalation; the last two share a uniform number, as a plan mostly follows a conference."""
    year = study.year_index(arrivals.referral)
    treatment, risk = authority.ramp(arrivals.referral), children.risk[arrivals.child]
    nfa, not_in_need = authority.nfa[year], authority.not_in_need[year]
    kind = np.select([u[0] < nfa, u[0] < nfa + not_in_need], [NFA, NOT_IN_NEED], IN_NEED)
    rates = model("in_need")
    conference = expit(logit(rates["conference"]) + authority.departures["icpc"][year] + risk)
    conference = np.clip(conference + treatment * study.effects["icpc"], 0, 1)
    escalation = expit(logit(rates["escalation"]) + authority.departures["rereferral_escalation"][year] + risk)
    added = arrivals.escalation_add / (1 - nfa - not_in_need)
    escalation = np.clip(escalation * arrivals.escalation_scale + added, 0, 1)
    in_need = kind == IN_NEED
    return Drawn(kind, year, treatment, risk, in_need & (u[1] < conference), in_need & (u[1] < escalation))


def _protect(
    arrivals: Arrivals, drawn: Drawn, children: Children, study: Study, u: np.ndarray
) -> dict[str, np.ndarray]:
    """Conference, plan and care days that agree with the two outcomes drawn (u: uniform, shape (14, n))."""
    conferred, escalates = drawn.conferred, drawn.escalates
    constants, referral = model("in_need"), arrivals.referral
    escalation_days = study.windows["escalation"]
    unborn = children.birth[arrivals.child] > referral
    earliest = np.maximum(referral + 1, arrivals.plan_bound)
    latest = referral + escalation_days
    planned = escalates & np.where(
        conferred, u[0] < constants["plan_given_conference"], u[0] < constants["plan_without_conference"]
    )
    planned |= escalates & unborn
    cared = escalates & ~unborn & (~planned | (u[1] < constants["care_beside_plan"]))
    late = (drawn.kind == IN_NEED) & ~escalates
    late_planned = late & (u[2] < constants["late_plan"])
    late_cared = late & ~unborn & (u[3] < constants["late_care"])
    conference = _conference_days(arrivals, study, u[4], u[5])
    late_day = between(u[6], latest + 1, latest + YEAR // 2)
    delayed_day = between(u[6], np.maximum(referral + study.windows["icpc"], earliest), latest)
    plan = np.where(
        conferred & (conference >= earliest),
        conference,
        np.where(conferred, between(u[6], earliest, latest), delayed_day),
    )
    plan = np.where(planned, plan, np.where(late_planned, late_day, NO_DATE))
    first_conference = np.where(conferred, conference, np.where(planned | late_planned, plan, NO_DATE))
    skew = 1 - np.sqrt(1 - u[7])
    care = np.where(cared, between(skew, earliest, latest), between(u[8], latest + 1, latest + YEAR))
    care = np.where(cared | late_cared, care, NO_DATE)
    plan_length = 20 - np.log1p(-u[9]) * (constants["plan_days"] - 20)
    short = u[10] < constants["care_short_share"]
    care_length = 2 - np.log1p(-u[11]) * np.where(short, constants["care_short_days"], constants["care_long_days"])
    majority = children.birth[arrivals.child] + int(18 * 365.25)
    plan_end = _if(plan, plan + plan_length.astype(np.int64))
    second = np.where(
        (plan != NO_DATE) & (u[12] < constants["second_plan"]), plan_end + between(u[13], 30, 150), NO_DATE
    )
    return {
        "conference": first_conference,
        "plan_start": plan,
        "plan_end": plan_end,
        "second_plan_start": second,
        "second_plan_end": _if(second, second + (plan_length * 0.7).astype(np.int64)),
        "care_start": care,
        "care_end": _if(care, np.maximum(np.minimum(care + care_length.astype(np.int64), majority), care + 2)),
    }


def _if(event: np.ndarray, value: np.ndarray) -> np.ndarray:
    """`value` where the event has a day, no date elsewhere."""
    return np.where(event == NO_DATE, NO_DATE, value)


def _conference_days(arrivals: Arrivals, study: Study, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Day of a conference inside its window: most three to five weeks in, on weekdays where the window allows."""
    low = np.maximum(arrivals.referral + 1, arrivals.conference_bound)
    high = arrivals.referral + study.windows["icpc"] - 1
    proposed = between(0.35 * u + 0.65 * u * v, low, high)
    friday = proposed - np.maximum(weekday(proposed) - 4, 0)
    return np.where(friday >= low, friday, proposed)


def _close(
    referral: np.ndarray,
    kind: np.ndarray,
    untreated_end: np.ndarray,
    assessment_end: np.ndarray,
    steps: dict[str, np.ndarray],
    u: np.ndarray,
) -> np.ndarray:
    """Closure day: after everything that happened; it waits for the assessment as long as it would have taken
    untreated.
    """
    nfa = referral + between(u[0] ** 2, 0, model("nfa_closure_days"))
    assessed = np.maximum(untreated_end, assessment_end) + between(u[1] ** 2, 0, 10)
    length = pick_band(u[2], u[3], model("in_need")["length_bands"]).astype(np.int64)
    wait = between(u[1], 5, model("in_need")["after_plan_days"])
    last_step = np.max(
        np.stack([steps["conference"], steps["plan_end"], steps["second_plan_end"], steps["care_end"]]), axis=0
    )
    in_need = np.where(last_step == NO_DATE, referral + length, np.maximum(referral + length // 2, last_step + wait))
    return np.select([kind == NFA, kind == NOT_IN_NEED], [nfa, assessed], in_need)


def _return(
    arrivals: Arrivals, events: Events, drawn: Drawn, authority: Authority, study: Study, u: np.ndarray
) -> Arrivals:
    """The next referral of each child that has one."""
    year, treatment = drawn.year, drawn.treatment
    in_need = events.kind == IN_NEED
    rates = {
        name: np.where(in_need, model("returns")["in_need"][name], model("returns")["no_further_action"][name])
        for name in model("returns")["in_need"]
    }
    departure = (
        np.where(
            in_need, authority.departures["in_need_rereferral"][year], authority.departures["nfa_rereferral"][year]
        )
        + drawn.risk
    )
    soon, middle, late = (expit(logit(rate) + departure) for rate in rates.values())
    treated_soon = np.clip(soon + ~in_need * treatment * study.effects["nfa_rereferral"], 0, 1)
    near, far = study.windows["nfa_rereferral"], study.windows["rereferral_escalation"]
    edges = np.cumsum([treated_soon, middle, late], axis=0)
    lows = np.select([u[0] < edges[0], u[0] < edges[1]], [1, near + 1], far + 1)
    highs = np.select([u[0] < edges[0], u[0] < edges[1]], [near, far], LONGEST_RETURN)
    gap = between(np.where(highs == LONGEST_RETURN, u[1] ** 1.6, u[1] ** 1.2), lows, highs)
    to_friday = np.maximum(weekday(events.closure + gap) - 4, 0) * (u[2] > model("weekend_share"))
    gap -= np.where(gap - to_friday >= lows, to_friday, 0)
    returns = u[0] < edges[2]
    answers = ~in_need & (gap <= far)
    p_return, p_treated = soon + middle, np.clip(treated_soon + middle, 1e-9, None)
    no_escalation = arrivals.answers_for_parent & ~drawn.escalates
    following = Arrivals(
        child=arrivals.child,
        referral=events.closure + gap,
        conference_bound=np.where(
            in_need & ~drawn.conferred,
            np.maximum(arrivals.conference_bound, events.referral + study.windows["icpc"]),
            arrivals.conference_bound,
        ),
        plan_bound=np.where(
            no_escalation,
            np.maximum(arrivals.plan_bound, events.referral + study.windows["escalation"] + 1),
            arrivals.plan_bound,
        ),
        escalation_scale=np.where(answers, p_return / p_treated, 1.0),
        escalation_add=np.where(answers, treatment * study.effects["rereferral_escalation"] / p_treated, 0.0),
        answers_for_parent=answers,
    )
    return select(following, returns)


def select(arrivals: Arrivals, rows: np.ndarray) -> Arrivals:
    """The arrivals where `rows` is true."""
    return Arrivals(**{name: values[rows] for name, values in vars(arrivals).items()})
