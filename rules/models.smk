# Models. In: completed matched children. Leaves: cross-products per group, LA and period
# (results/aggregate/cross_products/{outcome}/{imputation}.npz), and from them every linear estimate,
# results/aggregate/parts/estimates/{outcome}.csv. Only the logit reads child rows beyond the cross-products.

rule cross_products:
    message:
        "Cross-products of imputation {wildcards.imputation} for {wildcards.outcome}"
    input:
        rules.impute.output,
    output:
        "results/aggregate/cross_products/{outcome}/{imputation}.npz",
    params:
        settings=settings("cross_products", "outcome", "imputation"),
        stamp=stamp("cross_products", "outcome", "imputation"),
    log:
        "results/logs/cross_products/{outcome}/{imputation}.log",
    benchmark:
        "results/benchmarks/cross_products/{outcome}/{imputation}.tsv"
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
    message:
        "Logit of imputation {wildcards.imputation} for {wildcards.outcome}"
    input:
        rules.impute.output,
    output:
        "results/aggregate/logit/{outcome}/{imputation}.json",
    params:
        settings=settings("logit", "outcome", "imputation"),
        stamp=stamp("logit", "outcome", "imputation"),
    log:
        "results/logs/logit/{outcome}/{imputation}.log",
    benchmark:
        "results/benchmarks/logit/{outcome}/{imputation}.tsv"
    run:
        run_process(
            log[0],
            "scripts.models.job:logit",
            threads,
            imputed=input[0],
            output=output[0],
            settings=params.settings,
        )


rule estimate:
    message:
        "Estimate the effect on {wildcards.outcome}"
    input:
        cross_products=expand(
            rules.cross_products.output, imputation=STUDY.imputations, allow_missing=True
        ),
        logits=lambda w: (
            expand(rules.logit.output, outcome=w.outcome, imputation=STUDY.imputations)
            if STUDY.logit_specifications(w.outcome)
            else []
        ),
    output:
        estimates="results/aggregate/parts/estimates/{outcome}.csv",
        status="results/aggregate/parts/estimation_status/{outcome}.csv",
        terms="results/aggregate/parts/model_terms/{outcome}.csv",
    params:
        settings=settings("estimate", "outcome"),
        stamp=stamp("estimate", "outcome"),
    log:
        "results/logs/estimate/{outcome}.log",
    benchmark:
        "results/benchmarks/estimate/{outcome}.tsv"
    run:
        run_process(
            log[0],
            "scripts.models.job:estimate",
            threads,
            cross_product_files=list(input.cross_products),
            logit_files=list(input.logits),
            estimates=output.estimates,
            status=output.status,
            terms=output.terms,
            settings=params.settings,
        )
