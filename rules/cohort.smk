# Matched groups of LAs and the cohort of each outcome. In: index events of the LAs that can take part, LA covariates.
# Leaves: results/aggregate/parts/la_matches/{outcome}.csv and la_balance/{outcome}.csv, results/individual/cohort/{outcome}.parquet,
# results/aggregate/parts/flow/{outcome}.csv and trends/{outcome}.csv. The jobs read all LAs of an outcome at once.


rule match_las:
    input:
        events=events_of,
        covariates=covariates_of,
        # Its content is in the stamp, so its date means nothing.
        neighbours=lambda w: ancient(STUDY.neighbours_files(w.outcome)),
    output:
        matches="results/aggregate/parts/la_matches/{outcome}.csv",
        balance="results/aggregate/parts/la_balance/{outcome}.csv",
    log:
        "results/logs/match_las/{outcome}.log",
    benchmark:
        "results/benchmarks/match_las/{outcome}.tsv"
    params:
        settings=settings("match_las", "outcome"),
        stamp=stamp("match_las", "outcome"),
    message:
        "Choose the comparator LAs for {wildcards.outcome}"
    run:
        arguments = [*input.events], optional(input.covariates), optional(input.neighbours), *output
        run_logged(log[0], "scripts.cohort.job:match_las", *arguments, params.settings)


rule cohort:
    input:
        events=events_of,
        flow=lambda w: expand(rules.outcomes.output.flow, outcome=w.outcome, la=STUDY.plan.las_of(w.outcome)),
        matches=rules.match_las.output.matches,
        covariates=covariates_of,
    output:
        cohort="results/individual/cohort/{outcome}.parquet",
        flow="results/aggregate/parts/flow/{outcome}.csv",
        trends="results/aggregate/parts/trends/{outcome}.csv",
    log:
        "results/logs/cohort/{outcome}.log",
    benchmark:
        "results/benchmarks/cohort/{outcome}.tsv"
    params:
        settings=settings("cohort", "outcome"),
        stamp=stamp("cohort", "outcome"),
    message:
        "Assemble the cohort for {wildcards.outcome}"
    run:
        arguments = [*input.events], [*input.flow], str(input.matches), optional(input.covariates)
        run_logged(log[0], "scripts.cohort.job:cohort", *arguments, *output, params.settings)
