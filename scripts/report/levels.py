"""Covariates and their levels in words instead of codes, and in the order a reader expects."""

import re
from typing import Any

from scripts.codes import MISSING, load_codes
from scripts.report.words import words

COVARIATES = {
    "assessments": "number of assessments",
    "cpp_reviewed_in_time": "plans reviewed in time",
    "fsm_primary": "free school meals, primary",
    "fsm_secondary": "free school meals, secondary",
    "ofsted_rating": "Ofsted rating",
    "outcome_level": "level of the outcome",
    "outcome_trend": "trend of the outcome",
    "sen": "special educational needs",
    "uasc": "unaccompanied asylum seeker",
    "white_british_share": "share White British",
}
CODE_SETS = {"main_need": "primary_need", "category_of_abuse": "category_of_abuse"}
MAJOR_GROUPS = {
    "AOEG": "any other ethnic group",
    "ASIA": "Asian",
    "BLAC": "Black",
    "CHIN": "Chinese",
    "MIXD": "mixed",
    "WHIT": "White",
}
BINARY = {"0": "no", "1": "yes"}


def covariate_in_words(name: str) -> str:
    """A covariate's name."""
    return COVARIATES.get(name, words(name))


def level_in_words(covariate: str, level: str) -> str:
    """A covariate's level; what no list knows stays as it is."""
    if level == MISSING:
        return "not known"
    if covariate in CODE_SETS:
        return {code.code: code.label for code in load_codes(CODE_SETS[covariate]).codes}.get(level, level)
    return {"ethnicity": MAJOR_GROUPS}.get(covariate, BINARY).get(level, level)


def level_order(level: str) -> tuple[Any, ...]:
    """Sorting key: bands from the lowest up, then by name, gaps last."""
    first = re.search(r"\d+", level)
    return (level == MISSING, not level.startswith("below"), int(first[0]) if first else 0, level)
