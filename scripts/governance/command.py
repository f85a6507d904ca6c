"""What a step on request is told on the command line: `--config request=... today=... recipient=... confirm=...`.

In: the configuration as Snakemake merged it. Out: these keys, taken out of it, because they are no part of a study and
may make nothing stale.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from scripts.errors import StudyError

KEYS = ("request", "today", "recipient", "confirm", "published")


@dataclass(frozen=True)
class Command:
    """request : id of a request. today : ISO date that clocks and events go by. recipient : path of a certificate.

    confirm : words that confirm a destruction. published : folder of published statistics.
    asked : when, ISO; a step on request is done whenever it is asked for.
    """

    request: str | None = None
    today: str = field(default_factory=lambda: date.today().isoformat())
    recipient: str | None = None
    confirm: str | None = None
    published: str | None = None
    asked: str = field(default_factory=lambda: datetime.now().isoformat(timespec="microseconds"))

    @classmethod
    def taken_from(cls, config: dict[str, Any]) -> "Command":
        """Remove the keys from `config`.

        Raises
        ------
        StudyError : CONFIG, if `today` is no date.
        """
        given = {name: str(config.pop(name)) for name in KEYS if name in config}
        try:
            date.fromisoformat(given.get("today", "2000-01-01"))
        except ValueError:
            given["today"] = ""
        if given.get("today") == "":
            raise StudyError("CONFIG", "today", "this is no date written yyyy-mm-dd", "For example today=2027-02-28")
        return cls(**given)

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
