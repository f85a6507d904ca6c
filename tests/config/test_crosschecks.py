"""Each contradiction between keys has its message."""

from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from scripts.config.load import load_study
from scripts.config.strict_yaml import read_yaml
from scripts.errors import StudyError

DEFAULT = read_yaml(Path(__file__).parents[2] / "config.yaml")
POPULATIONS = {outcome["population"] for outcome in DEFAULT["outcomes"].values()}
MEASURES = {outcome["measure"] for outcome in DEFAULT["outcomes"].values()}
EVENT_STUDY = "models.specifications.event_study"
BEFORE_THE_DATA = {"la": "522", "from_year": 2007, "duration_factor": 1.0, "nfa_factor": 1.0}
AFTER_THE_DATA = BEFORE_THE_DATA | {"from_year": 2019}
PER_LA_WITHOUT_FOLDER = DEFAULT["extracts"] | {"source": "per_la", "folder": None}
NATIONAL_WITHOUT_FOLDER = DEFAULT["extracts"] | {"source": "national", "folder": ""}

CASES = [
    # LA codes
    ("las.pilots.0.comparators.default", ["502"], 'las.pilots[0].comparators.default[0]: "502" is a pilot too'),
    ("las.pilots.0.comparators.default", ["501"], 'las.pilots[0].comparators.default[0]: "501" is the pilot itself'),
    ("las.pilots.0.comparators.default", ["510", "510"], '.default: "510" stands here 2 times'),
    ("las.pilots.0.comparators.default", ["599"], '[0]: "599" is not one of las.codes; did you mean `5'),
    ("las.pilots.0.comparators.default", ["777"], '"777" is not one of las.codes; valid: 501, 502,'),
    ("las.pilots.8.code", "590", 'las.pilots[8].code: "590" is not one of las.codes; did you mean `5'),
    ("las.pilots.1.code", "501", 'las.pilots: "501" stands here 2 times'),
    ("las.codes.1.code", "501", 'las.codes: "501" stands here 2 times'),
    ("outcomes.icpc.exclude_groups", ["510"], 'exclude_groups[0]: "510" is not a pilot; did you mean `50'),
    ("outcomes.icpc.exclude_groups", ["501", "501"], 'outcomes.icpc.exclude_groups: "501" stands here 2 times'),
    ("outcomes.icpc.exclude_groups", [f"50{i}" for i in range(1, 10)], "exclude_groups: no pilot is left"),
    ("synthetic.recording_breaks.0.la", "722", '.la: "722" is not one of las.codes; did you mean `522`?'),
    # Members and reorganisations
    ("las.codes.1.members", ["502", "501"], 'las.codes[1].members: "501" belongs to LA 501 already'),
    ("las.codes.1.members", ["601"], 'las.codes[1].members: extracts.source synthetic makes one extract per LA'),
    ("las.reorganisations.0.successors", ["820", "822"], "las.reorganisations[0].successors: 820 also in old_codes"),
    # Names
    ("las.pilots.0.comparators.kinsip", ["510"], '"kinsip" is not an outcome or `default`; did you mean `kinship`?'),
    ("models.specifications.logit.outcomes", ["icp"], '"icp" is not an outcome; did you mean `icpc`?'),
    ("covariates.child.0.outcomes", ["kinshop"], '"kinshop" is not an outcome; did you mean `kinship`?'),
    ("synthetic.effects.ipcp", 0.1, 'synthetic.effects.ipcp: "ipcp" is not an outcome; did you mean `icpc`?'),
    ("outcomes.kinship.kinship_definition", "dfee", '"dfee" is not one of kinship_definitions; did you mean `dfe`?'),
    ("outcomes.icpc.population", "cin_referral", 'is not a known population; did you mean `cin_referrals`?'),
    ("outcomes.icpc.measure", "conferences_within", "is not a known measure; did you mean `conference_within`?"),
    ("completeness.release", "ees_2004", '"ees_2004" is not a known release; did you mean `ees_20'),
    ("models.headline", "mian", 'models.headline: "mian" is not a specification; did you mean `main`?'),
    ("matching.las.profile", ["outcome_levle"], "matching.las.profile[0]: \"outcome_levle\" is not outcome_level"),
    ("dates.bank_holidays.country", "GBX", 'dates.bank_holidays.country: "GBX" is not a country'),
    ("dates.bank_holidays.subdivision", "EN", 'subdivision: "EN" is not a part of GB; did you mean `ENG`?'),
    ("covariates.la.0.name", "gender", 'covariates: "gender" stands here 2 times'),
    # Dates and years
    ("dates.data_end", "2008-01-01", "dates.data_end: 2008-01-01 is not after dates.data_start, 2008-04-01"),
    ("cleaning.earliest_date", "2010-01-01", "cleaning.earliest_date: 2010-01-01 is not before dates.data_start"),
    ("las.pilots.0.embedding_end", "2014-10-31", "embedding_end: 2014-10-31 is before embedding_start, 2014-11-01"),
    ("las.pilots.0.embedding_start", "2008-04-01", "embedding_start: 2008-04-01 leaves no data before it"),
    ("las.pilots.0.embedding_end", "2019-03-31", "embedding_end: 2019-03-31 leaves no data after it"),
    ("outcomes.kinship.period_start_from", "2019-03-31", "period_start_from: 2019-03-31 is not before dates.data_end"),
    ("outcomes.kinship.embedded_before", "2016-03-31", "embedded_before: no pilot has embedded before 2016-03-31"),
    ("synthetic.recording_breaks", [BEFORE_THE_DATA], "2007 is no financial year of the data"),
    ("synthetic.recording_breaks", [AFTER_THE_DATA], "2019 is no financial year of the data (2008 to 2018)"),
    # Ranges
    ("outcomes.assessment_duration.age_range", [17, -1], "age_range: [17, -1] is not in ascending order"),
    ("covariates.school_age", [15, 5], "covariates.school_age: [15, 5] is not in ascending order"),
    ("covariates.child.1.cuts", [13, 5], "covariates.child[1].cuts: [13, 5] is not in strictly ascending order"),
    ("covariates.child.1.cuts", [5, 5], "covariates.child[1].cuts: [5, 5] is not in strictly ascending order"),
    ("covariates.child.0.cuts", [5], "only a numeric covariate is cut into bands; gender is categorical"),
    ("cleaning.nfa_closure_reasons", ["RC7", "RC8"], "cleaning.nfa_closure_reasons: RC7 also in cin_closure_reasons"),
    # Models
    (f"{EVENT_STUDY}.reference", 0, "event_study.reference: 0 is not before embedding"),
    (f"{EVENT_STUDY}.reference", -10, "event_study.reference: -10 is outside first to last, -9 to 3"),
    ("models.specifications.main.outcomes", ["icpc"], '"main" is not run for assessment_duration, nfa_rereferral'),
    ("models.specifications.logit.outcomes", "all", "logit_ame needs 0/1 outcomes (unit percentage points), not"),
    # Extracts
    ("extracts", PER_LA_WITHOUT_FOLDER, "extracts.folder: needed because extracts.source is per_la"),
    ("extracts", NATIONAL_WITHOUT_FOLDER, "extracts.folder: needed because"),
]  # fmt: skip

SCHEMA_BOUNDS = [
    ("models.confidence", 1), ("models.confidence", 0), ("imputation.m", 1), ("outcomes.icpc.window_days", 0),
    ("outcomes.icpc.censor_days", -1), ("imputation.max_missing_share", 1.1), ("matching.las.n_comparators", 0),
]  # fmt: skip


def with_value(path: str, value: Any) -> dict[str, Any]:
    """The default with one value changed."""
    study = deepcopy(DEFAULT)
    *parents, key = (int(part) if part.isdigit() else part for part in path.split("."))
    reduce(lambda node, part: node[part], parents, study)[key] = value
    return study


def problem(study: dict[str, Any]) -> str:
    """The text of the error a study is refused with."""
    with pytest.raises(StudyError) as error:
        load_study(study, [], POPULATIONS, MEASURES)
    return str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "expected"), CASES, ids=[f"{path}={str(value)[:25]}" for path, value, _ in CASES]
)
def test_contradiction_is_named(path: str, value: Any, expected: str) -> None:
    assert expected in problem(with_value(path, value))


@pytest.mark.parametrize(("path", "value"), SCHEMA_BOUNDS)
def test_value_out_of_bounds_is_named(path: str, value: Any) -> None:
    assert f"\n  {path}: {value} is " in problem(with_value(path, value))


def test_one_outcome_at_least_is_primary() -> None:
    study = deepcopy(DEFAULT)
    for outcome in study["outcomes"].values():
        outcome["primary"] = False
    assert "outcomes: no outcome has primary: true" in problem(study)


def test_contradictions_come_all_at_once_sorted_by_path() -> None:
    study = with_value("models.headline", "mian")
    study["las"]["pilots"][2]["comparators"]["default"] = ["599", "501"]
    study["covariates"]["school_age"] = [15, 5]
    paths = [line.split(": ")[0].strip() for line in problem(study).splitlines()[1:]]
    assert paths == [
        "covariates.school_age",
        "las.pilots[2].comparators.default[0]",
        "las.pilots[2].comparators.default[1]",
        "models.headline",
    ]


def test_edges_are_allowed() -> None:
    study = with_value("las.pilots.0.embedding_end", "2014-11-01")
    study["outcomes"]["kinship"] |= {"embedded_before": None}
    study["outcomes"]["assessment_duration"] |= {"outlier_iqr_multiple": None, "age_range": [5, 5]}
    study["extracts"] |= {"source": "per_la", "folder": "extracts", "census_year": 2022, "xml_max_bytes": 10_000}
    load_study(study, [], POPULATIONS, MEASURES)
