"""How good the records are: rows set aside, referrals of unknown class, failed returns, gaps in covariates."""

import polars as pl

from scripts.report.levels import covariate_in_words
from scripts.report.study import Study
from scripts.report.tables.table import Table, table
from scripts.report.words import number, words

TEXT, NUMBER = "text", "number"


def set_aside(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Rows by table, kind and reason over all LAs and years, with the share of the rows that came in."""
    ledger = tables["ledger"]
    rows_in = ledger.filter(pl.col("kind") == "rows_in").group_by("table").agg(pl.col("n_rows").sum().alias("rows_in"))
    counted = ledger.filter(pl.col("kind") != "rows_in").group_by("table", "kind", "reason").agg(pl.col("n_rows").sum())
    shares = counted.join(rows_in, on="table", how="left").with_columns(share=pl.col("n_rows") / pl.col("rows_in"))
    return table(
        "Cleaning, all authorities and years",
        {"Table": TEXT, "What": TEXT, "Reason": TEXT, "Rows": NUMBER, "Share of rows in": NUMBER},
        [
            (*(words(row[n] or "") for n in ("table", "kind", "reason")), number(row["n_rows"]), _percent(row["share"]))
            for row in shares.filter(pl.col("n_rows") > 0).sort("table", "kind", "reason").iter_rows(named=True)
        ],
        folded=True,
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{number(100 * share, 1)} %"


def unknown_class(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Referrals in neither class (trap T-39), by census year: number, share, and the LA with the largest share."""
    classes = tables["ledger"].filter(pl.col("reason").str.starts_with("class_"))
    by_la = classes.group_by("census_year", "la_code").agg(
        pl.col("n_rows").sum().alias("referrals"),
        pl.col("n_rows").filter(pl.col("reason") == "class_unknown").sum().alias("unknown"),
    )
    years = (
        by_la.with_columns(share=pl.col("unknown") / pl.col("referrals"))
        .group_by("census_year")
        .agg(pl.col("referrals").sum(), pl.col("unknown").sum(), pl.col("share").max().alias("largest"))
        .sort("census_year")
    )
    return table(
        "Referrals that are neither in need nor without further action, and so in no population",
        {"Financial year from": TEXT}
        | dict.fromkeys(("Referrals", "Unknown class", "Share", "Largest share in an LA"), NUMBER),
        [
            (
                "unknown" if row["census_year"] is None else str(row["census_year"]),
                number(row["referrals"]),
                number(row["unknown"]),
                _percent(row["unknown"] / row["referrals"] if row["referrals"] else None),
                _percent(row["largest"]),
            )
            for row in years.iter_rows(named=True)
        ],
        folded=True,
    )


def returns(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """LA-years whose counts do not agree with the published ones, or that failed."""
    agreed = ("complete", "no published figures", "outside the data", "partial year")
    odd = tables["completeness"].filter(~pl.col("status").is_in(agreed))
    return table(
        "Returns that differ from the published counts",
        {"Authority": TEXT, "Financial year from": TEXT, "Measure": TEXT, "Status": TEXT}
        | dict.fromkeys(("Found", "Published", "Ratio"), NUMBER),
        [
            (
                study.la(row["la_code"]),
                str(row["census_year"]),
                row["measure"],
                row["status"],
                number(row["n_found"]),
                number(row["published"]) or (row["published_flag"] or ""),
                number(row["ratio"], 2),
            )
            for row in odd.iter_rows(named=True)
        ],
        folded=True,
    )


def breaks(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Changes of recording that are larger than the configured jump."""
    flagged = tables["recording_breaks"].filter(pl.col("flagged") == 1)
    return table(
        "Breaks in recording from one year to the next",
        {"Authority": TEXT, "Financial year from": TEXT, "Measure": TEXT}
        | dict.fromkeys(("Year before", "Year", "Change"), NUMBER),
        [
            (
                study.la(row["la_code"]),
                str(row["census_year"]),
                study.outcomes[row["measure"]].label if row["measure"] in study.outcomes else words(row["measure"]),
                *(number(row[name], 2) for name in ("previous", "current", "change")),
            )
            for row in flagged.iter_rows(named=True)
        ],
        folded=True,
    )


def lost(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """LA-years of published statistics without a value, and what was published in its place."""
    gone = tables["published_groups"].filter(pl.col("used") == "lost")
    return table(
        "Authorities and years that are lost",
        dict.fromkeys(("Outcome", "Authority", "Role", "Financial year from", "Why"), TEXT),
        [
            (
                study.outcomes[row["outcome"]].label,
                study.la(row["la_code"]),
                row["role"],
                str(row["financial_year"]),
                words(row["flag"] or ""),
            )
            for row in gone.iter_rows(named=True)
        ],
        folded=True,
    )


def missing(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Covariates with gaps: share missing by outcome, arm and period."""
    gaps = tables["missingness"].filter(pl.col("n_rows_missing") > 0)
    arms, periods = {1: "pilots", 0: "comparators"}, {1: "after", 0: "before"}
    return table(
        "Missing values before matching and imputation",
        {"Outcome": TEXT, "Covariate": TEXT, "Arm": TEXT, "Period": TEXT, "Rows missing": NUMBER, "Share": NUMBER},
        [
            (
                study.outcomes[row["outcome"]].label,
                covariate_in_words(row["covariate"]),
                arms[row["treated"]],
                periods[row["post"]],
                number(row["n_rows_missing"]),
                _percent(row["share_missing"]),
            )
            for row in gaps.iter_rows(named=True)
        ],
        folded=True,
    )
