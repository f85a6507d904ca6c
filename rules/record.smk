# The record of processing and a privacy notice. In: nothing but the configuration and the schemas. Leaves:
# results/governance/processing-record.html and privacy-notice.md.


rule record:
    output:
        page="results/governance/processing-record.html",
        notice="results/governance/privacy-notice.md",
    log:
        "results/logs/record.log",
    benchmark:
        "results/benchmarks/record.tsv"
    params:
        settings=settings("record"),
        stamp=stamp("record"),
    message:
        "Write the record of processing and the privacy notice"
    run:
        run_logged(log[0], "scripts.governance.record:write", dict(output), params.settings)
