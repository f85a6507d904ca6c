"""What each job is given: the slice of the configuration that it uses and nothing else.

A job sees no more of the configuration than its settings, which are a parameter of its rule: so a change of one key
reaches exactly the jobs that read it.
"""

from typing import Any

from scripts.ingest.layout import load_layouts
from scripts.privacy.keys import IDS, key_path
from scripts.published.edition import edition, specifications
from scripts.report.protocol import protocol_of
from scripts.report.study import RELEASE
from scripts.version import project_version
from scripts.workflow.plan import Plan
from scripts.workflow.variations import variation_settings

Settings = dict[str, Any]


class JobSettings:
    """Settings by stage: a method per stage, named after it, with the job's LA, outcome or imputation as arguments."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config = plan.config

    def of(self, stage: str, *key: str) -> Settings:
        """The settings of a job; `key`: its LA, or its outcome and, where it has one, its LA or imputation."""
        return getattr(self, stage)(*key)

    # ---- per LA

    def synthetic(self, la: str) -> Settings:
        """The generator sees only its own LA, so that LAs are independent."""
        return self._generator() | {"las": {la: self._embedding(la)}}

    def la_covariates(self) -> Settings:
        """Every LA at once."""
        return self._generator() | {"las": {la: self._embedding(la) for la in self.plan.las}}

    calibration = la_covariates

    def calibration_counts(self, la: str) -> Settings:
        """The years that are counted; the same for every LA."""
        return self._generator() | {"las": {}}

    def _generator(self) -> Settings:
        dates = {name: self.config["dates"][name] for name in ("data_start", "data_end", "bank_holidays")}
        seed, synthetic = self.config["study"]["seed"], self.config["synthetic"]
        return {"seed": seed, "dates": dates, "synthetic": synthetic, "n_las": len(self.plan.las)}

    def _embedding(self, la: str) -> dict[str, str | None]:
        pilot = next((pilot for pilot in self.plan.pilots if pilot["code"] == la), {})
        return {name: pilot.get(name) for name in ("embedding_start", "embedding_end")}

    def partition(self, la: str) -> Settings:
        """The rows to take, and which columns may be copied."""
        return {"format": self.config["extracts"]["format"], "las": [la], "privacy": self._gate()}

    def query(self, la: str) -> Settings:
        """The rows to take out of a database; its address is in the environment and in no setting."""
        return self._extracts("format", "database") | {"la": la}

    def privacy(self, la: str) -> Settings:
        """What may enter."""
        return self._extracts("format", "xml_max_bytes", "max_rows") | {"privacy": self._gate()}

    def _extracts(self, *names: str) -> Settings:
        return {name: self.config["extracts"].get(name) for name in names}

    def _gate(self) -> Settings:
        return {name: value for name, value in self.config["privacy"].items() if name not in ("key_file", "categories")}

    def ingest(self, la: str) -> Settings:
        """How to read, and where the key is that re-keys ids; the key itself is in no setting."""
        settings = self._extracts("format", "max_unreadable_share", "census_year", "xml_max_bytes")
        declared = {"date_formats": self.config["extracts"].get("date_formats", {})}
        return settings | declared | {"key_file": self.config["privacy"]["key_file"]} | self._rights([la])

    def _rights(self, las: list[str]) -> Settings:
        """Where a job looks up what data rights do to the tables of source LAs; no id is in any setting."""
        return {"rights": {"folder": self.config["governance"]["folder"], "las": las}}

    def validate(self, la: str) -> Settings:
        """How to read returns, and the calendar of the rules that count working days."""
        return (
            self._extracts("format", "census_year", "xml_max_bytes")
            | {"bank_holidays": self.config["dates"]["bank_holidays"], "key_file": self.config["privacy"]["key_file"]}
            | self._rights([la])
        )

    def clean(self, la: str) -> Settings:
        """The contested choices."""
        choices = {"cleaning": self.config["cleaning"], "dates": self._clock(), "lifetimes": self.plan.lifetimes(la)}
        return choices | self._rights(self.plan.members(la))

    def _clock(self) -> Settings:
        return {name: self.config["dates"][name] for name in ("data_end", "bank_holidays")}

    def profile(self, la: str) -> Settings:
        """Nothing is decided here."""
        return {}

    def outcomes(self, outcome: str, la: str) -> Settings:
        """The outcome's definition, less what only later stages read."""
        later = {"label", "unit", "primary", "exclude_groups", "embedded_before", "outlier_iqr_multiple", "event_time"}
        entry = {name: value for name, value in self.config["outcomes"][outcome].items() if name not in later}
        if "kinship_definition" in entry:
            entry["kinship"] = self.config["kinship_definitions"][entry["kinship_definition"]]
        school_age = self.config["covariates"]["school_age"]
        definition = {"key": outcome, "outcome": entry, "dates": self.config["dates"], "school_age": school_age}
        definition["boundaries"] = self.plan.boundaries(la)
        return {"outcome": definition, "covariates": self.plan.child_covariates(outcome)}

    # ---- per outcome

    def match_las(self, outcome: str) -> Settings:
        """The groups that take part, who may not be a comparator, and how comparators are chosen.

        A file of neighbours is known by its content, which is in the stamp.
        """
        las = {name: value for name, value in self.config["matching"]["las"].items() if name != "neighbours_file"}
        return {
            "outcome": outcome,
            "groups": [pilot.as_settings() for pilot in self.plan.groups(outcome)],
            "all_pilots": [pilot["code"] for pilot in self.plan.pilots],
            "matching": {"las": las},
            "la_covariates": self._la_covariate_names(),
            "members": {la: self.plan.members(la) for la in self.plan.las_of(outcome)},
        }

    def cohort(self, outcome: str) -> Settings:
        """Periods and outliers."""
        entry = self.config["outcomes"][outcome]
        return {
            "outcome": outcome,
            "outlier_iqr_multiple": entry.get("outlier_iqr_multiple"),
            "event_time": entry["event_time"],
            "la_covariates": self.config["covariates"]["la"],
            "max_missing_share": self.config["imputation"]["max_missing_share"],
        }

    def _la_covariate_names(self) -> list[str]:
        return [entry["name"] for entry in self.config["covariates"]["la"]]

    def match(self, outcome: str) -> Settings:
        """How to match, and how finely to show the overlap."""
        return self.matching(outcome) | {"overlap_bins": self.config["matching"]["children"]["overlap_bins"]}

    def matching(self, outcome: str) -> Settings:
        """The covariates to match on, and the method with its own options: those of others make nothing stale."""
        covariates, children = {"child": self.plan.child_covariates(outcome)}, self.config["matching"]["children"]
        method = children["method"]
        chosen = {"method": method} | ({method: children[method]} if method in children else {})
        return {"outcome": outcome, "covariates": covariates, "matching": {"children": chosen}}

    def missingness(self, outcome: str) -> Settings:
        """The covariates to describe."""
        return {"outcome": outcome, "covariates": self._covariates(outcome)}

    def _covariates(self, outcome: str) -> Settings:
        return {"child": self.plan.child_covariates(outcome), "la": self.config["covariates"]["la"]}

    def impute(self, outcome: str, imputation: str) -> Settings:
        """One imputation: its number makes its random numbers."""
        return {
            "outcome": outcome,
            "covariates": self._covariates(outcome),
            "imputation": self.config["imputation"] | {"number": int(imputation)},
            "seed": self.config["study"]["seed"],
        }

    def estimate(self, outcome: str) -> Settings:
        """The specifications that apply to the outcome."""
        return {
            "outcome": outcome,
            "covariates": self._covariates(outcome),
            "imputation": self.config["imputation"],
            "models": self.config["models"] | {"specifications": self.plan.specifications(outcome)},
            "inference": self.config["inference"],
            "seed": self.config["study"]["seed"],
        }

    def logit(self, outcome: str) -> Settings:
        """The logit specifications."""
        return self._models(outcome, "logit_ame")

    def _models(self, outcome: str, *estimators: str) -> Settings:
        """What the models' columns are made of."""
        chosen = {n: s for n, s in self.plan.specifications(outcome).items() if s["estimator"] in estimators}
        return {
            "outcome": outcome,
            "covariates": self._covariates(outcome),
            "imputation": {"max_missing_share": self.config["imputation"]["max_missing_share"]},
            "models": {name: self.config["models"][name] for name in ("subgroups", "min_level_children")}
            | {"specifications": chosen},
        }

    def cross_products(self, outcome: str, imputation: str) -> Settings:
        """The columns of every linear specification are gathered in one pass, whatever the specifications are."""
        return self._models(outcome)

    def under(self, variant: dict[str, Any]) -> "JobSettings":
        """The settings of the study with a variant's change."""
        return JobSettings(self.plan.changed(variant))

    def vary(self, variation: str) -> Settings:
        """Those of every step of the variant."""
        return variation_settings(self, variation)

    # ---- on request

    def difference(self, request: str) -> Settings:
        """Where the counts before are, and the tables now."""
        return self._rights([]) | {"ingested": "results/individual/ingested"}

    def purge(self) -> Settings:
        """How extracts are read, so that rows are found in them as ingest finds them."""
        return self.ingest("") | {"results": "results"} | self._extracts("source", "checksums")

    def receipt(self) -> Settings:
        """How to search."""
        layouts = load_layouts(self.config["extracts"]["format"]).values()
        sources = [table.columns for layout in layouts for table in layout.tables.values()]
        names = {name for columns in sources for column in IDS if column in columns for name in columns[column].names}
        told = {"key_file": self.config["privacy"]["key_file"], "results": "results", "id_columns": sorted(names)}
        return told | self.config["governance"]["residue"]

    def held(self) -> Settings:
        """The page for the person explains the whole study."""
        return {
            "config": self.config,
            "contact": self.config["governance"]["processing"]["controller"]["contact"],
            "dictionary": "docs/data-dictionary.md",
            "synthetic": self.config["extracts"]["source"] == "synthetic",
            "results": "results",
        }

    def retention(self) -> Settings:
        """Both clocks."""
        return {name: self.config["governance"][name] for name in ("project_completed", "retention")}

    def verify(self) -> Settings:
        """Where to look."""
        return {"results": "results"}

    def crate(self) -> Settings:
        """The whole configuration is part of what is described."""
        return {"config": self.config, "results": "results", "version": project_version()}

    def destroy(self) -> Settings:
        """What is destroyed beside the files of the study."""
        encryption = self.config["governance"]["encryption"]
        keys = {"key of the ids": str(key_path(self.config["privacy"]["key_file"]))}
        if encryption["enabled"]:
            keys["key of the artefacts"] = str(key_path(encryption["key_file"]))
        return {
            "title": self.config["study"]["title"],
            "results": "results",
            "source": self.config["extracts"]["source"],
            "encrypted": encryption["enabled"],
            "keys": keys,
        }

    # ---- for all

    def conclude(self) -> Settings:
        """What counts as the headline, and the rules of evidence."""
        return {
            "outcomes": {key: entry["primary"] for key, entry in self.config["outcomes"].items()},
            "headline": self.config["models"]["headline"],
            "specifications": self.config["models"]["specifications"],
            "inference": self.config["inference"],
            "evidence": self.config["evidence"],
        }

    def completeness(self) -> Settings:
        """What counts as complete, and which source LAs the published counts of an LA are of."""
        choices = {name: value for name, value in self.config["completeness"].items() if name != "published_folder"}
        dates = {name: self.config["dates"][name] for name in ("data_start", "data_end")}
        return {"completeness": choices, "dates": dates, "members": {la: self.plan.members(la) for la in self.plan.las}}

    def pool(self, table: str) -> Settings:
        """Nothing is decided here."""
        return {}

    def traps(self) -> Settings:
        """Both books are read as they are."""
        return {}

    def documentation(self) -> Settings:
        """The pages describe the whole study."""
        return {"config": self.config}

    def record(self) -> Settings:
        """What the study says of its use of personal data; no outcome and no LA is named there."""
        extracts, governance = self.config["extracts"], self.config["governance"]
        privacy = ("categories", "register", "validation_only", "supplied", "discard")
        return {
            "study": {name: self.config["study"][name] for name in ("title", "practice_model")},
            "synthetic": extracts["source"] == "synthetic",
            "format": extracts["format"],
            "dates": {name: self.config["dates"][name] for name in ("data_start", "data_end")},
            "privacy": {name: self.config["privacy"][name] for name in privacy},
            "encrypted": governance["encryption"]["enabled"],
        } | {name: governance[name] for name in ("processing", "project_completed", "retention")}

    # ---- published statistics

    def published_values(self) -> Settings:
        """What is read and made of it; what is estimated from it makes nothing stale here."""
        block = self.config["published_statistics"]
        return {name: block[name] for name in ("release", "years", "outcomes", "variants")}

    def published_estimate(self) -> Settings:
        """The choices, and settings of the models' stage without anybody's covariates."""
        block = self.config["published_statistics"]
        models = {name: self.config["models"][name] for name in ("confidence", "min_level_children")}
        models |= {"headline": block["headline"], "subgroups": []}
        shown = ("title", "folder", "evidence", "outcomes")
        return {
            "outcomes": list(block["outcomes"]),
            "published": {name: value for name, value in block.items() if name not in shown},
            "engine": {
                "covariates": {"child": [], "la": []},
                "imputation": {"max_missing_share": self.config["imputation"]["max_missing_share"]},
                "models": models | {"specifications": specifications(block)},
                "inference": self.config["inference"],
                "seed": self.config["study"]["seed"],
            },
        }

    def published_conclude(self) -> Settings:
        """As for the study, with outcomes, specifications and rules of evidence of the published statistics."""
        block = self.config["published_statistics"]
        told = {name: block[name] for name in ("headline", "evidence")} | {"specifications": specifications(block)}
        outcomes = {key: entry["primary"] for key, entry in block["outcomes"].items()}
        return told | {"outcomes": outcomes, "inference": self.config["inference"]}

    def published(self) -> Settings:
        """The page of the LA-level edition."""
        return {"config": edition(self.config), "synthetic": False, "protocol": {}}

    def report(self) -> Settings:
        """The page prints the whole study."""
        told = {"config": self.config, "synthetic": self.config["extracts"]["source"] == "synthetic"}
        return told | {"protocol": protocol_of(self.config)}

    # ---- release

    def release_tables(self) -> Settings:
        """What may leave, by which rules."""
        covariates = self.config["covariates"]["child"]
        return {
            "release": {name: value for name, value in self._release_block().items() if name != "context"},
            "outcomes": self.config["release"]["outcomes"],
            "populations": {key: entry["population"] for key, entry in self.config["outcomes"].items()},
            "headline": self.config["models"]["headline"],
            "numeric": [entry["name"] for entry in covariates if entry["kind"] == "numeric"],
        }

    def _release_block(self) -> Settings:
        """The block with its rows by kind."""
        block = self.config["release"]
        kinds = {
            kind: [entry for entry in block["rows"] if entry["kind"] == kind] for kind in ("structural", "withhold")
        }
        return {name: value for name, value in block.items() if name != "rows"} | kinds

    def release_products(self) -> Settings:
        """By which rules, and what the columns are made of."""
        block = self.config["release"]
        models = {outcome: self.cross_products(outcome, "1") for outcome in block["cross_products"]["outcomes"]}
        return {"rules": block["rules"], "models": models}

    def release_report(self) -> Settings:
        """The same page from what leaves; of the configuration what decides the study."""
        inside = ("extracts", "privacy", "governance", "release")
        kept = {name: block for name, block in self.config.items() if name not in inside}
        if (chosen := self.config["release"]["outcomes"]) != "all":
            kept |= {"outcomes": {key: entry for key, entry in kept["outcomes"].items() if key in chosen}}
        return self.report() | {"config": kept | {"edition": RELEASE}}

    def release(self) -> Settings:
        """What an output checker is told."""
        return {
            "study": self.config["study"],
            "models": self.config["models"],
            "release": self._release_block(),
            "synthetic": self.config["extracts"]["source"] == "synthetic",
        }

    def released(self) -> Settings:
        """Where the register is."""
        return {"register": self.config["release"]["register"]}
