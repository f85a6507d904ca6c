"""Are those compared alike? Authorities and children before and after matching, and the overlap of the two arms."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.report.canvas import BLUE, GREY, ORANGE, PALE, PANEL_TITLE, Chart, Width, named_rows, panels, wrapped
from scripts.report.levels import covariate_in_words
from scripts.report.study import Outcome, Study
from scripts.report.words import number

# A standardised mean difference below this is commonly taken for balance (Austin 2009).
USUAL_LIMIT = 0.1
STAGES = (("before", "o", ORANGE, "before matching"), ("after", "D", BLUE, "after matching"))
TITLE, ROW, NARROW_ROW, LEAST = 0.9, 0.24, 0.34, 1.8


def la_balance(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Hedges' g of pilots against other LAs, before and after comparators are chosen."""
    fine, fails = study.config["matching"]["las"]["balance_thresholds"]
    known = tables["la_balance"].unpivot(
        {"g_before": "before", "g_after": "after"}, index=["outcome", "variable"], variable_name="stage", value_name="g"
    )
    known = known.with_columns(pl.col("stage").str.strip_prefix("g_")).drop_nulls("g")
    outcomes = [outcome for outcome in study.primary if outcome.key in set(known["outcome"])]
    if not outcomes:
        return []
    shown = known.filter(pl.col("outcome").is_in([outcome.key for outcome in outcomes]))
    names = shown["variable"].unique(maintain_order=True).to_list()
    # Few LAs make large differences; the axis ends where nothing more can be told apart.
    end = min(3.0, 1.08 * shown["g"].abs().max())

    def draw(width: Width) -> Figure:
        figure, axes = panels(width, len(outcomes), _height(names, width), sharey=not width.narrow)
        for panel, outcome in zip(axes, outcomes, strict=True):
            panel.axvspan(-fine, fine, color=PALE, linewidth=0, zorder=-1)
            for limit in (-fails, fails):
                panel.axvline(limit, color=GREY, linewidth=1, linestyle="--", zorder=-1)
            _points(panel, shown.filter(pl.col("outcome") == outcome.key), names, "variable", "g", end)
            named_rows(panel, [covariate_in_words(name) for name in names], _label(width))
            panel.set_xlim(-end, end)
            panel.set_title(wrapped(outcome.label, _title(width)))
            panel.set_xlabel("Hedges' g, pilots less others")
        _legend(figure, axes, width)
        return figure

    after = shown.filter(pl.col("stage") == "after")
    failing = after.filter(pl.col("g").abs() > fails)
    return [
        Chart(
            "la_balance",
            "Pilots against other authorities, and against their comparators",
            f"Hedges' g of {len(names)} variables for {len(outcomes)} outcomes. After matching {failing.height} of "
            f"{after.height} differences exceed {fails:g}; the largest is {number(after['g'].abs().max(), 2)}.",
            "Differences between pilots and all candidate LAs (orange circles) and between pilots and their "
            f"comparators (blue diamonds), in standard deviations. Grey band: up to {fine:g}, fine; dashed: "
            f"{fails:g}, beyond which adjustment is not enough (What Works Clearinghouse). With so few LAs "
            "differences are large by chance.",
            shown,
            draw,
        )
    ]


def _label(width: Width) -> int:
    """Characters of a line of a row's name."""
    return 22 if width.narrow else width.label


def _title(width: Width) -> int:
    """Characters of a line of a panel's title, which starts where the names of rows end."""
    return 24 if width.narrow else PANEL_TITLE


def _height(names: list[str], width: Width) -> float:
    """Inches of a panel with a row for each name, which may take two lines on narrow screens."""
    return max(LEAST, TITLE + (NARROW_ROW if width.narrow else ROW) * len(names))


def _points(panel: Axes, rows: pl.DataFrame, names: list[str], label: str, value: str, end: float) -> None:
    """A mark for each name and stage; what lies beyond the axis sits at its end."""
    for stage, marker, colour, told in STAGES:
        of_stage = rows.filter(pl.col("stage") == stage)
        places = [names.index(name) for name in of_stage[label]]
        panel.plot(of_stage[value].clip(-end, end).to_list(), places, marker, color=colour, markersize=5, label=told)


def _legend(figure: Figure, axes: list[Axes], width: Width) -> None:
    """Once, above the panels."""
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=1 if width.narrow else 2)


def love(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Largest standardised mean difference of each covariate before and after matching."""
    largest = (
        tables["balance"].drop_nulls("smd").group_by("outcome", "covariate", "stage").agg(pl.col("smd").abs().max())
    )
    outcomes = [outcome for outcome in study.primary if outcome.key in set(largest["outcome"])]
    if not outcomes:
        return []
    shown = largest.filter(pl.col("outcome").is_in([o.key for o in outcomes])).sort("outcome", "covariate", "stage")
    matched = {entry["name"]: entry["match"] for entry in study.config["covariates"]["child"]}
    names = sorted(set(shown["covariate"]), key=lambda name: (not matched[name], name))
    labels = [f"{covariate_in_words(name)}{'' if matched[name] else ' (not matched)'}" for name in names]

    def draw(width: Width) -> Figure:
        figure, axes = panels(width, len(outcomes), _height(names, width), sharey=not width.narrow)
        for panel, outcome in zip(axes, outcomes, strict=True):
            panel.axvline(USUAL_LIMIT, color=GREY, linewidth=1, linestyle="--")
            _points(panel, shown.filter(pl.col("outcome") == outcome.key), names, "covariate", "smd", float("inf"))
            named_rows(panel, labels, _label(width))
            panel.set_xlim(0, 1.05 * max(shown["smd"].max(), USUAL_LIMIT))
            panel.set_title(wrapped(outcome.label, _title(width)))
            panel.set_xlabel("Mean difference, standardised")
        _legend(figure, axes, width)
        return figure

    after = shown.filter(pl.col("stage") == "after").sort("smd", "covariate").row(-1, named=True)
    beyond = shown.filter(pl.col("stage") == "after", pl.col("smd") > USUAL_LIMIT).height
    return [
        Chart(
            "love",
            "Children in pilots and comparators before and after matching",
            f"Balance of {len(names)} covariates for {len(outcomes)} outcomes: after matching {beyond} differences "
            f"exceed {USUAL_LIMIT:g}; the largest is {number(after['smd'], 2)}, for "
            f"{covariate_in_words(after['covariate'])}.",
            "The largest standardised mean difference of each covariate over its levels and both periods. Matching "
            "is exact within each group of LAs; what is left for matched covariates comes from groups of different "
            f"weight in the two arms. The models adjust for all of them. Dashed: {USUAL_LIMIT:g}, a common limit.",
            shown,
            draw,
        )
    ]


def overlap(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Propensity scores of both arms, pilots upwards and comparators downwards, before and after matching."""
    known = tables["overlap"]
    outcomes = [outcome for outcome in study.primary if outcome.key in set(known["outcome"])]
    if not outcomes:
        return []
    shown = known.filter(pl.col("outcome").is_in([outcome.key for outcome in outcomes]))
    cells = [(outcome, period) for outcome in outcomes for period in ("pre", "post")]

    def draw(width: Width) -> Figure:
        figure, axes = panels(width, len(cells), 1.75, columns=2, sharex=True)
        for panel, (outcome, period) in zip(axes, cells, strict=True):
            _histogram(panel, shown.filter(pl.col("outcome") == outcome.key, pl.col("period") == period))
            side = {"pre": "before", "post": "after"}[period]
            panel.set_title(wrapped(f"{outcome.label}, {side} embedding", PANEL_TITLE))
            panel.tick_params(labelbottom=True)
        for panel in axes[-1:] if width.narrow else axes[-2:]:
            panel.set_xlabel("Propensity score")
        return figure

    alone = "; ".join(f"{outcome.label} {number(100 * _alone(shown, outcome), 1)} %" for outcome in outcomes)
    return [
        Chart(
            "overlap",
            "Propensity scores of pilots and comparators",
            "Mirrored histograms of propensity scores by outcome and period. Share of pilots' rows, before "
            f"matching, in bins without any comparator: {alone}.",
            "Pilots above the line (blue), comparators below it (orange); outlines before matching, filled after. The "
            "shapes should mirror each other once filled, and no bar should stand without one opposite.",
            shown,
            draw,
        )
    ]


def _histogram(panel: Axes, rows: pl.DataFrame) -> None:
    """The four distributions of an outcome and period."""
    for arm, sign, colour in (("treated", 1, BLUE), ("comparator", -1, ORANGE)):
        for stage, look in (("after", {"alpha": 0.45, "linewidth": 0}), ("before", {"fill": False, "linewidth": 1.1})):
            of_arm = rows.filter(pl.col("arm") == arm, pl.col("stage") == stage)
            low, high = of_arm["score_low"].to_numpy(), of_arm["score_high"].to_numpy()
            heights = sign * 100 * of_arm["share"].to_numpy()
            panel.bar(low, heights, width=high - low, align="edge", color=colour, edgecolor=colour, **look)
    panel.axhline(0, color=GREY, linewidth=1)
    panel.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f} %")


def _alone(shown: pl.DataFrame, outcome: Outcome) -> float:
    """The largest share, over periods, of the pilots' weight before matching in bins without a comparator."""
    before = shown.filter(pl.col("outcome") == outcome.key, pl.col("stage") == "before")
    keys = ["period", "score_low"]
    empty = before.filter(pl.col("arm") == "comparator", pl.col("n_children") == 0).select(keys)
    treated = before.filter(pl.col("arm") == "treated").join(empty, on=keys, how="semi")
    return treated.group_by("period").agg(pl.col("share").sum())["share"].max() or 0.0
