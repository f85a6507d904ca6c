# Results tables and the summary. In: the parts of each results table, per LA or per outcome. Leaves:
# results/aggregate/{table}.csv as schemas/results.yaml documents them, and results/report/index.html made from those alone.
from scripts import artefacts
from scripts.report import job as report_job


def parts(table):
    values = STUDY.las if table in POOLED_BY_LA else STUDY.outcomes
    return [f"results/aggregate/parts/{table}/{value}.csv" for value in values]


rule pool:
    message:
        "Collect results table {wildcards.table}"
    input:
        lambda w: parts(w.table),
    output:
        "results/aggregate/{table}.csv",
    params:
        stamp=stamp("pool", "table"),
    log:
        "results/logs/pool/{table}.log",
    benchmark:
        "results/benchmarks/pool/{table}.tsv"
    run:
        run_logged(log[0], artefacts.pool_results, wildcards.table, list(input), output[0])


rule report:
    message:
        "Write the summary page"
    input:
        expand("results/aggregate/{table}.csv", table=POOLED_TABLES),
        "results/aggregate/calibration.csv" if STUDY.synthetic else [],
    output:
        "results/report/index.html",
    params:
        settings=settings("report"),
        stamp=stamp("report"),
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    run:
        run_process(
            log[0],
            "scripts.report.job:report",
            threads,
            tables={Path(path).stem: path for path in input},
            output=output[0],
            settings=params.settings,
        )
