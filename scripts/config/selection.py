"""The outcomes that a study estimates: the rest of the configuration without those it leaves out.

In: a validated configuration, `study.outcomes`. Out: the same with nothing that names an outcome left out. So another
study can choose among outcomes that are defined already, in one line.
"""

from typing import Any

Study = dict[str, Any]


def selected(study: Study) -> Study:
    """The configuration cut down to `study.outcomes`; all of it if that is null."""
    chosen = study["study"].get("outcomes")
    if chosen is None:
        return study
    models, release, evidence = study["models"], study["release"], study["evidence"]
    products = release["cross_products"] | {"outcomes": _among(release["cross_products"]["outcomes"], chosen)}
    specifications = dict(_kept(models["specifications"].items(), chosen))
    return study | {
        "outcomes": {name: entry for name, entry in study["outcomes"].items() if name in chosen},
        "las": study["las"] | {"pilots": [_pilot(pilot, chosen) for pilot in study["las"]["pilots"]]},
        "covariates": study["covariates"] | {"child": _entries(study["covariates"]["child"], chosen)},
        "models": models | {"specifications": specifications},
        "evidence": evidence | {"smallest_effect": _named(evidence["smallest_effect"], chosen)},
        "variants": study["variants"] | {"choices": _entries(study["variants"]["choices"], chosen)},
        "release": release | {"outcomes": _among(release["outcomes"], chosen), "cross_products": products},
    }


def _pilot(pilot: Study, chosen: list[str]) -> Study:
    if "comparators" not in pilot:
        return pilot
    return pilot | {"comparators": _named(pilot["comparators"], ["default", *chosen])}


def _named(values: Study, chosen: list[str]) -> Study:
    return {name: value for name, value in values.items() if name in chosen}


def _among(outcomes: Any, chosen: list[str]) -> Any:
    return outcomes if outcomes == "all" else [name for name in outcomes if name in chosen]


def _entries(entries: list[Study], chosen: list[str]) -> list[Study]:
    """Entries that serve some outcome still; one without a list serves all."""
    return [entry for _, entry in _kept(enumerate(entries), chosen)]


def _kept(entries: Any, chosen: list[str]) -> list[tuple[Any, Study]]:
    kept = [
        (key, entry | ({"outcomes": _among(entry["outcomes"], chosen)} if "outcomes" in entry else {}))
        for key, entry in entries
    ]
    return [(key, entry) for key, entry in kept if entry.get("outcomes") != []]
