"""What the pictures of the page have in common: sizes, colours, panels, and how one becomes SVG.

Every picture is drawn twice, for wide and for narrow screens, because one that is merely shrunk cannot be read on a
telephone. Text stays text, in the reader's own font. Colours are Okabe and Ito's (2008), which colour-blind readers can
tell apart; whatever differs in colour also differs in shape or place. Pictures of synthetic extracts say so.
"""

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#007A5A", "#A0527F", "#56B4E9"
INK, GREY, PALE = "#1b1b1b", "#555555", "#e3e3df"
STYLE = {
    "svg.fonttype": "none",
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 9.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.hspace": 0.06,
}
# Of PNG pictures: sharp on screens with two dots to a pixel of the page
DOTS_PER_INCH, COLOURS = 150, 64
# Text is measured in the font that matplotlib brings and shown in the reader's, which is narrower.
MEASURED_FONT, READERS_FONT = "'DejaVu Sans'", "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans'"


@dataclass(frozen=True)
class Width:
    """A size to draw for: inches across (96 pixels each), panels side by side, characters of a label's line."""

    name: str
    inches: float
    columns: int
    label: int

    @property
    def narrow(self) -> bool:
        """Whether labels go above what they name instead of beside it."""
        return self.columns == 1


WIDE = Width("wide", 9.2, 2, 40)
NARROW = Width("narrow", 4.1, 1, 46)
WIDTHS = (WIDE, NARROW)
# Characters of a bold line above one of two panels side by side, and above one that is as wide as a narrow screen
PANEL_TITLE = 38


@dataclass(frozen=True)
class Chart:
    """A picture of the page: what it shows (`data`, also left as CSV), how to draw it, and what it says in words.

    Attributes
    ----------
    name : stem of its files. title : in a few words. alt : its content for who cannot see it.
    caption : what to look for. draw : draws it for a width.
    """

    name: str
    title: str
    alt: str
    caption: str
    data: pl.DataFrame
    draw: Callable[[Width], Figure] = field(repr=False)


def svg(chart: Chart, width: Width, synthetic: bool) -> str:
    """The picture as SVG; equal content gives equal bytes."""
    drawn = _drawn(chart, width, synthetic, format="svg", metadata={"Date": None}).decode()
    return _smaller(drawn.replace(MEASURED_FONT, READERS_FONT))


def png(chart: Chart, width: Width, synthetic: bool) -> bytes:
    """The picture as PNG, which holds nothing but what is seen; equal content gives equal bytes."""
    drawn = _drawn(chart, width, synthetic, format="png", dpi=DOTS_PER_INCH)
    # Few colours are drawn: a palette makes the file a third as large.
    picture = Image.open(io.BytesIO(drawn)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small = io.BytesIO()
    picture.save(small, "PNG", optimize=True)
    return small.getvalue()


def _drawn(chart: Chart, width: Width, synthetic: bool, **options: Any) -> bytes:
    with matplotlib.rc_context(STYLE):
        figure = chart.draw(width)
        if synthetic:
            figure.suptitle("SYNTHETIC", x=0.995, ha="right", color=ORANGE, fontsize=10, fontweight="bold")
        buffer = io.BytesIO()
        figure.savefig(buffer, **options)
    return buffer.getvalue()


def _smaller(drawn: str) -> str:
    """The same SVG in half the bytes: no hundredth of a point is lost, and no line breaks but those inside texts."""
    return re.sub(r"\n\s*", " ", re.sub(r"(\d\.\d\d)\d+", r"\1", _numbered(drawn)))


def _numbered(drawn: str) -> str:
    """The same SVG with its ids numbered as they come.

    As drawn they are hashes, also of last digits of the layout, which its solver does not give twice alike.
    """
    names: dict[str, str] = {}
    return re.sub(
        r'(?<=[#"])([a-z])[0-9a-f]{10}(?=[")])',
        lambda found: names.setdefault(found[0], f"{found[1]}{len(names)}"),
        drawn,
    )


def panels(
    width: Width, n: int, height: float | Iterable[float], columns: int | None = None, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of n panels, as many side by side as the width has room for (or `columns`, if that is wide).

    `height`: inches of a panel, or of each one if they are below one another. `shared`: sharex, sharey.
    """
    across = 1 if width.narrow else min(columns or width.columns, n)
    down = -(-n // across)
    heights = [height] * down if isinstance(height, (int, float)) else list(height)
    figure = Figure(figsize=(width.inches, sum(heights)))
    grid = figure.subplots(down, across, squeeze=False, height_ratios=heights, **shared).ravel()
    for empty in grid[n:]:
        empty.set_axis_off()
    return figure, list(grid[:n])


def wrapped(label: str, characters: int) -> str:
    """The label on as many lines as it needs, broken at spaces that may be broken."""
    lines = [""]
    for word in label.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > characters:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def named_rows(panel: Axes, labels: list[str], characters: int) -> None:
    """Rows 0.. from the top down, with their labels at the left in lines of so many characters."""
    panel.set_yticks(range(len(labels)), [wrapped(label, characters) for label in labels])
    panel.set_ylim(len(labels) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)


def zero_line(panel: Axes, vertical: bool = True) -> None:
    """Where there is no effect."""
    (panel.axvline if vertical else panel.axhline)(0, color=GREY, linewidth=1, zorder=0)
