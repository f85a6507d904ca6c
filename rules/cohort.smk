# Matched groups of LAs and the cohort of each outcome. In: index events of the LAs that can take part, LA covariates.
# Leaves: results/aggregate/parts/la_matches/{outcome}.csv, results/individual/cohort/{outcome}.parquet,
# results/aggregate/parts/flow/{outcome}.csv. The jobs read all LAs of an outcome at once.
from scripts.cohort import job as cohort_job


def events_of(outcome):
    return expand(rules.outcomes.output.events, outcome=outcome, la=STUDY.las_of(outcome))


def covariates_input():
    return [] if STUDY.la_covariates_file is None else STUDY.la_covariates_file


rule match_las:
    message:
        "Choose the comparator LAs for {wildcards.outcome}"
    input:
        events=lambda w: events_of(w.outcome) if STUDY.computes_comparators(w.outcome) else [],
        covariates=lambda w: covariates_input() if STUDY.computes_comparators(w.outcome) else [],
    output:
        "results/aggregate/parts/la_matches/{outcome}.csv",
    params:
        settings=settings("match_las", "outcome"),
        stamp=stamp("match_las", "outcome"),
    log:
        "results/logs/match_las/{outcome}.log",
    benchmark:
        "results/benchmarks/match_las/{outcome}.tsv"
    run:
        covariates = str(input.covariates) if input.covariates else None
        run_logged(log[0], cohort_job.match_las, list(input.events), covariates, output[0], params.settings)


rule cohort:
    message:
        "Assemble the cohort for {wildcards.outcome}"
    input:
        events=lambda w: events_of(w.outcome),
        flow=lambda w: expand(rules.outcomes.output.flow, outcome=w.outcome, la=STUDY.las_of(w.outcome)),
        matches=rules.match_las.output,
        covariates=lambda w: covariates_input(),
    output:
        cohort="results/individual/cohort/{outcome}.parquet",
        flow="results/aggregate/parts/flow/{outcome}.csv",
    params:
        settings=settings("cohort", "outcome"),
        stamp=stamp("cohort", "outcome"),
    log:
        "results/logs/cohort/{outcome}.log",
    benchmark:
        "results/benchmarks/cohort/{outcome}.tsv"
    run:
        run_logged(
            log[0],
            cohort_job.cohort,
            list(input.events),
            list(input.flow),
            str(input.matches),
            str(input.covariates) if input.covariates else None,
            output.cohort,
            output.flow,
            params.settings,
        )
