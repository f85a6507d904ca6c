"""A run as a Process Run RO-Crate: which software made which tables out of which inputs, when and for how long.

In: names, checksums and times. Out: the metadata of a crate whose root is the folder of results. Individual-level files
are no part of it; extracts are named with their checksums, as results table `inputs` has them. Source: Process Run
Crate 0.5, RO-Crate 1.1.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rocrate.model import ContextEntity, SoftwareApplication
from rocrate.rocrate import ROCrate

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
MIT = "https://spdx.org/licenses/MIT"
DONE = "http://schema.org/CompletedActionStatus"
PAGES_OF = {"report": ("report/index.html",), "record": ("governance/processing-record.html",)}
APART = {"name": "Files that are no part of the crate", "value": "individual-level, or collected into its tables"}


@dataclass(frozen=True)
class Step:
    """The jobs of a stage: what they ran, tables they made, how many, first start and last end (seconds since 1970)."""

    stage: str
    module: str
    tables: tuple[str, ...]
    n_jobs: int
    seconds: float
    started: float
    ended: float


@dataclass(frozen=True)
class Software:
    """What ran: version and digest of this project's code, versions of what it stands on, in the order to be shown."""

    version: str
    code: str
    python: str
    libraries: dict[str, str]


def moment(seconds: float) -> str:
    """A time as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def run_crate(
    study: dict[str, str],
    software: Software,
    inputs: list[dict[str, Any]],
    files: dict[str, dict[str, Any]],
    steps: list[Step],
    made: str,
) -> dict[str, Any]:
    """The metadata of a crate.

    Parameters
    ----------
    study : title, description, conditions (of use, in words), organisation. inputs : name, size_bytes, sha256 of every
    extract. files : path below the folder of results -> label, bytes, sha256. steps : what ran. made : today, ISO.
    """
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(TERMS)
    crate.name, crate.description, crate.datePublished = study["title"], study["description"], made
    conditions = {"@type": "CreativeWork", "name": "Conditions of use", "description": study["conditions"]}
    crate.license = crate.add(ContextEntity(crate, "#conditions", properties=conditions))
    organisation = {"@type": "Organization", "name": study["organisation"]}
    agent = crate.add(ContextEntity(crate, "#organisation", properties=organisation))
    crate.publisher = crate.root_dataset["author"] = agent
    apart = crate.add(ContextEntity(crate, "#apart", properties={"@type": "PropertyValue"} | APART))
    profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    crate.root_dataset["conformsTo"] = crate.add(ContextEntity(crate, PROFILE, properties=profile))
    application = _software(crate, software)
    entities = {path: _file(crate, path, told) for path, told in files.items()}
    extracts = [_extract(crate, told) for told in inputs]
    configuration = [entities[path] for path in entities if path.endswith("config.json")]
    actions = [_action(crate, step, _made(step, entities) or [apart], application, agent) for step in steps]
    whole = {
        "name": f"Run of {study['title']}",
        "startTime": moment(min(step.started for step in steps)),
        "endTime": moment(max(step.ended for step in steps)),
        "actionStatus": DONE,
        "agent": agent,
        "description": f"{sum(step.n_jobs for step in steps):,} jobs of {len(steps)} stages",
    }
    results = [entity for path, entity in entities.items() if entity not in configuration]
    run = crate.add_action(application, "#run", object=[*configuration, *extracts], result=results, properties=whole)
    crate.root_dataset["mentions"] = [run, *actions]
    return crate.metadata.generate()


def _software(crate: ROCrate, software: Software) -> SoftwareApplication:
    needed = [
        (f"https://pypi.org/project/{name}/{version}/", {"name": name, "softwareVersion": version})
        for name, version in software.libraries.items()
    ]
    needed.append(("https://www.python.org/", {"name": "Python", "softwareVersion": software.python}))
    own = {
        "name": "Practice model evaluation",
        "softwareVersion": software.version,
        "identifier": f"code digest {software.code}",
        "license": MIT,
        "softwareRequirements": [
            crate.add(SoftwareApplication(crate, place, facts | {"url": place})) for place, facts in needed
        ],
    }
    name = f"urn:practice-model-evaluation:{software.version}:{software.code}"
    return crate.add(SoftwareApplication(crate, name, own | {"url": name}))


def _file(crate: ROCrate, path: str, told: dict[str, Any]) -> Any:
    kind = {"csv": "text/csv", "json": "application/json", "html": "text/html"}[path.rpartition(".")[2]]
    facts = {"name": told["label"], "encodingFormat": kind, "contentSize": str(told["bytes"]), "sha256": told["sha256"]}
    return crate.add_file(dest_path=path, properties=facts)


def _extract(crate: ROCrate, told: dict[str, Any]) -> Any:
    """An extract stays where it is: its name and checksum are told, not its content."""
    facts = {
        "@type": "PropertyValue",
        "name": told["name"],
        "value": f"sha256:{told['sha256']}, {told['size_bytes']} bytes",
    }
    return crate.add(ContextEntity(crate, f"#extract-{told['name']}", properties=facts))


def _action(crate: ROCrate, step: Step, made: list[Any], application: SoftwareApplication, agent: ContextEntity) -> Any:
    facts = {
        "name": f"Stage {step.stage}",
        "description": f"{step.n_jobs:,} jobs of {step.module}, {step.seconds:.1f} seconds in all",
        "startTime": moment(step.started),
        "endTime": moment(step.ended),
        "actionStatus": DONE,
        "agent": agent,
    }
    result = made if len(made) > 1 else made[0]
    return crate.add_action(application, f"#stage-{step.stage}", result=result, properties=facts)


def _made(step: Step, entities: dict[str, Any]) -> list[Any]:
    """The tables and pages of a stage that are part of the crate."""
    paths = (*(f"aggregate/{table}.csv" for table in step.tables), *PAGES_OF.get(step.stage, ()))
    return [entities[path] for path in paths if path in entities]
