# Results tables and the summary. In: the parts of each results table, per LA or per outcome. Leaves:
# results/aggregate/{table}.csv as schemas/results.yaml documents them, and results/report/index.html made from those alone, with its pictures and their figures in results/report/figures.


rule pool:
    input:
        parts_of,
    output:
        report(
            "results/aggregate/{table}.csv",
            caption="captions/table.rst",
            category="Results tables",
            labels={"table": "{table}"},
        ),
    log:
        "results/logs/pool/{table}.log",
    benchmark:
        "results/benchmarks/pool/{table}.tsv"
    params:
        stamp=stamp("pool", "table"),
    message:
        "Collect results table {wildcards.table}"
    run:
        run_logged(log[0], "scripts.artefacts:pool_results", wildcards.table, list(input), output[0])


rule report:
    input:
        expand("results/aggregate/{table}.csv", table=POOLED_TABLES),
        rules.completeness.output,
        rules.conclude.output,
        "results/aggregate/calibration.csv" if STUDY.extracts.synthetic else [],
    output:
        page=report(
            "results/report/index.html",
            caption="captions/page.rst",
            category="Report",
            labels={"what": "the whole report"},
        ),
        figures=report(
            directory("results/report/figures"),
            patterns=["{name}-wide.svg"],
            caption="captions/picture.rst",
            category="Pictures",
            labels={"picture": "{name}"},
        ),
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
            tables=by_table(input),
            page=output.page,
            figures=output.figures,
            processes=threads,
            settings=params.settings,
        )
