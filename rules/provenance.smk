# Whether what is on disk is what was made, on request: `snakemake verify`. In: the records of all artefacts and extracts.
# Leaves: results/governance/verified.txt.


rule verify:
    output:
        "results/governance/verified.txt",
    log:
        "results/logs/verify.log",
    benchmark:
        "results/benchmarks/verify.tsv"
    params:
        extracts=STUDY.extracts.supplied(),
        settings=settings("verify"),
        stamp=stamp("verify"),
    message:
        "Check every artefact and extract against its checksum"
    run:
        run_here(log[0], "scripts.integrity.job:verify", params.extracts, output[0], params.settings)
