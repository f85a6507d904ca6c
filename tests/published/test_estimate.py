"""The engine on published statistics: against statsmodels on the same panel, and on a release with a known effect."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
import statsmodels.formula.api as smf

from scripts.artefacts import read_results
from scripts.config.strict_yaml import read_yaml
from scripts.published.job import ESTIMATED, READ, Sample, estimate, read
from scripts.published.measures import files_of
from scripts.workflow.settings import JobSettings
from tests.published.release import BLOCK, PILOTS, RELEASE, ROOT, world, write_release

NEIGHBOURS = RELEASE.parent / "New_Statistical_Neighbour_Groupings_April_2021.csv"
EFFECT = -6.0
real = pytest.param("real", marks=pytest.mark.skipif(not RELEASE.is_dir(), reason="no published files beside"))


class _Plan:
    """The default configuration with few draws and two outcomes."""

    def __init__(self) -> None:
        self.config = read_yaml(ROOT / "config.yaml")
        self.config["inference"]["wild_bootstrap"]["draws"] = 199
        self.config["inference"]["randomisation"] |= {"draws": 199, "draws_elsewhere": 99}
        outcomes = self.config["published_statistics"]["outcomes"]
        kept = {name: outcomes[name] for name in ("median_assessment", "second_plans")}
        self.config["published_statistics"]["outcomes"] = kept


def settings() -> dict[str, Any]:
    return JobSettings(_Plan()).published_estimate()


@cache
def values(source: str) -> dict[str, pl.DataFrame]:
    with TemporaryDirectory() as folder:
        release = RELEASE if source == "real" else write_release(Path(folder) / "release", world(EFFECT))
        outputs = {name: f"{folder}/{name}.csv" for name in READ}
        read(files_of(str(release), BLOCK["outcomes"]), outputs, BLOCK)
        return {name: read_results(name, path) for name, path in outputs.items()}


@cache
def estimated(source: str, processes: int = 1) -> dict[str, pl.DataFrame]:
    with TemporaryDirectory() as folder:
        given = [str(Path(folder) / f"{name}.csv") for name in ("published_values", "recording_breaks")]
        for name, path in zip(("published_values", "recording_breaks"), given, strict=True):
            values(source)[name].write_csv(path)
        outputs = {name: f"{folder}/{name}.csv" for name in ESTIMATED}
        estimate(*given, str(NEIGHBOURS) if source == "real" else None, outputs, processes, settings())
        return {name: read_results(name, path) for name, path in outputs.items()}


def headline(tables: dict[str, pl.DataFrame], outcome: str, **of: str) -> dict[str, Any]:
    of = {"specification": "two_way", "estimator": "two_way"} | of
    rows = tables["estimates"].filter(pl.col("outcome") == outcome, *(pl.col(k) == v for k, v in of.items()))
    return rows.filter(pl.col("method") == "CRV1").row(0, named=True)


@pytest.mark.parametrize("outcome", ["median_assessment", "second_plans"])
@pytest.mark.parametrize("source", ["made up", real])
def test_two_way_fixed_effects_equal_statsmodels_dummies(source: str, outcome: str) -> None:
    """To 8 digits: both solve the same normal equations, in double precision, in another order.

    An LA that serves several groups stands here once a year, which its weights say too.
    """
    known = values(source)
    own = known["published_values"].filter(outcome=outcome)
    flagged = known["recording_breaks"].filter(measure=outcome, flagged=1)
    sample = Sample(own, flagged, str(NEIGHBOURS) if source == "real" else None, settings()["published"])
    rows = sample.panel.select("la_code", "financial_year", "treated", "post", "outcome").unique().to_pandas()
    assert not rows.duplicated(["la_code", "financial_year"]).any() and rows["la_code"].nunique() > 20
    rows["effect"] = rows["treated"] * rows["post"]
    model = smf.ols("outcome ~ effect + C(la_code) + C(financial_year)", rows)
    clusters = rows["la_code"].astype("category").cat.codes
    expected = model.fit(cov_type="cluster", cov_kwds={"groups": clusters, "df_correction": True})
    found = headline(estimated(source), outcome)
    assert found["estimate"] == pytest.approx(expected.params["effect"], rel=1e-8)
    assert found["std_error"] == pytest.approx(stacked_error(expected, rows, sample.panel.height), rel=1e-8)


def stacked_error(fitted: Any, rows: Any, n_stacked: int) -> float:
    """statsmodels' clustered error, with the number of rows that the engine counts in its small-sample factor.

    G / (G - 1) x (N - 1) / (N - k): the engine's N are rows of matched groups, of which an LA-year can have several.
    """
    k, n = len(fitted.params), len(rows)
    return float(fitted.bse["effect"] * (((n_stacked - 1) / (n_stacked - k)) / ((n - 1) / (n - k))) ** 0.5)


def test_a_planted_effect_is_found_and_none_where_there_is_none() -> None:
    """Within three standard errors, which the disturbance of one day makes about a third of a day."""
    for specification in ("two_way", "pooled"):
        estimator = "did" if specification == "pooled" else specification
        found = headline(estimated("made up"), "median_assessment", specification=specification, estimator=estimator)
        assert found["std_error"] < 0.6
        assert abs(found["estimate"] - EFFECT) < 3 * found["std_error"]
    elsewhere = headline(estimated("made up"), "second_plans")
    assert abs(elsewhere["estimate"]) < 3 * elsewhere["std_error"]


def test_event_study_placebo_and_staggered_tell_the_same() -> None:
    tables = estimated("made up")
    events = tables["estimates"].filter(outcome="median_assessment", method="CRV1", specification="event_study")
    effects = dict(events.select("estimator", "estimate").rows())
    assert all(abs(effects[f"event_study[{year}]"] - EFFECT) < 1.5 for year in (0, 1))
    assert all(abs(effects[f"event_study[{year}]"]) < 1.5 for year in (-3, -2))
    placebo = headline(tables, "median_assessment", specification="placebo_date", estimator="placebo_date")
    assert abs(placebo["estimate"]) < 3 * placebo["std_error"]
    staggered = tables["estimates"].filter(outcome="median_assessment", estimator="staggered_simple")
    assert abs(staggered["estimate"][0] - EFFECT) < 1.5


def test_every_choice_is_varied_and_finds_the_effect() -> None:
    variants = estimated("made up")["variants"].filter(outcome="median_assessment").drop_nulls("estimate")
    assert set(variants["variant"]) >= {"two_comparators", "all_others", "to_2022", "without_breaks"}
    inside = variants.filter(pl.col("variant") != "first_wave")
    assert ((inside["estimate"] - EFFECT).abs() < 1.5).all()


def test_tables_name_who_was_compared_and_every_year_that_is_lost() -> None:
    tables = estimated("made up")
    used = tables["published_groups"].filter(outcome="median_assessment")
    assert set(used.filter(role="pilot")["la_code"]) == set(PILOTS)
    assert set(used.filter(pl.col("used") == "lost")["financial_year"]) == {2012, 2013}
    assert dict(used.filter(la_code=PILOTS[0]).select("financial_year", "used").rows()) == {
        2012: "lost",
        2013: "lost",
        **dict.fromkeys((2014, 2015, 2016), "before"),
        2017: "between",
        **dict.fromkeys((2018, 2019), "after"),
    }
    assert tables["estimates"]["n_children"].null_count() == tables["estimates"].height
    left_out = tables["leave_one_out"].filter(outcome="median_assessment")
    assert set(left_out["la_code"]) == set(used["la_code"])


def test_several_processes_leave_the_same_tables() -> None:
    one, two = estimated("made up"), estimated("made up", processes=2)
    assert all(one[name].equals(two[name]) for name in ESTIMATED)
