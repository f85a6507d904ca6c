# Pages written out of schemas, configuration and code; not part of a study's run. In: nothing but those. Leaves:
# docs/data-dictionary.md, docs/minimisation.md, docs/decisions.md.
rule documentation:
    output:
        data_dictionary="docs/data-dictionary.md",
        minimisation="docs/minimisation.md",
        decisions="docs/decisions.md",
    log:
        "results/logs/documentation.log",
    benchmark:
        "results/benchmarks/documentation.tsv"
    params:
        settings=settings("documentation"),
        stamp=stamp("documentation"),
    message:
        "Write the pages that schemas and configuration hold"
    run:
        run_process(
            log[0],
            "scripts.documentation.job:document",
            threads,
            outputs=dict(output),
            settings=params.settings,
        )
