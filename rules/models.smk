# Models. In: completed matched children. Leaves: cross-products per group, LA and period
# (results/aggregate/cross_products/{outcome}/{imputation}.npz), and from them every linear estimate,
# results/aggregate/parts/estimates/{outcome}.csv. Only the logit reads child rows beyond the cross-products.


rule cross_products:
    input:
        rules.impute.output,
    output:
        "results/aggregate/cross_products/{outcome}/{imputation}.npz",
    log:
        "results/logs/cross_products/{outcome}/{imputation}.log",
    benchmark:
        "results/benchmarks/cross_products/{outcome}/{imputation}.tsv"
    params:
        settings=settings("cross_products", "outcome", "imputation"),
        stamp=stamp("cross_products", "outcome", "imputation"),
    message:
        "Cross-products of imputation {wildcards.imputation} for {wildcards.outcome}"
    run:
        run_process(
            log[0],
            "scripts.models.job:cross_products",
            threads,
            imputed=input[0],
            output=output[0],
            settings=params.settings,
        )


rule logit:
    input:
        expand(rules.impute.output, imputation=STUDY.plan.imputations, allow_missing=True),
    output:
        "results/aggregate/logit/{outcome}.json",
    log:
        "results/logs/logit/{outcome}.log",
    benchmark:
        "results/benchmarks/logit/{outcome}.tsv"
    params:
        settings=settings("logit", "outcome"),
        stamp=stamp("logit", "outcome"),
    message:
        "Logit for {wildcards.outcome}"
    run:
        run_process(
            log[0],
            "scripts.models.job:logit",
            threads,
            imputed=list(input),
            output=output[0],
            settings=params.settings,
        )


rule estimate:
    input:
        cross_products=expand(
            rules.cross_products.output, imputation=STUDY.plan.imputations, allow_missing=True
        ),
        logit=lambda w: (
            expand(rules.logit.output, outcome=w.outcome) if STUDY.plan.needs_logit(w.outcome) else []
        ),
    output:
        **{table: f"results/aggregate/parts/{table}/{{outcome}}.csv" for table in ESTIMATE_TABLES},
    log:
        "results/logs/estimate/{outcome}.log",
    benchmark:
        "results/benchmarks/estimate/{outcome}.tsv"
    params:
        settings=settings("estimate", "outcome"),
        stamp=stamp("estimate", "outcome"),
    message:
        "Estimate the effect on {wildcards.outcome}"
    run:
        run_process(
            log[0],
            "scripts.models.job:estimate",
            threads,
            cross_product_files=list(input.cross_products),
            logit_file=optional(input.logit),
            tables=named(output, ESTIMATE_TABLES),
            settings=params.settings,
        )
