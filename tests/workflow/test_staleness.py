"""Content decides what is stale: never stale, never run for nothing. Every case asks a real `snakemake -n`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from scripts.workflow.stages import ESTIMATE_TABLES
from tests.workflow.conftest import Project

OUTCOMES = {
    "assessment_duration",
    "icpc",
    "nfa_rereferral",
    "rereferral_escalation",
    "kinship",
    "any_rereferral_6m",
    "any_rereferral_12m",
}
LOGIT = {"icpc", "rereferral_escalation"}
REPORT = "Write the report and draw its pictures"
CONCLUDE = "Conclude: adjusted p-values, strength of evidence, specification curve"
VARIED = {"Collect results table variants"} | {
    f"Estimate the variant {variation}"
    for variation in (
        "outliers_kept-assessment_duration",
        "nfa_in_any_copy-nfa_rereferral",
        "embedding_6_months_later-icpc",
    )
}


@contextmanager
def changed(file: Path, old: str, new: str, date: str = "new") -> Iterator[None]:
    """`file` with one text replaced; date "old" keeps the modification time, as unzip or `cp -p` would."""
    before, status = file.read_bytes(), file.stat()
    assert old.encode() in before
    file.write_bytes(before.replace(old.encode(), new.encode(), 1))
    if date == "old":
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    try:
        yield
    finally:
        file.write_bytes(before)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@contextmanager
def overlay(project: Project, **content: object) -> Iterator[None]:
    """A further configuration file."""
    file = project.folder / "config" / "extra.yaml"
    file.write_text(yaml.safe_dump(content))
    project.overlays.append("config/extra.yaml")
    try:
        yield
    finally:
        project.overlays.pop()
        file.unlink()


def from_matching(outcomes: set[str]) -> set[str]:
    """Jobs from child matching to the page, for some outcomes of the small study (two imputations)."""
    jobs = {f"Match children for {outcome}" for outcome in outcomes}
    for number in (1, 2):
        jobs |= {f"Imputation {number} for {outcome}" for outcome in outcomes}
        jobs |= {f"Cross-products of imputation {number} for {outcome}" for outcome in outcomes}
    jobs |= {f"Logit for {outcome}" for outcome in outcomes & LOGIT}
    jobs |= {f"Estimate the effect on {outcome}" for outcome in outcomes}
    tables = {"balance", "balance_overall", "dropped", "overlap", *ESTIMATE_TABLES}
    return jobs | {f"Collect results table {table}" for table in tables} | {CONCLUDE, REPORT}


def from_events(outcomes: set[str]) -> set[str]:
    """Jobs from index events to the page."""
    jobs = {f"Choose the comparator LAs for {outcome}" for outcome in outcomes}
    jobs |= {f"Assemble the cohort for {outcome}" for outcome in outcomes}
    jobs |= {f"Count missing values for {outcome}" for outcome in outcomes}
    tables = ("la_matches", "la_balance", "flow", "missingness", "trends")
    return jobs | from_matching(outcomes) | {f"Collect results table {table}" for table in tables}


def of_la(la: str, outcomes: set[str]) -> set[str]:
    """The jobs of one LA, and what depends on them, when its extract changed."""
    jobs = {f"Inspect what the extracts of LA {la} let in", f"Read the extracts of LA {la}", f"Clean LA {la}"}
    jobs |= {f"Outcome {outcome} in LA {la}" for outcome in outcomes}
    jobs |= {f"Count LA {la} by year", "Compare the yearly counts with those published"}
    jobs |= {f"Apply the validation rules to LA {la}", "Count the known traps by LA and year"}
    tables = ("inputs", "privacy", "ingest_report", "validation", "ledger", "yearly_profile")
    jobs |= {f"Collect results table {table}" for table in tables}
    return jobs | from_events(outcomes) | VARIED


def extract(project: Project, la: str) -> Path:
    return project.folder / "results" / "individual" / "extracts" / la / "CIN_2014.csv"


def test_after_a_full_run_nothing_is_stale(finished: Project) -> None:
    assert finished.preview() == set()


@pytest.mark.parametrize("date", ["new", "old"])
def test_a_changed_byte_reaches_that_las_steps_and_what_depends_on_them(finished: Project, date: str) -> None:
    # LA 510 is a comparator in every outcome but one of the small study's; it takes part in all cohorts of pilot 501.
    calibration = {
        "Count the SYNTHETIC extracts of LA 510",
        "Compare the SYNTHETIC extracts with published national figures",
    }
    with changed(extract(finished, "510"), "WBRI", "WIRI", date):
        assert finished.preview() == of_la("510", OUTCOMES) | calibration


def test_an_la_outside_an_outcome_does_not_touch_it(finished: Project) -> None:
    # LA 511 serves kinship only through pilot 509, which finished embedding too late for that outcome.
    with changed(extract(finished, "511"), "WBRI", "WIRI"):
        jobs = finished.preview()
    assert "Outcome icpc in LA 511" in jobs
    assert not any("kinship" in job for job in jobs)


def test_a_touch_or_a_copy_of_the_same_bytes_changes_nothing(finished: Project) -> None:
    file = extract(finished, "510")
    os.utime(file)
    copy = file.with_suffix(".copy")
    shutil.copy(file, copy)
    copy.replace(file)
    assert finished.preview() == set()


def test_a_configuration_key_reaches_only_the_jobs_that_read_it(finished: Project) -> None:
    with overlay(finished, outcomes={"kinship": {"kinship_definition": "wwcsc"}}):
        jobs = finished.preview()
    las = {job.removeprefix("Outcome kinship in LA ") for job in jobs if job.startswith("Outcome ")}
    assert jobs == {f"Outcome kinship in LA {la}" for la in las} | from_events({"kinship"})
    assert len(las) > 3 and not any("Clean" in job for job in jobs)


def test_a_label_reaches_only_the_page(finished: Project) -> None:
    with overlay(finished, outcomes={"kinship": {"label": "Kinship"}}):
        assert finished.preview() == {REPORT}


def test_a_module_reaches_the_stages_that_import_it(finished: Project) -> None:
    module = finished.folder / "scripts" / "matching" / "weights.py"
    with changed(module, "def composite_weights(", "_ADDED = 1\n\n\ndef composite_weights(", "old"):
        assert finished.preview() == from_matching(OUTCOMES) | VARIED


def test_a_comment_or_a_docstring_reaches_nothing(finished: Project) -> None:
    module = finished.folder / "scripts" / "matching" / "weights.py"
    with changed(module, "def composite_weights(", "# A remark.\ndef composite_weights("):
        assert finished.preview() == set()


def test_a_code_set_reaches_the_stages_that_read_it(finished: Project) -> None:
    codes = finished.folder / "schemas" / "codes" / "gender.yaml"
    with changed(codes, "Indeterminate", "Not determined"):
        jobs = finished.preview()
    assert "Read the extracts of LA 501" in jobs and "Clean LA 524" in jobs
    assert not any(job.startswith("Generate") for job in jobs)


def test_an_interrupted_run_leaves_the_rest_stale(finished: Project) -> None:
    file = extract(finished, "516")
    before = file.read_bytes()
    try:
        file.write_bytes(before.replace(b"WBRI", b"WIRI", 1))
        finished.run("--until", "clean")
        left = finished.preview()
        assert "Clean LA 516" not in left
        assert {"Outcome icpc in LA 516", "Assemble the cohort for icpc", REPORT} <= left
    finally:
        file.write_bytes(before)
        finished.run()
    assert finished.preview() == set()
