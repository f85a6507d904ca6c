"""Heat maps: a share or a number for every row and column, with its value in the cell, and marks where they are due."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from scripts.report.canvas import INK, ORANGE, Width, wrapped

CELL, NARROW_CELL, HEAD = 0.26, 0.22, 0.85
MAP = "cividis_r"
# Above this share of the scale the cell is dark and its text white.
DARK = 0.6
CHARACTERS = 22


@dataclass(frozen=True)
class Cell:
    """A value in a cell, how it is told, and whether it is marked."""

    value: float | None
    told: str = ""
    marked: bool = False


def heat_height(n_rows: int, width: Width) -> float:
    """Inches that a heat map of so many rows takes."""
    return HEAD + n_rows * (NARROW_CELL if width.narrow else CELL)


def draw_heat(
    panel: Axes, rows: Sequence[str], columns: Sequence[str], cells: dict[tuple[int, int], Cell], width: Width
) -> None:
    """Draw cells by (row, column); what is not given is left white, what has no value is hatched."""
    known = [cell.value for cell in cells.values() if cell.value is not None]
    scale = Normalize(min(known, default=0), max(known, default=1) or 1)
    colours = matplotlib.colormaps[MAP]
    size = 7.5 if width.narrow else 8.5
    room = width.inches / max(len(columns), 1) > (0.34 if width.narrow else 0.4)
    for (row, column), cell in cells.items():
        share = None if cell.value is None else float(scale(cell.value))
        face = "white" if share is None else colours(share)
        hatch = {"hatch": "////", "edgecolor": "#bbbbbb"} if share is None else {"edgecolor": "white"}
        panel.add_patch(Rectangle((column, row), 1, 1, facecolor=face, linewidth=0.6, clip_on=False, **hatch))
        if cell.marked:
            inside = (column + 0.06, row + 0.08)
            panel.add_patch(Rectangle(inside, 0.88, 0.84, facecolor="none", edgecolor=ORANGE, linewidth=1.8))
        if cell.told and room:
            text = {"ha": "center", "va": "center", "fontsize": size}
            colour = "white" if share is not None and share > DARK else INK
            panel.text(column + 0.5, row + 0.52, cell.told, color=colour, **text)
    # Cells lie inside the panel: the layout need not measure each of them.
    for artist in (*panel.patches, *panel.texts):
        artist.set_in_layout(False)
    panel.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    panel.set_xticks([place + 0.5 for place in range(len(columns))], columns, rotation=90 if width.narrow else 0)
    panel.set_yticks([place + 0.5 for place in range(len(rows))], [wrapped(row, CHARACTERS) for row in rows])
    panel.tick_params(length=0, labelsize=8.5)
    for side in panel.spines.values():
        side.set_visible(False)
