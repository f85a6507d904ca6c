"""The dirt of real extracts, one function per kind, each at its configured rate (data-formats section 4).

In: clean columns or frames of one LA. Out: the same with errors. Kinds that belong to a child or to the course of a
referral (unborn, missing birth date or pupil id, missing FSM, restated copies) arise where those are made; the rest
is here. No error depends on treatment or outcome, so it blurs planted effects by its rate and biases none.
"""

import numpy as np
import polars as pl

from scripts.synthetic.parameters import NO_DATE, Study, between, day

SENTINEL = day("1900-01-01")
UNKNOWN_REASONS = np.array(["UNKN", "UNKNOWNCLOSUREREASON", "NON", "NONE", "UNKNOWN"], dtype=object)
NEED_SLIPS = {"N0": "NO", "N2": "A2", "N3": "A3", "N4": "A4", "N5": "A5"}
ETHNICITY_SLIPS = {"NOBT": "nobt", "REFU": "N/A ", "WBRI": "WBRI "}


def struck(count: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Which of `count` rows an error of this rate strikes."""
    return rng.random(count) < rate


def sentinel_dates(days: np.ndarray, study: Study, rng: np.random.Generator) -> np.ndarray:
    """Some dates become 1 January 1900 (trap T-8)."""
    return np.where((days != NO_DATE) & struck(len(days), study.dirt["sentinel_date"], rng), SENTINEL, days)


def dirty_codes(codes: pl.Series, slips: dict[str, str], study: Study, rng: np.random.Generator) -> pl.Series:
    """Some codes become a known slip of the pen, or lower case where the code has none (trap T-34)."""
    mask = pl.Series(struck(len(codes), study.dirt["dirty_code"], rng)) & (codes != "").fill_null(False)
    return codes.zip_with(
        ~mask, codes.replace(slips).zip_with(codes.is_in(list(slips)).fill_null(False), codes.str.to_lowercase())
    )


def dirty_referrals(copies: pl.DataFrame, study: Study, rng: np.random.Generator) -> pl.DataFrame:
    """Errors of single cells of the referral copies."""
    n = len(copies)
    closure = _early_closures(copies, study, rng)
    unknown = (copies["reason"] != "").to_numpy() & struck(n, study.dirt["unknown_closure_reason"], rng)
    reason = pl.Series(
        np.where(unknown, UNKNOWN_REASONS[rng.integers(len(UNKNOWN_REASONS), size=n)], copies["reason"].to_numpy()),
        dtype=pl.String,
    )
    repeated = (copies["child"] == copies["child"].shift(1)).fill_null(False).to_numpy()
    conflicting = repeated & struck(n, study.dirt["conflicting_demographics"], rng)
    gender = copies["gender"].to_numpy()
    other_gender = np.where((gender == 1) | (gender == 2), 3 - gender, gender)
    other_ethnicity = np.where(copies["ethnicity"].to_numpy() == "WBRI", "WOTH", "WBRI")
    by_gender = rng.random(n) < 0.5
    ethnicity = pl.Series(
        np.where(conflicting & ~by_gender, other_ethnicity, copies["ethnicity"].to_numpy()), dtype=pl.String
    )
    return copies.with_columns(
        pl.Series("closure", sentinel_dates(closure, study, rng)),
        pl.Series("birth", sentinel_dates(copies["birth"].to_numpy(), study, rng)),
        dirty_codes(reason, {"RC7": "RC 7"}, study, rng).alias("reason"),
        dirty_codes(copies["need"], NEED_SLIPS, study, rng).alias("need"),
        dirty_codes(copies["category"], {}, study, rng).alias("category"),
        dirty_codes(ethnicity, ETHNICITY_SLIPS, study, rng).alias("ethnicity"),
        pl.Series("gender", np.where(conflicting & by_gender, other_gender, gender)),
    )


def _early_closures(copies: pl.DataFrame, study: Study, rng: np.random.Generator) -> np.ndarray:
    """Some closures precede their referral by up to a month (trap T-6)."""
    closure = copies["closure"].to_numpy()
    early = (closure != NO_DATE) & struck(len(closure), study.dirt["closure_before_referral"], rng)
    return np.where(early, copies["referral"].to_numpy() - between(rng.random(len(closure)), 1, 30), closure)


def dirty_assessments(rows: pl.DataFrame, study: Study, rng: np.random.Generator) -> pl.DataFrame:
    """Negative durations, sentinel starts, and assessments that occur twice with different ends (traps T-7, T-17)."""
    n = len(rows)
    start, end = rows["start"].to_numpy(), rows["end"].to_numpy()
    negative = (end != NO_DATE) & struck(n, study.dirt["negative_duration"], rng)
    end = np.where(negative, start - between(rng.random(n), 1, 20), end)
    later = np.where(end == NO_DATE, NO_DATE, np.minimum(end + between(rng.random(n), 1, 10), study.last_day))
    twice = struck(n, study.dirt["repeated_assessment"], rng)
    again = rows.with_columns(pl.Series("end", later)).filter(twice)
    dirty = rows.with_columns(pl.Series("start", sentinel_dates(start, study, rng)), pl.Series("end", end))
    return pl.concat([dirty, again]).sort("child", "start", "end", maintain_order=True)


def dirty_episodes(episodes: pl.DataFrame, study: Study, rng: np.random.Generator) -> pl.DataFrame:
    """Episodes that end after the next one starts, blanks behind codes, lower case (traps T-29, T-34)."""
    n = len(episodes)
    end = episodes["end"].to_numpy()
    followed = (episodes["reason"] == "X1").to_numpy() & (end != NO_DATE)
    overlapping = followed & struck(n, study.dirt["overlapping_episodes"], rng)
    late_end = np.minimum(end + between(rng.random(n), 1, 30), study.last_day)
    return episodes.with_columns(
        pl.Series("end", np.where(overlapping, late_end, end)),
        dirty_codes(episodes["placement"], {"P1": "P1 "}, study, rng).alias("placement"),
        dirty_codes(episodes["legal_status"], {"C2": "C2 "}, study, rng).alias("legal_status"),
    )
