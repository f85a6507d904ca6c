"""The two clocks: until when all data, and the form data of each request, have to be gone.

In: the day of project completion, the register, today. Out: a row per clock with its due date and state. Months are
calendar months: the same day of a later month, or that month's last day where it has no such day (31 August and six
months: 28 or 29 February), so nothing is kept a day too long (study-design section 9; disclosure-and-governance
section 5).
"""

from dataclasses import dataclass
from datetime import date

from scripts.dates import add_months
from scripts.governance.register import Register

MET, RUNNING, NOT_STARTED, OVERDUE = "met", "running", "not started", "OVERDUE"


@dataclass(frozen=True)
class Clock:
    """What has to be deleted, since when the clock runs, until when, and whether it was."""

    what: str
    started: date | None
    due: date | None
    met: date | None

    def state(self, today: date) -> str:
        """met | running | not started | OVERDUE; the due day itself is still in time."""
        if self.met:
            return MET
        if self.due is None:
            return NOT_STARTED
        return OVERDUE if today > self.due else RUNNING


def clocks(register: Register, completed: str | None, data_months: int, request_months: int) -> list[Clock]:
    """The clock of all data, then one per request in order of receipt.

    Parameters
    ----------
    completed : the day the project was completed, ISO, or None. data_months, request_months : how long to keep.
    """
    destroyed = _day(register.destroyed)
    found = [_clock("all individual-level data", _day(completed), data_months, destroyed)]
    for request in register.requests.values():
        what = f"form data of request {request.id}"
        # Where nothing came back, the answer is the decision, or the person's withdrawal.
        answered = _day(request.returned or request.completed or request.withdrawn)
        found.append(_clock(what, answered, request_months, _day(request.form_deleted)))
    return found


def _clock(what: str, started: date | None, months: int, met: date | None) -> Clock:
    return Clock(what, started, started and add_months(started, months), met)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def table(found: list[Clock], today: date) -> str:
    """The clocks as aligned text, a line each."""
    lines = [["what", "since", "delete by", "deleted", "state"]]
    for clock in found:
        days = (str(day) if day else "-" for day in (clock.started, clock.due, clock.met))
        lines.append([clock.what, *days, clock.state(today)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def overdue(found: list[Clock], today: date) -> list[Clock]:
    """The clocks that ran out."""
    return [clock for clock in found if clock.state(today) == OVERDUE]
