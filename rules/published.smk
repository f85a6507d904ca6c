# The same question answered on published statistics, without anybody's records: `snakemake published --config published=FOLDER`. In:
# the CSV files of a release. Leaves: results/published/aggregate/{table}.csv, and the page results/published/index.html with its
# pictures. Nothing here reads extracts, and no other rule reads what is left here.
from scripts.conclusions.tables import READ as CONCLUDED_FROM
from scripts.published import job as published_job
from scripts.workflow.stages import CONCLUSION_TABLES


rule published_values:
    input:
        lambda wildcards: ancient(list(STUDY.release_files().values())),
    output:
        **{table: f"results/published/aggregate/{table}.csv" for table in published_job.READ},
    log:
        "results/published/logs/values.log",
    benchmark:
        "results/published/benchmarks/values.tsv"
    params:
        files=lambda wildcards: STUDY.release_files(),
        settings=settings("published_values"),
        stamp=stamp("published_values"),
    message:
        "Read the published statistics"
    run:
        tables = named(output, published_job.READ)
        run_logged(log[0], "scripts.published.job:read", params.files, tables, params.settings)


rule published_estimate:
    input:
        values=rules.published_values.output.published_values,
        breaks=rules.published_values.output.recording_breaks,
        neighbours=lambda wildcards: ancient(STUDY.release_neighbours()),
    output:
        **{table: f"results/published/aggregate/{table}.csv" for table in published_job.ESTIMATED},
    log:
        "results/published/logs/estimate.log",
    benchmark:
        "results/published/benchmarks/estimate.tsv"
    threads: 2
    params:
        settings=settings("published_estimate"),
        stamp=stamp("published_estimate"),
    message:
        "Estimate on published statistics"
    run:
        run_process(
            log[0],
            "scripts.published.job:estimate",
            threads,
            values_file=input.values,
            breaks_file=input.breaks,
            neighbours_file=optional(input.neighbours),
            outputs=named(output, published_job.ESTIMATED),
            processes=threads,
            settings=params.settings,
        )


PUBLISHED_CONCLUDED_FROM = [table for table in CONCLUDED_FROM if table in published_job.ESTIMATED]


rule published_conclude:
    input:
        **{table: f"results/published/aggregate/{table}.csv" for table in PUBLISHED_CONCLUDED_FROM},
    output:
        **{table: f"results/published/aggregate/{table}.csv" for table in CONCLUSION_TABLES},
    log:
        "results/published/logs/conclude.log",
    benchmark:
        "results/published/benchmarks/conclude.tsv"
    params:
        settings=settings("published_conclude"),
        stamp=stamp("published_conclude"),
    message:
        "Conclude on published statistics"
    run:
        run_process(
            log[0],
            "scripts.conclusions.job:conclude",
            threads,
            tables=named(input, PUBLISHED_CONCLUDED_FROM),
            outputs=named(output, CONCLUSION_TABLES),
            settings=params.settings,
        )


rule published:
    input:
        rules.published_values.output,
        rules.published_estimate.output,
        rules.published_conclude.output,
    output:
        page="results/published/index.html",
        figures=directory("results/published/figures"),
    log:
        "results/published/logs/page.log",
    benchmark:
        "results/published/benchmarks/page.tsv"
    threads: 2
    params:
        settings=settings("published"),
        stamp=stamp("published"),
    message:
        "Write the report on published statistics"
    run:
        run_process(
            log[0],
            "scripts.report.job:report",
            threads,
            tables=by_table(input),
            page=output.page,
            figures=output.figures,
            processes=threads,
            settings=params.settings,
        )
