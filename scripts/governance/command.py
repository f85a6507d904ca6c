"""What a step on request is told on the command line: `--config request=... today=... recipient=... confirm=...`,
`published=...` for published statistics, `tag=... status=...` for a release.

In: the configuration as Snakemake merged it. Out: these keys, taken out of it, because they are no part of a study and
may make nothing stale.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from scripts.errors import StudyError

KEYS = ("request", "today", "recipient", "confirm", "published", "tag", "status")
DRAFT, FINAL = "draft", "final"


@dataclass(frozen=True)
class Command:
    """request : id of a request. today : ISO date that clocks and events go by. recipient : path of a certificate.

    confirm : words that confirm a destruction. published : folder of published statistics.
    tag : name of a release, by default today. status : draft, or final if it is to leave.
    asked : when, ISO; a step on request is done whenever it is asked for.
    """

    request: str | None = None
    today: str = field(default_factory=lambda: date.today().isoformat())
    recipient: str | None = None
    confirm: str | None = None
    published: str | None = None
    tag: str | None = None
    status: str = DRAFT
    asked: str = field(default_factory=lambda: datetime.now().isoformat(timespec="microseconds"))

    @classmethod
    def taken_from(cls, config: dict[str, Any]) -> "Command":
        """Remove the keys from `config`.

        Raises
        ------
        StudyError : CONFIG, if `today` is no date, `tag` no name of a folder, or `status` neither draft nor final.
        """
        given = {name: str(config.pop(name)) for name in KEYS if name in config}
        try:
            date.fromisoformat(given.get("today", "2000-01-01"))
        except ValueError:
            given["today"] = ""
        if given.get("today") == "":
            raise StudyError("CONFIG", "today", "this is no date written yyyy-mm-dd", "For example today=2027-02-28")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", given.get("tag", "none")):
            remedy = "Use letters, digits, hyphens, dots and underscores, for example tag=2027-02"
            raise StudyError("CONFIG", "tag", "this cannot name a folder", remedy)
        if given.get("status", DRAFT) not in (DRAFT, FINAL):
            raise StudyError("CONFIG", "status", "a release is draft or final", "For example status=final")
        return cls(**given)

    @property
    def release(self) -> str:
        """Name of the release that is asked for."""
        return self.tag or self.today

    def required(self, name: str) -> str:
        """One of the keys, which the step cannot do without.

        Raises
        ------
        StudyError : CONFIG, if it was not given.
        """
        value = getattr(self, name)
        if value is None:
            raise StudyError("CONFIG", name, "this step needs it", f"Add --config {name}=...")
        return value
