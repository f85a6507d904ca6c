"""No value of a record leaves the folders of individual-level data, however an extract is broken.

Canaries are planted in every column of every table, the input is broken in many ways, and everything that errors, logs
and outputs say is searched for them. Every file a job leaves counts as an output that leaves, but for individual-level
parquet.
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from schemas import tables
from scripts.clean.job import CLEANED, clean
from scripts.config.load import load_study
from scripts.errors import StudyError
from scripts.ingest.discovery import discover
from scripts.ingest.job import ingest
from scripts.ingest.layout import TABLES, load_layouts
from scripts.outcomes.job import outcomes
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from scripts.privacy.job import inspect
from scripts.privacy.keys import key_id
from scripts.synthetic.job import generate
from scripts.workflow.jobs import run_logged
from scripts.workflow.plan import Plan
from scripts.workflow.settings import JobSettings
from tests.workflow.conftest import ROOT, Project, copy_project

LA = "501"
# Canaries no job would write by itself: a text, a number and a date, so that each passes as some column's value.
TEXT, NUMBER, DATE = "Qzcanaryqz", "7316052948", "1947-08-13"
CANARY = re.compile(r"qzcanaryqz|7316052948|1947-08-13|13/08/1947|731605294", re.IGNORECASE)


@pytest.fixture(scope="module")
def settings() -> JobSettings:
    files = [ROOT / "config.yaml"]
    study = load_study(yaml.safe_load(files[0].read_text()), files, set(POPULATIONS), set(MEASURES))
    study["synthetic"]["referrals"] = 2000
    return JobSettings(Plan(study))


@pytest.fixture(scope="module")
def clean_extract(tmp_path_factory: pytest.TempPathFactory, settings: JobSettings) -> dict[str, list[list[str]]]:
    """File name -> its lines, split into fields, of a small synthetic extract."""
    folder = tmp_path_factory.mktemp("extract")
    generate(LA, folder, "", settings.synthetic(LA))
    return {p.name: [line.split(",") for line in p.read_text().splitlines()] for p in sorted(folder.glob("*.csv"))}


def told(folder: Path, settings: JobSettings, extracts: Path) -> str:
    """Everything the jobs of an LA say and leave outside individual-level folders, up to the first that refuses."""
    logs, individual = folder / "logs", folder / "individual"
    key = folder / "home" / "key"
    key_id(key, create=True)
    files = discover(extracts, LA, "npd")
    ingested = {table: str(individual / f"{table}.parquet") for table in TABLES}
    cleaned = {table: str(individual / f"cleaned_{table}.parquet") for table in CLEANED}
    jobs: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        (inspect, (LA, files, folder / "privacy.csv", folder / "inputs.csv", settings.privacy(LA))),
        (ingest, (LA, files, ingested, folder / "ingest.csv", settings.ingest(LA) | {"key_file": str(key)})),
        (clean, (LA, {t: [p] for t, p in ingested.items()}, cleaned, folder / "ledger.csv", settings.clean(LA))),
        (outcomes, (LA, cleaned, individual / "e.parquet", folder / "flow.csv", settings.outcomes("icpc", LA))),
    ]
    said = []
    for number, (job, arguments) in enumerate(jobs):
        try:
            run_logged(str(logs / f"{number}.log"), f"{job.__module__}:{job.__name__}", *arguments)
        except StudyError as error:
            said.append(f"{error} {error.__context__} {error.__cause__}")
            break
    left = [path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(individual)]
    return "\n".join([*said, *(path.read_text(encoding="utf-8", errors="replace") for path in left if path != key)])


def write(lines: list[list[str]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(",".join(line) for line in lines) + "\n")


def planted(lines: list[list[str]], column: int, canary: str, rows: slice) -> list[list[str]]:
    body = [line[:] for line in lines[1:]]
    for line in body[rows]:
        line[column] = canary
    return [lines[0], *body]


ONE, ALL = slice(0, 1), slice(None)
BREAKAGES: dict[str, Callable[[list[list[str]], int], list[list[str]]]] = {
    "one text": lambda lines, column: planted(lines, column, TEXT, ONE),
    "all text": lambda lines, column: planted(lines, column, TEXT, ALL),
    "one number": lambda lines, column: planted(lines, column, NUMBER, ONE),
    "one date": lambda lines, column: planted(lines, column, DATE, ONE),
    "all dates": lambda lines, column: planted(lines, column, DATE, ALL),
    "another field": lambda lines, column: [*lines, [*lines[1][:column], TEXT, *lines[1][column:]]],
    "an open quote": lambda lines, column: planted(lines, column, f'"{TEXT}', ONE),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_value_in_any_column_of_any_file_stays_inside(
    breakage: str, clean_extract: dict[str, list[list[str]]], settings: JobSettings, tmp_path: Path
) -> None:
    tried = 0
    # The files of the years differ by their names alone, so one of them stands for all.
    for name in [n for n in clean_extract if not n.startswith("CIN_2") or n == "CIN_2014.csv"]:
        for column, title in enumerate(clean_extract[name][0]):
            folder = tmp_path / name / title
            for other in ("CIN_2014.csv", name):
                write(clean_extract[other], folder / "extracts" / LA / other)
            write(BREAKAGES[breakage](clean_extract[name], column), folder / "extracts" / LA / name)
            (folder / "out").mkdir()
            said = told(folder / "out", settings, folder / "extracts")
            assert said and not CANARY.search(said), (name, title)
            tried += 1
    assert tried > 45


@pytest.mark.parametrize("text", [f"{TEXT}\n1,2\n", f'a,b\n"{TEXT}\n', "", "\n", f"a\0{TEXT}\n", f"{TEXT}\udcff"])
def test_a_file_that_is_no_table_is_refused_without_quoting_it(
    text: str, settings: JobSettings, tmp_path: Path
) -> None:
    path = tmp_path / "extracts" / LA / "CIN_2014.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(os.fsencode(text) if "\udcff" in text else text.encode())
    (tmp_path / "out").mkdir()
    said = told(tmp_path / "out", settings, tmp_path / "extracts")
    # Column names may be told: they are what an error must name.
    assert said and not CANARY.search(said.replace(f"columns may not be there: {TEXT}", ""))


def test_the_sample_has_every_table(clean_extract: dict[str, list[list[str]]]) -> None:
    layouts = load_layouts("npd").values()
    for layout in layouts:
        assert any(layout.matches(Path(name)) for name in clean_extract), layout.kind
    assert {table for layout in layouts for table in layout.tables} == set(TABLES) <= set(tables.MODELS)


def spoil(lines: list[list[str]], keep: Sequence[str]) -> None:
    """Two rows per column: a canary for a date in the one, a text in the other; the LA and its year must stay."""
    for column, title in enumerate(lines[0]):
        dated, other = 2 * column + 1, 2 * column + 2
        if title.removeprefix("CIN_").removesuffix("_LGR") in keep or title in keep or other >= len(lines):
            continue
        if lines[dated][column].count("-") == 2:
            lines[dated][column] = DATE
        lines[other][column] = TEXT


def test_no_canary_leaves_a_whole_run(finished: Project, tmp_path: Path) -> None:
    """Every column of an LA's files holds canaries in some row; what the run prints and leaves is searched."""
    project = copy_project(tmp_path)
    source = finished.folder / "results" / "individual" / "extracts"
    for la in [path for path in source.iterdir() if path.is_dir()]:
        for path in la.glob("*.csv"):
            lines = [line.split(",") for line in path.read_text().splitlines()]
            if la.name == "510":
                spoil(lines, keep=("LA", "ACADYR") if not path.name.startswith("WWCSC") else lines[0][1:3])
            write(lines, project.folder / "extracts" / la.name / path.name)
    extracts = {"source": "per_la", "folder": "extracts", "la_covariates": None, "max_unreadable_share": 1.0}
    (project.folder / "config" / "canary.yaml").write_text(yaml.safe_dump({"extracts": extracts}))
    project.overlays.append("config/canary.yaml")
    ran = project.snakemake("--keep-going")
    assert ran.returncode == 0
    folders = [project.folder / "results", project.folder / ".snakemake"]
    left = [p for folder in folders for p in folder.rglob("*") if p.is_file() and "individual" not in p.parts]
    assert len(left) > 100
    # They did get in: codes that nobody knows are kept, counted, in individual-level tables.
    ingested = project.folder / "results" / "individual" / "ingested" / "510" / "referrals.parquet"
    assert TEXT.upper() in pl.read_parquet(ingested)["primary_need"].to_list()
    said = ran.stdout + "\n".join(path.read_bytes().decode("utf-8", errors="replace") for path in left)
    assert not CANARY.search(said)
