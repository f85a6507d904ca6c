"""A bad extract gets one clear error without a value, stops only its own LA, and loses no result."""

from pathlib import Path

import pytest
import yaml

from scripts.artefacts import read_results
from tests.workflow.conftest import Project, copy_project

CANARY = "ZZCANARYZZ"


def broken(text: str) -> dict[str, tuple[str, str]]:
    """Broken versions of a referral file, and what the error has to say."""
    header, first, *rest = text.splitlines()
    columns = header.split(",")
    date = columns.index("CIN_ReferralDate")
    unreadable = [",".join([*row.split(",")[:date], CANARY, *row.split(",")[date + 1 :]]) for row in [first, *rest]]
    return {
        "a column is not in the register": (text.replace("CIN_ReferralDate", "CIN_Refused", 1), "CIN_Refused"),
        "a required column is missing": (text.replace("CIN_ReferralDate", "HomeLA", 1), "referral_date"),
        "unreadable dates": ("\n".join([header, *unreadable]), "referral_date"),
        "a row with too few fields": ("\n".join([header, f"{CANARY},x", *rest]), "CIN_2014.csv"),
        "rows of another LA": ("\n".join([header, *(row.replace(",510,", ",524,") for row in [first, *rest])]), "LA"),
        "not UTF-8": (text.replace("WBRI", "WBR\udcff", 1), "CIN_2014.csv"),
        "empty": ("", "CIN_2014.csv"),
    }


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small study up to ingest."""
    project = copy_project(tmp_path_factory.mktemp("ingested"))
    project.run("--until", "ingest")
    return project


def refusal(project: Project, la: str) -> str:
    """The log of the first job of the LA that did not finish; a later job's log is of an earlier run."""
    logs = [(project.folder / "results" / "logs" / stage / f"{la}.log").read_text() for stage in ("privacy", "ingest")]
    return next(log for log in logs if "finished in" not in log)


@pytest.mark.parametrize("fault", list(broken("CIN_ReferralDate,a\n1,2\n")))
def test_a_bad_extract_is_one_clear_error_and_stops_only_its_own_la(ingested: Project, fault: str) -> None:
    individual = ingested.folder / "results" / "individual"
    file, sound = (individual / "extracts" / la / "CIN_2014.csv" for la in ("510", "516"))
    before, sound_before = file.read_bytes(), sound.read_bytes()
    text, said = broken(before.decode())[fault]
    try:
        file.write_bytes(text.encode(errors="surrogateescape"))
        sound.write_bytes(sound_before.replace(b"WBRI", b"WIRI", 1))
        ended = ingested.snakemake("--until", "ingest")
        log = refusal(ingested, "510")
        assert ended.returncode == 1
        assert "INTERNAL" not in log and said in log and len(log.splitlines()) == 1, log
        assert CANARY not in log and CANARY not in ended.stdout
        assert "CIN_2014.csv" in log
        assert "finished in" in (ingested.folder / "results" / "logs" / "ingest" / "516.log").read_text()
        assert (individual / "ingested" / "501" / "referrals.parquet").is_file()
    finally:
        file.write_bytes(before)
        sound.write_bytes(sound_before)


def test_missing_extracts_are_named_before_anything_runs(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (tmp_path / "extracts" / "501").mkdir(parents=True)
    (tmp_path / "extracts" / "501" / "CIN_2014.csv").write_text("x")
    extracts = {"source": "per_la", "folder": "extracts", "la_covariates": None}
    (tmp_path / "config" / "real.yaml").write_text(yaml.safe_dump({"extracts": extracts}))
    project.overlays.append("config/real.yaml")
    ended = project.snakemake("-n")
    assert ended.returncode == 1
    assert "there are no referrals files (CIN_2???) of LAs 504, 509" in ended.stdout


def test_missing_la_covariates_are_told_before_anything_runs(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    extracts = {"source": "per_la", "folder": "extracts", "la_covariates": "nowhere.csv"}
    (tmp_path / "config" / "real.yaml").write_text(yaml.safe_dump({"extracts": extracts}))
    project.overlays.append("config/real.yaml")
    assert "extracts.la_covariates: there is no such file" in project.snakemake("-n").stdout


def test_every_configuration_mistake_is_told_at_once(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    wrong = {"outcomes": {"icpc": {"windw_days": 80}}, "imputation": {"m": 1}}
    (tmp_path / "config" / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    project.overlays.append("config/wrong.yaml")
    ended = project.snakemake("-n")
    assert ended.returncode == 1
    assert "2 mistakes" in ended.stdout
    assert "outcomes.icpc.windw_days: unknown key; did you mean `window_days`?" in ended.stdout
    assert "imputation.m: 1 is less than the minimum of 2" in ended.stdout


def test_pilots_without_comparators_get_computed_ones(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    pilots = [{"code": "501", "embedding_start": "2014-11-01", "embedding_end": "2016-03-31"}]
    (tmp_path / "config" / "computed.yaml").write_text(yaml.safe_dump({"las": {"pilots": pilots}}))
    project.overlays.append("config/computed.yaml")
    project.run("results/aggregate/parts/la_matches/icpc.csv")
    matches = read_results("la_matches", tmp_path / "results" / "aggregate" / "parts" / "la_matches" / "icpc.csv")
    computed = matches.filter(source="computed")
    assert computed.height == 2 and "501" not in set(computed["la_code"])
    assert computed["distance"].is_sorted() and computed["distance"].min() > 0
