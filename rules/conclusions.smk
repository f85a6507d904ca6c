# Conclusions. In: results tables of all outcomes. Leaves: what was found with its strength of evidence, the facts behind it
# and the specification curve, results/aggregate/{conclusions,evidence,specification_curve}.csv.
from scripts.conclusions.tables import READ as CONCLUDED_FROM


rule conclude:
    input:
        **{table: f"results/aggregate/{table}.csv" for table in CONCLUDED_FROM},
    output:
        **{
            table: report(
                f"results/aggregate/{table}.csv",
                caption="captions/conclusions.rst",
                category="Conclusions",
                labels={"table": table},
            )
            for table in CONCLUSION_TABLES
        },
    log:
        "results/logs/conclude.log",
    benchmark:
        "results/benchmarks/conclude.tsv"
    params:
        settings=settings("conclude"),
        stamp=stamp("conclude"),
    message:
        "Conclude: adjusted p-values, strength of evidence, specification curve"
    run:
        run_process(
            log[0],
            "scripts.conclusions.job:conclude",
            threads,
            tables=named(input, CONCLUDED_FROM),
            outputs=named(output, CONCLUSION_TABLES),
            settings=params.settings,
        )
