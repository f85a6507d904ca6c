"""The entry point of rule `report`: results tables in, one self-contained page out."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.artefacts import read_results, results_contract, write_text
from scripts.report.figures import event_studies, forest, love_plot
from scripts.report.findings import empty_because, findings

FOLDER = Path(__file__).parent
SHOWN_LIBRARIES = ("snakemake", "polars", "pandera", "statsmodels", "numpy", "scipy")


def report(tables: dict[str, str], output: str, settings: dict[str, Any]) -> None:
    """Write the page. `tables`: results table -> CSV; settings: config (the whole study), synthetic."""
    config = settings["config"]
    read = {name: read_results(name, path) for name, path in tables.items()}
    found = findings(config, read["conclusions"], read["estimation_status"], read["flow"])
    pictures = {
        "forest": forest(found, settings["synthetic"]),
        "events": event_studies(
            found, read["estimates"], config["inference"]["headline"], _reference(config), settings["synthetic"]
        ),
        "love": love_plot(found, read["balance"], _matched_on(config), settings["synthetic"]),
    }
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"number": _number, "p_value": _p_value}
    page = environment.get_template("summary.html").render(
        config=config,
        synthetic=settings["synthetic"],
        findings=found,
        pictures=pictures,
        populations=_populations(config, read["flow"]),
        matched=_matched(read["balance_overall"]),
        matches=_matches(config, read["la_matches"]),
        set_aside=_set_aside(read["ledger"]),
        unknown_class=_unknown_class(read["ledger"]),
        missingness=_missingness(read["missingness"]),
        status=read["estimation_status"].filter(pl.col("status") != "estimated").rows(named=True),
        calibration=read["calibration"].rows(named=True) if "calibration" in read else [],
        contract=results_contract(),
        choices=yaml.safe_dump({name: block for name, block in config.items() if name != "las"}, sort_keys=False),
        versions={name: version(name) for name in SHOWN_LIBRARIES} | {"Python": platform.python_version()},
    )
    write_text(page, output)


def _number(value: float | int | None, digits: int = 0) -> str:
    """A number for readers: thousands separated, an empty cell for none."""
    return "" if value is None else f"{value:,.{digits}f}"


def _p_value(value: float | None) -> str:
    """A p-value as readers expect it."""
    return "<0.001" if value is not None and value < 0.001 else _number(value, 3)


def _reference(config: dict[str, Any]) -> int:
    """The event study's reference year, for its mark in the picture."""
    named = config["models"]["specifications"].values()
    return next((spec["reference"] for spec in named if spec["estimator"] == "event_study"), -1)


def _populations(config: dict[str, Any], flow: pl.DataFrame) -> list[dict[str, Any]]:
    """Per outcome: its steps with rows and children by arm and period, and why its population is empty, if it is."""
    populations = []
    for key, entry in config["outcomes"].items():
        own = flow.filter(pl.col("outcome") == key)
        populations.append(
            {"label": entry["label"], "steps": own.rows(named=True), "empty_because": empty_because(own)}
        )
    return populations


def _matches(config: dict[str, Any], matches: pl.DataFrame) -> list[dict[str, Any]]:
    """Matched groups that are the same for several outcomes are shown once, with the outcomes they serve."""
    names = {entry["code"]: entry["name"] for entry in config["las"]["codes"]}
    named = matches.with_columns(pl.col("la_code").replace(names).alias("name"))
    groups = named.group_by("outcome", "group", "embedding_start", "embedding_end", maintain_order=True).agg(
        pl.col("name").filter(pl.col("role") == "pilot").first().alias("pilot"),
        pl.col("name").filter(pl.col("role") == "comparator").sort().str.join(", ").alias("comparators"),
        pl.col("source").filter(pl.col("role") == "comparator").unique().sort().str.join(", ").alias("source"),
    )
    return (
        groups.group_by(
            "group", "pilot", "comparators", "embedding_start", "embedding_end", "source", maintain_order=True
        )
        .agg(pl.col("outcome"))
        .sort("group", maintain_order=True)
        .rows(named=True)
    )


def _matched_on(config: dict[str, Any]) -> dict[str, bool]:
    """Child covariate -> whether children were matched on it."""
    return {entry["name"]: entry["match"] for entry in config["covariates"]["child"]}


def _matched(overall: pl.DataFrame) -> list[dict[str, Any]]:
    """Sample sizes and balance, one row per outcome and period, before and after matching side by side."""
    before, after = (overall.filter(stage=stage).drop("stage") for stage in ("before", "after"))
    return before.join(after, on=["outcome", "period"], suffix="_after", maintain_order="left").rows(named=True)


def _set_aside(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows by table, kind and reason over all LAs and years, with the share of the rows that came in."""
    rows_in = ledger.filter(pl.col("kind") == "rows_in").group_by("table").agg(pl.col("n_rows").sum().alias("rows_in"))
    counted = ledger.filter(pl.col("kind") != "rows_in").group_by("table", "kind", "reason").agg(pl.col("n_rows").sum())
    shares = counted.join(rows_in, on="table", how="left").with_columns(
        (pl.col("n_rows") / pl.col("rows_in")).alias("share")
    )
    return shares.filter(pl.col("n_rows") > 0).sort("table", "kind", "reason").rows(named=True)


def _unknown_class(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """Referrals in neither class (trap T-39), by census year: number, share, and the LAs with the largest share."""
    classes = ledger.filter(pl.col("reason").str.starts_with("class_"))
    by_la = classes.group_by("census_year", "la_code").agg(
        pl.col("n_rows").sum().alias("referrals"),
        pl.col("n_rows").filter(pl.col("reason") == "class_unknown").sum().alias("unknown"),
    )
    return (
        by_la.with_columns((pl.col("unknown") / pl.col("referrals")).alias("share"))
        .group_by("census_year")
        .agg(pl.col("referrals").sum(), pl.col("unknown").sum(), pl.col("share").max().alias("largest_share"))
        .sort("census_year")
        .rows(named=True)
    )


def _missingness(missingness: pl.DataFrame) -> list[dict[str, Any]]:
    """Covariates with gaps: share missing by outcome over arms and periods."""
    return (
        missingness.group_by("outcome", "covariate", maintain_order=True)
        .agg(pl.col("n_rows").sum(), pl.col("n_rows_missing").sum())
        .with_columns((pl.col("n_rows_missing") / pl.col("n_rows")).alias("share"))
        .filter(pl.col("n_rows_missing") > 0)
        .rows(named=True)
    )
