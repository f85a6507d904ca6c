"""Records by LA and year, and gaps in covariates: heat maps in which a break or a hole stands out."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from matplotlib.figure import Figure

from scripts.report.canvas import Chart, Width, panels, wrapped
from scripts.report.charts.heat import Cell, draw_heat, heat_height
from scripts.report.levels import covariate_in_words
from scripts.report.study import Study
from scripts.report.words import number

YEARS = ["la_code", "census_year"]
FAILED = ("failed return", "not published", "short", "over")


@dataclass(frozen=True)
class Map:
    """What a heat map by LA and year shows: la_code, census_year, value, marked."""

    name: str
    title: str
    values: pl.DataFrame
    tell: Callable[[float], str]
    what: str
    marks: str


def completeness(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Records against published counts, by LA and year."""
    published = tables["completeness"].filter(pl.col("measure") == "referrals", pl.col("published").is_not_null())
    shown = Map(
        "quality_published",
        "Referrals against published counts",
        published.select(*YEARS, value="ratio", marked=pl.col("status").is_in(FAILED)),
        lambda value: number(value, 2),
        "referrals found per referral published",
        "failed returns and counts that differ",
    )
    return _chart(shown, tables, study)


def recording(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Share of no further action and length of assessment, by LA and year, with breaks where they are known."""
    profile = tables["yearly_profile"]
    shown = [
        Map(
            "quality_nfa",
            "Referrals without further action, per cent",
            _with_breaks(profile.select(*YEARS, value="nfa_share"), tables, "nfa_share"),
            lambda share: number(100 * share),
            "share of referrals without further action",
            "breaks in recording" if "recording_breaks" in tables else "",
        ),
        Map(
            "quality_duration",
            "Median length of assessment, working days",
            _with_breaks(profile.select(*YEARS, value="median_duration"), tables, "median_duration"),
            number,
            "median length of assessment",
            "breaks in recording" if "recording_breaks" in tables else "",
        ),
    ]
    return [chart for each in shown for chart in _chart(each, tables, study)]


def cleaning(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Referrals of unknown class and rows set aside, by LA and year."""
    ledger = tables["ledger"].drop_nulls("census_year")
    classes = ledger.filter(pl.col("reason").str.starts_with("class_"))
    unknown = classes.group_by(YEARS).agg(
        value=pl.col("n_rows").filter(pl.col("reason") == "class_unknown").sum() / pl.col("n_rows").sum()
    )
    aside = ledger.group_by(YEARS).agg(
        value=pl.col("n_rows").filter(pl.col("kind") == "set_aside").sum()
        / pl.col("n_rows").filter(pl.col("kind") == "rows_in").sum()
    )
    shown = [
        Map(
            "quality_unknown",
            "Referrals of unknown class, per cent",
            unknown.with_columns(marked=pl.lit(False)),
            lambda share: number(100 * share),
            "share of referrals neither in need nor without further action",
            "",
        ),
        Map(
            "quality_aside",
            "Rows set aside in cleaning, per cent",
            aside.with_columns(marked=pl.lit(False)),
            lambda share: number(100 * share, 1),
            "share of rows set aside",
            "",
        ),
    ]
    return [chart for each in shown for chart in _chart(each, tables, study)]


def _las(matches: pl.DataFrame) -> list[str]:
    """The LAs of matched groups, pilots first."""
    pilots = matches.filter(pl.col("role") == "pilot")["la_code"].unique().sort().to_list()
    return pilots + [la for la in matches["la_code"].unique().sort().to_list() if la not in pilots]


def _with_breaks(values: pl.DataFrame, tables: dict[str, pl.DataFrame], measure: str) -> pl.DataFrame:
    """Values with the years marked in which recording broke, if that is known."""
    if "recording_breaks" not in tables:
        return values.with_columns(marked=pl.lit(False))
    flagged = tables["recording_breaks"].filter(pl.col("measure") == measure, pl.col("flagged") == 1)
    marked = flagged.select("la_code", "census_year", marked=pl.lit(True))
    return values.join(marked, on=["la_code", "census_year"], how="left").with_columns(
        pl.col("marked").fill_null(False)
    )


def _chart(each: Map, tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    las = _las(tables["la_matches"])
    shown = each.values.filter(pl.col("la_code").is_in(las)).sort("la_code", "census_year")
    if shown["value"].drop_nulls().is_empty():
        return []
    years = list(range(shown["census_year"].min(), shown["census_year"].max() + 1))
    places = {la: place for place, la in enumerate(las)}
    cells = {
        (places[row["la_code"]], row["census_year"] - years[0]): Cell(
            row["value"], "" if row["value"] is None else each.tell(row["value"]), row["marked"]
        )
        for row in shown.iter_rows(named=True)
    }

    def draw(width: Width) -> Figure:
        figure, (panel,) = panels(width, 1, heat_height(len(las), width))
        draw_heat(panel, [study.la(la) for la in las], [f"{year}" for year in years], cells, width)
        return figure

    known = shown.drop_nulls("value").sort("value", "la_code")
    low, high = known.row(0, named=True), known.row(-1, named=True)
    ends = " and ".join(
        f"{each.tell(row['value'])} ({study.la(row['la_code'])}, {row['census_year']})" for row in (low, high)
    )
    marked = shown.filter(pl.col("marked"))
    named = ", ".join(f"{study.la(la)} {year}" for la, year in marked.select("la_code", "census_year").iter_rows())
    note = f" Framed: {each.marks}{f' ({named})' if named else ', none here'}." if each.marks else ""
    return [
        Chart(
            each.name,
            each.title,
            f"Heat map of {len(las)} authorities over {len(years)} years: {each.what}, between {ends}.{note}",
            f"By authority (pilots first) and financial year, named by its first year: {each.what}. Look for rows and "
            f"years that stand out.{note}",
            shown,
            draw,
        )
    ]


def missing(tables: dict[str, pl.DataFrame], study: Study) -> list[Chart]:
    """Shares missing by covariate and outcome, the largest over arms and periods."""
    largest = tables["missingness"].group_by("covariate", "outcome").agg(value=pl.col("share_missing").max())
    gaps = set(largest.filter(pl.col("value") > 0)["covariate"])
    shown = largest.filter(pl.col("covariate").is_in(gaps)).sort("covariate", "outcome")
    if shown.is_empty():
        return []
    names, outcomes = sorted(gaps), list(study.outcomes.values())
    cells = {
        (names.index(row["covariate"]), [o.key for o in outcomes].index(row["outcome"])): Cell(
            row["value"], number(100 * row["value"])
        )
        for row in shown.iter_rows(named=True)
    }

    def draw(width: Width) -> Figure:
        heads = [wrapped(outcome.label, 34 if width.narrow else 16) for outcome in outcomes]
        rows = [covariate_in_words(name) for name in names]
        figure, (panel,) = panels(width, 1, 1.5 * heat_height(len(names), width) + 0.6)
        draw_heat(panel, rows, heads, cells, width)
        return figure

    worst = shown.sort("value").row(-1, named=True)
    n_whole = largest["covariate"].n_unique() - len(names)
    return [
        Chart(
            "missing",
            "Missing values, per cent",
            f"Heat map of {len(names)} covariates with gaps: the largest share missing is "
            f"{number(100 * worst['value'])} % ({covariate_in_words(worst['covariate'])}, "
            f"{study.outcomes[worst['outcome']].label}).",
            "Share of rows without a value, by covariate and outcome, the largest over arms and periods. "
            f"{n_whole} covariates have no gap and are left out.",
            shown,
            draw,
        )
    ]
