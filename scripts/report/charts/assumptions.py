"""What the headline estimates withstand, and what the study could have found at all."""

import polars as pl
from matplotlib.figure import Figure

from scripts.report.canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PANEL_TITLE,
    Chart,
    Width,
    named_rows,
    panels,
    wrapped,
    zero_line,
)
from scripts.report.study import Study
from scripts.report.words import number


def bounds(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Intervals of the mean effect if trends diverged after embedding as they did before (Rambachan and Roth)."""
    known = tables["sensitivity"].filter(pl.col("measure") == "trend_bound").drop_nulls(["ci_low", "ci_high"])
    outcomes = [outcome for outcome in study.primary if outcome.key in set(known["outcome"])]
    if not outcomes:
        return []
    shown = pl.concat(
        [
            known.filter(pl.col("outcome") == outcome.key).select(
                "outcome", "level", pl.col("value", "ci_low", "ci_high") * outcome.scale
            )
            for outcome in outcomes
        ]
    )
    found = tables["sensitivity"].filter(pl.col("measure") == "trend_breakdown")
    breakdown = dict(found.select("outcome", "value").rows())

    def draw(width: Width) -> Figure:
        figure, axes = panels(width, len(outcomes), 2.5)
        for panel, outcome in zip(axes, outcomes, strict=True):
            rows = shown.filter(pl.col("outcome") == outcome.key)
            levels, low, high, value = (rows[name].to_list() for name in ("level", "ci_low", "ci_high", "value"))
            zero_line(panel, vertical=False)
            panel.vlines(levels, low, high, color=BLUE, linewidth=3)
            panel.plot(levels, value, "o", color=BLUE, markersize=5)
            panel.set_xticks(levels)
            panel.set_title(wrapped(outcome.label, PANEL_TITLE))
            panel.set_ylabel(outcome.short_unit)
            panel.set_xlabel("Divergence, in multiples of that before")
        return figure

    told = "; ".join(f"{outcome.label}: {_withstands(breakdown.get(outcome.key))}" for outcome in outcomes)
    return [
        Chart(
            "bounds",
            "If trends had not stayed parallel",
            f"Bounds on the mean effect after embedding. {told}.",
            "Intervals of the mean effect of all years after embedding if pilots and comparators drifted apart by "
            "up to so many times the largest drift seen before. An effect holds as far to the right as its bar "
            f"stays off the horizontal line. {told}.",
            shown,
            draw,
        )
    ]


def _withstands(multiple: float | None) -> str:
    """How much divergence an effect withstands."""
    if multiple is None:
        return "not told from none even with parallel trends"
    return f"told from none up to {number(multiple, 1)} times the earlier drift"


def power(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """The smallest effect that could have been found, beside the smallest worth having and what was found."""
    known = tables["conclusions"].drop_nulls("mdes")
    outcomes = [outcome for outcome in study.outcomes.values() if outcome.key in set(known["outcome"])]
    if not outcomes:
        return []
    facts = {row["outcome"]: row for row in known.iter_rows(named=True)}
    shown = pl.DataFrame(
        [
            {
                "outcome": outcome.key,
                "unit": outcome.unit,
                "smallest_effect": outcome.smallest_effect * outcome.scale,
                "detectable_effect": facts[outcome.key]["mdes"] * outcome.scale,
                "estimate": abs(facts[outcome.key]["estimate"]) * outcome.scale,
            }
            for outcome in outcomes
        ]
    )
    ratios = (shown["detectable_effect"] / shown["smallest_effect"]).to_list()

    def draw(width: Width) -> Figure:
        labels = [outcome.label for outcome in outcomes]
        figure, (panel,) = panels(width, 1, 1.2 + len(outcomes) * (0.72 if width.narrow else 0.46))
        found = (shown["estimate"] / shown["smallest_effect"]).to_list()
        places = range(len(outcomes))
        panel.hlines(places, 0, ratios, color=BLUE, linewidth=5, alpha=0.35)
        panel.plot(ratios, places, "|", color=BLUE, markersize=16, markeredgewidth=3, label="smallest that is found")
        panel.plot(found, places, "D", color=ORANGE, markersize=6, label="estimate")
        panel.axvline(1, color=GREEN, linewidth=1.5, linestyle="--", label="smallest worth having")
        named_rows(panel, labels, 22 if width.narrow else width.label)
        panel.set_xlim(0, None)
        panel.set_xlabel("Multiples of the smallest effect worth having")
        figure.legend(loc="outside upper left", ncols=1 if width.narrow else 3)
        panel.spines["left"].set_color(GREY)
        return figure

    share = number(100 * study.config["inference"]["power"])
    told = "; ".join(
        f"{outcome.label}: {number(row['detectable_effect'], 1)} {outcome.unit} against "
        f"{number(row['smallest_effect'], 1)}"
        for outcome, row in zip(outcomes, shown.iter_rows(named=True), strict=True)
    )
    able = sum(ratio <= 1 for ratio in ratios)
    return [
        Chart(
            "power",
            "What the study could have found",
            f"Smallest effect found with {share}% power against the smallest worth having. {told}.",
            f"Blue bars end at the smallest effect that a study like this finds with {share}% power; for {able} of "
            f"{len(outcomes)} outcomes that is no larger than the smallest effect worth having (dashed). Where it is "
            "larger, “no clear change” means little.",
            shown,
            draw,
        )
    ]
