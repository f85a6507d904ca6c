"""Cells: what they share, cross-products against rows written out, counts, and files."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scripts.models.cells import accumulate, cell_products, load, rows_by_cell, save
from tests.matching.cohorts import settings
from tests.models.child_rows import matched

KEYS = ["group", "la_code", "treated", "post", "years_since", "financial_year"]


def test_cells_share_group_la_arm_period_time_and_year() -> None:
    frame = matched()
    cells = accumulate(frame, settings())
    expected = frame.group_by(KEYS).agg(pl.len(), pl.col("weight").sum(), pl.col("outcome").dot("weight")).sort(KEYS)
    found = [cells.group, cells.la, cells.treated, cells.post, cells.since, cells.year]
    for values, key in zip(found, KEYS, strict=True):
        assert values.tolist() == expected[key].to_list()
    assert cells.rows.tolist() == expected["len"].to_list()
    assert cells.weight == pytest.approx(expected["weight"].to_numpy())
    assert cells.matrices[:, 0, -1] == pytest.approx(expected["outcome"].to_numpy())
    assert cells.la_codes.tolist() == sorted(set(frame["la_code"]))
    assert cells.la_codes[cells.la_treated].tolist() == sorted(set(frame.filter(pl.col("treated") == 1)["la_code"]))


def test_products_are_those_of_the_rows_of_each_cell() -> None:
    """Several outcomes at once, and cells longer than a block."""
    frame = pl.concat([matched(n_groups=2)] * 60).with_columns(row_id=pl.int_range(pl.len(), dtype=pl.UInt32))
    rows = rows_by_cell(frame, settings())
    outcomes = np.column_stack([rows.frame["outcome"].to_numpy(), rows.frame["age"].to_numpy() ** 2])
    weight = rows.frame["weight"].to_numpy()
    found = cell_products(rows.design, outcomes, weight, rows.starts)
    whole = np.column_stack([rows.design.block(slice(0, frame.height)), outcomes])
    for cell in range(len(rows.starts)):
        inside = rows.cell == cell
        expected = (whole[inside] * weight[inside, None]).T @ whole[inside]
        assert found[cell] == pytest.approx(expected, rel=1e-10, abs=1e-9)
    assert np.array_equal(found, np.swapaxes(found, 1, 2))


def test_a_weight_of_zero_takes_a_row_out() -> None:
    frame = matched(n_groups=2)
    out = frame["row_id"] % 3 == 0
    zeroed = frame.with_columns(weight=pl.when(out).then(0.0).otherwise("weight"))
    one, other = accumulate(zeroed, settings()), accumulate(frame.filter(~out), settings())
    total = {name: each.matrices[:, 0, -1].sum() for name, each in (("one", one), ("other", other))}
    assert total["one"] == pytest.approx(total["other"])


def test_counts_are_of_rows_and_distinct_children() -> None:
    frame = matched()
    cells = accumulate(frame, settings())
    counts = dict(zip(cells.term_names.tolist(), zip(cells.term_rows, cells.term_children, strict=True), strict=True))
    treated = pl.col("treated") == 1
    behind = {
        "const": pl.lit(True),
        "gender[1]": pl.col("gender") == "1",
        "gender[2]": pl.col("gender") == "2",
        "disability[0]": pl.col("disability") == 0,
        "disability[1]": pl.col("disability") == 1,
        "disability": pl.col("disability") == 1,
        "age": pl.col("age") != 0,
        "age[below 5]": pl.col("age") < 5,
        "age[13 and above]": pl.col("age") >= 13,
        "pre": pl.col("post") == 0,
        "post_x_treated": treated & (pl.col("post") == 1),
        "financial_year[2012]": pl.col("financial_year") == 2012,
        "event[-2]": treated & (pl.col("years_since") == -2),
        "la[100]": pl.col("la_code") == "100",
    }
    for term, expression in behind.items():
        rows = frame.filter(expression)
        expected = (rows.height, rows.select(pl.struct("la_code", "child_id").n_unique()).item())
        assert counts[term] == expected, term
    assert cells.la_children.sum() == frame.select(pl.struct("la_code", "child_id").n_unique()).item()


def test_the_order_of_rows_does_not_change_a_byte(tmp_path: Path) -> None:
    frame = matched()
    for name, each in (("a", frame), ("b", frame.sample(fraction=1, shuffle=True, seed=1))):
        save(accumulate(each, settings()), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    stored, made = load(tmp_path / "a"), accumulate(frame, settings())
    for name, value in vars(made).items():
        assert np.array_equal(getattr(stored, name), value, equal_nan=value.dtype.kind == "f"), name


def test_some_cells_bring_their_las() -> None:
    cells = accumulate(matched(), settings())
    part = cells.where(cells.group == "101")
    assert part.la_codes.tolist() == sorted(set(cells.la[cells.group == "101"]))
    assert part.la_codes[part.la_number].tolist() == part.la.tolist()
    assert part.rows.sum() == cells.rows[cells.group == "101"].sum()
    assert part.la_treated.sum() == 1


def test_no_rows_no_cells() -> None:
    cells = accumulate(matched().head(0), settings())
    assert (len(cells.la), cells.rows.sum(), len(cells.la_codes)) == (0, 0, 0)
