"""The stages of the graph: what each runs, what data its code reads, which results tables it writes."""

from dataclasses import dataclass

CODES = "schemas/codes/*.yaml"
ALIASES = "schemas/aliases/*.yaml"
RETURNS = "schemas/returns/*.yaml"
CALIBRATION = "schemas/calibration.yaml"
PUBLISHED = "schemas/published/*.yaml"
REQUESTS = "schemas/requests.schema.json"
DECISIONS = "schemas/decisions.yaml"
STYLE = "scripts/pages/*.css"
CHECKLIST = "schemas/reporting_checklist.yaml"
DISCLOSURE = "schemas/disclosure/*.yaml"
REPORT = (CODES, DECISIONS, STYLE, CHECKLIST, "scripts/report/templates/*", "schemas/results.yaml", DISCLOSURE)


@dataclass(frozen=True)
class Stage:
    """A stage's entry module, glob patterns of the data files its code reads, and the results tables it writes."""

    entry: str
    data: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


ESTIMATE_TABLES = (
    "estimates",
    "estimation_status",
    "model_terms",
    "model_tests",
    "leave_one_out",
    "la_effects",
    "subgroups",
    "sensitivity",
)

CONCLUSION_TABLES = ("conclusions", "evidence", "specification_curve")

STAGES = {
    "synthetic": Stage("scripts.synthetic.job", (CALIBRATION,)),
    "la_covariates": Stage("scripts.synthetic.job", (CALIBRATION,)),
    "calibration_counts": Stage("scripts.synthetic.job", (CALIBRATION,)),
    "calibration": Stage("scripts.synthetic.job", (CALIBRATION,), ("calibration",)),
    "partition": Stage("scripts.ingest.partition", (ALIASES,)),
    "query": Stage("scripts.ingest.database", (ALIASES,)),
    "privacy": Stage("scripts.privacy.job", (ALIASES, RETURNS), ("privacy", "inputs")),
    "ingest": Stage("scripts.ingest.job", (CODES, ALIASES, RETURNS, REQUESTS), ("ingest_report",)),
    "validate": Stage("scripts.validation.job", (CODES, RETURNS, REQUESTS), ("validation",)),
    "clean": Stage("scripts.clean.job", (CODES, REQUESTS), ("ledger",)),
    "profile": Stage("scripts.completeness.job", (PUBLISHED,), ("yearly_profile",)),
    "completeness": Stage(
        "scripts.completeness.job", (PUBLISHED,), ("completeness", "recording_breaks", "published_files")
    ),
    "outcomes": Stage("scripts.outcomes.job", (CODES,), ("flow_by_la",)),
    "match_las": Stage("scripts.cohort.job", (), ("la_matches", "la_balance")),
    "cohort": Stage("scripts.cohort.job", (), ("flow", "trends")),
    "match": Stage("scripts.matching.job", (), ("balance", "balance_overall", "dropped", "overlap")),
    "missingness": Stage("scripts.imputation.job", (), ("missingness",)),
    "impute": Stage("scripts.imputation.job"),
    "cross_products": Stage("scripts.models.job"),
    "logit": Stage("scripts.models.job"),
    "estimate": Stage("scripts.models.job", (), ESTIMATE_TABLES),
    "vary": Stage("scripts.variants.job", (CODES, REQUESTS), ("variants",)),
    "traps": Stage("scripts.clean.job", (), ("traps",)),
    "documentation": Stage("scripts.documentation.job", (CODES, ALIASES, CALIBRATION, DECISIONS)),
    "conclude": Stage("scripts.conclusions.job", (), CONCLUSION_TABLES),
    "pool": Stage("scripts.artefacts"),
    "record": Stage(
        "scripts.governance.record", (STYLE, "scripts/governance/record.html", "scripts/governance/notice.md")
    ),
    "difference": Stage("scripts.governance.differences", (ALIASES, REQUESTS), ("differences",)),
    "purge": Stage("scripts.governance.job", (ALIASES, CODES, RETURNS, REQUESTS)),
    "receipt": Stage("scripts.governance.job", (REQUESTS,)),
    "held": Stage("scripts.governance.job", (ALIASES, CODES, RETURNS, REQUESTS, STYLE, "scripts/governance/held.html")),
    "verify": Stage("scripts.integrity.job"),
    "crate": Stage("scripts.provenance.job", ("schemas/results.yaml",)),
    "retention": Stage("scripts.governance.job", (REQUESTS,)),
    "destroy": Stage("scripts.governance.job", (REQUESTS,)),
    "published_values": Stage("scripts.published.job", (PUBLISHED,), ("published_values",)),
    "published_estimate": Stage("scripts.published.job", (PUBLISHED,), ("published_groups",)),
    "published_conclude": Stage("scripts.conclusions.job"),
    "published": Stage("scripts.report.job", REPORT),
    "report": Stage("scripts.report.job", REPORT),
    "release_products": Stage("scripts.release.cross_products", (DISCLOSURE,)),
    "release_tables": Stage("scripts.release.job", (DISCLOSURE, "schemas/results.yaml")),
    "release_report": Stage("scripts.report.job", REPORT),
    "release": Stage("scripts.release.pack_job", (DISCLOSURE, STYLE, "scripts/release/*.html", "schemas/results.yaml")),
    "released": Stage("scripts.release.pack_job", (DISCLOSURE,)),
}

# Results tables whose parts are made per source LA, analysis LA, variation, request and outcome; each is collected into
# results/aggregate/{table}.csv.
POOLED_BY_SOURCE = (
    "privacy",
    "inputs",
    "ingest_report",
    "validation",
)
POOLED_BY_LA = ("ledger", "yearly_profile")
POOLED_BY_VARIATION = ("variants",)
POOLED_BY_REQUEST = ("differences",)
POOLED_BY_OUTCOME = (
    "la_matches",
    "la_balance",
    "flow",
    "trends",
    "missingness",
    "balance",
    "balance_overall",
    "dropped",
    "overlap",
    *ESTIMATE_TABLES,
)
