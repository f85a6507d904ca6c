"""The bill of materials: every distribution with its files' checksums and its licence, as CycloneDX 1.6.

In: wheels. Out: JSON that is the same for the same wheels, and a table of licences for people. Serial number and date
are taken from the content, so that a change in the file is a change in what the software is made of.
"""

import json
import re
import uuid
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from scripts.integrity.digest import file_digest

NAME = "practice-model-evaluation"
# No wheel is older, and the file is to be the same whenever it is made.
EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
CLASSIFIER = "License :: OSI Approved :: "
LONGEST = 80


@dataclass
class Distribution:
    """A distribution: name, version, licence as it states it, files with SHA-256."""

    name: str
    version: str
    licence: str
    summary: str
    files: dict[str, str] = field(default_factory=dict)


def distributions(wheels: Iterable[Path]) -> list[Distribution]:
    """What the wheels are of, by name; wheels of several platforms are files of one distribution."""
    found: dict[str, Distribution] = {}
    for wheel in sorted(wheels, key=lambda path: path.name):
        told, first_line = _metadata(wheel)
        name, licence = canonicalize_name(told["Name"]), licence_of(told, first_line)
        entry = found.setdefault(name, Distribution(name, told["Version"], licence, told["Summary"] or ""))
        entry.files[wheel.name] = file_digest(wheel)
    return [found[name] for name in sorted(found)]


def _metadata(wheel: Path) -> tuple[Message, str]:
    """What a wheel says of itself, and the first line of the licence that lies in it."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        licences = sorted(name for name in names if re.search(r"\.dist-info/.*LICEN[CS]E", name, re.IGNORECASE))
        text = archive.read(licences[0]).decode("utf-8", "replace").strip() if licences else ""
        return HeaderParser().parsestr(archive.read(metadata).decode("utf-8")), text.partition("\n")[0].strip()


def licence_of(told: Message, first_line: str) -> str:
    """The licence that a distribution states: its SPDX expression, else a short text, else its classifiers, else the
    first line of its licence.
    """
    if expression := told["License-Expression"]:
        return expression
    stated = (told["License"] or "").strip()
    if stated and len(stated) <= LONGEST and "\n" not in stated and stated.upper() != "UNKNOWN":
        return stated
    classified = [value for value in told.get_all("Classifier", []) if value.startswith("License :: ")]
    names = [value.removeprefix(CLASSIFIER).removeprefix("License :: ") for value in classified]
    return " and ".join(names) or first_line[:LONGEST] or "not stated"


def bill(found: Iterable[Distribution], version: str) -> str:
    """The bill of materials of this software with these distributions, as JSON."""
    bom, licences = Bom(), LicenseFactory()
    bom.metadata.timestamp = EPOCH
    bom.metadata.component = Component(
        name=NAME,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        licenses=[licences.make_from_string("MIT")],
    )
    for each in found:
        hashes = {name: HashType(alg=HashAlgorithm.SHA_256, content=digest) for name, digest in each.files.items()}
        url = PackageURL("pypi", name=each.name, version=each.version)
        component = Component(
            name=each.name,
            version=each.version,
            type=ComponentType.LIBRARY,
            bom_ref=str(url),
            purl=url,
            description=each.summary,
            licenses=[licences.make_from_string(each.licence)],
            hashes=hashes.values(),
            external_references=[
                ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(name), hashes=[digest])
                for name, digest in hashes.items()
            ],
        )
        bom.components.add(component)
        bom.register_dependency(bom.metadata.component, [component])
    told: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    told["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(told['components'], sort_keys=True))}"
    return json.dumps(told, indent=1, sort_keys=True) + "\n"


def licence_table(found: Iterable[Distribution]) -> str:
    """The licences as a table in Markdown."""
    lines = [
        "# Licences of what the software stands on",
        "",
        "As each distribution states it; `bin/wheelhouse` writes this.",
    ]
    lines += ["", "| distribution | version | licence |", "|---|---|---|"]
    lines += [f"| {each.name} | {each.version} | {each.licence.replace('|', '/')} |" for each in found]
    return "\n".join(lines) + "\n"
