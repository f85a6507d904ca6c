"""What a validation rule is, and how many rows of a return break each.

In: views of a return (a frame per view, a row per thing judged, with column `year`: the census year, Int32) and rules,
each of which is one boolean expression on one view. Out: counts by year and rule, never a row. All rules of a view are
evaluated in one pass.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from scripts.codes import is_out_of_year, valid_codes

YEAR = pl.col("year")
ERROR, QUERY = "error", "query"
CHECKED, ABSENT = "checked", "fields absent"
SCHEMA = {
    "census_year": pl.Int32,
    "rule": pl.String,
    "severity": pl.String,
    "status": pl.String,
    "n_checked": pl.Int64,
    "n_failing": pl.Int64,
}


@dataclass(frozen=True)
class Rule:
    """One rule of a return.

    code : as the validators of the return number it. view : the view whose rows it judges. fields : "Module.Field" it
    reads. fails : true for a row that breaks it; null counts as not broken. severity : an error, or a query that an
    explanation settles. first, last : census years in which it is in force, None without a bound.
    """

    code: str
    view: str
    fields: tuple[str, ...]
    message: str
    fails: pl.Expr
    severity: str = ERROR
    first: int | None = None
    last: int | None = None


def rules_on(view: str, module: str) -> Callable[..., Rule]:
    """A maker of rules on a view; fields are named in one text, without the module where it is the given one."""

    def rule(
        code: str,
        fields: str,
        message: str,
        fails: pl.Expr,
        severity: str = ERROR,
        first: int | None = None,
        last: int | None = None,
    ) -> Rule:
        named = tuple(name if "." in name else f"{module}.{name}" for name in fields.split())
        return Rule(code, view, named, message, fails, severity, first, last)

    return rule


def invalid(column: str, code_set: str, without: tuple[str, ...] = ()) -> pl.Expr:
    """Boolean: something stands there that is no code of the set in its census year; `without`: codes not accepted."""
    accepted = sorted(valid_codes(code_set) - set(without))
    value = pl.col(column)
    return value.is_not_null() & (~value.is_in(accepted) | is_out_of_year(value, YEAR, code_set))


def absent_fields(rules: Iterable[Rule], frames: Mapping[str, pl.DataFrame]) -> frozenset[str]:
    """The "Module.Field" that rules read and the modules of a return do not have."""
    there = {f"{module}.{column}" for module, frame in frames.items() for column in frame.columns}
    return frozenset(field for rule in rules for field in rule.fields) - there


def count_failures(
    views: Mapping[str, pl.DataFrame], rules: Iterable[Rule], absent: frozenset[str] = frozenset()
) -> pl.DataFrame:
    """Rows judged and rows that fail, by census year and rule; columns `SCHEMA`, sorted.

    A rule that reads a field in `absent`, which the source of the return does not have, is listed once without a year
    and without counts, so that nobody takes an unchecked rule for a kept one.
    """
    rules = list(rules)
    usable = [rule for rule in rules if not absent.intersection(rule.fields)]
    counts = [_counts(views[name], [rule for rule in usable if rule.view == name]) for name in views]
    unusable = pl.DataFrame(
        [(None, rule.code, rule.severity, ABSENT, None, None) for rule in rules if rule not in usable],
        schema=SCHEMA,
        orient="row",
    )
    return pl.concat([*counts, unusable]).sort("rule", "census_year", nulls_last=True)


def _counts(view: pl.DataFrame, rules: list[Rule]) -> pl.DataFrame:
    """The counts of one view's rules, as `count_failures`."""
    if not rules or view.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    judged = view.select("year", *(rule.fails.fill_null(False).alias(rule.code) for rule in rules))
    by_year = judged.group_by("year").agg(pl.len().alias("n_checked"), pl.col([rule.code for rule in rules]).sum())
    long = by_year.unpivot(index=["year", "n_checked"], variable_name="rule", value_name="n_failing")
    meta = pl.DataFrame(
        [(r.code, r.severity, r.first, r.last) for r in rules],
        schema={"rule": pl.String, "severity": pl.String, "first": pl.Int32, "last": pl.Int32},
        orient="row",
    )
    in_force = (pl.col("year") >= pl.col("first")).fill_null(True) & (pl.col("year") <= pl.col("last")).fill_null(True)
    return (
        long.join(meta, on="rule")
        .filter(in_force)
        .select(
            pl.col("year").alias("census_year"),
            "rule",
            "severity",
            pl.lit(CHECKED).alias("status"),
            pl.col("n_checked").cast(pl.Int64),
            pl.col("n_failing").cast(pl.Int64),
        )
    )
