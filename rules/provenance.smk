# What was made and how, on request: `snakemake verify`, `snakemake crate`. In: records of all artefacts, extracts, times.
# Leaves: results/governance/verified.txt; results/ro-crate-metadata.json and results/crate/config.json.


rule verify:
    output:
        "results/governance/verified.txt",
    log:
        "results/logs/verify.log",
    benchmark:
        "results/benchmarks/verify.tsv"
    params:
        extracts=lambda w: STUDY.extracts.supplied(),
        settings=settings("verify"),
        stamp=stamp("verify"),
    message:
        "Check every artefact and extract against its checksum"
    run:
        run_here(log[0], "scripts.integrity.job:verify", params.extracts, output[0], params.settings)


rule crate:
    input:
        EVERYTHING,
    output:
        config="results/crate/config.json",
        metadata="results/ro-crate-metadata.json",
    log:
        "results/logs/crate.log",
    benchmark:
        "results/benchmarks/crate.tsv"
    params:
        code=lambda w: STUDY.code_version,
        settings=settings("crate"),
        stamp=stamp("crate"),
    message:
        "Describe the run as a Process Run RO-Crate"
    run:
        arguments = COMMAND.today, params.code, dict(output), params.settings
        run_logged(log[0], "scripts.provenance.job:crate", *arguments)
