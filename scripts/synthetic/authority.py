"""One local authority: its size, its levels, its shocks, its embedding.

In: `Study` and an LA code. Out: an `Authority` with the LA's expected referrals and, per financial year, its departures
on the logit scale (outcomes) and its shares of referrals without further action. Method: LA effect + AR(1) LA-year
shock + common trend, all drawn from the LA's own stream, so that adding an LA changes no other. The two quantities that
make national totals (size, NFA share) take an evenly spread quantile, a deterministic additive recurrence over the LA
code (Roberts' R-sequence), instead of an independent draw: totals then hit their target with few LAs.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from scripts.synthetic.parameters import OUTCOMES, STAGE, Part, Study, by_year, day, expit, logit, model, published

# Plastic number of dimension 2: the recurrence that fills the unit square most evenly.
EVEN_STEPS = (0.7548776662466927, 0.5698402909980532)
SIZE, NFA = 0, 1
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)


@dataclass(frozen=True)
class Authority:
    """What an LA's referrals follow. Arrays are over the study's years.

    departures: outcome -> logit-scale departure from the national level (duration: share of the mean).
    """

    code: str
    referrals: float
    nfa: np.ndarray
    not_in_need: np.ndarray
    departures: dict[str, np.ndarray]
    duration_factor: np.ndarray
    embedding_start: int | None
    embedding_end: int | None

    def ramp(self, days: np.ndarray) -> np.ndarray:
        """Share of the effect in force on each day: 0 before embedding, linear during it, 1 from its end."""
        if self.embedding_start is None or self.embedding_end is None:
            return np.zeros(len(days))
        span = max(self.embedding_end - self.embedding_start, 1)
        return np.clip((days - self.embedding_start) / span, 0, 1)


def authority(la: str, study: Study) -> Authority:
    """Draw one LA."""
    rng = study.stream(la, Part.AUTHORITY)
    years = study.years
    trend = study.trend_per_year * (np.arange(len(years)) - (len(years) - 1) / 2)
    departures = {
        outcome: rng.normal(0, study.la_effect_sd) + _shocks(rng, study) + trend
        for outcome in (*OUTCOMES, "in_need_rereferral")
    }
    nfa = _nfa_shares(la, study) * _break_factor(la, study, "nfa_factor")
    nfa = np.minimum(nfa, model("nfa_share_limit"))
    not_in_need = (
        by_year(published("not_in_need_share"), years) / (1 - by_year(published("nfa_share"), years)) * (1 - nfa)
    )
    embedding = study.las.get(la, {})
    start, end = embedding.get("embedding_start"), embedding.get("embedding_end")
    return Authority(
        code=la,
        referrals=study.referrals / study.n_las * _relative_size(la, study),
        nfa=nfa,
        not_in_need=not_in_need,
        departures=departures,
        duration_factor=_break_factor(la, study, "duration_factor"),
        embedding_start=day(start) if start else None,
        embedding_end=day(end) if end else None,
    )


def _even_normal(la: str, seed: int, dimension: int) -> float:
    """A standard normal quantile spread evenly over LA codes, shifted by the seed."""
    shift = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, STAGE, dimension]))).random()
    return float(ndtri(np.clip((shift + int(la) * EVEN_STEPS[dimension]) % 1, 1e-6, 1 - 1e-6)))


def _relative_size(la: str, study: Study) -> float:
    """Log-normal size with expectation 1: normalised by its expected mean, so it needs no other LA."""
    return float(np.exp(study.size_spread * _even_normal(la, study.seed, SIZE) - study.size_spread**2 / 2))


def _shocks(rng: np.random.Generator, study: Study) -> np.ndarray:
    """Stationary AR(1) over the years with standard deviation `shock_sd`."""
    innovations = rng.normal(0, 1, len(study.years))
    values = np.empty(len(study.years))
    values[0] = innovations[0]
    for year in range(1, len(values)):
        carried = study.shock_persistence * values[year - 1]
        values[year] = carried + np.sqrt(1 - study.shock_persistence**2) * innovations[year]
    return study.shock_sd * values


def _nfa_shares(la: str, study: Study) -> np.ndarray:
    """The LA's NFA share by year: logit-normal over LAs with the national share as its mean each year."""
    spread = published("nfa_logit_sd")
    centre = np.array(
        [_logit_normal_centre(float(mean), spread) for mean in by_year(published("nfa_share"), study.years)]
    )
    return expit(centre + spread * _even_normal(la, study.seed, NFA))


def _logit_normal_centre(mean: float, spread: float) -> float:
    """Centre of the logit-normal with this mean, by bisection over Gauss-Hermite quadrature."""
    low, high = float(logit(mean)) - spread**2, float(logit(mean)) + spread**2
    for _ in range(50):
        centre = (low + high) / 2
        if expit(centre + spread * NODES) @ WEIGHTS / WEIGHTS.sum() < mean:
            low = centre
        else:
            high = centre
    return centre


def _break_factor(la: str, study: Study, key: str) -> np.ndarray:
    """Product over the LA's recording breaks of `key`, by year."""
    factors = np.ones(len(study.years))
    for recording_break in study.recording_breaks:
        if recording_break["la"] == la:
            factors[study.years >= recording_break["from_year"]] *= recording_break[key]
    return factors
