"""The clearance pack: what an output checker asks of every output, told before they ask.

In: the folder of a release with its tables, report and pictures; the audit; settings. Out: `request_of` (request.json),
the fields of a clearance request; `acro_results` (results.json), the same in the layout that SACRO-Viewer opens.
"""

import hashlib
from pathlib import Path
from typing import Any

import polars as pl

from scripts.integrity.digest import file_digest
from scripts.integrity.records import verified
from scripts.release import cross_products
from scripts.release.contract import Disclosed, disclosed
from scripts.release.rules import Rules
from scripts.release.safe_csv import SYMBOLS, WITHHELD

# The version of ACRO's results.json that the layout is of; SACRO-Viewer opens this one and later ones
ACRO_LAYOUT = "0.4.12"
# What stands in a text that only the study can know, until somebody writes it
TO_FILL_IN = "[fill in"
ESTIMATORS = {
    "did": "outcome ~ treated + post + treated:post + financial year",
    "two_way": "outcome ~ treated:post + LA + financial year",
    "fixed_effects": "outcome ~ post + treated:post + LA + financial year",
    "random_effects": "outcome ~ treated + post + treated:post + financial year, random LA effects",
    "dose": "outcome ~ treated + post + treated:post + treated:post:years embedded + financial year",
    "placebo_date": "outcome ~ treated + pretended post + treated:pretended post + financial year, before embedding",
    "event_study": "outcome ~ treated + post + treated:years since embedding + financial year",
    "lags_only": "outcome ~ treated + post + treated:years since embedding, from 0 on + financial year",
    "logit_ame": "logit(outcome) ~ treated + post + treated:post + financial year; average marginal effect",
    "staggered": "averages of ATT(g,t) of LA x year means (Callaway and Sant'Anna)",
}


def formula(entry: dict[str, Any]) -> str:
    """A specification as a formula in words."""
    parts = [ESTIMATORS[entry["estimator"]]]
    parts += ["child covariates"] if entry["child_covariates"] else []
    parts += ["LA covariates"] if entry["la_covariates"] else []
    return " + ".join(parts) + "; weights of the matching, errors clustered by LA"


def files_of(folder: Path) -> list[Path]:
    """The files of a release, in order; Snakemake's empty marks of folders are none."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp"]
    return sorted(path for path in found if "checksums" not in path.relative_to(folder).parts)


def request_of(
    folder: Path,
    audit: dict[str, Any],
    inputs: pl.DataFrame,
    terms: pl.DataFrame,
    rules: Rules,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """The clearance request.

    Parameters
    ----------
    audit : as scripts.release.job.protect leaves it. inputs, terms : results tables `inputs` and `model_terms`.
    settings : tag, status, code, study, outcomes, models, release (config blocks).
    """
    block, context = settings["release"], settings["release"]["context"]
    outputs = {name: _output(folder, name, audit, block) for name in audit["rows"]}
    return {
        "release": settings["tag"],
        "status": settings["status"],
        "study": settings["study"]["title"],
        "synthetic": settings["synthetic"],
        "context": context,
        "outputs": outputs,
        "pictures": _pictures(folder),
        "models": _models(folder, terms, settings) if "estimates" in outputs else {},
        "rules": [vars(rule) for rule in rules.of_used()],
        "rules_version": rules.version,
        "symbols": SYMBOLS,
        "audit": {
            "protected_cells": audit["protected"],
            "narrowest_interval": audit["narrowest"],
            "width_asked_for": rules.by_name["protection"].value,
            "earlier_releases": audit["earlier"],
        },
        "relation_to_earlier_releases": _relation(audit["earlier"]),
        "exceptions": [{"table": e["table"], "rows": e["where"], "reason": e["reason"]} for e in block["structural"]],
        "withheld_by_hand": block["withhold"],
        "code": settings["code"],
        "inputs": _fingerprints(inputs),
    }


def _output(folder: Path, name: str, audit: dict[str, Any], block: dict[str, Any]) -> dict[str, Any]:
    """What is asked of a table."""
    about, file, rows = disclosed()[name], folder / f"{name}.csv", audit["rows"][name]
    shown, used = pl.read_csv(verified(file), infer_schema=False), block["outputs"][name]
    return {
        "file": file.name,
        "type": "csv",
        "sha256": file_digest(file),
        "title": about.title,
        "purpose": used["purpose"],
        "method": used["method"],
        "population": about.population,
        "weights": about.weights,
        "unweighted_counts": _counts_in_words(about),
        "variables": {column["name"]: column["description"] for column in about.columns},
        "n_children": _largest(shown, [c for c, kind in about.counts.items() if kind == "children"]),
        "n_rows": _largest(shown, [c for c, kind in about.counts.items() if kind == "rows"]),
        "rows_of_table": rows["rows"],
        "rows_withheld": rows["withheld"],
        "exceptions": [e["reason"] for e in block["structural"] if e["table"] == name],
    }


def _counts_in_words(about: Disclosed) -> str:
    """Where the counts behind a table's numbers stand."""
    if counts := [name for name, kind in about.counts.items() if kind in ("children", "rows")]:
        return f"In the table itself: {', '.join(counts)}"
    if about.model:
        return "In table estimates: n_children and n_rows of the same outcome and specification"
    return "None: no number rests on single children"


def _largest(shown: pl.DataFrame, columns: list[str]) -> int | None:
    """The largest count that a table shows."""
    found = [shown[name].cast(pl.Int64, strict=False).max() for name in columns]
    return max((n for n in found if n is not None), default=None)


def _pictures(folder: Path) -> list[dict[str, str]]:
    """Each picture with the table of what it shows."""
    return [
        {
            "file": path.relative_to(folder).as_posix(),
            "data": path.relative_to(folder).as_posix().replace("-wide.png", ".csv"),
            "sha256": file_digest(path),
        }
        for path in sorted((folder / "figures").glob("*-wide.png"))
    ]


def _models(folder: Path, terms: pl.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    """Specification -> formula, and by outcome N, residual degrees of freedom and omitted terms."""
    shown = pl.read_csv(verified(folder / "estimates.csv"), infer_schema=False).unique(
        ["outcome", "specification"], keep="first", maintain_order=True
    )
    kept = dict.fromkeys([])
    for row in terms.iter_rows(named=True):
        entry = kept.setdefault((row["outcome"], row["specification"]), {"kept": 0, "omitted": {}})
        if row["status"] == "kept":
            entry["kept"] += 1
        else:
            entry["omitted"][row["term"]] = row["reason"]
    found = {}
    for name, entry in settings["models"]["specifications"].items():
        outcomes = {}
        for row in shown.filter(pl.col("specification") == name).iter_rows(named=True):
            of_terms = kept.get((row["outcome"], name), {"kept": 0, "omitted": {}})
            told = row["n_rows"]
            outcomes[row["outcome"]] = {
                "n_children": row["n_children"],
                "n_rows": told,
                "residual_df": WITHHELD if told == WITHHELD else str(max(0, int(told) - of_terms["kept"])),
                "omitted_terms": of_terms["omitted"],
            }
        found[name] = {"formula": formula(entry), "outcomes": outcomes}
    return found


def products_of(folder: Path, omitted: dict[str, dict[str, str]], block: dict[str, Any]) -> dict[str, Any]:
    """What is asked of cross-products. `omitted`: outcome -> column -> rule that keeps it inside."""
    file = folder / f"{cross_products.NAME}.csv"
    table = cross_products.read(str(file))
    return {
        "file": file.name,
        "type": "csv",
        "sha256": file_digest(file),
        "title": "Cross-products of matched children by LA and period",
        "purpose": block["cross_products"]["purpose"],
        "reveals": cross_products.REVEALS,
        "smallest_la_and_period": {
            outcome: int(table.filter(pl.col("outcome") == outcome)["n_children"].min()) for outcome in omitted
        },
        "omitted_columns": omitted,
    }


def _relation(earlier: list[str]) -> str:
    if not earlier:
        return "No earlier release is registered."
    return (
        f"Audited together with {', '.join(earlier)}: no population differs from a released one by a few people, and "
        "nothing that is withheld follows from all of them."
    )


def _fingerprints(inputs: pl.DataFrame) -> dict[str, str]:
    """LA -> one checksum of its input files, from theirs."""
    files = inputs.sort("la_code", "file_kind", "file").group_by("la_code", maintain_order=True).agg("sha256")
    return {la: hashlib.sha256("".join(sums).encode()).hexdigest() for la, sums in files.iter_rows()}


def obstacles(request: dict[str, Any], rules: Rules) -> list[str]:
    """What keeps a pack from being final: rules nobody has read in their source, context that is not filled in."""
    found = [f"rule {name} is graded {rules.by_name[name].grade}" for name in rules.unconfirmed()]
    found += [
        f"release.context.{name} is not filled in" for name, text in request["context"].items() if _is_empty(text)
    ]
    found += [
        f"release.outputs.{name}.purpose is empty"
        for name, output in request["outputs"].items()
        if _is_empty(output["purpose"])
    ]
    return found


def _is_empty(text: str) -> bool:
    return not text.strip() or TO_FILL_IN in text


def acro_results(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The release in ACRO's layout: one output per table and picture, with the cells that are withheld."""
    results: dict[str, Any] = {}

    def add(kind: str, files: list[dict[str, Any]], told: dict[str, Any]) -> None:
        uid = f"output_{len(results)}"
        empty = {"properties": {}, "outcome": {}, "comments": [], "exception": ""}
        results[uid] = {"uid": uid, "type": kind, "files": files, "timestamp": request["release"]} | empty | told

    for name, output in request["outputs"].items():
        shown = pl.read_csv(verified(folder / output["file"]), infer_schema=False)
        cells = [
            [row, column]
            for column, values in enumerate(shown.get_columns())
            for row, value in enumerate(values)
            if value == WITHHELD
        ]
        counted = {"suppressed": bool(cells), "negative": 0, "missing": 0, "p-ratio": 0, "nk-rule": 0}
        sdc = {
            "summary": counted | {"threshold": len(cells), "all-values-are-same": 0},
            "cells": {"negative": [], "missing": [], "threshold": cells, "p-ratio": [], "nk-rule": []},
        }
        withheld = sum(output["rows_withheld"].values())
        told = {
            "status": "review" if output["exceptions"] else "pass",
            "properties": {"method": output["method"], "title": output["title"]},
            "command": f"results table {name}",
            "summary": f"pass; {withheld} of {output['rows_of_table']} rows withheld",
            "comments": [output["purpose"], output["population"], f"Weights: {output['weights']}"],
            "exception": " ".join(output["exceptions"]),
        }
        add("regression" if disclosed()[name].model else "table", [{"name": output["file"], "sdc": sdc}], told)
    if "cross_products" in request:
        told = {"status": "review", "command": "cross-products", "summary": request["cross_products"]["reveals"]}
        add("regression", [{"name": request["cross_products"]["file"], "sdc": {}}], told)
    for picture in request["pictures"]:
        files = [{"name": picture[part], "sdc": {}} for part in ("file", "data")]
        told = {"status": "review", "command": "report", "summary": "drawn from the table beside it"}
        add("custom", files, told)
    for name in ("report.html", "summary.html", "request.json"):
        told = {"status": "review", "command": "release", "summary": "made from the tables of this release alone"}
        add("custom", [{"name": name, "sdc": {}}], told)
    return {"version": ACRO_LAYOUT, "results": results}
