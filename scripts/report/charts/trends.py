"""Raw trends: what pilots and comparators recorded over time, all together and by matched group."""

from datetime import date

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.report.canvas import BLUE, GREY, ORANGE, PALE, Chart, Width
from scripts.report.study import Outcome, Study
from scripts.report.words import number

EVERY_GROUP = "all"
ARMS = (("pilot", "pilots", BLUE, "-"), ("comparator", "comparators", ORANGE, "--"))
# Half the width of a 95 % interval, in standard errors
REACH = 1.96
MIDDLE_OF_YEAR = 0.5


def trends(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """A picture for each outcome: all pilots against all comparators, then each matched group."""
    return [chart for outcome in study.outcomes.values() for chart in _trends(tables, outcome, study)]


def _trends(tables: dict[str, pl.DataFrame], outcome: Outcome, study: Study) -> list[Chart]:
    own = tables["trends"].filter(pl.col("outcome") == outcome.key)
    if own.is_empty():
        return []
    shown = own.with_columns(pl.col("mean", "std_error") * outcome.scale)
    dates = _embedding(tables["la_matches"].filter(pl.col("outcome") == outcome.key))
    groups = [group for group in dates if group != EVERY_GROUP and group in set(shown["group"])]

    def draw(width: Width) -> Figure:
        across = 2 if width.narrow else 3
        down = -(-len(groups) // across)
        figure = Figure(figsize=(width.inches, 3.1 + 1.55 * down))
        whole, small = figure.subfigures(2, 1, height_ratios=[3.1, 1.55 * down]) if groups else (figure, None)
        first = whole.subplots()
        _together(first, shown.filter(pl.col("group") == EVERY_GROUP), dates[EVERY_GROUP], outcome)
        if groups:
            grid = small.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
            for panel in grid[len(groups) :]:
                panel.set_axis_off()
            for i, (panel, group) in enumerate(zip(grid, groups, strict=False)):
                _lines(panel, shown.filter(pl.col("group") == group), dates[group], 2.5)
                panel.set_title(study.la(group), fontsize=9.5)
                panel.locator_params(nbins=4)
                panel.tick_params(labelsize=8.5, labelbottom=True)
                # Scales are shared; drawing every one of them would take most of the time.
                panel.xaxis.set_visible(i + across >= len(groups))
                panel.yaxis.set_visible(i % across == 0)
        return figure

    return [
        Chart(
            f"trends_{outcome.key}",
            outcome.label,
            f"{outcome.label} by financial year. {_told(shown, outcome)}",
            "Yearly means as recorded, unadjusted: pilots solid blue, comparators dashed orange, with 95% bands "
            "over authorities in the large panel; below, each pilot with its own comparators. "
            f"{outcome.level_unit.capitalize()} on the vertical axis. Shaded: embedding. Before it the lines should "
            "run alike, whatever their distance.",
            shown,
            draw,
        )
    ]


def _embedding(matches: pl.DataFrame) -> dict[str, tuple[float, float]]:
    """Group -> embedding as years; of all groups the first start and the last end."""
    pilots = matches.filter(pl.col("role") == "pilot").sort("group")
    dates = {
        row["group"]: (_year(row["embedding_start"]), _year(row["embedding_end"]))
        for row in pilots.iter_rows(named=True)
    }
    if not dates:
        return {EVERY_GROUP: (0.0, 0.0)}
    starts, ends = zip(*dates.values(), strict=True)
    return dates | {EVERY_GROUP: (min(starts), max(ends))}


def _year(day: str) -> float:
    """A date on an axis on which a financial year, by its first year, lies at its middle."""
    found = date.fromisoformat(day)
    start = date(found.year if found.month >= 4 else found.year - 1, 4, 1)
    return start.year + (found - start).days / 365.25 - MIDDLE_OF_YEAR


def _lines(panel: Axes, rows: pl.DataFrame, embedding: tuple[float, float], size: float) -> None:
    """Both arms over the years, embedding shaded."""
    panel.axvspan(*embedding, color=PALE, linewidth=0, zorder=-1)
    for arm, _, colour, style in ARMS:
        of_arm = rows.filter(pl.col("arm") == arm)
        years, means = of_arm["financial_year"].to_list(), of_arm["mean"].to_list()
        panel.plot(years, means, style, color=colour, marker="o", markersize=size, linewidth=1.6)
    panel.xaxis.get_major_locator().set_params(integer=True)


def _together(panel: Axes, rows: pl.DataFrame, embedding: tuple[float, float], outcome: Outcome) -> None:
    """All pilots against all comparators, with bands and the lines' names beside them."""
    _lines(panel, rows, embedding, 4)
    ends = rows.sort("financial_year").group_by("arm").last().sort("mean")["arm"].to_list()
    for arm, told, colour, _ in ARMS:
        of_arm = rows.filter(pl.col("arm") == arm)
        if of_arm.is_empty():
            continue
        known = of_arm.drop_nulls("std_error")
        years, means, errors = (known[name].to_numpy() for name in ("financial_year", "mean", "std_error"))
        panel.fill_between(years, means - REACH * errors, means + REACH * errors, color=colour, alpha=0.15, linewidth=0)
        last = of_arm.row(-1, named=True)
        at = (last["financial_year"], last["mean"])
        # Above or below its line's end, so that names do not cover each other where lines meet.
        side = "top" if arm == ends[0] else "bottom"
        panel.annotate(f" {told}", at, xytext=(6, 0), textcoords="offset points", va=side, color=colour, fontsize=10)
    panel.text(
        sum(embedding) / 2,
        1.01,
        "embedding",
        transform=panel.get_xaxis_transform(),
        ha="center",
        color=GREY,
        fontsize=9,
    )
    panel.set_ylabel(outcome.level_unit)
    panel.set_xlabel("Financial year, by its first year")


def _told(shown: pl.DataFrame, outcome: Outcome) -> str:
    """First and last year of both arms in words."""
    parts = []
    for arm, told, _, _ in ARMS:
        rows = shown.filter(pl.col("group") == EVERY_GROUP, pl.col("arm") == arm).sort("financial_year")
        if rows.is_empty():
            parts.append(f"no {told}")
            continue
        first, last = rows.row(0, named=True), rows.row(-1, named=True)
        parts.append(
            f"{told} from {number(first['mean'], 1)} in {first['financial_year']} to {number(last['mean'], 1)} "
            f"{outcome.level_unit} in {last['financial_year']}"
        )
    return f"{'; '.join(parts)}.".capitalize()
