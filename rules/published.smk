# The same question answered on published statistics, without anybody's records: `snakemake published --config published=FOLDER`. In:
# the CSV files of a release. Leaves: results/published/aggregate/{table}.csv, and the page results/published/index.html with its
# pictures. Nothing here reads extracts, and no other rule reads what is left here.
from scripts.published.job import BY_OUTCOME, CONCLUDED
from scripts.published.job import READ as PUBLISHED_READ

PUBLISHED_TABLES = [*PUBLISHED_READ, *BY_OUTCOME, *CONCLUDED]


rule published_values:
    input:
        lambda wildcards: ancient(list(STUDY.release_files().values())),
    output:
        **{table: f"results/published/aggregate/{table}.csv" for table in PUBLISHED_READ},
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
        tables = named(output, PUBLISHED_READ)
        run_process(
            log[0],
            "scripts.published.job:read",
            threads,
            files=params.files,
            outputs=tables,
            settings=params.settings,
        )


rule published_estimate:
    input:
        values=rules.published_values.output.published_values,
        breaks=rules.published_values.output.recording_breaks,
        neighbours=lambda wildcards: ancient(STUDY.release_neighbours()),
    output:
        **{table: f"results/published/parts/{table}/{{measure}}.csv" for table in BY_OUTCOME},
    log:
        "results/published/logs/estimate/{measure}.log",
    benchmark:
        "results/published/benchmarks/estimate/{measure}.tsv"
    params:
        settings=settings("published_estimate", "measure"),
        stamp=stamp("published_estimate", "measure"),
    message:
        "Estimate {wildcards.measure} on published statistics"
    run:
        run_process(
            log[0],
            "scripts.published.job:estimate",
            threads,
            values_file=input.values,
            breaks_file=input.breaks,
            neighbours_file=optional(input.neighbours),
            outputs=named(output, BY_OUTCOME),
            settings=params.settings,
        )


rule published_conclude:
    input:
        **{
            table: expand(
                "results/published/parts/{table}/{measure}.csv", table=table, measure=STUDY.measures
            )
            for table in BY_OUTCOME
        },
    output:
        **{table: f"results/published/aggregate/{table}.csv" for table in [*BY_OUTCOME, *CONCLUDED]},
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
            "scripts.published.job:conclusions",
            threads,
            parts=listed(input, BY_OUTCOME),
            outputs=named(output, [*BY_OUTCOME, *CONCLUDED]),
            settings=params.settings,
        )


rule published:
    input:
        rules.published_values.output,
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
            tables={Path(path).stem: path for path in input},
            page=output.page,
            figures=output.figures,
            processes=threads,
            settings=params.settings,
        )
