"""Estimates with their intervals, one below the other: the form that most of the pictures share."""

from dataclasses import dataclass

from matplotlib.axes import Axes

from scripts.report.canvas import BLUE, INK, Width, named_rows, wrapped, zero_line
from scripts.report.words import signed, span

ROW, NARROW_ROW, AXIS = 0.4, 0.58, 0.75


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval, in the unit shown; what is None is not drawn."""

    label: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    colour: str = BLUE
    marker: str = "o"


def height(n: int, width: Width) -> float:
    """Inches that n intervals and their axis take."""
    return AXIS + n * (NARROW_ROW if width.narrow else ROW)


def draw_intervals(panel: Axes, rows: list[Interval], width: Width, unit: str, told: bool = True) -> None:
    """Draw them, the first on top; `told`: with the numbers at the right."""
    zero_line(panel)
    for place, row in enumerate(rows):
        if row.low is not None and row.high is not None:
            panel.plot([row.low, row.high], [place, place], color=row.colour, linewidth=2.2, solid_capstyle="butt")
        if row.estimate is not None:
            panel.plot(row.estimate, place, row.marker, color=row.colour, markersize=6.5)
        _label(panel, place, row, width, told)
    panel.set_xlabel(unit)
    if width.narrow:
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
        panel.set_ylim(len(rows) - 0.5, -0.85)
    else:
        named_rows(panel, [row.label for row in rows], width)


def _label(panel: Axes, place: int, row: Interval, width: Width, told: bool) -> None:
    """The numbers beside the row; on narrow screens its name and the numbers above it."""
    numbers = _numbers(row) if told else ""
    if not width.narrow:
        where = ("axes fraction", "data")
        panel.annotate(numbers, (1.01, place), xycoords=where, va="center", fontsize=9.5, color=INK)
        return
    text = wrapped(f"{row.label}  {numbers}", width.label)
    clear = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    where = ("axes fraction", "data")
    above = panel.annotate(text, (0, place - 0.18), xycoords=where, va="bottom", fontsize=9, bbox=clear)
    # It lies inside the panel; the layout would make room for it beside.
    above.set_in_layout(False)


def _numbers(row: Interval) -> str:
    """Estimate and interval in figures."""
    if row.estimate is None:
        return "not estimated"
    interval = span(row.low, row.high)
    return f"{signed(row.estimate)}  ({interval})" if interval else signed(row.estimate)
