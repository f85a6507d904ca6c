"""ATT(g,t) and their aggregations against R's did (tests/reference/mpdta.md), by hand, and against dropping each LA."""

import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scripts.models.cells import Cells
from scripts.models.staggered import AGGREGATIONS, Staggered, cells_panel, cohort_panel, staggered

REFERENCE = Path(__file__).parent.parent / "reference" / "mpdta.csv"
# Aggregations by did 2.5.1, aggte, as printed.
PRINTED = {"simple": -0.039951275, "group": -0.031018282, "dynamic": -0.077239821, "calendar": -0.041700432}


@pytest.fixture(scope="module")
def mpdta() -> Staggered:
    """Estimates on 500 counties of equal weight."""
    frame = pd.read_csv(REFERENCE)
    weight = np.ones(len(frame))
    columns = [frame[name].to_numpy() for name in ("county", "year", "lemp", "first_treated")]
    found = staggered(cohort_panel(columns[0], columns[1], weight, *columns[2:]))
    assert found is not None
    return found


def test_aggregations_equal_did_to_the_digits_printed(mpdta: Staggered) -> None:
    found = {name: each.estimate for name, each in mpdta.aggregations.items()}
    assert found == pytest.approx(PRINTED, abs=5e-10)
    assert tuple(found) == AGGREGATIONS
    assert {each.df for each in mpdta.aggregations.values()} == {499}


def test_effects_of_a_cohort_equal_did_to_the_digits_printed(mpdta: Staggered) -> None:
    found = [each.estimate for each in mpdta.effects if each.cohort == 2004 and each.post]
    assert found == pytest.approx([-0.0105032462, -0.0704231581, -0.1372587388, -0.1008113631], abs=1.5e-10)
    assert [(e.time, e.post) for e in mpdta.effects if e.cohort == 2006] == [
        (2004, False),
        (2005, False),
        (2006, True),
        (2007, True),
    ]


def test_the_jackknife_error_is_near_the_analytical_one(mpdta: Staggered) -> None:
    """did prints .012034013, the error by influence functions. They are equal to first order only; the jackknife is
    larger by about the square of leverage, at most 1/20 in the smallest cohort of 20 counties: hence 5 %."""
    assert mpdta.aggregations["simple"].std_error == pytest.approx(0.012034013, rel=0.05)


def test_before_treatment_a_universal_base_adds_up_the_steps_of_the_varying_one() -> None:
    frame = pd.read_csv(REFERENCE)
    columns = [frame[name].to_numpy() for name in ("county", "year", "lemp", "first_treated")]
    panel = cohort_panel(columns[0], columns[1], np.ones(len(frame)), *columns[2:])
    steps, levels = (
        {e.time: e.estimate for e in staggered(panel, base).effects if e.cohort == 2007 and not e.post}
        for base in ("varying", "universal")
    )
    assert set(levels) == {2003, 2004, 2005}
    assert levels[2005] == pytest.approx(-steps[2006])
    assert levels[2003] == pytest.approx(-steps[2006] - steps[2005] - steps[2004])


def cells_of(rows: list[tuple[str, str, int, int, int, float, float]]) -> Cells:
    """Cells of rows (group, la, treated, post, year, weight, mean outcome); what is not read is empty."""
    group, la, treated, post, year, weight, outcome = (np.array(column) for column in zip(*rows, strict=True))
    matrices = np.zeros((len(rows), 2, 2))
    matrices[:, 0, 0] = weight
    matrices[:, 0, 1] = matrices[:, 1, 0] = weight * outcome
    given = {"group": group, "la": la, "treated": treated, "post": post, "year": year, "matrices": matrices}
    codes = np.unique(la)
    given |= {"la_codes": codes, "la_treated": np.isin(codes, la[treated == 1]), "la_children": np.ones(len(codes))}
    given |= {"since": np.zeros(len(rows), dtype=np.int64), "rows": np.ones(len(rows), dtype=np.int64)}
    return Cells(
        **({field.name: np.zeros(0) for field in fields(Cells)} | {"la_values": np.zeros((len(rows), 0))} | given)
    )


HAND = [
    # The pilot falls by 1 in the year of which a part is before and a part after embedding, its comparators rise by 1
    # and 3 with weights 3 and 1 (1.5 on average); a year later they stand 2 and 1 above the base.
    ("p", "P", 1, 0, 2010, 4.0, 4.0),
    ("p", "P", 1, 0, 2011, 5.0, 5.0),
    ("p", "P", 1, 1, 2011, 2.0, 4.0),
    ("p", "P", 1, 1, 2012, 6.0, 7.0),
    ("p", "A", 0, 0, 2010, 1.0, 0.0),
    ("p", "A", 0, 0, 2011, 1.0, 0.0),
    ("p", "A", 0, 1, 2011, 3.0, 1.0),
    ("p", "A", 0, 1, 2012, 3.0, 2.0),
    ("p", "B", 0, 0, 2011, 9.0, 10.0),
    ("p", "B", 0, 1, 2011, 1.0, 13.0),
    ("p", "B", 0, 1, 2012, 1.0, 11.0),
]


def test_by_hand_with_a_year_before_and_after_embedding() -> None:
    """-1 - 1.5 and 2 - (3 x 2 + 1 x 1) / 4; simple weighs them 2 : 6; before, only A has both years: 1 - 0."""
    found = staggered(cells_panel(cells_of(HAND)))
    assert [(e.cohort, e.time, e.post) for e in found.effects] == [
        (2011, 2011, False),
        (2011, 2011, True),
        (2011, 2012, True),
    ]
    assert [e.estimate for e in found.effects] == pytest.approx([1.0, -2.5, 0.25])
    assert [e.weight for e in found.effects] == [5.0, 2.0, 6.0]
    assert [e.std_error for e in found.effects] == [None, None, None]
    estimates = {name: each.estimate for name, each in found.aggregations.items()}
    simple = (2 * -2.5 + 6 * 0.25) / 8
    assert estimates == pytest.approx({"simple": simple, "dynamic": -1.125, "group": simple, "calendar": -1.125})
    assert [part.key for part in found.aggregations["dynamic"].parts] == [-1, 0, 1]


def made_up(rng: np.random.Generator, pilots: int, pool: int, years: range, effect: float = 0.0) -> Cells:
    """Pilots that embed at different times over a donut of up to two years, with comparators that serve several."""
    codes = [f"C{i:03d}" for i in range(pool)]
    levels = {la: rng.normal(0, 3) for la in [*codes, *(f"P{i:02d}" for i in range(pilots))]}
    rows = []
    for i in range(pilots):
        start = years[0] + 3 + i % 4
        end = start + i % 3
        chosen = [codes[j] for j in rng.choice(pool, max(2, pool // pilots), replace=False)]
        for la in [f"P{i:02d}", *chosen]:
            treated = int(la[0] == "P")
            for year in years:
                for post in ([0] if year <= start else []) + ([1] if year >= end else []):
                    mean = levels[la] + 0.3 * year + effect * treated * post + rng.normal(0, 0.1)
                    rows.append((f"g{i:02d}", la, treated, post, year, rng.uniform(1, 50), mean))
    return cells_of(rows)


def test_errors_equal_estimating_again_without_each_la() -> None:
    cells = made_up(np.random.default_rng(3), 5, 8, range(2008, 2018))
    found = staggered(cells_panel(cells))
    without = [staggered(cells_panel(cells.where(cells.la != la))) for la in cells.la_codes]
    factor = (len(without) - 1) / len(without)
    for name, aggregation in found.aggregations.items():
        changes = [each.aggregations[name].estimate - aggregation.estimate for each in without]
        assert aggregation.std_error == pytest.approx(np.sqrt(factor * np.sum(np.square(changes))), rel=1e-9)
        assert aggregation.df == len(cells.la_codes) - 1
    event = found.aggregations["dynamic"]
    position = [part.key for part in event.parts].index(0)
    again = [next(p.estimate for p in e.aggregations["dynamic"].parts if p.key == 0) for e in without]
    expected = factor * np.sum(np.square(np.array(again) - event.parts[position].estimate))
    assert event.covariance[position, position] == pytest.approx(expected, rel=1e-9)


def test_a_constant_effect_is_recovered_by_every_aggregation() -> None:
    found = staggered(cells_panel(made_up(np.random.default_rng(4), 9, 60, range(2008, 2018), effect=-2.0)))
    for aggregation in found.aggregations.values():
        assert abs(aggregation.estimate + 2.0) < 4 * aggregation.std_error
    before = [part.estimate for part in found.aggregations["dynamic"].parts if part.key < 0]
    assert np.abs(before).max() < 0.3


def test_groups_are_compared_within_themselves_alone() -> None:
    """Another group's comparators, however they move, change no effect of a group whose years are its own."""
    other = [("q", *row[1:4], row[4], row[5], row[6] * 100) for row in HAND]
    other = [(g, "Q" if la == "P" else la + "2", *rest) for g, la, *rest in other]
    later = [(g, la, arm, post, year + 5, w, y) for g, la, arm, post, year, w, y in other]
    found = staggered(cells_panel(cells_of(HAND + later)))
    assert [e.estimate for e in found.effects if e.cohort == 2011] == pytest.approx([1.0, -2.5, 0.25])


def test_groups_that_cannot_be_compared_are_left_out() -> None:
    only_before = [row for row in HAND if not (row[2] and row[3])]
    assert staggered(cells_panel(cells_of(only_before))) is None
    no_comparators = [row for row in HAND if row[2]]
    assert staggered(cells_panel(cells_of(no_comparators))) is None


def test_it_takes_under_a_tenth_of_a_second() -> None:
    cells = made_up(np.random.default_rng(5), 10, 150, range(2008, 2019))
    start = time.process_time()
    assert staggered(cells_panel(cells)) is not None
    assert time.process_time() - start < 0.1
