"""Samples that cannot be fitted, terms that leave, counts."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from scripts.models.cells import Cells, accumulate
from scripts.models.columns import COLLINEAR, EMPTY
from scripts.models.fitted import (
    NO_REFERENCE,
    SATURATED,
    Counts,
    Fitted,
    assignment,
    fit_specification,
    sample_fault,
)
from scripts.models.specification import EFFECT
from tests.matching.cohorts import settings
from tests.models.child_rows import MAX_MISSING_SHARE, SPECIFICATIONS, fitted, matched


def cells_of(frame: pl.DataFrame) -> Cells:
    """Cells of a frame."""
    return accumulate(frame, settings())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (pl.lit(False), "no matched rows"),
        (pl.col("la_code") == "100", "fewer than two LAs"),
        (pl.col("post") == 0, "no treated rows after embedding"),
        ((pl.col("treated") == 0) | (pl.col("post") == 0), "no treated rows after embedding"),
        (pl.col("post") == 1, NO_REFERENCE),
    ],
)
def test_samples_without_an_estimate_say_why(change: pl.Expr, reason: str) -> None:
    cells = cells_of(matched().filter(change))
    assert fit_specification(SPECIFICATIONS["did"], [cells], MAX_MISSING_SHARE) == reason
    assert sample_fault(cells) == ("" if reason == NO_REFERENCE else reason)


def test_no_more_rows_than_terms_are_saturated() -> None:
    """One row in every arm and period: four rows, four terms."""
    arm_periods = [(pl.col("treated") == arm) & (pl.col("post") == post) for arm in (0, 1) for post in (0, 1)]
    few = pl.concat([matched().filter(each).head(1) for each in arm_periods])
    assert fit_specification(SPECIFICATIONS["unadjusted"], [cells_of(few)], MAX_MISSING_SHARE) == SATURATED


def test_an_effect_that_a_covariate_spans_leaves_and_the_covariate_stays() -> None:
    found = fitted(matched().with_columns(disability=pl.col("treated") * pl.col("post")), "did")
    assert found.position(EFFECT) is None
    assert found.position("disability") is not None
    assert {found.regressors[j].name: reason for j, reason in found.omitted.items()} == {EFFECT: COLLINEAR}


def test_a_term_leaves_all_imputations_if_it_cannot_stand_in_one() -> None:
    frame = matched()
    pair = [cells_of(frame), cells_of(frame.with_columns(disability=pl.lit(0, pl.Int8)))]
    found = fit_specification(SPECIFICATIONS["did"], pair, MAX_MISSING_SHARE)
    assert isinstance(found, Fitted)
    assert {found.regressors[j].name: reason for j, reason in found.omitted.items()} == {"disability": EMPTY}
    assert [len(each.params) for each in found.fits] == [len(found.kept)] * 2


def test_counts_are_of_what_is_used() -> None:
    frame = matched()
    counts = fitted(frame, "did").counts
    assert counts.shown == {
        "n_children": frame.select(pl.struct("la_code", "child_id").n_unique()).item(),
        "n_rows": frame.height,
        "n_las": frame["la_code"].n_unique(),
        "n_treated_las": 4,
    }
    before = frame.filter(pl.col("post") == 0)
    placebo = fitted(frame, "placebo_date").counts
    assert placebo.n_rows == before.height
    assert placebo.n_children == before.select(pl.struct("la_code", "child_id").n_unique()).item()


def test_inference_needs_two_las_in_every_arm_and_period() -> None:
    frame = matched(n_groups=2)
    assert Counts.of(cells_of(frame)).supports_inference
    first = sorted(set(frame.filter(pl.col("treated") == 1)["la_code"]))[0]
    without = frame.filter(~((pl.col("la_code") == first) & (pl.col("post") == 1)))
    assert not Counts.of(cells_of(without)).supports_inference
    assert Counts.of(cells_of(without)).n_treated_las == 2


def test_assignments_are_moments_as_if_all_were_treated() -> None:
    """Set to zero for those that are not, they are the moments of the data."""
    frame = matched()
    found = fitted(frame, "did")
    needed = assignment(SPECIFICATIONS["did"], found, [cells_of(frame)], MAX_MISSING_SHARE)
    shown = [each.name for each in found.used]
    assert [shown[j] for j in np.flatnonzero(needed.arm)] == ["treated", EFFECT]
    matrices = needed.moments[0].matrices.copy()
    positions = np.flatnonzero(needed.arm)
    for g in np.flatnonzero(~needed.treated):
        matrices[g][positions] = 0.0
        matrices[g][:, positions] = 0.0
    assert matrices == pytest.approx(found.fits[0].moments.matrices)


def test_several_effects_have_no_randomisation() -> None:
    frame = matched()
    with pytest.raises(ValueError, match="event_study"):
        assignment(SPECIFICATIONS["event_study"], fitted(frame, "event_study"), [cells_of(frame)], MAX_MISSING_SHARE)


def test_a_placebo_level_that_no_child_has_cannot_be_fitted() -> None:
    unknown = replace(SPECIFICATIONS["placebo_outcome"], placebo_level=("gender", "9"))
    assert isinstance(fit_specification(unknown, [cells_of(matched())], MAX_MISSING_SHARE), str)
