# Index events and outcomes, per LA and outcome. In: cleaned tables. Leaves: results/individual/outcomes/{outcome}/{la}.parquet
# and how many rows each step left, results/aggregate/parts/flow_by_la/{outcome}/{la}.csv.


rule outcomes:
    input:
        **{name: f"results/individual/cleaned/{{la}}/{name}.parquet" for name in CLEANED},
    output:
        events="results/individual/outcomes/{outcome}/{la}.parquet",
        flow="results/aggregate/parts/flow_by_la/{outcome}/{la}.csv",
    log:
        "results/logs/outcomes/{outcome}/{la}.log",
    benchmark:
        "results/benchmarks/outcomes/{outcome}/{la}.tsv"
    params:
        settings=settings("outcomes", "outcome", "la"),
        stamp=stamp("outcomes", "outcome", "la"),
    message:
        "Outcome {wildcards.outcome} in LA {wildcards.la}"
    run:
        arguments = wildcards.la, named(input, CLEANED), output.events, output.flow
        run_logged(log[0], "scripts.outcomes.job:outcomes", *arguments, params.settings)
