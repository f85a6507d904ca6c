"""The parts of the generator one by one: authorities, durations, calibration."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scripts.errors import StudyError
from scripts.synthetic.assessments import _step, assess, durations, national_cumulative
from scripts.synthetic.authority import authority
from scripts.synthetic.calibration import compare
from scripts.synthetic.job import calibrate, count, generate
from scripts.synthetic.parameters import (
    NO_DATE,
    Study,
    between,
    date_series,
    day,
    financial_years,
    pick,
    year_end,
    year_start,
)
from tests.synthetic.plain_outcomes import study_settings

STUDY = Study.from_settings(study_settings(1_000))


def test_financial_years_turn_on_the_first_of_april() -> None:
    days = np.array([day("2019-03-31"), day("2019-04-01")])
    assert financial_years(days).tolist() == [2018, 2019]
    assert year_start(np.array([2019]))[0] == day("2019-04-01") and year_end(np.array([2018]))[0] == day("2019-03-31")
    assert STUDY.years.tolist() == list(range(2008, 2019))


def test_no_date_is_null_and_draws_stay_in_their_range() -> None:
    assert date_series(np.array([0, NO_DATE])).to_list()[1] is None
    assert between(np.array([0.0, 0.5, 1.0]), 3, 5).tolist() == [3, 4, 5]
    assert pick(np.array([0.0, 0.24, 0.26, 0.999]), {"a": 1.0, "b": 3.0}).tolist() == ["a", "a", "b", "b"]


def test_the_effect_ramps_up_over_the_embedding() -> None:
    local = authority("501", STUDY)
    days = np.array([day("2011-03-31"), day("2011-04-01"), day("2011-10-01"), day("2012-03-31"), day("2018-01-01")])
    assert local.ramp(days) == pytest.approx([0, 0, 183 / 365, 1, 1])
    assert authority("640", STUDY).ramp(days).tolist() == [0] * 5


def test_la_sizes_add_up_to_the_referrals_asked_for() -> None:
    many = replace(STUDY, n_las=152, referrals=100_000, size_spread=0.45)
    sizes = [authority(str(code), many).referrals for code in range(201, 353)]
    assert sum(sizes) == pytest.approx(100_000, rel=0.03)
    assert np.std(np.log(sizes)) == pytest.approx(0.45, rel=0.1)


def test_shocks_persist_as_configured() -> None:
    shocked = replace(STUDY, la_effect_sd=0.0, shock_sd=0.2, shock_persistence=0.5)
    series = np.array([authority(str(code), shocked).departures["icpc"] for code in range(1, 301)])
    # 3,300 values, 300 pairs: standard error about 0.004 for the deviation and 0.045 for the correlation.
    assert series.std() == pytest.approx(0.2, abs=0.015)
    assert np.corrcoef(series[:, 4], series[:, 5])[0, 1] == pytest.approx(0.5, abs=0.15)


def test_recording_breaks_scale_durations_and_nfa_from_their_year_on() -> None:
    recording_break = {"la": "501", "from_year": 2016, "duration_factor": 0.4, "nfa_factor": 2.0}
    broken = replace(STUDY, recording_breaks=(recording_break,))
    whole, cut = authority("501", STUDY), authority("501", broken)
    assert (cut.nfa / whole.nfa).tolist() == pytest.approx([1] * 8 + [2] * 3)
    days = np.arange(251)
    means = [
        np.diff(durations(local, study).cumulative, axis=1, prepend=0) @ days
        for local, study in ((whole, STUDY), (cut, broken))
    ]
    assert (means[1] / means[0]).tolist() == pytest.approx([1] * 8 + [0.4] * 3)


def test_national_durations_pile_up_before_day_45() -> None:
    mass = np.diff(national_cumulative((2018,))[0], prepend=0)
    assert mass[41:46].sum() == pytest.approx(101_090 / 644_720, abs=1e-4)
    assert mass[45] > mass[44] > 2 * mass[46]


def test_la_effects_mix_to_the_national_histogram() -> None:
    spread = replace(STUDY, la_effect_sd=0.35)
    local = [durations(authority(str(code), spread), spread).cumulative[-1] for code in range(1, 201)]
    national = national_cumulative(tuple(range(2008, 2019)))[-1]
    # 200 LAs: the standard error of the mixture is about 0.013.
    assert np.abs(np.mean(local, axis=0) - national).max() < 0.045


def test_the_step_takes_what_was_planted_off_the_mean() -> None:
    # Durations 0, 4 and 10 in equal parts: min(d, c) averages (0 + c + c) / 3 up to c = 4, so c = 3 takes 2 days off.
    cumulative = np.array([1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3]) / 3
    assert _step(cumulative, -2.0) == pytest.approx(-3.0)
    assert _step(cumulative, 1.5) == 1.5
    with pytest.raises(StudyError, match="EFFECT"):
        _step(cumulative, -5.0)


def test_assessments_start_and_end_on_working_days() -> None:
    local = authority("501", STUDY)
    rng = np.random.default_rng(1)
    christmas = np.full(500, day("2015-12-24"))
    start, end, untreated = assess(christmas, local, STUDY, durations(local, STUDY), rng.random((4, 500)))
    off = STUDY.holidays()
    assert np.is_busday(start.astype("datetime64[D]"), holidays=off).all()
    assert np.is_busday(end.astype("datetime64[D]"), holidays=off).all()
    assert (start >= christmas).all() and (end == untreated).all()


def test_calibration_compares_counts_with_targets() -> None:
    table = compare([{"referrals:2018": 60.0, "nfa:2018": 3.0}, {"referrals:2018": 40.0, "nfa:2018": 5.1}], STUDY)
    row = table.filter(pl.col("measure") == "No further action, 2018/19").row(0, named=True)
    assert row["generated"] == pytest.approx(0.081) and row["ratio"] == pytest.approx(1.0) and row["within"] == 1
    missing = table.filter(pl.col("measure") == "No further action, 2017/18").row(0, named=True)
    assert missing["generated"] is None and missing["within"] == 0


def test_a_small_study_is_calibrated(tmp_path: Path) -> None:
    las = [str(code) for code in range(502, 526)]
    settings = study_settings(30_000, dirt=0.01) | {"n_las": len(las), "las": {}}
    settings["synthetic"] |= {"la_effect_sd": 0.35, "shock_sd": 0.06, "size_spread": 0.45}
    for la in las:
        generate(la, tmp_path / la, "stamp", settings)
    for la in las:
        count(tmp_path / la, tmp_path / f"{la}.json", settings)
    calibrate([tmp_path / f"{la}.json" for la in las], tmp_path / "calibration.csv", settings)
    table = pl.read_csv(tmp_path / "calibration.csv")
    assert len(table) >= 25
    # What is left: chance in 30,000 referrals, and what 24 LAs cannot pin down.
    assert table["within"].mean() > 0.8
