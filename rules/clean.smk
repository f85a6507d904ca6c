# Cleaning, per analysis LA. In: canonical tables of the source LAs it consists of. Leaves: one row per referral,
# assessment, episode and child in results/individual/cleaned/{la}/{table}.parquet; the quarantine ledger
# results/aggregate/parts/ledger/{la}.csv; and results/aggregate/traps.csv, the known traps as they were met.
from scripts.clean.job import CLEANED


rule clean:
    input:
        **{name: ingested_of(name) for name in TABLES},
        rights=lambda w: rights_of(STUDY.plan.members(w.la)),
    output:
        **{name: f"results/individual/cleaned/{{la}}/{name}.parquet" for name in CLEANED},
        ledger="results/aggregate/parts/ledger/{la}.csv",
    log:
        "results/logs/clean/{la}.log",
    benchmark:
        "results/benchmarks/clean/{la}.tsv"
    params:
        settings=settings("clean", "la"),
        stamp=stamp("clean", "la"),
    message:
        "Clean LA {wildcards.la}"
    run:
        arguments = wildcards.la, listed(input, TABLES), named(output, CLEANED), output.ledger
        run_logged(log[0], "scripts.clean.job:clean", *arguments, params.settings)


rule traps:
    input:
        ledger="results/aggregate/ledger.csv",
        ingest_report="results/aggregate/ingest_report.csv",
    output:
        "results/aggregate/traps.csv",
    log:
        "results/logs/traps.log",
    benchmark:
        "results/benchmarks/traps.tsv"
    params:
        settings=settings("traps"),
        stamp=stamp("traps"),
    message:
        "Count the known traps by LA and year"
    run:
        run_logged(log[0], "scripts.clean.job:traps", input.ledger, input.ingest_report, output[0])
