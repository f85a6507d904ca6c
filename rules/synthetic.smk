# The embedded synthetic extracts. In: the configuration alone. Leaves: results/individual/extracts/{la}/*.csv with a
# manifest, results/individual/extracts/la_covariates.csv, results/aggregate/calibration.csv.
from scripts.synthetic import job as synthetic_job

EXTRACT = "results/individual/extracts"


rule synthetic:
    message:
        "Generate the SYNTHETIC extracts of LA {wildcards.la}"
    output:
        [f"{EXTRACT}/{{la}}/{name}" for name in STUDY.synthetic_file_names],
        manifest=f"{EXTRACT}/{{la}}/{synthetic_job.MANIFEST}",
    params:
        settings=settings("synthetic", "la"),
        stamp=stamp("synthetic", "la"),
    log:
        "results/logs/synthetic/{la}.log",
    benchmark:
        "results/benchmarks/synthetic/{la}.tsv"
    run:
        run_logged(
            log[0],
            synthetic_job.generate,
            wildcards.la,
            Path(output.manifest).parent,
            STUDY.generator_stamp(wildcards.la),
            params.settings,
        )


rule la_covariates:
    message:
        "Generate the SYNTHETIC covariates of every LA"
    output:
        f"{EXTRACT}/la_covariates.csv",
    params:
        settings=settings("la_covariates"),
        stamp=stamp("la_covariates"),
    log:
        "results/logs/la_covariates.log",
    benchmark:
        "results/benchmarks/la_covariates.tsv"
    run:
        run_logged(log[0], synthetic_job.la_covariates, STUDY.las, output[0], params.settings)


rule calibration:
    message:
        "Compare the SYNTHETIC extracts with published national figures"
    input:
        expand(f"{EXTRACT}/{{la}}/{synthetic_job.MANIFEST}", la=STUDY.las),
    output:
        "results/aggregate/calibration.csv",
    params:
        settings=settings("calibration"),
        stamp=stamp("calibration"),
    log:
        "results/logs/calibration.log",
    benchmark:
        "results/benchmarks/calibration.tsv"
    run:
        run_logged(
            log[0],
            synthetic_job.calibrate,
            [Path(path).parent for path in input],
            output[0],
            params.settings,
        )
