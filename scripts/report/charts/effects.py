"""The headline estimates of all outcomes with their intervals, and the same by every method of inference."""

import polars as pl
from matplotlib.figure import Figure

from scripts.report.canvas import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, Chart, Width, panels, wrapped
from scripts.report.charts.intervals import Interval, draw_intervals, height
from scripts.report.study import Study
from scripts.report.words import signed, span

COLUMNS = ["label", "unit", "primary", "estimate", "ci_low", "ci_high"]
METHODS = {
    "WCR": ("wild cluster bootstrap", BLUE, "o"),
    "RI": ("randomisation over LAs", ORANGE, "s"),
    "CR2": ("clustered errors, CR2", GREEN, "D"),
    "CRV3": ("clustered errors, CRV3", PURPLE, "^"),
    "CRV1": ("clustered errors, CRV1", SKY, "v"),
    "jackknife": ("jackknife over LAs", GREY, "P"),
}


def effects(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """One picture of the headline estimates: a panel per unit, because days and percentage points share no scale."""
    shown = _in_units(tables["conclusions"].select("outcome", "estimate", "ci_low", "ci_high"), study)
    shown = shown.select("outcome", *COLUMNS).drop_nulls(["ci_low", "ci_high"])
    if shown.is_empty():
        return []

    def draw(width: Width) -> Figure:
        units = shown["unit"].unique(maintain_order=True).to_list()
        rows = [
            [_interval(row) for row in shown.filter(pl.col("unit") == unit).iter_rows(named=True)] for unit in units
        ]
        figure, axes = panels(
            width, len(units), [height([row.label for row in group], width) for group in rows], columns=1
        )
        for panel, unit, group in zip(axes, units, rows, strict=True):
            draw_intervals(panel, group, width, f"Effect, {unit}")
        return figure

    told = "; ".join(
        f"{row['label']} {signed(row['estimate'])} ({span(row['ci_low'], row['ci_high'])}) {row['unit']}"
        for row in shown.iter_rows(named=True)
    )
    return [
        Chart(
            "effects",
            "Effects and their intervals",
            f"Effects with intervals: {told}.",
            "Estimated effect on each outcome with its interval; secondary outcomes are grey squares. An interval that "
            "crosses the vertical line is compatible with no effect.",
            shown,
            draw,
        )
    ]


def _in_units(estimates: pl.DataFrame, study: Study) -> pl.DataFrame:
    """Estimates of each outcome in the order and units of the study."""
    outcomes = pl.DataFrame(
        [
            {
                "outcome": outcome.key,
                "label": outcome.label,
                "unit": outcome.unit,
                "primary": int(outcome.primary),
                "scale": outcome.scale,
            }
            for outcome in study.outcomes.values()
        ]
    )
    joined = outcomes.join(estimates, on="outcome", how="left", maintain_order="left")
    return joined.with_columns(pl.col("estimate", "ci_low", "ci_high") * pl.col("scale")).drop("scale")


def _interval(row: dict) -> Interval:
    colour, marker = (BLUE, "o") if row["primary"] else (GREY, "s")
    return Interval(row["label"], row["estimate"], row["ci_low"], row["ci_high"], colour, marker)


def methods(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """The headline estimate of every outcome with the interval of each method of inference."""
    own = tables["estimates"].filter(pl.col("specification") == study.headline).drop_nulls("estimate")
    shown = _in_units(own.select("outcome", "method", "estimate", "ci_low", "ci_high", "p_value"), study)
    shown = shown.select("outcome", *COLUMNS, "method", "p_value").drop_nulls("method")
    if shown.is_empty():
        return []
    groups = [
        (outcome, shown.filter(pl.col("outcome") == outcome.key))
        for outcome in study.outcomes.values()
        if outcome.key in set(shown["outcome"])
    ]

    def draw(width: Width) -> Figure:
        names = [name for name, _, _ in METHODS.values()]
        heights = [height(names[: rows.height], width) + 0.2 for _, rows in groups]
        figure, axes = panels(width, len(groups), heights, columns=1)
        for panel, (outcome, rows) in zip(axes, groups, strict=True):
            ordered = [row for name in METHODS for row in rows.filter(pl.col("method") == name).iter_rows(named=True)]
            intervals = [
                Interval(
                    METHODS[row["method"]][0],
                    row["estimate"],
                    row["ci_low"],
                    row["ci_high"],
                    *METHODS[row["method"]][1:],
                )
                for row in ordered
            ]
            draw_intervals(panel, intervals, width, f"Effect, {outcome.unit}")
            panel.set_title(wrapped(outcome.label, width.label))
        return figure

    widest = "; ".join(
        f"{outcome.label}: {span(rows['ci_low'].min(), rows['ci_high'].max())} {outcome.unit} at the widest"
        for outcome, rows in groups
    )
    return [
        Chart(
            "methods",
            "The same estimate by every method of inference",
            f"Intervals of {shown['method'].n_unique()} methods of inference for {len(groups)} outcomes. {widest}.",
            "One estimate, several answers to how certain it is. With few pilot LAs the usual clustered errors (CRV1) "
            "are too small; the wild cluster bootstrap and randomisation over LAs keep their promise.",
            shown,
            draw,
        )
    ]
