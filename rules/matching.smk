# Child matching. In: the cohort of an outcome. Leaves: results/individual/matched/{outcome}.parquet, balance before and
# after, results/aggregate/parts/balance/{outcome}.csv and balance_overall/{outcome}.csv, and who dropped out,
# dropped/{outcome}.csv.
from scripts.matching import job as matching_job


rule match:
    input:
        rules.cohort.output.cohort,
    output:
        matched="results/individual/matched/{outcome}.parquet",
        balance="results/aggregate/parts/balance/{outcome}.csv",
        overall="results/aggregate/parts/balance_overall/{outcome}.csv",
        dropped="results/aggregate/parts/dropped/{outcome}.csv",
    log:
        "results/logs/match/{outcome}.log",
    benchmark:
        "results/benchmarks/match/{outcome}.tsv"
    params:
        settings=settings("match", "outcome"),
        stamp=stamp("match", "outcome"),
    message:
        "Match children for {wildcards.outcome}"
    run:
        run_logged(
            log[0],
            matching_job.match,
            input[0],
            output.matched,
            output.balance,
            output.overall,
            output.dropped,
            params.settings,
        )
