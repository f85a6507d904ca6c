# What every stage shares. In: the merged configuration. Leaves: STUDY (what jobs are given, what makes them stale),
# the values of the wildcards, and how a job runs as a thread or in a process of its own.
from scripts.config.load import load_study
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from scripts.workflow.digests import RememberedDigests
from scripts.workflow.jobs import run_logged, run_process
from scripts.workflow.stages import POOLED_BY_LA, POOLED_BY_OUTCOME
from scripts.workflow.study import Study

DIGESTS = RememberedDigests(Path(".snakemake/extract-digests.json"))
# Snakemake lists the files of the command line first; the base comes first here.
CONFIG_FILES = [Path(path) for path in reversed(workflow.configfiles)]
STUDY = Study(load_study(config, CONFIG_FILES, set(POPULATIONS), set(MEASURES)), DIGESTS)
POOLED_TABLES = [*POOLED_BY_LA, *POOLED_BY_OUTCOME]


def settings(stage, *names):
    """A rule's parameter: what its job is given, from the values of the wildcards named."""
    return lambda wildcards: STUDY.settings(stage, *(wildcards[name] for name in names))


def stamp(stage, *names):
    """A rule's parameter: digests of its code and of all it is made from, which alone decide whether it is stale."""
    return lambda wildcards: STUDY.stamp(stage, *(wildcards[name] for name in names))


def files(named):
    """Named inputs or outputs of a rule as plain name -> path, for a job function."""
    return {name: str(path) for name, path in named.items()}


wildcard_constraints:
    la="|".join(STUDY.las),
    outcome="|".join(STUDY.outcomes),
    imputation="|".join(STUDY.imputations),
    table="|".join(POOLED_TABLES),


container: None


onstart:
    DIGESTS.save()
