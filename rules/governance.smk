# Steps on request, no part of a study's run: data rights, retention, destruction. In: the register of requests, which
# `bin/rights` writes, and --config request=... today=... Leaves: governance/requests/{request}/{purged,receipt,held}.json,
# a sealed export, governance/certificate.json; and for returned extracts results/aggregate/parts/differences/{request}.csv.
from scripts.governance.rights import HELD, PURGED, RECEIPT

GOVERNANCE = STUDY.rights.folder
OF_REQUEST = STUDY.rights.of(COMMAND.request or "none")


rule difference:
    input:
        ingested=lambda w: [
            f"results/individual/ingested/{la}/{name}.parquet"
            for la in STUDY.replaced_las(w.request)
            for name in TABLES
        ],
    output:
        "results/aggregate/parts/differences/{request}.csv",
    log:
        "results/logs/difference/{request}.log",
    benchmark:
        "results/benchmarks/difference/{request}.tsv"
    params:
        settings=settings("difference", "request"),
        stamp=stamp("difference", "request"),
    message:
        "Count what the extract returned on request {wildcards.request} changed"
    run:
        run_logged(
            log[0],
            "scripts.governance.differences:difference",
            wildcards.request,
            STUDY.replaced_las(wildcards.request),
            output[0],
            params.settings,
        )


rule purge:
    output:
        str(OF_REQUEST / PURGED),
    log:
        "results/logs/purge.log",
    benchmark:
        "results/benchmarks/purge.tsv"
    params:
        files=lambda w: STUDY.purged_files(COMMAND.required("request")),
        settings=settings("purge"),
        stamp=stamp("purge"),
    message:
        f"Erase what was returned on request {COMMAND.request}"
    run:
        arguments = COMMAND, STUDY.rights, *params.files, output[0], params.settings
        run_here(log[0], "scripts.governance.job:purge", *arguments)


rule receipt:
    input:
        EVERYTHING,
    output:
        str(OF_REQUEST / RECEIPT),
    log:
        "results/logs/receipt.log",
    benchmark:
        "results/benchmarks/receipt.tsv"
    params:
        settings=settings("receipt"),
        stamp=stamp("receipt"),
    message:
        f"Search the project for what was erased on request {COMMAND.request}"
    run:
        run_here(log[0], "scripts.governance.job:receipt", COMMAND, STUDY.rights, output[0], params.settings)


rule held:
    input:
        EVERYTHING,
    output:
        sealed=str(OF_REQUEST / HELD),
        facts=str(OF_REQUEST / "held.json"),
    log:
        "results/logs/held.log",
    benchmark:
        "results/benchmarks/held.tsv"
    params:
        files=lambda w: STUDY.extracts.files(STUDY.rights.request(COMMAND.required("request")).la),
        settings=settings("held"),
        stamp=stamp("held"),
    message:
        f"Seal everything held about the child of request {COMMAND.request}"
    run:
        arguments = COMMAND, STUDY.rights, params.files, dict(output), params.settings
        run_here(log[0], "scripts.governance.job:held", *arguments)


rule retention:
    output:
        "results/governance/retention.txt",
    log:
        "results/logs/retention.log",
    benchmark:
        "results/benchmarks/retention.tsv"
    params:
        settings=settings("retention"),
        stamp=stamp("retention"),
    message:
        "Read both clocks of retention"
    run:
        arguments = COMMAND, STUDY.rights.register, output[0], params.settings
        run_here(log[0], "scripts.governance.job:retention", *arguments)


rule destroy:
    output:
        str(GOVERNANCE / "certificate.json"),
    log:
        "results/logs/destroy.log",
    benchmark:
        "results/benchmarks/destroy.tsv"
    params:
        settings=settings("destroy"),
        stamp=stamp("destroy"),
    message:
        "Destroy all individual-level data"
    run:
        arguments = COMMAND, STUDY.rights, STUDY.extracts.owned(), output[0]
        run_here(log[0], "scripts.governance.job:destroy", *arguments, params.settings)
