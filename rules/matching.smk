# Child matching. In: the cohort of an outcome. Leaves: results/individual/matched/{outcome}.parquet, and its tables
# results/aggregate/parts/{table}/{outcome}.csv: balance before and after, who dropped out, overlap of the arms.


rule match:
    input:
        rules.cohort.output.cohort,
    output:
        **{table: f"results/aggregate/parts/{table}/{{outcome}}.csv" for table in STAGES["match"].tables},
        matched="results/individual/matched/{outcome}.parquet",
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
        tables = named(output, STAGES["match"].tables)
        run_logged(
            log[0], "scripts.matching.job:match", input[0], output.matched, tables, params.settings
        )
