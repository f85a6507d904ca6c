# The embedded synthetic extracts. In: the configuration alone. Leaves: results/individual/extracts/{la}/*.csv with a
# manifest, results/individual/extracts/la_covariates.csv, results/aggregate/calibration.csv.
from scripts.synthetic.layout import MANIFEST

EXTRACT = "results/individual/extracts"


rule synthetic:
    output:
        [f"{EXTRACT}/{{la}}/{name}" for name in STUDY.extracts.synthetic_names],
        manifest=f"{EXTRACT}/{{la}}/{MANIFEST}",
    log:
        "results/logs/synthetic/{la}.log",
    benchmark:
        "results/benchmarks/synthetic/{la}.tsv"
    params:
        settings=settings("synthetic", "la"),
        stamp=stamp("synthetic", "la"),
    message:
        "Generate the SYNTHETIC extracts of LA {wildcards.la}"
    run:
        run_logged(
            log[0],
            "scripts.synthetic.job:generate",
            wildcards.la,
            Path(output.manifest).parent,
            STUDY.digest("synthetic", wildcards.la),
            params.settings,
        )


rule la_covariates:
    output:
        f"{EXTRACT}/la_covariates.csv",
    log:
        "results/logs/la_covariates.log",
    benchmark:
        "results/benchmarks/la_covariates.tsv"
    params:
        settings=settings("la_covariates"),
        stamp=stamp("la_covariates"),
    message:
        "Generate the SYNTHETIC covariates of every LA"
    run:
        run_logged(log[0], "scripts.synthetic.job:la_covariates", STUDY.plan.las, output[0], params.settings)


rule calibration_counts:
    input:
        f"{EXTRACT}/{{la}}/{MANIFEST}",
    output:
        "results/aggregate/parts/calibration/{la}.json",
    log:
        "results/logs/calibration_counts/{la}.log",
    benchmark:
        "results/benchmarks/calibration_counts/{la}.tsv"
    params:
        settings=settings("calibration_counts", "la"),
        stamp=stamp("calibration_counts", "la"),
    message:
        "Count the SYNTHETIC extracts of LA {wildcards.la}"
    run:
        run_logged(log[0], "scripts.synthetic.job:count", Path(input[0]).parent, output[0], params.settings)


rule calibration:
    input:
        expand(rules.calibration_counts.output, la=STUDY.plan.las),
    output:
        "results/aggregate/calibration.csv",
    log:
        "results/logs/calibration.log",
    benchmark:
        "results/benchmarks/calibration.tsv"
    params:
        settings=settings("calibration"),
        stamp=stamp("calibration"),
    message:
        "Compare the SYNTHETIC extracts with published national figures"
    run:
        run_logged(log[0], "scripts.synthetic.job:calibrate", list(input), output[0], params.settings)
