# The validation rules of the CIN census and of SSDA903. In: the extracts of each source LA, which ingest has found
# readable, and its ingested tables. Leaves: results/aggregate/parts/validation/{la}.csv, counts only.
from scripts.validation.from_tables import TABLES as VALIDATED


rule validate:
    input:
        extracts_of,
        **{name: f"results/individual/ingested/{{la}}/{name}.parquet" for name in VALIDATED},
        rights=lambda w: rights_of([w.la]),
    output:
        "results/aggregate/parts/validation/{la}.csv",
    log:
        "results/logs/validate/{la}.log",
    benchmark:
        "results/benchmarks/validate/{la}.tsv"
    params:
        files=lambda wildcards: STUDY.extracts.files(wildcards.la),
        settings=settings("validate", "la"),
        stamp=stamp("validate", "la"),
    message:
        "Apply the validation rules to LA {wildcards.la}"
    run:
        arguments = wildcards.la, params.files, named(input, VALIDATED), output[0]
        run_logged(log[0], "scripts.validation.job:validate", *arguments, params.settings)
