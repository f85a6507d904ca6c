# From per-LA extracts to estimates. `snakemake -n` previews, `snakemake --cores N` runs; config.yaml is the study.
import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# One process runs many light jobs as threads; without this every one of them would start as many BLAS threads as cores.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(workflow.basedir)))


configfile: "config.yaml"


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
include: "rules/documentation.smk"


rule all:
    default_target: True
    input:
        rules.report.output,
        rules.completeness.output,
        expand("results/aggregate/{table}.csv", table=POOLED_TABLES),
        rules.traps.output,
        rules.conclude.output,
        "results/aggregate/calibration.csv" if STUDY.extracts.synthetic else [],
    message:
        "Everything is made: start with results/report/index.html"
