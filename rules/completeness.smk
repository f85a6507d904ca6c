# The completeness gate. In: cleaned tables of every analysis LA and, if configured, published counts. Leaves:
# results/aggregate/parts/yearly_profile/{la}.csv, and below results/aggregate completeness.csv (counts beside published ones),
# recording_breaks.csv and published_files.csv (checksums of what was compared with).
from scripts.completeness import job as completeness_job
from scripts.completeness.profile import DATED_BY


rule profile:
    input:
        **{name: f"results/individual/cleaned/{{la}}/{name}.parquet" for name in DATED_BY},
    output:
        "results/aggregate/parts/yearly_profile/{la}.csv",
    log:
        "results/logs/profile/{la}.log",
    benchmark:
        "results/benchmarks/profile/{la}.tsv"
    params:
        stamp=stamp("profile", "la"),
    message:
        "Count LA {wildcards.la} by year"
    run:
        arguments = wildcards.la, named(input, DATED_BY), output[0]
        run_logged(log[0], "scripts.completeness.job:profile", *arguments)


rule completeness:
    input:
        profiles="results/aggregate/yearly_profile.csv",
        published=ancient(list(STUDY.published.values())),
    output:
        **{name: f"results/aggregate/{name}.csv" for name in completeness_job.TABLES},
    log:
        "results/logs/completeness.log",
    benchmark:
        "results/benchmarks/completeness.tsv"
    params:
        settings=settings("completeness"),
        stamp=stamp("completeness"),
    message:
        "Compare the yearly counts with those published"
    run:
        arguments = input.profiles, STUDY.published, named(output, completeness_job.TABLES)
        run_logged(log[0], "scripts.completeness.job:completeness", *arguments, params.settings)
