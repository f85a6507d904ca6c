"""All referrals of one LA over the years: first referrals, then returns, round by round.

In: `Study`, LA code. Out: `Children` and one `Events` with every referral of the LA inside the data window, in rounds
(round k + 1 = the returns of round k). First referrals come at the rate that, with the returns they cause, gives the
published course over years and months: first(t) = all(t) - sum of all(t - g) K(g), K the monthly density of returns
learnt from a small cohort of the same LA without effects.
"""

from dataclasses import replace

import numpy as np

from scripts.synthetic.assessments import durations
from scripts.synthetic.authority import Authority
from scripts.synthetic.children import Children, draw_children
from scripts.synthetic.parameters import (
    DAYS_PER_YEAR,
    Part,
    Study,
    by_year,
    calendar_dates,
    day,
    model,
    published,
    weekday,
    year_end,
    year_start,
)
from scripts.synthetic.referrals import Arrivals, Events, follow, select

DAYS_PER_MONTH = DAYS_PER_YEAR / 12
ADULT = 18.5
SHARE_NEVER_BELOW = 0.05


def simulate(authority: Authority, study: Study) -> tuple[Children, Events]:
    """Every referral of the LA and the children they are about."""
    rng = study.stream(authority.code, Part.FIRST_REFERRALS)
    expected = _first_referrals(authority, study)
    referral = _draw_days(expected, study, rng)
    children = draw_children(referral, study, study.stream(authority.code, Part.CHILDREN))
    distribution = durations(authority, study)
    arrivals, rounds = Arrivals.first(referral), []
    while len(arrivals.child):
        stream = study.stream(authority.code, Part.CHAIN, len(rounds))
        events, following = follow(arrivals, children, authority, study, distribution, stream)
        rounds.append(events)
        arrivals = select(following, _happens(following, children, study))
    return children, _concatenate(rounds)


def _happens(arrivals: Arrivals, children: Children, study: Study) -> np.ndarray:
    """Returns inside the data window. Adults do not return, but for those whose return an outcome counts on."""
    age = (arrivals.referral - children.birth[arrivals.child]) / DAYS_PER_YEAR
    return (arrivals.referral <= study.last_day) & ((age < ADULT) | arrivals.answers_for_parent)


def _concatenate(rounds: list[Events]) -> Events:
    """All rounds as one."""
    if not rounds:
        nothing = np.empty(0, dtype=np.int64)
        return Events(*[nothing] * 13)
    return Events(**{name: np.concatenate([getattr(events, name) for events in rounds]) for name in vars(rounds[0])})


def _expected_by_month(authority: Authority, study: Study) -> np.ndarray:
    """Expected referrals per month of the data window, first returns in part-years included."""
    years = study.years
    months = np.array(published("months"), dtype=float)
    level = by_year(published("referrals"), years)[:, None] * months / months.sum()
    first_month = (years[:, None] - years[0]) * 12 + np.arange(12)
    starts = (
        (calendar_dates(year_start(years[:1])).astype("datetime64[M]") + first_month.ravel())
        .astype("datetime64[D]")
        .astype(np.int64)
    )
    ends = np.append(starts[1:], year_end(years[-1:]) + 1)
    opened = np.clip(ends - max(study.first_day, day(model("collection_start"))), 0, ends - starts)
    closed = np.clip(study.last_day + 1 - starts, 0, ends - starts)
    level = level.ravel() * np.minimum(opened, closed) / (ends - starts)
    return authority.referrals * level / max(level.sum(), 1e-9)


def _first_referrals(authority: Authority, study: Study) -> np.ndarray:
    """Expected first referrals per month."""
    expected = _expected_by_month(authority, study)
    kernel = _return_kernel(authority, study, len(expected))
    first = np.empty_like(expected)
    for month in range(len(expected)):
        returning = expected[: month + 1] @ kernel[month::-1]
        first[month] = max(expected[month] - returning, SHARE_NEVER_BELOW * expected[month])
    return first


def _return_kernel(authority: Authority, study: Study, months: int) -> np.ndarray:
    """P(a referral leads to another one k months later), k = 0..months - 1, from a cohort without effects."""
    rng = study.stream(authority.code, Part.PILOT_COHORT)
    untreated = replace(authority, embedding_start=None, embedding_end=None)
    referral = rng.integers(study.first_day, study.last_day + 1, model("pilot_cohort"))
    children = draw_children(referral, study, rng)
    _, following = follow(Arrivals.first(referral), children, untreated, study, durations(untreated, study), rng)
    young = select(following, _happens(following, children, replace(study, last_day=study.last_day + 10**5)))
    # A referral on any day of its month: g days later is k or k + 1 months later in proportion.
    gap = (young.referral - referral[young.child]) / DAYS_PER_MONTH
    gap = gap[gap < months]
    whole = gap.astype(np.int64)
    density = np.bincount(whole, whole + 1 - gap, months + 1) + np.bincount(whole + 1, gap - whole, months + 1)
    return density[:months] / len(referral)


def _draw_days(expected: np.ndarray, study: Study, rng: np.random.Generator) -> np.ndarray:
    """First referral days, sorted: Poisson in number, most on working days."""
    days = np.arange(year_start(study.years[:1])[0], study.last_day + 1)
    months = calendar_dates(days).astype("datetime64[M]").astype(np.int64)
    off = (weekday(days) > 4) | np.isin(days, study.holidays().astype(np.int64))
    weights = np.where(off, model("weekend_share") * 2, 1.0)
    weights[(days < study.first_day) | (days < day(model("collection_start")))] = 0
    month = months - months[0]
    total = np.bincount(month, weights, len(expected))
    rate = weights * (expected / np.maximum(total, 1e-9))[month]
    edges = np.cumsum(rate)
    uniform = np.sort(rng.random(rng.poisson(edges[-1])))
    return days[np.minimum(np.searchsorted(edges, uniform * edges[-1], side="right"), len(days) - 1)]
