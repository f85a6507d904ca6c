"""Who is in: a flow diagram for each outcome, from source rows to matched children, by arm and period."""

from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scripts.report.canvas import BLUE, GREY, INK, ORANGE, Chart, Width, wrapped
from scripts.report.study import Outcome, Study
from scripts.report.words import number

MATCHED = "matched children"
ARMS = {"pilot": ("Pilots", BLUE), "comparator": ("Comparators", ORANGE)}
PERIODS = {"pre": "before", "post": "after"}
COUNTS = ("n_rows", "n_children", "n_las")
# Inches: between arms, between boxes of one arm, of a box, and of the heading
GAP, SMALL_GAP, BOX, HEAD = 0.16, 0.06, 0.5, 0.72


def flow(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """A picture for each outcome that has rows at all."""
    steps = pl.concat([tables["flow"].select("outcome", "step", "arm", "period", *COUNTS), _matched(tables)])
    return [chart for outcome in study.outcomes.values() for chart in _flow(steps, outcome)]


def _matched(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The last step, out of the table of matched samples."""
    after = tables["balance_overall"].filter(pl.col("stage") == "after")
    words = {"pilot": "treated", "comparator": "comparator"}
    return pl.concat(
        [
            after.select(
                "outcome",
                pl.lit(MATCHED).alias("step"),
                pl.lit(arm).alias("arm"),
                "period",
                *(pl.col(f"{name}_{word}").alias(name) for name in COUNTS),
            )
            for arm, word in words.items()
        ]
    )


def _flow(steps: pl.DataFrame, outcome: Outcome) -> list[Chart]:
    shown = steps.filter(pl.col("outcome") == outcome.key)
    if shown["n_rows"].sum() == 0:
        return []
    names = shown["step"].unique(maintain_order=True).to_list()
    counts = {(row["step"], row["arm"], row["period"]): row for row in shown.iter_rows(named=True)}

    def draw(width: Width) -> Figure:
        label = 0.0 if width.narrow else 2.5
        # On narrow screens a step's name stands above its boxes.
        pitch = BOX + (0.38 if width.narrow else 0.3)
        figure = Figure(figsize=(width.inches, HEAD + pitch * len(names)), layout="none")
        panel = figure.add_axes((0, 0, 1, 1))
        panel.set(xlim=(0, width.inches), ylim=(HEAD + pitch * len(names), 0))
        panel.set_axis_off()
        across = (width.inches - label - GAP - 0.1) / 2
        for place, (arm, (title, colour)) in enumerate(ARMS.items()):
            left = label + 0.05 + place * (across + GAP)
            panel.text(left + across / 2, HEAD - 0.22, title, ha="center", va="center", fontweight="bold", color=colour)
            for row, step in enumerate(names):
                top = HEAD - 0.05 + row * pitch + (0.18 if width.narrow else 0)
                _boxes(
                    panel, [counts.get((step, arm, p)) for p in ("all", *PERIODS)], (left, top, across), colour, width
                )
                if row + 1 < len(names) and not width.narrow:
                    _arrow(panel, left + across / 2, top + BOX, pitch - BOX)
        for row, step in enumerate(names):
            if width.narrow:
                panel.text(0.05, HEAD + 0.02 + row * pitch, step, fontsize=9, va="center", color=INK)
            else:
                middle = HEAD - 0.05 + row * pitch + BOX / 2
                panel.text(label - 0.1, middle, wrapped(step, 30), ha="right", va="center", fontsize=10, color=INK)
        return figure

    first, last = (shown.filter(pl.col("step") == step) for step in (names[0], names[-1]))
    told = "; ".join(
        f"{title.lower()} from {number(first.filter(pl.col('arm') == arm)['n_children'].sum())} children to "
        + " and ".join(
            f"{number(last.filter(pl.col('arm') == arm, pl.col('period') == period)['n_children'].sum())} {word} "
            "embedding"
            for period, word in PERIODS.items()
        )
        for arm, (title, _) in ARMS.items()
    )
    return [
        Chart(
            f"flow_{outcome.key}",
            outcome.label,
            f"{outcome.label}: flow over {len(names)} steps; {told}.",
            "Children (and records, authorities) left after each step. Before periods are told apart a box is an "
            "arm, then the left box is before embedding and the right one after it.",
            shown,
            draw,
        )
    ]


def _boxes(
    panel: Axes, found: list[dict[str, Any] | None], place: tuple[float, float, float], colour: str, width: Width
) -> None:
    """One box for an arm, or one for each period."""
    left, top, across = place
    known = [(period, row) for period, row in zip(("", *PERIODS.values()), found, strict=True) if row is not None]
    for i, (period, row) in enumerate(known):
        size = (across - SMALL_GAP * (len(known) - 1)) / len(known)
        x = left + i * (size + SMALL_GAP)
        panel.add_patch(Rectangle((x, top), size, BOX, facecolor="white", edgecolor=colour, linewidth=1.3))
        children = f"{number(row['n_children'])} children"
        tight = width.narrow and len(known) > 1
        below = f"{number(row['n_rows'])} records, {row['n_las']} LAs"
        if tight:
            children, below = f"{period} {number(row['n_children'])}", f"{number(row['n_rows'])} rec."
        elif period:
            children = f"{period}: {children}"
        middle = x + size / 2
        panel.text(middle, top + 0.17, children, ha="center", va="center", fontsize=9 if period else 9.5, color=INK)
        panel.text(middle, top + 0.36, below, ha="center", va="center", fontsize=8.5 if not tight else 8, color=GREY)


def _arrow(panel: Axes, x: float, top: float, length: float) -> None:
    """From one step to the next."""
    shape = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1}
    panel.annotate("", (x, top + min(length, 0.28)), (x, top + 0.03), arrowprops=shape)
