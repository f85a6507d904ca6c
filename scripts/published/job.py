"""Entry points of the rules on published statistics: the files of a release in, the study's results tables out."""

from functools import partial
from typing import Any

import polars as pl

from scripts.artefacts import contract_schema, read_results, write_results
from scripts.cohort.job import groups_of
from scripts.cohort.trends import trends
from scripts.config.variants import changed
from scripts.matching.la_balance import la_balance
from scripts.matching.las import NEIGHBOURS, OUTCOME_PROFILE, LaMatching, la_matching
from scripts.models.cells import accumulate
from scripts.published.ees import manifest, read_names
from scripts.published.measures import breaks, outcome_values, read_figures
from scripts.published.panel import groups_of_pilots, panel, pilots_of, profiles_of
from scripts.workflow.spread import spread

READ = ("published_values", "recording_breaks", "published_files")
MODELLED = (
    "estimates",
    "estimation_status",
    "model_terms",
    "model_tests",
    "leave_one_out",
    "la_effects",
    "sensitivity",
)
ESTIMATED = (*MODELLED, "variants", "la_matches", "la_balance", "trends", "published_groups")
# Nobody was counted: a published figure stands for no child that we know of.
UNCOUNTED = "n_children"


def read(files: dict[str, str], outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Write values of all outcomes, breaks in recording and the files read. `settings`: config published_statistics."""
    years, outcomes = settings["years"], settings["outcomes"]
    last = max(years["last"], *(each["change"].get("years.last", 0) for each in settings["variants"]))
    values = outcome_values(
        read_figures(files, outcomes, settings["release"]), outcomes, range(years["first"], last + 1)
    )
    names = read_names(next(iter(files.values())))
    values = values.with_columns(pl.col("la_code").replace_strict(names, default=None).alias("la_name"))
    tables = {
        "published_values": values,
        "recording_breaks": breaks(values, {key: float(entry["jump"]) for key, entry in outcomes.items()}),
        "published_files": manifest(files, settings["release"]),
    }
    for name, table in tables.items():
        write_results(table, name, outputs[name])


def estimate(
    values_file: str,
    breaks_file: str,
    neighbours_file: str | None,
    outputs: dict[str, str],
    processes: int,
    settings: dict[str, Any],
) -> None:
    """Write every results table of what is estimated (ESTIMATED), of all outcomes in turn.

    Parameters
    ----------
    neighbours_file : the DfE's list; without it comparators are computed. processes : outcomes estimated at a time.
    settings : outcomes (keys), published (config published_statistics), engine (settings of the models' stage).
    """
    estimated = partial(_estimated, values_file, breaks_file, neighbours_file, settings)
    by_outcome = spread(estimated, settings["outcomes"], processes)
    for name in ESTIMATED:
        write_results(pl.concat([tables[name] for tables in by_outcome]), name, outputs[name])


def _estimated(
    values_file: str, breaks_file: str, neighbours_file: str | None, settings: dict[str, Any], outcome: str
) -> dict[str, pl.DataFrame]:
    """Every results table of one outcome."""
    from scripts.models.analysis import analyse

    block = settings["published"]
    known = read_results("published_values", values_file).filter(pl.col("outcome") == outcome)
    flagged = read_results("recording_breaks", breaks_file).filter(pl.col("measure") == outcome, pl.col("flagged") == 1)
    sample = Sample(known, flagged, neighbours_file, block)
    engine = settings["engine"] | {"outcome": outcome}
    rows = analyse([accumulate(sample.panel, engine)], [], engine)
    tables = {name: pl.DataFrame(rows[name], schema=contract_schema(name)) for name in MODELLED}
    tables["variants"] = _variants(known, flagged, neighbours_file, block, engine)
    described = {"la_matches": sample.groups, "la_balance": sample.balance(), "trends": sample.trends()}
    described["published_groups"] = sample.used()
    tables |= {name: table.with_columns(outcome=pl.lit(outcome)) for name, table in described.items()}
    uncounted = {UNCOUNTED: pl.lit(None, pl.Int64)}
    schemas = {name: contract_schema(name) for name in tables}
    return {
        name: table.with_columns(**uncounted if UNCOUNTED in schemas[name] else {}).select(list(schemas[name]))
        for name, table in tables.items()
    }


class Sample:
    """An outcome's LA-years under the study's choices: its matched groups and its panel."""

    def __init__(
        self, values: pl.DataFrame, flagged: pl.DataFrame, neighbours_file: str | None, block: dict[str, Any]
    ) -> None:
        """`values`: `published_values` of the outcome. `flagged`: its breaks. `block`: config published_statistics."""
        years = block["years"]
        self.block = block
        self.values = values.filter(pl.col("financial_year").is_between(years["first"], years["last"]))
        seen = flagged.filter(pl.col("census_year").is_between(years["first"], years["last"]))
        broken, known = set(seen["la_code"]), set(self.values.drop_nulls("value")["la_code"])
        self.matching = _matching(block, neighbours_file)
        pilots = pilots_of(block, known, broken)
        self.profiles = profiles_of(self.values, pilots)
        self.groups = groups_of_pilots(pilots, self.profiles, block, self.matching, neighbours_file, broken)
        self.panel = panel(self.values, self.groups, block["embedding"])

    def balance(self) -> pl.DataFrame:
        """Results table `la_balance` but its outcome."""
        no_candidates = [each["code"] for each in self.block["pilots"]] + list(self.block["excluded"])
        thresholds = tuple(self.block["matching"]["las"]["balance_thresholds"])
        shown = (OUTCOME_PROFILE, self.matching.profile, thresholds)
        return la_balance(self.groups, self.profiles, no_candidates, *shown)

    def trends(self) -> pl.DataFrame:
        """Results table `trends` but its outcome: the mean of LAs, each counting once a year."""
        rows = self.values.select("la_code", "financial_year", pl.col("la_code").alias("child_id"), outcome="value")
        return trends(rows.drop_nulls("outcome"), groups_of(self.groups))

    def used(self) -> pl.DataFrame:
        """Results table `published_groups` but its outcome."""
        roles = self.groups.group_by("la_code").agg(pl.col("role").max())
        used = self.panel.select("la_code", "financial_year", "post").unique()
        period = pl.when(pl.col("value").is_null()).then(pl.lit("lost"))
        period = period.when(pl.col("post") == 1).then(pl.lit("after")).when(pl.col("post") == 0).then(pl.lit("before"))
        joined = self.values.join(roles, on="la_code").join(used, on=["la_code", "financial_year"], how="left")
        shown = joined.sort("la_code", "financial_year").with_columns(used=period.otherwise(pl.lit("between")))
        return shown.select("la_code", "financial_year", "role", "used", "flag")


def _matching(block: dict[str, Any], neighbours_file: str | None) -> LaMatching:
    """How comparators are found; without the list of neighbours, by distance."""
    las = block["matching"]["las"]
    if las["method"] == NEIGHBOURS and neighbours_file is None:
        las = las | {"method": "mahalanobis"}
    return la_matching({"matching": {"las": las}})


def _variants(
    values: pl.DataFrame,
    flagged: pl.DataFrame,
    neighbours_file: str | None,
    block: dict[str, Any],
    engine: dict[str, Any],
) -> pl.DataFrame:
    """Rows of `variants`: the headline estimate with one choice changed."""
    from scripts.models.analysis import headline_rows

    rows = []
    engine = engine | {"inference": engine["inference"] | {"methods": [engine["inference"]["headline"]]}}
    for variant in block["variants"]:
        told = {"outcome": engine["outcome"], "variant": variant["name"], "label": variant["label"]}
        sample = Sample(values, flagged, neighbours_file, changed(block, variant))
        found = headline_rows([accumulate(sample.panel, engine)], engine) if sample.panel.height else [{}]
        rows += [{k: v for k, v in row.items() if k not in ("specification", "estimator")} | told for row in found]
    return pl.DataFrame(rows, schema=contract_schema("variants"))
