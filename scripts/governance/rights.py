"""What the register has in force for an LA: read by the graph for its stamps and by jobs for their work.

In: the governance folder. Out: per source LA the compiled returns, the children withheld, the extract that was swapped
in. Jobs read them here and not from their parameters, because Snakemake keeps parameters and ids may not lie there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.artefacts import read_json
from scripts.errors import StudyError
from scripts.governance.effects import Effects, from_json
from scripts.governance.register import FILE, Register, Request, read_register
from scripts.integrity.digest import file_digest

# What lies in the folder of a request: the form as it came, the return, and what became of them.
FORM, RETURN, EXTRACT = "form", "return", "extract"
EFFECTS, NEEDLES, PURGED, RECEIPT, HELD = "effects.json", "needles.json", "purged.json", "receipt.json", "held.p7m"
SHOWN = 12


@dataclass(frozen=True)
class InForce:
    """What concerns one or several LAs: effects in the order of the register, and the keys of children withheld."""

    effects: tuple[Effects, ...]
    withheld: frozenset[str]

    @property
    def absent_children(self) -> frozenset[str]:
        """Keys of the children of whom no derived artefact may know."""
        return self.withheld.union(*(effect.erased_children for effect in self.effects))


def of_settings(settings: dict[str, Any]) -> "Rights":
    """The rights a job looks up; `settings`: its own, of which `rights` names the governance folder."""
    return Rights(Path(settings["rights"]["folder"]), file_digest)


def in_force(settings: dict[str, Any]) -> InForce:
    """What a job applies to the tables of the source LAs that its settings name in `rights`."""
    return of_settings(settings).in_force(settings["rights"]["las"])


class Rights:
    """The register of a governance folder and the compiled returns beside it.

    Parameters
    ----------
    folder : the governance folder; one without a register has nothing in force.
    file_digest : SHA-256 of a file, remembered or not.

    Raises
    ------
    StudyError : REGISTER, when the register or a compiled return was changed by hand.
    """

    def __init__(self, folder: Path, file_digest: Callable[[Path], str]) -> None:
        self.folder = Path(folder)
        self.file_digest = file_digest
        self.register: Register = read_register(self.folder)

    @cached_property
    def _returned(self) -> list[Request]:
        """Requests with a return in force, in order; each compiled return is as it was registered."""
        if self.register.destroyed:
            return []
        found = [r for r in self.register.requests.values() if r.effects and not (r.superseded or r.withdrawn)]
        for request in found:
            path = self.of(request.id) / EFFECTS
            if not path.is_file() or self.file_digest(path) != request.effects:
                problem = "the compiled return is missing or was changed after it was registered"
                raise StudyError("REGISTER", str(path), problem, "Restore it from a backup")
        return found

    def of(self, request: str) -> Path:
        """The folder of a request."""
        return self.folder / "requests" / request

    def of_la(self, la: str) -> list[Request]:
        """Requests about a child of a source LA that are in force, in order."""
        return self._by_la.get(la, [])

    @cached_property
    def _by_la(self) -> dict[str, list[Request]]:
        changing = {request.id for request in self._returned if self._changes_rows(request)}
        found: dict[str, list[Request]] = {}
        for request in self.register.requests.values():
            if request.id in changing or request.withholds:
                found.setdefault(request.la, []).append(request)
        return found

    def content(self, las: list[str]) -> dict[str, str]:
        """Request -> digest of what it does to these LAs' tables, for stamps; unchanged when a request is completed."""
        return {
            request.id: " ".join(
                [*([request.effects[:SHOWN]] if request.effects else []), *(["withheld"] if request.withholds else [])]
            )
            for la in las
            for request in self.of_la(la)
        }

    def erased(self, la: str) -> dict[str, str]:
        """As `content`, of the erasures that have been purged from the extracts."""
        return {request.id: request.effects[:SHOWN] for request in self._purged(la)}

    def inputs(self, las: list[str]) -> list[str]:
        """The files that jobs of these LAs read."""
        concerned = [request for la in las for request in self.of_la(la)]
        effects = [str(self.of(request.id) / EFFECTS) for request in concerned if request.effects]
        return [str(self.folder / FILE), *effects] if concerned else []

    def in_force(self, las: list[str]) -> InForce:
        """What jobs of these LAs apply."""
        concerned = [request for la in las for request in self.of_la(la)]
        return InForce(
            effects=tuple(self.effects(request) for request in concerned if request.effects),
            withheld=frozenset(request.key for request in concerned if request.withholds),
        )

    def purged_effects(self, la: str) -> tuple[Effects, ...]:
        """The effects of `erased`."""
        return tuple(self.effects(request) for request in self._purged(la))

    def _purged(self, la: str) -> list[Request]:
        return [request for request in self.of_la(la) if request.purged and request.effects]

    def _changes_rows(self, request: Request) -> bool:
        effects = self.effects(request)
        return bool(effects.deleted or effects.rectified)

    def effects(self, request: Request) -> Effects:
        """The compiled return of a request."""
        return from_json(read_json(self.of(request.id) / EFFECTS))

    def request(self, request_id: str) -> Request:
        """A request by its id.

        Raises
        ------
        StudyError : REQUEST, if there is none.
        """
        if request_id not in self.register.requests:
            known = ", ".join(self.register.requests) or "none"
            raise StudyError("REQUEST", f"request {request_id}", "there is no such request", f"Known: {known}")
        return self.register.requests[request_id]

    def with_extract(self) -> list[Request]:
        """Requests on which an extract was returned, in order; a child's later erasure does not bring the old back."""
        requests = [] if self.register.destroyed else self.register.requests.values()
        return [request for request in requests if "extract" in request.returns and not request.withdrawn]

    def with_difference(self) -> list[Request]:
        """Those of them whose compiled return, with the counts before, is still kept."""
        return [request for request in self.with_extract() if not request.superseded]

    def swapped(self) -> dict[str, Request]:
        """Source LA -> the request whose return brought its present extract, the latest last."""
        found: dict[str, Request] = {}
        for request in self.with_extract():
            found.pop(request.la, None)
            found[request.la] = request
        return found

    def extract_of(self, request: Request) -> Path:
        """The folder of a swapped-in extract."""
        return self.of(request.id) / EXTRACT

    def facts(self, request: str) -> dict[str, Any]:
        """The compiled return as it was written, counts included."""
        return read_json(self.of(request) / EFFECTS)
