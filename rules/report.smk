# Results tables and the summary. In: the parts of each results table, per LA or per outcome. Leaves:
# results/aggregate/{table}.csv as schemas/results.yaml documents them, and results/report/index.html made from those alone, with its pictures and their figures in results/report/figures.
from scripts import artefacts


rule pool:
    input:
        parts_of,
    output:
        "results/aggregate/{table}.csv",
    log:
        "results/logs/pool/{table}.log",
    benchmark:
        "results/benchmarks/pool/{table}.tsv"
    params:
        stamp=stamp("pool", "table"),
    message:
        "Collect results table {wildcards.table}"
    run:
        run_logged(log[0], artefacts.pool_results, wildcards.table, list(input), output[0])


rule report:
    input:
        expand("results/aggregate/{table}.csv", table=POOLED_TABLES),
        rules.completeness.output,
        rules.conclude.output,
        "results/aggregate/calibration.csv" if STUDY.extracts.synthetic else [],
    output:
        page="results/report/index.html",
        figures=directory("results/report/figures"),
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    threads: 2
    params:
        settings=settings("report"),
        stamp=stamp("report"),
    message:
        "Write the report and draw its pictures"
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
