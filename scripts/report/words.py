"""Numbers as readers expect them: thousands apart, a true minus sign, p-values that are never zero."""

from collections.abc import Sequence
from datetime import date

MINUS = "\N{MINUS SIGN}"


def number(value: float | int | None, digits: int = 0) -> str:
    """A number; an empty text for none."""
    return "" if value is None else f"{value:,.{digits}f}".replace("-", MINUS)


def signed(value: float | None, digits: int = 1) -> str:
    """A difference, with its sign; never a signed zero."""
    if value is None:
        return ""
    told = f"{value:+,.{digits}f}"
    return told.replace("-", MINUS) if float(told.replace(",", "")) else f"{0:.{digits}f}"


def p_value(value: float | None) -> str:
    """A p-value."""
    return "<0.001" if value is not None and value < 0.001 else number(value, 3)


def span(low: float | None, high: float | None, digits: int = 1) -> str:
    """An interval; an empty text if it does not end."""
    return "" if low is None or high is None else f"{signed(low, digits)} to {signed(high, digits)}"


def listed(parts: Sequence[str]) -> str:
    """Parts as a list in a sentence."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def words(name: str) -> str:
    """A name out of the code or the configuration, as words."""
    return name.replace("_", " ")


def month(day: str) -> str:
    """The month of an ISO date."""
    return f"{date.fromisoformat(day):%B %Y}"
