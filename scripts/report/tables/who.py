"""Who is in the study: steps to the cohort, matched authorities, samples before and after matching, who dropped out."""

import polars as pl

from scripts.report.study import Study
from scripts.report.tables.table import Table, table
from scripts.report.words import number

TEXT, NUMBER = "text", "number"
COUNTS = {"Rows": NUMBER, "Children": NUMBER, "LAs": NUMBER}


def flow(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """What each step left, by arm and period, an outcome a table."""
    columns = {"Step": TEXT, "Arm": TEXT, "Period": TEXT} | COUNTS
    return [
        made
        for outcome in study.outcomes.values()
        for made in table(
            outcome.label,
            columns,
            [
                (row["step"], row["arm"], row["period"], *(number(row[n]) for n in ("n_rows", "n_children", "n_las")))
                for row in tables["flow"].filter(pl.col("outcome") == outcome.key).iter_rows(named=True)
            ],
            folded=True,
        )
    ]


def matches(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Pilots and their comparators; groups that are the same for several outcomes stand once."""
    named = tables["la_matches"].with_columns(pl.col("la_code").replace(study.las).alias("name"))
    keys = ["group", "embedding_start", "embedding_end"]
    groups = named.group_by("outcome", *keys, maintain_order=True).agg(
        pl.col("name").filter(pl.col("role") == "pilot").first().alias("pilot"),
        pl.col("name").filter(pl.col("role") == "comparator").sort().str.join(", ").alias("comparators"),
        pl.col("source").filter(pl.col("role") == "comparator").unique().sort().str.join(", ").alias("source"),
    )
    once = groups.group_by(*keys, "pilot", "comparators", "source", maintain_order=True).agg("outcome")
    return table(
        "Pilots and their comparators",
        dict.fromkeys(("Pilot", "Embedding", "Comparators", "Chosen", "Outcomes"), TEXT),
        [
            (
                row["pilot"],
                f"{row['embedding_start']} to {row['embedding_end']}",
                row["comparators"] or "none",
                row["source"],
                _outcomes(row["outcome"], study),
            )
            for row in once.sort("group", maintain_order=True).iter_rows(named=True)
        ],
    )


def _outcomes(keys: list[str], study: Study) -> str:
    """The outcomes by label, unless it is all of them."""
    return "all" if len(keys) == len(study.outcomes) else "; ".join(study.outcomes[key].label for key in keys)


def samples(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """Sizes and overall balance of the samples before and after matching, by outcome and period."""
    before, after = (tables["balance_overall"].filter(pl.col("stage") == stage) for stage in ("before", "after"))
    both = before.join(after, on=["outcome", "period"], suffix="_after", maintain_order="left")
    shown = {
        "Children, pilots": ("n_children_treated", 0),
        "of them matched": ("n_children_treated_after", 0),
        "Children, comparators": ("n_children_comparator", 0),
        "matched": ("n_children_comparator_after", 0),
        "Effective size, comparators": ("ess_comparator_after", 0),
        "L1 distance": ("l1", 2),
        "after matching": ("l1_after", 2),
        "Common support": ("local_common_support", 2),
        "after": ("local_common_support_after", 2),
    }
    return table(
        "Samples before and after matching",
        {"Outcome": TEXT, "Period": TEXT} | dict.fromkeys(shown, NUMBER),
        [
            (study.outcomes[row["outcome"]].label, row["period"], *(number(row[n], d) for n, d in shown.values()))
            for row in both.iter_rows(named=True)
        ],
    )


def dropped(tables: dict[str, pl.DataFrame], study: Study) -> list[Table]:
    """How many found no counterpart, by outcome, period and arm."""
    everybody = tables["dropped"].filter(pl.col("covariate") == "all")
    return table(
        "Who found no counterpart",
        {"Outcome": TEXT, "Period": TEXT, "Arm": TEXT, "Children": NUMBER, "dropped": NUMBER, "share": NUMBER},
        [
            (
                study.outcomes[row["outcome"]].label,
                row["period"],
                {"treated": "pilots"}.get(row["arm"], "comparators"),
                number(row["n_children"]),
                number(row["n_children_dropped"]),
                f"{number(100 * (row['share_children_dropped'] or 0), 1)} %",
            )
            for row in everybody.iter_rows(named=True)
        ],
        folded=True,
    )
