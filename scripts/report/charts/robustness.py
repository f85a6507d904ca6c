"""Whom and what the headline estimate rests on: without each LA, by pilot, under other choices, in subgroups."""

import polars as pl
from matplotlib.figure import Figure

from scripts.report.canvas import BLUE, GREY, ORANGE, PALE, PANEL_TITLE, SKY, Chart, Width, panels, wrapped
from scripts.report.charts.intervals import ROW, Interval, draw_intervals, height
from scripts.report.levels import covariate_in_words, level_in_words, level_order
from scripts.report.study import Outcome, Study
from scripts.report.words import listed, p_value, signed, words

NUMBERS = ("estimate", "ci_low", "ci_high")
MODELS = {
    "did": "matched difference-in-differences",
    "two_way": "LA and year effects",
    "fixed_effects": "LA effects",
    "random_effects": "random LA effects",
    "logit_ame": "logit, average marginal effect",
    "staggered_simple": "staggered adoption (Callaway and Sant'Anna)",
}


# A picture of more LAs than this shows those on which the result leans most; its CSV has all of them.
SHOWN_LAS = 14


def _scaled(table: pl.DataFrame, outcome: Outcome, *more: str) -> pl.DataFrame:
    """An outcome's rows with a known estimate, in the unit shown."""
    own = table.filter(pl.col("outcome") == outcome.key).drop_nulls("estimate")
    return own.with_columns(pl.col("estimate", *more) * outcome.scale)


def leave_one_out(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """The headline estimate without each LA in turn, a picture for each research question."""
    return [chart for outcome in study.primary for chart in _without_each(tables, outcome, study)]


def _without_each(tables: dict[str, pl.DataFrame], outcome: Outcome, study: Study) -> list[Chart]:
    rows = _scaled(tables["leave_one_out"], outcome, "ci_low", "ci_high").sort("estimate", "la_code")
    if rows.is_empty():
        return []
    of_all = tables["conclusions"].filter(pl.col("outcome") == outcome.key)["estimate"][0]
    everyone = rows["estimate"].median() if of_all is None else of_all * outcome.scale
    moved = (pl.col("estimate") - everyone).abs()
    shown = rows.sort(moved, "la_code", descending=[True, False]).head(SHOWN_LAS).sort("estimate", "la_code")

    def draw(width: Width) -> Figure:
        figure, (panel,) = panels(width, 1, height([study.la(code) for code in shown["la_code"]], width))
        intervals = [
            Interval(
                study.la(row["la_code"]),
                *(row[name] for name in NUMBERS),
                BLUE if row["role"] == "pilot" else GREY,
                "o" if row["role"] == "pilot" else "s",
            )
            for row in shown.iter_rows(named=True)
        ]
        draw_intervals(panel, intervals, width, f"Effect without the LA named, {outcome.unit}")
        if of_all is not None:
            panel.axvline(everyone, color=ORANGE, linewidth=1.2, linestyle="--", zorder=0)
        return figure

    low, high = rows["estimate"].min(), rows["estimate"].max()
    others = rows.height - shown.height
    rest = f" Without any of the {others} other LAs it moves less than without these." if others else ""
    return [
        Chart(
            f"leave_one_out_{outcome.key}",
            outcome.label,
            f"{outcome.label} without each of {rows.height} LAs in turn: the estimate lies between {signed(low)} "
            f"(without {study.la(rows['la_code'][0])}) and {signed(high)} {outcome.unit} (without "
            f"{study.la(rows['la_code'][-1])}).",
            "The estimate without each LA (blue circles: pilots, grey squares: comparators; usual clustered "
            f"intervals). Dashed: with all. A line that stands apart is an LA on which the result leans.{rest}",
            rows.select("outcome", "la_code", "role", *NUMBERS),
            draw,
        )
    ]


def la_effects(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """The estimate in each pilot's own group, beside what its comparators show in its place."""
    groups = [
        (outcome, _scaled(tables["la_effects"], outcome, "placebo_spread").sort("la_code")) for outcome in study.primary
    ]
    groups = [(outcome, rows) for outcome, rows in groups if rows.height]
    if not groups:
        return []
    shown = pl.concat([rows.select("outcome", "la_code", "estimate", "placebo_spread") for _, rows in groups])

    def draw(width: Width) -> Figure:
        figure, axes = panels(width, len(groups), 0.8 * max(ROW * rows.height for _, rows in groups) + 1.2)
        for panel, (outcome, rows) in zip(axes, groups, strict=True):
            intervals = [Interval(study.la(row["la_code"]), row["estimate"]) for row in rows.iter_rows(named=True)]
            draw_intervals(panel, intervals, width, f"Effect, {outcome.unit}", told=False)
            for place, spread in enumerate(rows["placebo_spread"].to_list()):
                if spread is not None:
                    panel.barh(place, 2 * spread, left=-spread, height=0.5, color=PALE, zorder=0)
            panel.set_title(wrapped(outcome.label, PANEL_TITLE))
        return figure

    told = "; ".join(
        f"{outcome.label}: from {signed(rows['estimate'].min())} to {signed(rows['estimate'].max())} {outcome.unit}, "
        f"{(rows['estimate'] < 0).sum()} of {rows.height} pilots lower"
        for outcome, rows in groups
    )
    return [
        Chart(
            "la_effects",
            "The effect in each pilot",
            f"Effects by pilot LA. {told}.",
            "Each pilot against its own comparators. One LA has no interval of its own; the grey bar is what the "
            "same calculation gives, on average, with a comparator in the pilot's place: only points well outside "
            "their bar tell more than chance and drift.",
            shown,
            draw,
        )
    ]


def curve(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """The specification curve of every research question: what other defensible choices would have given."""
    return [chart for outcome in study.primary for chart in _curve(tables["specification_curve"], outcome)]


def _curve(table: pl.DataFrame, outcome: Outcome) -> list[Chart]:
    rows = _scaled(table, outcome, "ci_low", "ci_high").sort("position")
    if rows.height < 2:
        return []
    shown = rows.select("outcome", "position", "kind", "name", "label", "method", *NUMBERS, "p_value")
    marks = {"headline": (ORANGE, "D"), "model": (BLUE, "o"), "choice": (SKY, "s")}

    def draw(width: Width) -> Figure:
        figure, (panel,) = panels(width, 1, height([_told(row) for row in shown.iter_rows(named=True)], width))
        intervals = [
            Interval(_told(row), *(row[name] for name in NUMBERS), *marks[row["kind"]])
            for row in shown.iter_rows(named=True)
        ]
        draw_intervals(panel, intervals, width, f"Effect, {outcome.unit}")
        return figure

    sign = (rows["estimate"] < 0).sum()
    return [
        Chart(
            f"curve_{outcome.key}",
            outcome.label,
            f"{outcome.label}: {rows.height} estimates under different choices, from "
            f"{signed(rows['estimate'].min())} to {signed(rows['estimate'].max())} {outcome.unit}; {sign} of them "
            "below zero.",
            "The study's own estimate (orange diamond) among those that other models (blue circles) and other "
            "definitions or samples (light squares) give, in the order of their size.",
            shown,
            draw,
        )
    ]


def _told(row: dict) -> str:
    """What is different about an estimate of the curve."""
    if row["kind"] == "choice":
        return row["label"]
    model = MODELS.get(row["label"], words(row["label"]))
    if row["kind"] == "headline":
        return f"the study's own: {model}"
    return model if row["name"] in (row["label"], "staggered", "logit") else f"{words(row['name'])}: {model}"


def subgroups(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """The effect in subgroups of children, a picture for each research question."""
    return [chart for outcome in study.primary for chart in _subgroups(tables["subgroups"], outcome)]


def _subgroups(table: pl.DataFrame, outcome: Outcome) -> list[Chart]:
    rows = _scaled(table, outcome, "ci_low", "ci_high")
    if rows.is_empty():
        return []
    shown = rows.select("outcome", "variable", "level", *NUMBERS, "p_interaction", "n_children")
    blocks = [
        (name, pl.DataFrame(sorted(block.rows(named=True), key=lambda row: level_order(row["level"])), block.schema))
        for (name,), block in shown.group_by("variable", maintain_order=True)
    ]
    names = {name: [level_in_words(name, level) for level in block["level"]] for name, block in blocks}

    def draw(width: Width) -> Figure:
        heights = [height(names[name], width) - 0.15 for name, _ in blocks]
        figure, axes = panels(width, len(blocks), heights, columns=1, sharex=True)
        for panel, (variable, block) in zip(axes, blocks, strict=True):
            intervals = [
                Interval(label, *(row[name] for name in NUMBERS))
                for label, row in zip(names[variable], block.iter_rows(named=True), strict=True)
            ]
            draw_intervals(panel, intervals, width, "")
            same = p_value(block["p_interaction"][0]) or "not tested"
            panel.set_title(f"{_headed(variable)} (same in all: p {same})")
            panel.tick_params(labelbottom=width.narrow or panel is axes[-1])
        axes[-1].set_xlabel(f"Effect, {outcome.unit}")
        return figure

    told = listed(
        [f"{covariate_in_words(name)} p {p_value(block['p_interaction'][0]) or 'not tested'}" for name, block in blocks]
    )
    return [
        Chart(
            f"subgroups_{outcome.key}",
            outcome.label,
            f"{outcome.label} in subgroups. Test that the effect is the same in all levels: {told}. Estimates lie "
            f"between {signed(rows['estimate'].min())} and {signed(rows['estimate'].max())} {outcome.unit}.",
            "Effects in subgroups of children with their intervals (CR2). The p-value above each block is of the "
            "test that the effect is the same in all its levels; differences between levels without it are most "
            "often chance.",
            shown,
            draw,
        )
    ]


def _headed(covariate: str) -> str:
    """A covariate's name as a heading."""
    name = covariate_in_words(covariate)
    return name[0].upper() + name[1:]
