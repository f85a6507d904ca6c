"""The children of one LA, drawn once at their first referral and the same ever after.

In: days of first referrals. Out: `Children`, arrays of equal length n (one per child). Shares: data-formats section 7.1
by way of `schemas/calibration.yaml`.
"""

from dataclasses import dataclass

import numpy as np

from scripts.synthetic.parameters import DAYS_PER_YEAR, NO_DATE, Study, model, pick, pick_band, published

# A fixed affine permutation modulo a prime numbers the children: unique within an LA, not across LAs (trap T-3).
ID_PRIME = 9_999_991
ID_STEP = 7_368_787
ID_BASE = 1_000_000_000


@dataclass(frozen=True)
class Children:
    """Arrays of length n. birth, expected_birth: days; gender: 1 male, 2 female, 9 indeterminate; low_income and sen:
    uniform numbers that the school flags cut; risk: shift on the logit scale; previous_plans: before the data begin."""

    identifier: np.ndarray
    pupil: np.ndarray
    birth: np.ndarray
    expected_birth: np.ndarray
    unborn: np.ndarray
    birth_missing: np.ndarray
    gender: np.ndarray
    ethnicity: np.ndarray
    disabled: np.ndarray
    asylum_seeking: np.ndarray
    low_income: np.ndarray
    sen: np.ndarray
    previous_plans: np.ndarray
    risk: np.ndarray

    def __len__(self) -> int:
        return len(self.birth)


def draw_children(first_referral: np.ndarray, study: Study, rng: np.random.Generator) -> Children:
    """Draw one child per first referral day (int64, shape (n,))."""
    n = len(first_referral)
    u = rng.random((14, n))
    asylum = u[0] < model("asylum_seeking")
    unborn = (u[1] < study.dirt["unborn"] * model("unborn_per_row")) & ~asylum
    age = np.where(
        asylum,
        pick_band(np.zeros(n), u[3], [[*model("asylum_age"), 1.0]]),
        pick_band(u[2], u[3], model("age_at_referral")),
    )
    born = first_referral - (age * DAYS_PER_YEAR).astype(np.int64)
    birth = np.where(unborn, first_referral + 1 + (u[3] * model("unborn_days")).astype(np.int64), born)
    genders = pick(u[4], published("gender")).astype(np.int64)
    gender = np.where(asylum & (u[5] < 0.9), 1, genders)
    disabled = (u[6] < model("disability")) & ~unborn
    low_income = u[7]
    previous_plans = np.where(u[8] < model("previous_plans"), 1 + (u[9] < 0.25), 0) * ~unborn
    numbers = (rng.integers(ID_PRIME) + ID_STEP * np.arange(n, dtype=np.int64)) % ID_PRIME
    shift = rng.integers(ID_PRIME)
    return Children(
        identifier=(ID_BASE + numbers).astype(str).astype(object),
        pupil=np.where(
            u[10] < study.dirt["missing_pupil_id"],
            "",
            np.char.add("P", (ID_BASE + (numbers * 3 + shift) % ID_PRIME).astype(str)),
        ).astype(object),
        birth=birth,
        # The expected date that was recorded rarely is the day of birth.
        expected_birth=np.where(unborn, birth + (u[11] * 28).astype(np.int64) - 14, NO_DATE),
        unborn=unborn,
        birth_missing=(u[12] < study.dirt["missing_birth_date"]) & ~unborn,
        gender=gender,
        ethnicity=pick(u[13], published("ethnicity")),
        disabled=disabled,
        asylum_seeking=asylum,
        low_income=low_income,
        sen=rng.random(n),
        previous_plans=previous_plans,
        risk=_risk(age, disabled, asylum, low_income, previous_plans),
    )


def _risk(
    age: np.ndarray, disabled: np.ndarray, asylum: np.ndarray, low_income: np.ndarray, previous_plans: np.ndarray
) -> np.ndarray:
    """Shift on the logit scale by which children differ; a matched comparison has to take it out."""
    weight = model("risk")
    return (
        weight["under_5"] * (age < 5)
        + weight["over_12"] * (age >= 13)
        + weight["disability"] * disabled
        + weight["asylum_seeking"] * asylum
        + weight["low_income"] * (low_income < model("fsm")["EVERFSM_ALL"])
        + weight["previous_plan"] * (previous_plans > 0)
    )
