"""Effects by years since embedding, before and after: did pilots and comparators move alike, and when did they part?"""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.report.canvas import BLUE, GREY, ORANGE, PALE, PANEL_TITLE, Chart, Width, panels, wrapped, zero_line
from scripts.report.study import Outcome, Study
from scripts.report.words import p_value, signed, span

YEAR = r"\[(-?\d+)\]"
NUMBERS = ("estimate", "ci_low", "ci_high")
# Intervals beyond this quantile of their ends are cut and end in an arrow.
USUAL_SHARE = 0.85


def by_year(estimates: pl.DataFrame, estimator: str, study: Study) -> pl.DataFrame:
    """Estimates of one estimator by years since embedding, in the units shown: outcome, year, NUMBERS."""
    own = estimates.filter(pl.col("estimator").str.starts_with(f"{estimator}[")).drop_nulls("estimate")
    scales = {outcome.key: outcome.scale for outcome in study.outcomes.values()}
    scale = pl.col("outcome").replace_strict(scales, return_dtype=pl.Float64)
    year = pl.col("estimator").str.extract(YEAR).cast(pl.Int32).alias("year")
    return own.select("outcome", "method", year, *(pl.col(name) * scale for name in NUMBERS)).sort("outcome", "year")


def events(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """The event study of every research question, with the test of what happened before embedding."""
    shown = by_year(tables["estimates"], "event_study", study).filter(pl.col("method") == study.method)
    outcomes = [outcome for outcome in study.primary if outcome.key in set(shown["outcome"])]
    if not outcomes:
        return []
    tests = tables["model_tests"].filter(pl.col("test") == "pretrend_WCR")
    before = dict(tests.select("outcome", "p_value").rows())
    reference = study.of_estimator("event_study")["reference"]

    def draw(width: Width) -> Figure:
        figure, axes = panels(width, len(outcomes), 2.9)
        for panel, outcome in zip(axes, outcomes, strict=True):
            _panel(panel, outcome, shown.filter(pl.col("outcome") == outcome.key))
            panel.plot(reference, 0, "D", color=ORANGE, markersize=6)
            told = p_value(before.get(outcome.key)) or "not tested"
            panel.set_title(f"{wrapped(outcome.label, PANEL_TITLE)}\n", fontsize=10.5)
            panel.text(0, 1.02, f"before embedding: p {told}", transform=panel.transAxes, fontsize=9, color=GREY)
        return figure

    told = "; ".join(
        f"{outcome.label}: p {p_value(before.get(outcome.key)) or 'not known'} before embedding, then "
        + ", ".join(
            f"year {row['year']} {signed(row['estimate'])} ({span(row['ci_low'], row['ci_high']) or 'no interval'})"
            for row in shown.filter(pl.col("outcome") == outcome.key, pl.col("year") >= 0).iter_rows(named=True)
        )
        for outcome in outcomes
    )
    return [
        Chart(
            "events",
            "Difference between pilots and comparators by years since embedding",
            f"Event studies. {told}.",
            "Each point is the difference between pilot and comparator LAs in a year, relative to the year marked "
            f"by a diamond ({reference}). On the shaded side, before embedding, points should lie around zero; the "
            "p-value is of the test that they all do. If they do not, pilots were already on another path and the "
            "comparison is in doubt.",
            shown,
            draw,
        )
    ]


def _panel(panel: Axes, outcome: Outcome, rows: pl.DataFrame) -> None:
    """Points with their intervals; what lies before embedding is shaded."""
    years = rows["year"].to_list()
    reach = _reach(rows)
    panel.axvspan(min(years) - 0.5, -0.5, color=PALE, zorder=-1, linewidth=0)
    zero_line(panel, vertical=False)
    for year, low, high in rows.drop_nulls(["ci_low", "ci_high"]).select("year", "ci_low", "ci_high").iter_rows():
        panel.plot([year, year], [max(low, -reach), min(high, reach)], color=BLUE, linewidth=2)
        if low < -reach:
            panel.plot(year, -reach, "v", color=BLUE, markersize=6)
        if high > reach:
            panel.plot(year, reach, "^", color=BLUE, markersize=6)
    panel.plot(years, rows["estimate"].to_list(), "o", color=BLUE, markersize=5)
    panel.set_xlim(min(years) - 0.5, max(years) + 0.5)
    panel.set_ylabel(outcome.short_unit)
    panel.set_xlabel("Years since embedding")
    panel.xaxis.get_major_locator().set_params(integer=True)


def _reach(rows: pl.DataFrame) -> float:
    """How far from zero the axis goes: past every point and most intervals; a year with few children would swamp it."""
    ends = pl.concat([rows["ci_low"], rows["ci_high"]]).drop_nulls().abs()
    usual = ends.quantile(USUAL_SHARE, interpolation="linear") if len(ends) else 0.0
    return 1.15 * max(rows["estimate"].abs().max(), usual)


def staggered(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Effects by year of an estimator that never compares one effect with another, beside the event study."""
    shown = by_year(tables["estimates"], "staggered", study)
    outcomes = [outcome for outcome in study.primary if outcome.key in set(shown["outcome"])]
    if not outcomes:
        return []

    def draw(width: Width) -> Figure:
        figure, axes = panels(width, len(outcomes), 2.6)
        for panel, outcome in zip(axes, outcomes, strict=True):
            _panel(panel, outcome, shown.filter(pl.col("outcome") == outcome.key))
            panel.set_title(wrapped(outcome.label, PANEL_TITLE))
            panel.set_xlabel("Years since the first year after embedding")
        return figure

    after = shown.filter(pl.col("year") >= 0)
    told = "; ".join(
        f"{outcome.label} "
        + ", ".join(
            f"year {row['year']} {signed(row['estimate'])}"
            for row in after.filter(pl.col("outcome") == outcome.key).iter_rows(named=True)
        )
        for outcome in outcomes
    )
    return [
        Chart(
            "staggered",
            "The same where LAs embedded at different times",
            f"Effects by year for staggered adoption. {told}.",
            "Callaway and Sant'Anna's estimator on yearly means of each LA: no pilot is ever compared with another "
            "one, and no covariate enters. Before embedding every point compares a year with the one before it. It "
            "should tell the same story as the event study.",
            shown,
            draw,
        )
    ]
