"""Cross-products of matched children by LA and period, an output class of its own.

What enters: the imputed matched cohort of an outcome, one frame per imputation. What leaves: for each imputation, LA
and period the weighted sums of products of the constant, the child covariates and the outcome, [X y]'W[X y]. From them
a difference in differences with child covariates, its clustered errors, wild bootstrap and randomisation inference can
be computed again outside, because they need nothing else of an LA (docs/methods.md). What they reveal in every LA and
period: exact weighted counts of every level and of every pair of levels, with and without the outcome, and sums and
sums of squares of every number, in all and by level. So none of these may be about few children, and no child may hold
much of a sum. Columns are left out everywhere, their level joining the reference, until that holds.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import polars as pl

from scripts.artefacts import atomic, read_parquet, write_json
from scripts.contributions import shares_of_largest
from scripts.errors import StudyError
from scripts.integrity.records import verified
from scripts.matching.covariates import children, text_levels
from scripts.matching.dropped import ALL
from scripts.models.cells import Rows, cells_of, rows_by_cell
from scripts.models.design import Factor, Numeric
from scripts.release.populations import ARMS, CHILDREN, MATCHED, ROWS
from scripts.release.rules import Rules, read_rules
from scripts.release.system import Fact

NAME = "cross_products"
OUTCOME = "outcome"
REVEALS = (
    "In every LA and period: exact weighted counts of every level kept, of every pair of levels, with and without an "
    "outcome that is 0 or 1; sums and sums of squares of numbers, in all and by level. None of them is about fewer "
    "children than the rules ask for, and none is dominated by one or two."
)
COLUMNS = {
    "outcome": pl.String,
    "imputation": pl.Int64,
    "la_code": pl.String,
    "treated": pl.Int64,
    "post": pl.Int64,
} | {"n_children": pl.Int64, "n_rows": pl.Int64, "row": pl.String, "column": pl.String, "value": pl.Float64}


@dataclass(frozen=True)
class Products:
    """table : COLUMNS. omitted : column -> rule that keeps it inside."""

    table: pl.DataFrame
    omitted: dict[str, str]


def la_period_products(imputed: list[pl.DataFrame], settings: dict[str, Any], rules: Rules) -> Products:
    """The cross-products of one outcome.

    Parameters
    ----------
    imputed : completed matched cohorts with weights, one per imputation.
    settings : as of rule `cross_products` (scripts.models.job).

    Raises
    ------
    StudyError : RELEASE, if an LA has too few children in a period, or the outcome itself may not be summed there.
    """
    ordered = [rows_by_cell(frame, settings) for frame in imputed]
    omitted: dict[str, str] = {}
    for rows in ordered:
        _leave_out(rows, settings["outcome"], rules, omitted)
    tables = [_table(rows, number, omitted, settings["outcome"]) for number, rows in enumerate(ordered, start=1)]
    return Products(pl.concat(tables), dict(sorted(omitted.items())))


@dataclass(frozen=True)
class Levels:
    """A column of levels: codes (n,), names of the columns by code; without a name the reference."""

    codes: np.ndarray
    names: tuple[str | None, ...]


def _places(rows: Rows) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """The LA and period of each row as a number, (n,), and what the numbers mean."""
    las, post = text_levels(rows.frame["la_code"]), rows.integers("post")
    key = las.codes * 2 + post
    present = np.unique(key)
    return np.searchsorted(present, key), [(las.names[k // 2], int(k % 2)) for k in present]


def _leave_out(rows: Rows, outcome: str, rules: Rules, omitted: dict[str, str]) -> None:
    """Add columns that may not leave to `omitted`, with the rule: the one that most failing sums share, until none do.

    Raises
    ------
    StudyError : RELEASE, if the LAs and periods themselves, or the outcome in them, are about few children.
    """
    place, _ = _places(rows)
    while True:
        failing = list(_failing(rows, place, omitted, rules))
        if not failing:
            return
        if hopeless := [rule for columns, rule in failing if not columns]:
            problem = f"rule {hopeless[0]} keeps sums over whole LAs and periods inside ({len(hopeless)} of them)"
            raise StudyError("RELEASE", f"release.cross_products.outcomes, {outcome}", problem, "Remove it there")
        votes = Counter(column for columns, _ in failing for column in columns)
        worst = max(sorted(votes), key=lambda column: votes[column])
        omitted[worst] = next(rule for columns, rule in failing if worst in columns)


def _failing(
    rows: Rows, place: np.ndarray, omitted: dict[str, str], rules: Rules
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every sum that a rule keeps inside: the columns of which one has to go, and the rule."""
    child, weight = children(rows.frame), rows.frame["weight"].to_numpy()
    outcome = rows.frame["outcome"].cast(pl.Float64).to_numpy()
    levels = [_levels(part, omitted) for part in rows.design.parts if part.role == "child" and _has_levels(part)]
    numbers = {
        part.name: part.values
        for part in rows.design.parts
        if part.role == "child" and not _has_levels(part) and part.name not in omitted
    }
    if np.isin(outcome, (0.0, 1.0)).all():
        levels.append(Levels((outcome != 0).astype(np.int64), (None, None)))
    else:
        numbers[OUTCOME] = outcome
    everybody = Levels(np.zeros(len(place), dtype=np.int64), (None,))
    for one, other in combinations_with_replacement([everybody, *levels], 2):
        width = len(other.names)
        key = (place * len(one.names) + one.codes) * width + other.codes
        counts = _distinct(key, child, (int(place.max()) + 1) * len(one.names) * width)
        counts = counts.reshape(-1, len(one.names), width)
        for _, i, j in zip(*np.nonzero(counts < rules.value("min_children")), strict=True):
            if one is other and i != j:
                continue
            if rule := rules.children(int(counts[_, i, j])):
                yield _columns(one, other, i, j), rule
    for name, values in numbers.items():
        for each in [everybody, *levels]:
            key = place * len(each.names) + each.codes
            for here in np.unique(key):
                inside = key == here
                by_child = np.bincount(
                    np.unique(child[inside], return_inverse=True)[1], (np.abs(values) * weight)[inside]
                )
                if rule := rules.dominance(*shares_of_largest(by_child, float(by_child.sum()))):
                    level = each.names[here % len(each.names)]
                    yield (level,) if level else (() if name == OUTCOME else (name,)), rule


def _has_levels(part: Factor | Numeric) -> bool:
    return isinstance(part, Factor) or bool(part.names_of_levels)


def _levels(part: Factor | Numeric, omitted: dict[str, str]) -> Levels:
    """The levels of a part, omitted ones joined to the reference, which is level 0."""
    if isinstance(part, Numeric):
        kept = part.name not in omitted
        return Levels((part.values != 0).astype(np.int64) * kept, (None, part.name) if kept else (None,))
    names = [name for name in part.names if name not in omitted]
    number = np.array([names.index(name) + 1 if name in names else 0 for name in part.names] + [0])
    return Levels(number[np.where(part.codes < 0, len(part.names), part.codes)], (None, *names))


def _columns(one: Levels, other: Levels, i: int, j: int) -> tuple[str, ...]:
    """The columns that would take a pair of levels away; of two references any column of either factor."""
    named = tuple(dict.fromkeys(name for name in (one.names[i], other.names[j]) if name))
    return named or tuple(dict.fromkeys(name for name in (*one.names, *other.names) if name))


def _distinct(key: np.ndarray, child: np.ndarray, n: int) -> np.ndarray:
    """Distinct children behind each key 0..n-1. (n,)"""
    width = int(child.max()) + 1
    return np.bincount(np.unique(key * width + child) // width, minlength=n)


def _table(rows: Rows, imputation: int, omitted: dict[str, str], outcome: str) -> pl.DataFrame:
    """The rows of one imputation."""
    cells, (place, meaning) = cells_of(rows, ()), _places(rows)
    everybody = _distinct(place, children(rows.frame), len(meaning))
    pairs = zip(cells.columns.tolist(), cells.roles.tolist(), strict=True)
    kept = [i for i, (name, role) in enumerate(pairs) if role in ("const", "child") and name not in omitted]
    names = [*(str(cells.columns[i]) for i in kept), OUTCOME]
    kept = [*kept, len(cells.columns)]
    found = []
    for number, (la, post) in enumerate(meaning):
        here = (cells.la == la) & (cells.post == post)
        matrix = cells.matrices[here].sum(axis=0)[np.ix_(kept, kept)]
        treated, n_rows = int(cells.treated[here][0]), int(cells.rows[here].sum())
        own = (outcome, imputation, la, treated, post, int(everybody[number]), n_rows)
        found += [
            (*own, names[i], names[j], float(matrix[i, j])) for i in range(len(names)) for j in range(i, len(names))
        ]
    return pl.DataFrame(found, schema=COLUMNS, orient="row")


def facts_of_products(table: pl.DataFrame) -> list[Fact]:
    """What cross-products tell of cells that other tables count.

    Children and rows of each LA and period; and of pilots, whose weights are one, the rows of every level before and
    after embedding.
    """
    found: list[Fact] = []
    first = table.filter(pl.col("imputation") == 1).with_row_index("place")
    sums: dict[tuple[str, ...], float] = {}
    for r in first.iter_rows(named=True):
        source, period = ("", NAME, int(r["place"])), ("post" if r["post"] else "pre")
        if r["row"] == r["column"] == "const":
            for unit, column in ((CHILDREN, "n_children"), (ROWS, "n_rows")):
                cell = (unit, "LA period", r["outcome"], r["la_code"], period)
                found.append(Fact(((cell, 1.0),), r[column], r[column], source))
        if r["treated"] and r["row"] == "const" and r["column"] != OUTCOME:
            covariate, _, level = r["column"].removesuffix("]").partition("[")
            key = (ALL, ALL) if covariate == "const" else (covariate, level or "1")
            cell = (ROWS, MATCHED, r["outcome"], period, ARMS[0], *key)
            sums[cell] = sums.get(cell, 0.0) + r["value"]
    return found + [Fact(((cell, 1.0),), total, total, ("", NAME, 0)) for cell, total in sums.items()]


def make(imputed: dict[str, list[str]], output: str, omitted: str, settings: dict[str, Any]) -> None:
    """Write the cross-products that are asked for (CSV, inside until audited), and the columns they leave out (JSON).

    Parameters
    ----------
    imputed : outcome -> parquet files of its imputations. settings : rules (file), models (outcome -> settings of rule
        `cross_products`).
    """
    rules = read_rules(settings["rules"])
    made = {
        outcome: la_period_products([read_parquet(path) for path in paths], settings["models"][outcome], rules)
        for outcome, paths in imputed.items()
    }
    table = pl.concat([each.table for each in made.values()])
    with atomic(output, table.height) as temporary:
        table.write_csv(temporary)
    told = {outcome: each.omitted for outcome, each in made.items()}
    write_json({"omitted": told, "rules_used": sorted(rules.used)}, omitted)


def read(path: str) -> pl.DataFrame:
    """Read what `make` wrote."""
    return pl.read_csv(verified(path), schema=COLUMNS)
