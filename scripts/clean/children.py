"""One row per child: gender, ethnic group, birth dates, disability, asylum status, consolidated over every copy.

In: canonical `referrals`, `care_episodes`, `disabilities` of one LA. Out: child_id, gender, ethnicity, birth_earliest,
birth_latest, disability, uasc. A child's copies may disagree (trap T-4); how that is settled is configured. Two birth
dates are kept because age is known if and only if the earliest and the latest give the same age.
"""

import polars as pl

from scripts.clean.ledger import Ledger
from scripts.clean.settings import CleaningSettings
from scripts.codes import MISSING, groups, normalised

NO_DISABILITY = ("NONE", "")


def consolidate_children(
    referrals: pl.DataFrame,
    care_episodes: pl.DataFrame,
    disabilities: pl.DataFrame,
    settings: CleaningSettings,
    ledger: Ledger,
) -> pl.DataFrame:
    """One row per child seen in referrals or care episodes, sorted by child_id; notes conflicts in the ledger."""
    statements = _statements(referrals, care_episodes)
    genders = _agreed(statements, "gender", settings.demographics_conflict)
    ethnicities = _agreed(statements, "ethnicity", settings.demographics_conflict)
    children = (
        statements.select("child_id", "census_year")
        .group_by("child_id")
        .agg(pl.col("census_year").min())
        .join(genders, on="child_id", how="left")
        .join(ethnicities, on="child_id", how="left")
        .join(_birth_dates(statements, settings.birth_date_conflict), on="child_id", how="left")
        .join(_flags(statements, disabilities), on="child_id", how="left")
        .sort("child_id")
    )
    for name in ("gender", "ethnicity"):
        ledger.note("children", f"conflicting_{name}", children, pl.col(f"{name}_versions") > 1)
        ledger.note("children", f"missing_{name}", children, pl.col(name) == MISSING)
    ledger.note("children", "conflicting_birth_date", children, pl.col("birth_versions") > 1)
    ledger.note("children", "missing_birth_date", children, pl.col("birth_earliest").is_null())
    _note_births(children.select("child_id", "census_year"), referrals, ledger)
    strangers = disabilities.join(children, on="child_id", how="anti").with_columns(census_year=pl.lit(None, pl.Int32))
    ledger.note("disabilities", "child_unknown_to_the_la", strangers, pl.lit(True))
    return children.select("child_id", "gender", "ethnicity", "birth_earliest", "birth_latest", "disability", "uasc")


def _note_births(children: pl.DataFrame, referrals: pl.DataFrame, ledger: Ledger) -> None:
    """Children expected and not yet born in any copy, born on another day than expected, or known by month alone."""
    births = referrals.group_by("child_id").agg(
        pl.col("birth_date").count().alias("n_born"),
        pl.col("expected_birth_date").count().alias("n_expected"),
        pl.col("birth_month").count().alias("n_monthly"),
        (pl.col("birth_date").drop_nulls().min() != pl.col("expected_birth_date").drop_nulls().min()).alias("moved"),
    )
    known = children.join(births, on="child_id", how="inner")
    born = pl.col("n_born") > 0
    ledger.note("children", "unborn", known, ~born & (pl.col("n_expected") > 0))
    ledger.note("children", "born_on_another_day_than_expected", known, born & pl.col("moved"))
    ledger.note("children", "birth_by_month_only", known, ~born & (pl.col("n_monthly") > 0))


def _statements(referrals: pl.DataFrame, care_episodes: pl.DataFrame) -> pl.DataFrame:
    """Everything the extracts say about a child, one row per source row; gender and ethnicity as analysis groups."""
    from_referrals = referrals.select(
        "child_id",
        "census_year",
        "gender",
        "ethnicity",
        pl.coalesce("birth_date", _first_of_month(), "expected_birth_date").alias("birth_date"),
        pl.col("birth_date").is_not_null().alias("born"),
        (pl.col("disability") == 1).alias("disabled"),
        (pl.col("asylum_seeking") == 1).alias("asylum"),
    )
    from_care = care_episodes.select(
        "child_id",
        pl.lit(None, pl.Int32).alias("census_year"),
        "gender",
        "ethnicity",
        _first_of_month().alias("birth_date"),
        pl.lit(False).alias("born"),
        pl.lit(None, pl.Boolean).alias("disabled"),
        (pl.col("uasc") == 1).alias("asylum"),
    )
    return pl.concat([from_referrals, from_care]).with_columns(
        _grouped("gender").alias("gender"), _grouped("ethnicity").alias("ethnicity")
    )


def _first_of_month() -> pl.Expr:
    """Where only month and year of birth are known, the first of the month stands in (trap T-10).

    A full date of birth from the CIN census keeps its place before it: `born` ranks it higher.
    """
    return pl.date("birth_year", "birth_month", 1)


def _grouped(code_set: str) -> pl.Expr:
    """Analysis group of a code; null for a gap, a code that says nothing, and an unknown code."""
    return normalised(pl.col(code_set), code_set).replace_strict(groups(code_set), default=None, return_dtype=pl.String)


def _agreed(statements: pl.DataFrame, name: str, conflict: str) -> pl.DataFrame:
    """Per child the one value its copies agree on, "Missing" if none or (unless `conflict` is mode) several."""
    counts = statements.drop_nulls(name).group_by("child_id", name).len("copies")
    best = (
        counts.sort("child_id", "copies", name, descending=[False, True, False])
        .group_by("child_id", maintain_order=True)
        .agg(pl.col(name).first(), pl.len().alias(f"{name}_versions"))
    )
    if conflict == "missing":
        best = best.with_columns(
            pl.when(pl.col(f"{name}_versions") == 1).then(name).otherwise(pl.lit(MISSING)).alias(name)
        )
    every_child = statements.select("child_id").unique()
    return every_child.join(best, on="child_id", how="left").with_columns(
        pl.col(name).fill_null(MISSING), pl.col(f"{name}_versions").fill_null(0)
    )


def _birth_dates(statements: pl.DataFrame, conflict: str) -> pl.DataFrame:
    """Earliest and latest birth date per child, over its best kind of date (actual before expected or monthly)."""
    dated = statements.drop_nulls("birth_date")
    best_kind = dated.filter(pl.col("born") == pl.col("born").max().over("child_id"))
    counts = (
        best_kind.group_by("child_id", "birth_date")
        .len("copies")
        .sort("child_id", "copies", "birth_date", descending=[False, True, False])
    )
    dates = counts.group_by("child_id", maintain_order=True).agg(
        pl.col("birth_date").min().alias("birth_earliest"),
        pl.col("birth_date").max().alias("birth_latest"),
        pl.col("birth_date").first().alias("birth_mode"),
        pl.len().alias("birth_versions"),
    )
    settled = {"same_age": None, "earliest": "birth_earliest", "mode": "birth_mode"}[conflict]
    if settled is None:
        return dates.drop("birth_mode")
    return dates.select(
        "child_id", pl.col(settled).alias("birth_earliest"), pl.col(settled).alias("birth_latest"), "birth_versions"
    )


def _flags(statements: pl.DataFrame, disabilities: pl.DataFrame) -> pl.DataFrame:
    """Disability and asylum status: 1 if any copy says so; disability null where nothing was ever recorded.

    The disabilities file carries codes: any code that is not NONE counts, as in the published code.
    """
    coded = disabilities.select(
        "child_id", (~pl.col("disability").fill_null("").is_in(NO_DISABILITY)).alias("disabled")
    )
    disabled = (
        pl.concat([statements.select("child_id", "disabled"), coded])
        .group_by("child_id")
        .agg(pl.col("disabled").max().cast(pl.Int8).alias("disability"))
    )
    asylum = statements.group_by("child_id").agg(pl.col("asylum").fill_null(False).max().cast(pl.Int8).alias("uasc"))
    return disabled.join(asylum, on="child_id", how="right")
