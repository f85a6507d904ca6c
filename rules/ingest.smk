# From extracts to typed canonical tables. In: the extracts of each LA (or national files, first partitioned by LA).
# Leaves: results/individual/ingested/{la}/{table}.parquet, results/aggregate/parts/ingest_report/{la}.csv.
# Extracts are `ancient`: their dates mean nothing, their content is in the stamp. But not while a job of this run may make
# them: Snakemake passes a stale job over if all its inputs are ancient and their producer runs.
from scripts.ingest import job as ingest_job
from scripts.ingest import partition as ingest_partition
from scripts.ingest.layout import TABLES


def extracts_of(wildcards):
    paths = [path for paths in STUDY.extract_files(wildcards.la).values() for path in paths]
    return ancient(paths) if STUDY.extracts_settled(wildcards.la) else paths


if STUDY.national:

    rule partition:
        message:
            "Take the rows of LA {wildcards.la} out of the national extracts"
        input:
            ancient([path for paths in STUDY.national_files.values() for path in paths]),
        output:
            [path for paths in STUDY.extract_files("{la}").values() for path in paths],
        params:
            settings=settings("partition", "la"),
            stamp=stamp("partition", "la"),
        log:
            "results/logs/partition/{la}.log",
        benchmark:
            "results/benchmarks/partition/{la}.tsv"
        run:
            run_logged(
                log[0],
                ingest_partition.partition,
                STUDY.national_files,
                STUDY.partitioned_folder,
                params.settings,
            )


rule ingest:
    message:
        "Read the extracts of LA {wildcards.la}"
    input:
        extracts_of,
    output:
        **{name: f"results/individual/ingested/{{la}}/{name}.parquet" for name in TABLES},
        report="results/aggregate/parts/ingest_report/{la}.csv",
    params:
        settings=settings("ingest", "la"),
        stamp=stamp("ingest", "la"),
    log:
        "results/logs/ingest/{la}.log",
    benchmark:
        "results/benchmarks/ingest/{la}.tsv"
    run:
        run_logged(
            log[0],
            ingest_job.ingest,
            wildcards.la,
            STUDY.extract_files(wildcards.la),
            {name: output[name] for name in TABLES},
            output.report,
            params.settings,
        )
