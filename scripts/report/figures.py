"""The pictures of the summary page, as SVG text with their alternative text.

In: findings and results tables. Colours are Okabe and Ito's (2008), which colour-blind readers can tell apart; every
mark also differs in shape or place. Pictures of synthetic extracts say so.
"""

import base64
import io
from dataclasses import dataclass

import matplotlib
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.report.findings import PERCENTAGE_POINTS, Finding, scale

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#555555"
STYLE = {
    "svg.hashsalt": "fixed, so that equal results give equal bytes",
    "svg.fonttype": "path",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True)
class Picture:
    """An inline picture: data URI, alternative text, caption."""

    source: str
    alt: str
    caption: str


def _picture(figure: Figure, synthetic: bool, alt: str, caption: str) -> Picture:
    if synthetic:
        figure.suptitle("SYNTHETIC", x=0.99, ha="right", color=ORANGE, fontsize=10, fontweight="bold")
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    encoded = base64.b64encode(buffer.getvalue().encode()).decode()
    return Picture(f"data:image/svg+xml;base64,{encoded}", alt, caption)


def forest(findings: list[Finding], synthetic: bool) -> Picture | None:
    """Headline estimates with intervals: a panel per unit, because days and percentage points share no scale."""
    estimated = [finding for finding in findings if finding.ci_low is not None]
    units = list(dict.fromkeys(finding.unit for finding in estimated))
    if not estimated:
        return None
    rows = [[finding for finding in estimated if finding.unit == unit] for unit in units]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.5, 1.5 + 0.62 * len(estimated)))
        panels = figure.subplots(len(units), 1, squeeze=False, height_ratios=[len(group) + 0.6 for group in rows])[:, 0]
        for panel, unit, group in zip(panels, units, rows, strict=True):
            _forest_panel(panel, unit, group)
    told = "; ".join(f"{f.label} {f.estimate:+.1f} ({f.ci_low:+.1f} to {f.ci_high:+.1f}) {f.unit}" for f in estimated)
    caption = (
        "Estimated effect on each outcome with its confidence interval. An interval that crosses the vertical line is "
        "compatible with no effect."
    )
    return _picture(figure, synthetic, f"Effects with intervals: {told}.", caption)


def _forest_panel(panel: Axes, unit: str, group: list[Finding]) -> None:
    panel.axvline(0, color=GREY, linewidth=1)
    for place, finding in enumerate(group):
        colour, marker = (BLUE, "o") if finding.primary else (GREY, "s")
        panel.plot(
            [finding.ci_low, finding.ci_high], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt"
        )
        panel.plot(finding.estimate, place, marker, color=colour, markersize=8)
        text = f"{finding.estimate:+.1f}  ({finding.ci_low:+.1f} to {finding.ci_high:+.1f})"
        panel.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=10)
    panel.set_yticks(range(len(group)), [_wrapped(finding.label) for finding in group])
    panel.set_ylim(len(group) - 0.4, -0.6)
    panel.set_xlabel(f"Effect, {unit}")


def _wrapped(label: str, width: int = 34) -> str:
    """The label on two lines at most."""
    if len(label) <= width:
        return label
    cut = label.rfind(" ", 0, len(label) // 2 + 8)
    return f"{label[:cut]}\n{label[cut + 1 :]}"


def event_studies(
    findings: list[Finding], estimates: pl.DataFrame, method: str, reference: int, synthetic: bool
) -> Picture | None:
    """Difference between pilots and comparators by years since embedding, relative to the reference year.

    `method` gives the intervals.
    """
    of_method = estimates.filter(pl.col("specification") == "event_study", pl.col("method") == method)
    events = of_method.drop_nulls(["ci_low", "ci_high"]).with_columns(
        pl.col("estimator").str.extract(r"\[(-?\d+)\]").cast(pl.Int32).alias("year")
    )
    events = events.drop_nulls("year")
    shown = [finding for finding in findings if finding.outcome in set(events["outcome"]) and finding.primary]
    if not shown:
        return None
    with matplotlib.rc_context(STYLE):
        lines = -(-len(shown) // 2)
        figure = Figure(figsize=(8.5, 2.7 * lines))
        panels = figure.subplots(lines, 2, squeeze=False, sharex=True).ravel()
        for panel, finding in zip(panels, shown, strict=False):
            _event_panel(panel, finding, events.filter(outcome=finding.outcome).sort("year"), reference)
        for panel in panels[len(shown) :]:
            panel.set_axis_off()
    told = "; ".join(finding.label for finding in shown)
    caption = (
        "Difference between pilot and comparator LAs by years since embedding, relative to the year before it began. "
        "Before embedding (left of the dashed line) the points should lie around zero; if they do not, the comparison "
        "is in doubt."
    )
    return _picture(figure, synthetic, f"Event studies, one panel each, for: {told}.", caption)


def _event_panel(panel: Axes, finding: Finding, events: pl.DataFrame, reference: int) -> None:
    factor = scale(finding.unit)
    years = events["year"].to_list()
    middle, low, high = ((events[name] * factor).to_list() for name in ("estimate", "ci_low", "ci_high"))
    panel.axhline(0, color=GREY, linewidth=1)
    panel.axvline(-0.5, color=GREY, linewidth=1, linestyle="--")
    panel.vlines(years, low, high, color=BLUE, linewidth=2)
    panel.plot(years, middle, "o", color=BLUE, markersize=5)
    panel.plot(reference, 0, "D", color=ORANGE, markersize=6)
    panel.set_title(_wrapped(finding.label, 46), fontsize=10.5, loc="left")
    panel.set_ylabel("working days" if finding.unit != PERCENTAGE_POINTS else "pct points", fontsize=9.5)
    panel.set_xlabel("Years since embedding", fontsize=9.5)


def love_plot(
    findings: list[Finding], balance: pl.DataFrame, matched: dict[str, bool], synthetic: bool
) -> Picture | None:
    """Largest standardised mean difference of each covariate before and after matching, a panel per primary outcome.

    `matched`: covariate -> whether it was matched on; those come first.
    """
    largest = balance.drop_nulls("smd").group_by("outcome", "covariate", "stage").agg(pl.col("smd").abs().max())
    shown = [finding for finding in findings if finding.primary and finding.outcome in set(largest["outcome"])]
    if not shown:
        return None
    names = sorted(set(largest["covariate"]), key=lambda name: (matched[name], name))
    with matplotlib.rc_context(STYLE):
        lines = -(-len(shown) // 2)
        figure = Figure(figsize=(8.5, lines * (1.1 + 0.25 * len(names))))
        panels = figure.subplots(lines, 2, squeeze=False, sharex=True, sharey=True).ravel()
        for panel, finding in zip(panels, shown, strict=False):
            _love_panel(panel, finding.label, largest.filter(outcome=finding.outcome), names)
            panel.tick_params(labelbottom=True)
        for panel in panels[len(shown) :]:
            panel.set_axis_off()
        labels = [f"{name.replace('_', ' ')}{'' if matched[name] else ' (not matched)'}" for name in names]
        panels[0].set_yticks(range(len(names)), labels)
        panels[0].set_xlim(0, 1.05 * max(largest["smd"].max(), 0.1))
        panels[0].legend(frameon=False, loc="upper right", fontsize=9)
    after = largest.filter(stage="after").sort("smd").row(-1, named=True)
    caption = (
        "Balance between children in pilot and comparator LAs: the largest absolute standardised mean difference of "
        "each covariate over its levels and both periods. Matching is exact within each group of LAs; what is left for "
        "matched covariates comes from groups of different weight in the two arms. The models adjust for all of them. "
        "Dashed: 0.1, a common limit."
    )
    alt = (
        f"Balance of {len(names)} covariates before and after matching for {len(shown)} outcomes. The largest "
        f"difference after matching is {after['smd']:.2f}, for {after['covariate'].replace('_', ' ')}."
    )
    return _picture(figure, synthetic, alt, caption)


def _love_panel(panel: Axes, label: str, largest: pl.DataFrame, names: list[str]) -> None:
    for stage, marker, colour, told in (
        ("before", "o", ORANGE, "before matching"),
        ("after", "D", BLUE, "after matching"),
    ):
        of_stage = largest.filter(stage=stage).sort("covariate")
        places = [names.index(covariate) for covariate in of_stage["covariate"]]
        panel.plot(of_stage["smd"].to_list(), places, marker, color=colour, label=told, markersize=5)
    panel.axvline(0.1, color=GREY, linewidth=1, linestyle="--")
    panel.set_title(_wrapped(label, 46), fontsize=10.5, loc="left")
    panel.set_xlabel("Standardised mean difference", fontsize=9.5)
