# Missing data. In: the cohort (to describe gaps) and the matched children (to fill them). Leaves:
# results/aggregate/parts/missingness/{outcome}.csv, results/individual/imputed/{outcome}/{imputation}.parquet.


rule missingness:
    input:
        rules.cohort.output.cohort,
    output:
        "results/aggregate/parts/missingness/{outcome}.csv",
    log:
        "results/logs/missingness/{outcome}.log",
    benchmark:
        "results/benchmarks/missingness/{outcome}.tsv"
    params:
        settings=settings("missingness", "outcome"),
        stamp=stamp("missingness", "outcome"),
    message:
        "Count missing values for {wildcards.outcome}"
    run:
        run_logged(log[0], "scripts.imputation.job:missingness", input[0], output[0], params.settings)


rule impute:
    input:
        rules.match.output.matched,
    output:
        "results/individual/imputed/{outcome}/{imputation}.parquet",
    log:
        "results/logs/impute/{outcome}/{imputation}.log",
    benchmark:
        "results/benchmarks/impute/{outcome}/{imputation}.tsv"
    params:
        settings=settings("impute", "outcome", "imputation"),
        stamp=stamp("impute", "outcome", "imputation"),
    message:
        "Imputation {wildcards.imputation} for {wildcards.outcome}"
    run:
        run_process(
            log[0],
            "scripts.imputation.job:impute",
            threads,
            matched=input[0],
            output=output[0],
            settings=params.settings,
        )
