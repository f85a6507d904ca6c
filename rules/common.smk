# What every stage shares. In: the merged configuration. Leaves: STUDY (what jobs are given, what makes them stale),
# the values of the wildcards, and how a job runs in a worker or a process of its own.
import atexit
import gc
import os

from scripts.workflow.jobs import ONE_BLAS_THREAD

# Before anything loads polars or a library of linear algebra.
os.environ |= ONE_BLAS_THREAD
# Looking for garbage among the many small objects of a graph, which all stay, takes a seventh of a preview.
gc.disable()
from scripts.config.load import load_study
from scripts.governance.command import Command
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from scripts.privacy.encryption import name_key
from scripts.workflow.digests import RememberedDigests
from scripts.workflow.jobs import run_here, run_logged, run_process
from scripts.workflow.stages import (
    CONCLUSION_TABLES,
    ESTIMATE_TABLES,
    POOLED_BY_LA,
    POOLED_BY_OUTCOME,
    POOLED_BY_REQUEST,
    POOLED_BY_SOURCE,
    POOLED_BY_VARIATION,
    STAGES,
)
from scripts.workflow.study import Study
from scripts.workflow.tidying import dates_mean_nothing, tidy
from scripts.workflow.variations import starts_from

DIGESTS = RememberedDigests(Path(".snakemake/digests.json"))
# Previews remember too: what one has read, the run after it need not read again.
atexit.register(DIGESTS.save)
# What a step on request was told is no part of the study.
COMMAND = Command.taken_from(config)
# Snakemake lists the files of the command line first; the base comes first here.
CONFIG_FILES = [Path(path) for path in reversed(workflow.configfiles)]


def really_runs():
    """Whether this call runs jobs: neither a preview nor a question about the graph. Known once jobs are listed."""
    return workflow.executor_plugin is not None and not (workflow.dryrun or workflow.touch)


STUDY = Study(
    load_study(config, CONFIG_FILES, set(POPULATIONS), set(MEASURES)), DIGESTS, really_runs, COMMAND
)
# Jobs inherit the environment of this process: all write and read files alike.
name_key(STUDY.plan.config)
POOLED_TABLES = [
    *POOLED_BY_SOURCE,
    *POOLED_BY_LA,
    *POOLED_BY_OUTCOME,
    *POOLED_BY_VARIATION,
    *POOLED_BY_REQUEST,
]


def settings(stage, *names):
    """A rule's parameter: what its job is given, from the values of the wildcards named."""
    return lambda wildcards: STUDY.settings.of(stage, *(wildcards[name] for name in names))


def stamp(stage, *names):
    """A rule's parameter: digests of its code and of all it is made from, which alone decide whether it is stale."""
    return lambda wildcards: STUDY.stamp(stage, *(wildcards[name] for name in names))


def named(paths, names):
    """Some named inputs or outputs of a rule as plain name -> path, for a job function."""
    return {name: str(paths[name]) for name in names}


def listed(paths, names):
    """Some named inputs of a rule, each a list of files, as plain name -> paths."""
    return {name: [str(path) for path in paths[name]] for name in names}


def by_table(paths):
    """Results tables by name -> path, for a job function."""
    return {Path(path).stem: str(path) for path in paths}


def optional(paths):
    """An input that need not be there: its path or None."""
    return str(paths) if paths else None


def extracts_of(wildcards):
    """The extracts of an LA. Their dates mean nothing (`ancient`): their content is in the stamp.

    But not while a job of this run may make them: Snakemake passes a stale job over if all its inputs are ancient and
    their producer runs.
    """
    paths = STUDY.extracts.paths(wildcards.la)
    return ancient(paths) if STUDY.extracts_settled(wildcards.la) else paths


def rights_of(las):
    """The register of requests and the DfE's returns, if they concern source LAs. Their content is in the stamp."""
    return ancient(STUDY.rights.inputs(las))


def ingested_of(table):
    """A rule's input: a canonical table of every source LA that an analysis LA consists of."""
    return lambda wildcards: [
        f"results/individual/ingested/{member}/{table}.parquet" for member in STUDY.plan.members(wildcards.la)
    ]


def covariates_of(wildcards):
    """The LA covariates, if there are any. Of a file that came from outside, the content is in the stamp."""
    path = STUDY.extracts.la_covariates_file or []
    return path if STUDY.extracts.synthetic else ancient(path)


def events_of(wildcards):
    """The index events of every LA that can take part in an outcome."""
    las = STUDY.plan.las_of(wildcards.outcome)
    return expand("results/individual/outcomes/{outcome}/{la}.parquet", outcome=wildcards.outcome, la=las)


def variant_tables(wildcards):
    """LA -> table -> files that a variation starts from; index events are the table `events`."""
    outcome = STUDY.plan.variations[wildcards.variation][1]
    las, start = STUDY.plan.las_of(outcome), starts_from(STUDY.settings, wildcards.variation)
    if start == "outcomes":
        return {la: {"events": [f"results/individual/outcomes/{outcome}/{la}.parquet"]} for la in las}
    if start == "ingested":
        return {
            la: {
                table: [
                    f"results/individual/ingested/{member}/{table}.parquet"
                    for member in STUDY.plan.members(la)
                ]
                for table in TABLES
            }
            for la in las
        }
    return {
        la: {table: [f"results/individual/cleaned/{la}/{table}.parquet"] for table in CLEANED} for la in las
    }


def parts_of(wildcards):
    """The parts that a results table is collected from."""
    return expand(
        "results/aggregate/parts/{table}/{part}.csv", table=wildcards.table, part=STUDY.parts(wildcards.table)
    )


wildcard_constraints:
    la="|".join(dict.fromkeys([*STUDY.plan.las, *STUDY.plan.sources])),
    outcome="|".join(STUDY.plan.outcomes),
    imputation="|".join(STUDY.plan.imputations),
    table="|".join(POOLED_TABLES),
    variation="|".join(STUDY.plan.variations) or "none",
    request="|".join(STUDY.rights.register.requests) or "none",


container: None


# Under a limit of starts per time, which it always sets, Snakemake 9.27 looks at all ready jobs once more a second after
# each look: with 152 LAs it soon does nothing else. The number of cores or of jobs is limit enough.
# Dates mean nothing here, those of the future included; what an interrupted run left half written is nobody's.
onstart:
    workflow.scheduler.job_rate_limiter = None
    workflow.dag.check_output_mtime = dates_mean_nothing
    tidy("results")
    gc.enable()
