"""What was decided beforehand, and what differs now: the configuration against the protocol's, key by key.

The protocol is a configuration file too, the one that was registered. Only what decides the study is compared: where
extracts lie, how they are kept and governed, and how synthetic ones are made, decides nothing.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from scripts.config.strict_yaml import normalise, read_yaml
from scripts.config.variants import overlaid
from scripts.errors import StudyError

DECIDING = (
    "study",
    "dates",
    "las",
    "cleaning",
    "kinship_definitions",
    "outcomes",
    "covariates",
    "matching",
    "imputation",
    "models",
    "inference",
    "evidence",
    "variants",
    "completeness",
)
# The study's own words about itself
UNDECIDING = ("study.protocol", "study.title")
ABSENT = "absent"


def protocol_of(config: dict[str, Any]) -> dict[str, Any]:
    """What the protocol said and what differs now: files, registered, sha256, differences; empty without a protocol.

    Raises
    ------
    StudyError : FILE, if a file of the protocol is absent; CONFIG, if a deviation is declared of a key that does not
        differ.
    """
    stated = config["study"]["protocol"]
    if not stated["files"]:
        return {}
    before: dict[str, Any] = {}
    for name in stated["files"]:
        if not Path(name).is_file():
            raise StudyError("FILE", "study.protocol.files", f"there is no file {name}", "Correct the path")
        before = overlaid(before, normalise(read_yaml(Path(name))))
    found = differences(config, before)
    idle = [name for name in stated["deviations"] if not any(_within(each["key"], name) for each in found)]
    if idle:
        problem = f"nothing differs from the protocol at {', '.join(idle)}"
        raise StudyError("CONFIG", "study.protocol.deviations", problem, "Declare only what differs")
    told = {name: stated[name] for name in ("files", "registered")}
    return told | {"sha256": fingerprint(before), "differences": found}


def differences(config: dict[str, Any], protocol: dict[str, Any]) -> list[dict[str, Any]]:
    """Keys of the deciding blocks that differ, in the order of the protocol: key, protocol, now, reason.

    `reason` is None if the study declares none.
    """
    before, now = (flat({name: each.get(name) for name in DECIDING}) for each in (protocol, config))
    reasons = config["study"]["protocol"]["deviations"]
    keys = [key for key in dict.fromkeys((*before, *now)) if not key.startswith(UNDECIDING)]
    return [
        {"key": key, "protocol": before.get(key, ABSENT), "now": now.get(key, ABSENT), "reason": _reason(key, reasons)}
        for key in keys
        if before.get(key, ABSENT) != now.get(key, ABSENT)
    ]


def _reason(key: str, reasons: dict[str, str]) -> str | None:
    """The reason declared for a key or for a block that it is part of."""
    return next((reason for name, reason in reasons.items() if _within(key, name)), None)


def _within(key: str, name: str) -> bool:
    """Whether a dotted key is `name` or lies in it."""
    return f"{key}.".startswith(f"{name}.")


def flat(node: Any, path: str = "") -> dict[str, Any]:
    """Dotted key -> value of every leaf; lists are leaves."""
    if not isinstance(node, dict) or not node:
        return {path: node}
    return {
        key: value for name, child in node.items() for key, value in flat(child, f"{path}.{name}".lstrip(".")).items()
    }


def fingerprint(config: dict[str, Any]) -> str:
    """SHA-256 of what decides the study, whatever the order of its keys."""
    deciding = {name: config.get(name) for name in DECIDING}
    deciding["study"] = {key: value for key, value in deciding["study"].items() if f"study.{key}" not in UNDECIDING}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
