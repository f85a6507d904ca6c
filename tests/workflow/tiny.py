"""A study of one outcome and four LAs on extracts in a folder, for tests that run Snakemake many times."""

from pathlib import Path
from typing import Any

import yaml

from scripts.config.load import load_study
from scripts.config.strict_yaml import read_yaml
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from scripts.synthetic.job import generate, la_covariates
from scripts.workflow.plan import Plan
from scripts.workflow.settings import JobSettings
from tests.workflow.conftest import ROOT, Project, copy_project

OUTCOMES = ("nfa_rereferral",)
LAS = {"501": "Ashmere", "510": "Jessamine", "511": "Kestrelham", "517": "Quillbridge"}
PILOT = {"code": "501", "embedding_start": "2014-11-01", "embedding_end": "2016-03-31"}
RECLEANED = {
    "name": "nfa_in_any_copy",
    "label": "No further action if any copy says so",
    "outcomes": ["nfa_rereferral"],
    "change": {"cleaning.nfa_conflict": "max"},
}


def tiny_config(**extracts: Any) -> dict[str, Any]:
    """The default study cut down; `extracts` replaces keys of that block."""
    study = few_las()
    study["extracts"] |= extracts
    study["outcomes"] = {name: study["outcomes"][name] for name in OUTCOMES}
    study["covariates"]["child"] = [
        entry | ({"outcomes": kept} if (kept := [o for o in entry.get("outcomes", ()) if o in OUTCOMES]) else {})
        for entry in study["covariates"]["child"]
        if not entry.get("outcomes") or set(entry["outcomes"]) & set(OUTCOMES)
    ]
    study["models"]["specifications"] = {"main": study["models"]["specifications"]["main"]}
    study["models"]["subgroups"] = []
    study["evidence"]["smallest_effect"] = dict.fromkeys(OUTCOMES, 1.0)
    study["inference"] |= {"methods": ["CRV1", "RI"], "headline": "CRV1"}
    study["inference"]["randomisation"] |= {"draws": 99, "draws_elsewhere": 99}
    study["imputation"]["m"] = 2
    study["variants"] = {"imputations": 1, "choices": [RECLEANED]}
    study["synthetic"]["effects"] = dict.fromkeys(OUTCOMES, 0.0)
    return study


def few_las() -> dict[str, Any]:
    """The default study with four LAs."""
    study = read_yaml(ROOT / "config.yaml")
    study["las"] |= {
        "codes": [{"code": code, "name": name} for code, name in LAS.items()],
        "pilots": [PILOT | {"comparators": {"default": ["510", "511", "517"]}}],
    }
    study["synthetic"] |= {"referrals": 2400, "recording_breaks": []}
    return study


def tiny_project(folder: Path) -> Project:
    """The study in `folder`, which has not run; its extracts are generated once and then like anybody's."""
    project = copy_project(folder)
    project.overlays = []
    settings = JobSettings(Plan(load_study(few_las(), [], set(POPULATIONS), set(MEASURES))))
    for la in LAS:
        generate(la, folder / "extracts" / la, "", settings.synthetic(la))
        (folder / "extracts" / la / "manifest.json").unlink()
    la_covariates(list(LAS), folder / "extracts" / "la_covariates.csv", settings.la_covariates())
    configure(project, source="per_la", folder="extracts", la_covariates="extracts/la_covariates.csv")
    return project


def configure(project: Project, **extracts: Any) -> None:
    """Write the study's configuration."""
    (project.folder / "config.yaml").write_text(yaml.safe_dump(tiny_config(**extracts), sort_keys=False))
