"""Planted effects come back: from generated extracts through every stage to the interval."""

from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.workflow.conftest import copy_project

# Large effects, 40 LAs, 20 of them pilots, each with a comparator of its own: intervals narrow enough to miss.
EFFECTS = {
    "assessment_duration": -8.0,
    "icpc": -0.08,
    "nfa_rereferral": 0.15,
    "rereferral_escalation": 0.10,
    "kinship": 0.30,
}
CODES = [str(code) for code in range(501, 541)]
STUDY = {
    "study": {"seed": 20260101},
    "las": {
        "codes": [{"code": code, "name": f"Place {code}"} for code in CODES],
        "pilots": [
            {
                "code": pilot,
                "embedding_start": "2013-04-01",
                "embedding_end": "2014-03-31",
                "comparators": {"default": [comparator]},
            }
            for pilot, comparator in zip(CODES[::2], CODES[1::2], strict=True)
        ],
    },
    "imputation": {"m": 2},
    "inference": {
        "methods": ["CRV1", "WCR", "RI"],
        "wild_bootstrap": {"draws": 999},
        "randomisation": {"draws": 999, "draws_elsewhere": 199},
    },
    "models": {"specifications": {"event_study": {"outcomes": ["icpc"]}, "lags_only": {"outcomes": ["icpc"]}}},
    "synthetic": {"referrals": 120000, "effects": EFFECTS, "recording_breaks": [], "la_effect_sd": 0.2},
}


@pytest.fixture(scope="module")
def estimates(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    project = copy_project(tmp_path_factory.mktemp("recovery"))
    (project.folder / "config" / "recovery.yaml").write_text(yaml.safe_dump(STUDY))
    project.overlays = ["config/recovery.yaml"]
    file = Path("results") / "aggregate" / "estimates.csv"
    project.run(str(file))
    return pl.read_csv(project.folder / file)


@pytest.mark.parametrize("method", ["CRV1", "WCR", "RI"])
@pytest.mark.parametrize("outcome", sorted(EFFECTS))
def test_the_interval_covers_the_planted_effect_and_not_zero(
    estimates: pl.DataFrame, outcome: str, method: str
) -> None:
    row = estimates.filter(outcome=outcome, specification="main", method=method).row(0, named=True)
    assert row["n_treated_las"] >= 19
    assert row["ci_low"] < EFFECTS[outcome] < row["ci_high"]
    # Kinship care has a few hundred children here, too few to tell its effect from none.
    assert outcome == "kinship" or not row["ci_low"] <= 0 <= row["ci_high"]


def test_the_logit_agrees_with_the_linear_model(estimates: pl.DataFrame) -> None:
    both = estimates.filter(outcome="icpc", method="CRV1")
    linear, logit = (both.filter(specification=name)["estimate"].item() for name in ("main", "logit"))
    assert logit == pytest.approx(linear, abs=0.02)


def test_the_event_study_is_flat_before_and_falls_after(estimates: pl.DataFrame) -> None:
    events = estimates.filter(pl.col("outcome") == "icpc", pl.col("specification") == "event_study")
    after = events.filter(pl.col("estimator").str.contains(r"\[[0-3]\]"))["estimate"]
    before = events.filter(pl.col("estimator").str.contains(r"\[-[2-5]\]"))["estimate"]
    assert before.abs().max() < 0.05
    assert after.mean() == pytest.approx(EFFECTS["icpc"], abs=0.03)
