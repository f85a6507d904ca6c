# The release gate, on request: `snakemake release --config tag=NAME`. In: results tables and the register of earlier releases.
# Leaves: results/release/{tag}/, which may leave once an output checker has cleared it; and inside, results/disclosure/{tag}/,
# the audit and what the register will hold. `snakemake released` adds a final release to {release.register}/{tag}/.
from scripts.release.contract import MANIFEST, NUMBERS

TAG = COMMAND.release
LEAVES, INSIDE = f"results/release/{TAG}", f"results/disclosure/{TAG}"
PRODUCTS = STUDY.release_products()
LEAVING = [*STUDY.release_outputs, *(["cross_products"] if PRODUCTS else [])]
INSIDE_THE_PACK = ["audit", "inputs", "terms", *(["omitted"] if PRODUCTS else [])]
REGISTERED = f"{STUDY.plan.config['release']['register']}/{TAG}"


rule release_products:
    input:
        [path for paths in PRODUCTS.values() for path in paths],
    output:
        products=f"{INSIDE}/cross_products.csv",
        omitted=f"{INSIDE}/omitted.json",
    log:
        "results/logs/release_products.log",
    benchmark:
        "results/benchmarks/release_products.tsv"
    params:
        settings=settings("release_products"),
        stamp=stamp("release_products"),
    message:
        f"Release {TAG}: cross-products by LA and period"
    run:
        run_process(
            log[0],
            "scripts.release.cross_products:make",
            threads,
            imputed=PRODUCTS,
            output=output.products,
            omitted=output.omitted,
            settings=params.settings,
        )


rule release_tables:
    input:
        tables=[
            *expand("results/aggregate/{table}.csv", table=STUDY.release_inputs),
            *([rules.release_products.output.products] if PRODUCTS else []),
        ],
        # Their content is in the stamp.
        earlier=ancient(STUDY.earlier_releases()),
    output:
        **{table: f"{LEAVES}/{table}.csv" for table in LEAVING},
        audit=f"{INSIDE}/audit.json",
        numbers=f"{INSIDE}/{NUMBERS}",
    log:
        "results/logs/release_tables.log",
    benchmark:
        "results/benchmarks/release_tables.tsv"
    params:
        settings=settings("release_tables"),
        stamp=stamp("release_tables"),
    message:
        f"Release {TAG}: withhold, round and audit"
    run:
        run_process(
            log[0],
            "scripts.release.job:protect",
            threads,
            tables=by_table(input.tables),
            outputs=named(output, LEAVING),
            inside=named(output, ("audit", "numbers")),
            settings=params.settings | {"tag": TAG},
        )


rule release_report:
    input:
        [f"{LEAVES}/{table}.csv" for table in STUDY.release_outputs],
    output:
        page=f"{LEAVES}/report.html",
        figures=directory(f"{LEAVES}/figures"),
    log:
        "results/logs/release_report.log",
    benchmark:
        "results/benchmarks/release_report.tsv"
    threads: 2
    params:
        settings=settings("release_report"),
        stamp=stamp("release_report"),
    message:
        f"Release {TAG}: write the report from what leaves"
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


rule release:
    input:
        **({"omitted": rules.release_products.output.omitted} if PRODUCTS else {}),
        tables=[f"{LEAVES}/{table}.csv" for table in LEAVING],
        report=rules.release_report.output,
        audit=rules.release_tables.output.audit,
        inputs="results/aggregate/inputs.csv",
        terms="results/aggregate/model_terms.csv",
    output:
        summary=f"{LEAVES}/summary.html",
        request=f"{LEAVES}/request.json",
        results=f"{LEAVES}/results.json",
        checksums=directory(f"{LEAVES}/checksums"),
    log:
        "results/logs/release.log",
    benchmark:
        "results/benchmarks/release.tsv"
    params:
        settings=settings("release"),
        # Asked for only when a pack is made: it goes through the code of every stage.
        told=lambda _: {"tag": TAG, "status": COMMAND.status, "code": STUDY.code_version},
        stamp=stamp("release"),
    message:
        f"Release {TAG}: write the clearance pack ({COMMAND.status})"
    run:
        run_process(
            log[0],
            "scripts.release.pack_job:pack",
            threads,
            folder=LEAVES,
            inside=named(input, INSIDE_THE_PACK),
            outputs=named(output, ("summary", "request", "results", "checksums")),
            settings=params.settings | params.told,
        )


rule released:
    input:
        request=rules.release.output.request,
        numbers=rules.release_tables.output.numbers,
    output:
        numbers=f"{REGISTERED}/{NUMBERS}",
        manifest=f"{REGISTERED}/{MANIFEST}",
    log:
        "results/logs/released.log",
    benchmark:
        "results/benchmarks/released.tsv"
    params:
        settings=settings("released"),
        stamp=stamp("released"),
    message:
        f"Enter release {TAG} in the register of releases"
    run:
        run_process(
            log[0],
            "scripts.release.pack_job:register",
            threads,
            folder=LEAVES,
            numbers=input.numbers,
            outputs=named(output, ("numbers", "manifest")),
            settings=params.settings,
        )
