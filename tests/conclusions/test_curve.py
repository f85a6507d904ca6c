"""The specification curve holds every estimate of the same effect once, in order, and no other effect."""

import polars as pl

from scripts.artefacts import contract_schema
from scripts.conclusions.curve import specification_curve

SPECIFICATIONS = {"main": {}, "other": {}, "placebo": {"placebo_outcome": {"covariate": "sen", "level": "plan"}}}


def rows(table: str, *given: dict) -> pl.DataFrame:
    """Rows of a results table, what is not given null."""
    return pl.DataFrame(list(given), schema=contract_schema(table))


def test_rows_are_chosen_and_ordered() -> None:
    base = {"outcome": "icpc", "estimator": "did"}
    estimates = rows(
        "estimates",
        base | {"specification": "main", "method": "WCR", "estimate": 0.3},
        base | {"specification": "main", "method": "RI", "estimate": 0.3},
        base | {"specification": "placebo", "method": "WCR", "estimate": 0.0},
        base | {"specification": "other", "estimator": "logit_ame", "method": "CRV1", "estimate": 0.1},
        base | {"specification": "other", "estimator": "event_study[1]", "method": "WCR", "estimate": 0.9},
        base | {"specification": "other", "method": "WCR", "estimate": None},
    )
    variants = rows(
        "variants",
        {"outcome": "icpc", "variant": "window", "label": "A window", "method": "WCR", "estimate": 0.2},
        {"outcome": "icpc", "variant": "window", "label": "A window", "method": "CR2", "estimate": 0.2},
    )
    curve = specification_curve(estimates, variants, SPECIFICATIONS, "main", "WCR")
    assert curve.select("kind", "name", "position").rows() == [
        ("model", "other", 1),
        ("choice", "window", 2),
        ("headline", "main", 3),
    ]
