"""Estimates with their intervals, one below the other: the form that most of the pictures share."""

from dataclasses import dataclass

from matplotlib.axes import Axes

from scripts.report.canvas import BLUE, INK, Width, named_rows, wrapped, zero_line
from scripts.report.words import signed, span

ROW, NARROW_ROW, AXIS = 0.4, 0.58, 0.75
# Labels up to this long stay beside their rows on narrow screens, where there is then no room for numbers.
SHORT_LABEL = 18
UNBREAKABLE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval, in the unit shown; what is None is not drawn."""

    label: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    colour: str = BLUE
    marker: str = "o"


def _above(labels: list[str], width: Width) -> bool:
    """Whether labels go above their rows."""
    return width.narrow and max(map(len, labels), default=0) > SHORT_LABEL


def height(labels: list[str], width: Width) -> float:
    """Inches that intervals with these labels and their axis take."""
    return AXIS + len(labels) * (NARROW_ROW if _above(labels, width) else ROW)


def draw_intervals(panel: Axes, rows: list[Interval], width: Width, unit: str, told: bool = True) -> None:
    """Draw them, the first on top; `told`: with their numbers, where there is room."""
    zero_line(panel)
    for place, row in enumerate(rows):
        if row.low is not None and row.high is not None:
            panel.plot([row.low, row.high], [place, place], color=row.colour, linewidth=2.2, solid_capstyle="butt")
        if row.estimate is not None:
            panel.plot(row.estimate, place, row.marker, color=row.colour, markersize=6.5)
    panel.set_xlabel(unit)
    labels = [row.label for row in rows]
    if not _above(labels, width):
        named_rows(panel, labels, width.label)
        if told and not width.narrow:
            _numbers_beside(panel, rows)
        return
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.set_ylim(len(rows) - 0.5, -0.85)
    for place, row in enumerate(rows):
        _label_above(panel, place, f"{row.label} {_numbers(row)}" if told else row.label, width)


def _numbers_beside(panel: Axes, rows: list[Interval]) -> None:
    """Estimates and intervals at the right of the rows."""
    where = ("axes fraction", "data")
    for place, row in enumerate(rows):
        text = _numbers(row)
        panel.annotate(text, (1.01, place), xycoords=where, va="center", fontsize=9.5, color=INK)


def _label_above(panel: Axes, place: int, text: str, width: Width) -> None:
    """A row's label above it."""
    clear = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    text, where = wrapped(text, width.label), ("axes fraction", "data")
    above = panel.annotate(text, (0, place - 0.18), xycoords=where, va="bottom", fontsize=9, bbox=clear)
    # It lies inside the panel; the layout would make room for it beside.
    above.set_in_layout(False)


def _numbers(row: Interval) -> str:
    """Estimate and interval in figures."""
    if row.estimate is None:
        return "not estimated"
    interval = span(row.low, row.high)
    told = f"{signed(row.estimate)} ({interval})" if interval else signed(row.estimate)
    return told.replace(" ", UNBREAKABLE)
