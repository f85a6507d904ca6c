# From per-LA extracts to estimates. `snakemake -n` previews, `snakemake --cores N` runs; config.yaml is the study.
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

sys.path.insert(0, str(Path(workflow.basedir)))


configfile: "config.yaml"


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/synthetic.smk"
include: "rules/ingest.smk"
include: "rules/validation.smk"
include: "rules/clean.smk"
include: "rules/completeness.smk"
include: "rules/outcomes.smk"
include: "rules/cohort.smk"
include: "rules/matching.smk"
include: "rules/imputation.smk"
include: "rules/models.smk"
include: "rules/variants.smk"
include: "rules/conclusions.smk"
include: "rules/report.smk"
include: "rules/record.smk"
include: "rules/documentation.smk"
include: "rules/published.smk"


EVERYTHING = [
    rules.report.output,
    rules.completeness.output,
    expand("results/aggregate/{table}.csv", table=POOLED_TABLES),
    rules.traps.output,
    rules.conclude.output,
    rules.record.output,
    rules.calibration.output if STUDY.extracts.synthetic else [],
]


rule all:
    default_target: True
    input:
        EVERYTHING,
    message:
        "Everything is made: start with results/report/index.html"


include: "rules/governance.smk"
include: "rules/provenance.smk"
include: "rules/release.smk"
include: "rules/cluster.smk"
