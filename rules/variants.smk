# Variants. In: cleaned tables of an outcome's LAs (canonical ones where the variant changes cleaning), its matched groups.
# Leaves: the headline estimate with one choice changed, results/aggregate/parts/variants/{variant}-{outcome}.csv.


rule vary:
    input:
        tables=lambda w: [p for la in variant_tables(w).values() for paths in la.values() for p in paths],
        matches=lambda w: expand(
            rules.match_las.output.matches, outcome=STUDY.plan.variations[w.variation][1]
        ),
        covariates=covariates_of,
        rights=lambda w: rights_of(STUDY.plan.recleaned(w.variation)),
    output:
        "results/aggregate/parts/variants/{variation}.csv",
    log:
        "results/logs/vary/{variation}.log",
    benchmark:
        "results/benchmarks/vary/{variation}.tsv"
    params:
        settings=settings("vary", "variation"),
        stamp=stamp("vary", "variation"),
    message:
        "Estimate the variant {wildcards.variation}"
    run:
        run_process(
            log[0],
            "scripts.variants.job:vary",
            threads,
            inputs=variant_tables(wildcards),
            matches_file=str(input.matches),
            covariates_file=optional(input.covariates),
            output=output[0],
            settings=params.settings,
        )
