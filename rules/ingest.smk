# From extracts to typed canonical tables. In: the extracts of each LA (or files or tables of all LAs, first divided).
# Nothing else reads an extract before the privacy gate has. Leaves: results/aggregate/parts/privacy/{la}.csv and
# inputs/{la}.csv, results/individual/ingested/{la}/{table}.parquet, results/aggregate/parts/ingest_report/{la}.csv.
from scripts.ingest.layout import TABLES
from scripts.workflow.extracts import PARTITIONED_FOLDER

if STUDY.extracts.divided_by == "partition":

    rule partition:
        input:
            ancient([path for paths in STUDY.extracts.national_files.values() for path in paths]),
        output:
            STUDY.extracts.paths("{la}"),
        log:
            "results/logs/partition/{la}.log",
        benchmark:
            "results/benchmarks/partition/{la}.tsv"
        localrule: True
        params:
            settings=settings("partition", "la"),
            stamp=stamp("partition", "la"),
        message:
            "Take the rows of LA {wildcards.la} out of the national extracts"
        run:
            run_logged(
                log[0],
                "scripts.ingest.partition:partition",
                STUDY.extracts.national_files,
                PARTITIONED_FOLDER,
                params.settings,
            )

elif STUDY.extracts.divided_by == "query":

    rule query:
        output:
            STUDY.extracts.paths("{la}"),
        log:
            "results/logs/query/{la}.log",
        benchmark:
            "results/benchmarks/query/{la}.tsv"
        localrule: True
        params:
            folder=f"{PARTITIONED_FOLDER}/{{la}}",
            settings=settings("query", "la"),
            stamp=stamp("query", "la"),
        message:
            "Take the rows of LA {wildcards.la} out of the database"
        run:
            run_logged(log[0], "scripts.ingest.database:query", params.folder, params.settings)


rule privacy:
    input:
        extracts_of,
    output:
        report="results/aggregate/parts/privacy/{la}.csv",
        inputs="results/aggregate/parts/inputs/{la}.csv",
    log:
        "results/logs/privacy/{la}.log",
    benchmark:
        "results/benchmarks/privacy/{la}.tsv"
    params:
        files=lambda wildcards: STUDY.extracts.files(wildcards.la),
        checksums=lambda wildcards: STUDY.extracts.list_of_checksums(wildcards.la),
        settings=settings("privacy", "la"),
        stamp=stamp("privacy", "la"),
    message:
        "Inspect what the extracts of LA {wildcards.la} let in"
    run:
        arguments = wildcards.la, params.files, *output, params.checksums
        run_logged(log[0], "scripts.privacy.job:inspect", *arguments, params.settings)


rule ingest:
    input:
        extracts_of,
        gate="results/aggregate/parts/privacy/{la}.csv",
    output:
        **{name: f"results/individual/ingested/{{la}}/{name}.parquet" for name in TABLES},
        report="results/aggregate/parts/ingest_report/{la}.csv",
    log:
        "results/logs/ingest/{la}.log",
    benchmark:
        "results/benchmarks/ingest/{la}.tsv"
    params:
        files=lambda wildcards: STUDY.extracts.files(wildcards.la),
        settings=settings("ingest", "la"),
        stamp=stamp("ingest", "la"),
    message:
        "Read the extracts of LA {wildcards.la}"
    run:
        arguments = wildcards.la, params.files, named(output, TABLES), output.report
        run_logged(log[0], "scripts.ingest.job:ingest", *arguments, params.settings)
