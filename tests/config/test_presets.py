"""The shipped configuration: schema, default and presets stay in step."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from scripts.config.load import load_study
from scripts.config.schema import SCHEMA_FILE
from scripts.config.strict_yaml import read_yaml

ROOT = Path(__file__).parents[2]
DEFAULT = ROOT / "config.yaml"
PRESETS = sorted((ROOT / "config").glob("*.yaml"))
SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
POPULATIONS = {"assessments", "cin_referrals", "nfa_referrals", "care_order_periods", "closed_referrals"}
MEASURES = {"working_days", "conference_within", "rereferral_within", "rereferral_escalated", "kinship_within"}


def merged(*overlays: Path) -> dict[str, Any]:
    """The default with overlays, read and merged as Snakemake does."""
    config = load_configfile(DEFAULT)
    for overlay in overlays:
        update_config(config, load_configfile(overlay))
    return config


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed; what stands beside the reference wins."""
    reference = schema.get("$ref", "").rpartition("/")[2]
    return SCHEMA["$defs"][reference] | schema if reference else schema


def schema_keys(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Path, schema and whether required, of every key the schema names; `*` for free keys and list entries."""
    schema = resolve(schema)
    for key, value in schema.get("properties", {}).items():
        yield f"{path}.{key}", value, key in schema["required"]
        yield from schema_keys(value, f"{path}.{key}")
    for part in ("additionalProperties", "items"):
        if isinstance(schema.get(part), dict):
            yield from schema_keys(schema[part], f"{path}.*")


def config_keys(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths of every key of a configuration in the schema's notation."""
    schema = resolve(schema)
    if isinstance(value, list):
        for item in value:
            yield from config_keys(item, schema.get("items", {}), f"{path}.*")
    if isinstance(value, dict):
        named = schema.get("properties", {})
        for key, item in value.items():
            place = f"{path}.{key}" if key in named else f"{path}.*"
            yield place
            yield from config_keys(item, named.get(key, schema["additionalProperties"]), place)


def closed_objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object schema with properties, wherever it stands."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from closed_objects(value)


def test_every_schema_key_appears_in_the_default_configuration() -> None:
    written = set(config_keys(read_yaml(DEFAULT), SCHEMA))
    assert {path for path, _, _ in schema_keys(SCHEMA)} <= written


def test_every_key_has_a_description_that_says_whether_it_may_be_left_out() -> None:
    for path, schema, required in schema_keys(SCHEMA):
        description = schema.get("description", "")
        assert len(description) > 5, path
        assert description.startswith("Optional") != required, path


def test_objects_refuse_unknown_keys_unless_they_are_free_key_maps() -> None:
    objects = list(closed_objects(SCHEMA))
    assert len(objects) > 20
    for schema in objects:
        closed = "properties" in schema and schema["additionalProperties"] is False
        free = "propertyNames" in schema and isinstance(schema["additionalProperties"], dict)
        assert closed != free, schema.get("description")


def test_the_default_is_valid_and_comes_back_unchanged() -> None:
    config = merged()
    study = load_study(config, [DEFAULT], POPULATIONS, MEASURES)
    assert study == config
    study["las"]["pilots"][0]["code"] = "changed"
    assert config["las"]["pilots"][0]["code"] == "501"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_each_preset_is_valid_on_top_of_the_default(preset: Path) -> None:
    load_study(merged(preset), [DEFAULT, preset], POPULATIONS, MEASURES)


def test_replication_fits_on_top_of_the_other_presets() -> None:
    replication = ROOT / "config" / "replication.yaml"
    for preset in PRESETS:
        load_study(merged(preset, replication), [DEFAULT, preset, replication], POPULATIONS, MEASURES)


def test_replication_restores_the_published_choices() -> None:
    outcomes = merged(ROOT / "config" / "replication.yaml")["outcomes"]
    assert outcomes["icpc"]["censor_days"] == 0
    assert outcomes["rereferral_escalation"]["censor_days"] == 360
    assert outcomes["rereferral_escalation"]["which_rereferral"] == "last"
    assert len(outcomes["rereferral_escalation"]["exclude_groups"]) == 2
    assert outcomes["kinship"]["kinship_definition"] == "wwcsc"


def test_computed_comparators_changes_nothing_but_the_comparators() -> None:
    default, computed = merged(), merged(ROOT / "config" / "computed-comparators.yaml")
    given = [pilot for pilot in default["las"]["pilots"] if pilot.pop("comparators")]
    assert computed["las"]["pilots"] == given
    assert {key for key in default if default[key] != computed[key]} == {"study"}


def test_small_is_small() -> None:
    study = merged(ROOT / "config" / "small.yaml")
    assert (len(study["las"]["codes"]), len(study["las"]["pilots"])) == (8, 3)
    assert (study["synthetic"]["referrals"], study["imputation"]["m"]) == (4000, 2)


def test_unquoted_dates_become_text() -> None:
    config = merged()
    config["dates"]["data_start"] = date(2008, 4, 1)
    config["las"]["pilots"][0]["embedding_start"] = date(2014, 11, 1)
    assert load_study(config, [], POPULATIONS, MEASURES) == merged()
