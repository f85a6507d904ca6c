"""The configuration as the LA-level edition of the page needs it: blocks of the names and shapes of the study's own."""

from typing import Any

from scripts.report.study import AUTHORITIES


def specifications(block: dict[str, Any]) -> dict[str, Any]:
    """The specifications of the published statistics as the models' stage takes them: nobody has covariates."""
    none = {"child_covariates": False, "la_covariates": False}
    return {name: entry | none for name, entry in block["specifications"].items()}


def edition(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as the page of the LA-level edition needs it: blocks of the same names and shapes."""
    block = config["published_statistics"]
    years = block["years"]
    return {
        "edition": AUTHORITIES,
        "study": config["study"] | {"title": block["title"]},
        "dates": {"data_start": f"{years['first']}-04-01", "data_end": f"{years['last'] + 1}-03-31"},
        "las": {"codes": [{"code": each["code"], "name": each["name"]} for each in block["pilots"]]},
        "outcomes": block["outcomes"],
        "covariates": {"child": []},
        "matching": block["matching"],
        "models": {
            "confidence": config["models"]["confidence"],
            "headline": block["headline"],
            "specifications": specifications(block),
        },
        "inference": config["inference"],
        "evidence": block["evidence"],
        "published_statistics": block,
    }
