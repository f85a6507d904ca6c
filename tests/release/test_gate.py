"""From results tables to what leaves: what is withheld, how numbers are shown, and that nothing gives them away."""

import numpy as np
import polars as pl
import pytest

from scripts.release.gate import ROUND, SUPPRESS, Gate
from scripts.release.populations import DROPPED
from scripts.release.primary import completed
from scripts.release.safe_csv import WITHHELD
from tests.release.small_study import RELEASED, documented, gate, judge, rules, tables

SECONDS = 120.0


def with_values(table: str, where: pl.Expr, **values: object) -> dict[str, pl.DataFrame]:
    """The study's tables with values changed in some rows of one."""
    changed = [
        pl.when(where).then(pl.lit(v)).otherwise(pl.col(n)).cast(tables()[table].schema[n]).alias(n)
        for n, v in values.items()
    ]
    return tables() | {table: tables()[table].with_columns(changed)}


def reasons(table: str, read: dict[str, pl.DataFrame], where: pl.Expr) -> list[str | None]:
    found = judge(read).reasons([table])[table]
    return [reason for reason, fits in zip(found, read[table].select(where).to_series(), strict=True) if fits]


# ---- primary suppression

LEVEL = (pl.col("covariate") == "gender") & (pl.col("level") == "1") & (pl.col("period") == "pre")


@pytest.mark.parametrize(("n", "reason"), [(9, "min_children"), (10, None), (11, None)])
def test_numerators(n: int, reason: str | None) -> None:
    where = LEVEL & (pl.col("arm") == "treated")
    read = with_values("dropped", where, n_children=400, n_children_dropped=n, n_rows=400, n_rows_dropped=max(n, 10))
    assert reasons("dropped", read, where) == [reason]


@pytest.mark.parametrize(("n", "reason"), [(9, "min_children"), (10, None), (11, None)])
def test_complements(n: int, reason: str | None) -> None:
    where = LEVEL & (pl.col("arm") == "treated")
    read = with_values("dropped", where, n_children=400, n_children_dropped=400 - n, n_rows=500, n_rows_dropped=450)
    assert reasons("dropped", read, where) == [reason]


@pytest.mark.parametrize(("n", "reason"), [(9, "min_children"), (10, None), (11, None)])
def test_a_level_is_judged_beside_everybody_else(n: int, reason: str | None) -> None:
    where = LEVEL & (pl.col("stage") == "before")
    whole = (
        tables()["balance_overall"].filter(pl.col("period") == "pre", pl.col("stage") == "before").row(0, named=True)
    )
    read = with_values("balance", where, n_children_treated=whole["n_children_treated"] - n, n_children_comparator=50)
    assert reasons("balance", read, where) == [reason]


def test_few_rows_are_few_children_although_none_dropped_out_of_the_level() -> None:
    """A row of a child is gone whose other rows stayed: no child dropped out, but the row is about one."""
    where = LEVEL & (pl.col("arm") == "treated")
    read = with_values("dropped", where, n_children=400, n_children_dropped=0, n_rows=400, n_rows_dropped=1)
    assert reasons("dropped", read, where) == ["min_children"]


def test_zeros_are_withheld_unless_they_are_declared() -> None:
    where = LEVEL & (pl.col("arm") == "treated")
    read = with_values("dropped", where, n_children=400, n_children_dropped=0, n_rows=400, n_rows_dropped=0)
    assert reasons("dropped", read, where) == [None]
    undeclared = judge(read, structural=()).reasons(["dropped"])["dropped"]
    assert undeclared[read["dropped"].with_row_index().filter(where)["index"][0]] == "zeros"


@pytest.mark.parametrize(("share", "reason"), [(0.43, None), (0.44, "dominance_one")])
def test_means_that_one_child_dominates(share: float, reason: str | None) -> None:
    where = (pl.col("group") == "all") & (pl.col("arm") == "pilot") & (pl.col("financial_year") == 2012)
    read = with_values("trends", where, share_largest=share, share_two_largest=0.6, n_children=50, n_rows=50)
    assert reasons("trends", read, where) == [reason]


@pytest.mark.parametrize(("n", "reason"), [(9, "min_children"), (10, None), (11, None)])
def test_children_with_the_outcome_stand_behind_its_share(n: int, reason: str | None) -> None:
    where = (pl.col("group") == "all") & (pl.col("arm") == "pilot") & (pl.col("financial_year") == 2012)
    values = {"n_children_with": n, "n_children_without": 40, "n_children": 50, "n_rows": 50, "share_largest": None}
    assert reasons("trends", with_values("trends", where, **values), where) == [reason]


@pytest.mark.parametrize(("n", "reason"), [(9, "term_children"), (10, None), (11, None)])
def test_a_regression_with_a_term_of_few_children_stays(n: int, reason: str | None) -> None:
    term = (pl.col("specification") == "main") & (pl.col("term") == "disability")
    read = with_values("model_terms", term, n_children=n)
    found = judge(read).reasons(["estimates"])["estimates"]
    main = (read["estimates"]["specification"] == "main").to_list()
    assert {r for r, is_main in zip(found, main, strict=True) if is_main} == {reason}
    assert {r for r, is_main in zip(found, main, strict=True) if not is_main} == {None}


@pytest.mark.parametrize(
    ("column", "n", "reason"),
    [("parameters", 9, "residual_df"), ("parameters", 10, None), ("patterns", 0, "saturated"), ("patterns", 1, None)],
)
def test_a_regression_without_degrees_of_freedom_or_a_table_of_means_stays(
    column: str, n: int, reason: str | None
) -> None:
    row = tables()["estimates"].row(0, named=True)
    size = tables()["estimation_status"].row(0, named=True)["parameters"]
    value = row["n_rows"] - n if column == "parameters" else size + n
    read = with_values("estimation_status", pl.col("specification") == "main", **{column: value})
    if column == "parameters":
        read = read | {"estimation_status": read["estimation_status"].with_columns(patterns=10**6)}
    assert judge(read).reasons(["estimates"])["estimates"][0] == reason


@pytest.mark.parametrize(("less", "reason"), [(0, None), (9, "population_difference"), (10, None), (11, None)])
def test_samples_that_differ_by_a_few_children_do_not_both_leave(less: int, reason: str | None) -> None:
    n = tables()["estimates"]["n_children"][0]
    read = with_values("estimates", pl.col("specification") == "unadjusted", n_children=n - less)
    found = judge(read).reasons(["estimates"])["estimates"]
    assert found[0] is None and found[-1] == reason


def test_never_looser_than_a_naive_checker_on_a_thousand_random_tables() -> None:
    """The naive one looks at each number by itself and at what is left of its total; nothing it refuses is shown."""
    random, columns = np.random.default_rng(11), tables()["dropped"].columns
    rows = []
    for number in range(1000):
        for level in range(4):
            n = int(random.integers(0, 40))
            gone = int(random.integers(0, n + 1))
            extra = random.integers(0, 5, 2)
            rows.append(
                (
                    f"o{number}",
                    "pre",
                    "treated",
                    "gender",
                    str(level),
                    n + int(extra.sum()),
                    gone + int(extra[0]),
                    n,
                    gone,
                )
            )
    frame = documented("dropped", pl.DataFrame(rows, schema=columns[:9], orient="row"))
    found = judge({"dropped": frame} | {k: v for k, v in tables().items() if k != "dropped"}, structural=()).reasons(
        ["dropped"]
    )
    naive = [
        min(r["n_children"], r["n_children_dropped"], r["n_children"] - r["n_children_dropped"]) < 10
        for r in frame.iter_rows(named=True)
    ]
    refused = [reason is not None for reason in found["dropped"]]
    assert sum(naive) > 1000 and not any(loose and not strict for loose, strict in zip(naive, refused, strict=True))
    assert not all(refused)


# ---- what is shown


def test_counts_are_rounded_to_five_and_shares_made_again_from_them() -> None:
    shown, inside = gate().shown("dropped"), tables()["dropped"]
    seen = 0
    for told, row in zip(shown.iter_rows(named=True), inside.iter_rows(named=True), strict=True):
        if told["n_rows"] == WITHHELD:
            continue
        seen += 1
        for name in ("n_rows", "n_rows_dropped", "n_children", "n_children_dropped"):
            assert int(told[name]) % 5 == 0 and abs(int(told[name]) - row[name]) <= 2
        again = int(told["n_rows_dropped"]) / int(told["n_rows"])
        assert float(told["share_rows_dropped"]) == pytest.approx(again, rel=1e-3)
    assert seen > 5


@pytest.mark.parametrize(
    ("n", "told"), [(10, 10), (11, 10), (12, 10), (13, 15), (17, 15), (18, 20), (22, 20), (23, 25)]
)
def test_rounding_is_to_the_nearest_five(n: int, told: int) -> None:
    assert gate().shown_count("flow", n) == told
    assert gate(method=SUPPRESS).shown_count("flow", n) == n


def test_shares_of_a_level_are_no_finer_than_five_children_and_do_not_tell_of_how_many() -> None:
    """Else the share, times the number of children, would give the count back, or the shares the number."""
    shown, inside = gate().shown("balance"), tables()["balance"]
    whole = {
        (r["period"], r["stage"]): r["n_children_treated"] for r in tables()["balance_overall"].iter_rows(named=True)
    }
    checked = 0
    for told, row in zip(shown.iter_rows(named=True), inside.iter_rows(named=True), strict=True):
        if row["covariate"] == "gender" and told["mean_treated"] != WITHHELD:
            finest = 5 / whole[row["period"], row["stage"]]
            step = next(s for s in (0.01, 0.02, 0.05, 0.1) if s >= finest)
            assert float(told["mean_treated"]) == pytest.approx(step * round(row["mean_treated"] / step), abs=1e-9)
            checked += 1
    assert checked > 2


def test_a_withheld_row_shows_nothing_but_its_keys() -> None:
    found = gate()
    shown = found.shown("dropped")
    hidden = shown.filter(pl.Series([reason is not None for reason in found.reasons["dropped"]]))
    assert hidden.height and set(
        hidden.select(pl.exclude("outcome", "period", "arm", "covariate", "level")).unpivot()["value"]
    ) == {WITHHELD}


def test_estimates_have_four_significant_digits_and_cell_counts_do_not_leave() -> None:
    shown, inside = gate().shown("estimates"), tables()["estimates"]
    for told, value in zip(shown["estimate"], inside["estimate"], strict=True):
        assert (
            float(told) == pytest.approx(value, rel=6e-4)
            and len(told.replace("-", "").replace(".", "").lstrip("0")) <= 4
        )
    assert "n_children_with" not in gate().shown("trends").columns


def test_a_share_too_small_for_its_step_is_told_from_a_true_zero() -> None:
    where = (pl.col("covariate") == "gender") & (pl.col("level") == "1")
    shown = gate(with_values("balance", where, mean_treated=0.001, mean_comparator=0.0)).shown("balance")
    own = shown.filter(where).row(0, named=True)
    assert (own["mean_treated"], own["mean_comparator"]) == ("k", "0")


# ---- what can be worked out


def test_every_relation_and_every_interval_holds_for_the_true_numbers() -> None:
    for method in (ROUND, SUPPRESS):
        found = gate(method=method)
        size, checked = found.book.size, 0
        for fact in found.facts():
            if all(cell in size for cell, _ in fact.terms):
                value = sum(size[cell] * coefficient for cell, coefficient in fact.terms)
                assert fact.low - 1e-6 <= value <= fact.high + 1e-6, fact
                checked += 1
        assert checked > 300


def test_withholding_small_rows_alone_gives_them_away_between_tables() -> None:
    """Who dropped out is withheld where it is few, but the matched are shown in one table and everybody in another."""
    verdict = gate().audit(SECONDS)
    together = {frozenset(s[1] for s in found.sources) for found in verdict.exposed if found.cell[1] == DROPPED}
    assert any({"balance", "dropped"} <= tables_ or {"balance", "balance_overall"} <= tables_ for tables_ in together)


@pytest.mark.parametrize("method", [ROUND, SUPPRESS])
def test_after_the_fewest_rows_more_nothing_can_be_worked_out(method: str) -> None:
    found = gate(method=method)
    before = found.audit(SECONDS)
    withheld = found.withhold(SECONDS, whole_release=True)
    after = found.audit(SECONDS)
    assert before.exposed and withheld.rows and not withheld.hopeless
    assert after.exposed == [] and after.unproven == 0
    assert after.narrowest is not None and after.narrowest >= rules().value("protection")


def test_secondary_suppression_within_one_table_needs_no_other() -> None:
    found = Gate.of(judge(), {"dropped": SUPPRESS})
    assert found.audit(SECONDS).exposed
    found.withhold(SECONDS, whole_release=False)
    assert "secondary" in found.reasons["dropped"]
    assert found.audit(SECONDS).exposed == []


def test_what_is_withheld_changes_nothing_that_is_shown() -> None:
    """Withheld numbers are replaced by other small ones: the release stays as it is, byte by byte."""
    first = gate()
    first.withhold(SECONDS, whole_release=True)
    other = _with_other_small_numbers(first)
    second = Gate.of(judge(other), dict.fromkeys(RELEASED, ROUND))
    second.reasons = first.reasons
    for table in RELEASED:
        assert first.shown(table).equals(second.shown(table))
        if first.reasons[table].count(None) < len(first.reasons[table]):
            assert not tables()[table].equals(other[table])


def _with_other_small_numbers(found: Gate) -> dict[str, pl.DataFrame]:
    """The tables with one added to every number of withheld rows."""
    changed = dict(tables())
    for table in RELEASED:
        hidden = pl.Series([reason is not None for reason in found.reasons[table]])
        numbers = [
            n
            for n, t in tables()[table].schema.items()
            if t.is_numeric() and n not in ("financial_year", "position", "treated", "post")
        ]
        changed[table] = tables()[table].with_columns(
            pl.when(hidden).then(pl.col(n) + 1).otherwise(pl.col(n)).alias(n) for n in numbers
        )
    return changed


def test_that_everybody_has_a_covariates_only_level_is_no_secret_and_is_withheld_all_the_same() -> None:
    gender = pl.col("covariate") == "gender"
    one = tables()["balance"].filter(~gender | (pl.col("level") == "1"))
    overall = tables()["balance_overall"].select("period", "stage", "n_children_treated", "n_children_comparator")
    whole = one.select("period", "stage").join(overall, on=["period", "stage"], how="left", maintain_order="left")
    counts = [pl.when(gender).then(whole[n]).otherwise(pl.col(n)).alias(n) for n in overall.columns[2:]]
    shares = [pl.when(gender).then(1.0).otherwise(pl.col(n)).alias(n) for n in ("mean_treated", "mean_comparator")]
    read = tables() | {"balance": one.with_columns(*counts, *shares)}
    found = Gate.of(judge(read), {"balance": ROUND, "balance_overall": ROUND})
    assert {found.reasons["balance"][i] for i in one.with_row_index().filter(gender)["index"]} == {"zeros"}
    assert found.withhold(SECONDS, whole_release=True).hopeless == []


def test_a_level_that_nobody_of_an_arm_has_gets_a_row_and_is_withheld() -> None:
    own = (pl.col("covariate") == "gender") & (pl.col("level") == "Missing") & (pl.col("arm") == "treated")
    made = completed("dropped", tables()["dropped"].filter(~own))
    assert made.height == tables()["dropped"].height
    found = judge(tables() | {"dropped": made}).reasons(["dropped"])["dropped"]
    assert {found[i] for i in made.with_row_index().filter(own)["index"]} == {"zeros"}
