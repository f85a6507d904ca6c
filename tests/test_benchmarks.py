"""The benchmarks' own arithmetic: what is compared, what is counted, and how a study of national size is laid over."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks import compare, national
from benchmarks.measure import ROOT, print_runs, stages, write_figures
from benchmarks.run import change_extract, n_rows
from scripts.config.load import load_study
from scripts.config.variants import overlaid
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS


def test_figures_are_compared_by_name_and_noise_is_left_out() -> None:
    old = {
        "machine": {"cores": 2},
        "stages": [{"stage": "a", "seconds": 10.0, "jobs": 3}, {"stage": "b", "seconds": 0.1}],
    }
    new = {
        "machine": {"cores": 8},
        "stages": [{"stage": "b", "seconds": 0.3}, {"stage": "a", "seconds": 15.0, "jobs": 9}],
    }
    assert compare.ratios(old, new, 0.5) == [("stages / stage=a / seconds", 10.0, 15.0, 1.5)]
    assert [name for name, *_ in compare.ratios(old, new, 0.0)] == [
        "stages / stage=b / seconds",
        "stages / stage=a / seconds",
    ]


@pytest.mark.parametrize(("after", "status"), [(11.0, 0), (13.0, 1)])
def test_a_figure_that_became_much_worse_fails(tmp_path: Path, after: float, status: int) -> None:
    for name, value in (("old", 10.0), ("new", after)):
        (tmp_path / name).write_text(json.dumps({"runs": {"full run": {"seconds": value}}}))
    command = [sys.executable, "-m", "benchmarks.compare", str(tmp_path / "old"), str(tmp_path / "new")]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == status and f"{after / 10:.2f}" in finished.stdout


def test_the_national_study_is_a_valid_one_of_152_las() -> None:
    base = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    study = load_study(overlaid(base, national.overlay(0.5)), [ROOT / "config.yaml"], set(POPULATIONS), set(MEASURES))
    codes = [each["code"] for each in study["las"]["codes"]]
    assert len(set(codes)) == len(codes) == 152 and study["synthetic"]["referrals"] == 3_850_000


def test_rows_are_counted_and_a_change_is_one_code(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "individual" / "extracts" / "501"
    folder.mkdir(parents=True)
    (folder / "CIN_2014.csv").write_text("id,ethnicity\n1,WBRI\n2,WBRI\n")
    assert n_rows(tmp_path, "CIN_2*.csv") == 2
    change_extract(tmp_path, "501")
    assert (folder / "CIN_2014.csv").read_text() == "id,ethnicity\n1,WIRI\n2,WBRI\n"


def test_stages_are_summed_over_their_jobs(tmp_path: Path) -> None:
    base = tmp_path / "results" / "benchmarks"
    (base / "clean").mkdir(parents=True)
    for name, seconds, memory in (("501", "1.5", "100.0"), ("502", "2.0", "-")):
        (base / "clean" / f"{name}.tsv").write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")
    (base / "report.tsv").write_text("s\tmax_rss\n3.0\t-\n")
    clean, report = stages(tmp_path)
    assert clean == {"stage": "clean", "jobs": 2, "seconds": 3.5, "longest": 2.0, "peak_mib": 100.0}
    assert report == {"stage": "report", "jobs": 1, "seconds": 3.0, "longest": 3.0, "peak_mib": None}


def test_figures_are_kept_with_their_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_runs({"one": {"seconds": 1.25}})
    write_figures(tmp_path / "figures" / "a.json", {"rows": 3})
    kept = json.loads((tmp_path / "figures" / "a.json").read_text())
    assert kept["rows"] == 3 and kept["machine"]["cores"] >= 1 and kept["machine"]["python"]
    assert "| one | 1.2 |  |  |" in capsys.readouterr().out
