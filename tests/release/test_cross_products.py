"""Cross-products by LA and period: the same inference outside, and the conditions under which they leave."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from scripts.artefacts import read_json, write_parquet
from scripts.errors import StudyError
from scripts.matching.covariates import child_covariates
from scripts.matching.job import weighted_cohort
from scripts.release.cross_products import OUTCOME, facts_of_products, la_period_products, make, read
from scripts.release.populations import CHILDREN, ROWS
from tests.matching.cohorts import cohort, settings
from tests.release.small_study import RULES, rules


def matched(rows: int = 400, binary: bool = False) -> pl.DataFrame:
    """Matched rows of three groups without gaps."""
    frame = weighted_cohort(cohort(n_groups=3, rows=rows, binary=binary), child_covariates(settings()))
    return frame.filter(pl.col("weight") > 0).with_columns(pl.col("disability").cast(pl.Int64))


def matrices(table: pl.DataFrame) -> tuple[list[str], dict[tuple[str, int, int], np.ndarray]]:
    """The matrices by LA, treated and period, as whoever receives the file would rebuild them."""
    names = table["row"].unique(maintain_order=True).to_list()
    found = {}
    for (la, treated, post), rows in table.group_by("la_code", "treated", "post"):
        matrix = np.zeros((len(names), len(names)))
        for i, j, value in rows.select("row", "column", "value").iter_rows():
            matrix[names.index(i), names.index(j)] = matrix[names.index(j), names.index(i)] = value
        found[la, treated, post] = matrix
    return names, found


def test_difference_in_differences_outside_is_the_regression_on_child_rows() -> None:
    """Estimate and clustered error (CR0) from the released sums, against weighted least squares of statsmodels."""
    frame = matched()
    table = la_period_products([frame], settings(), rules()).table
    names, found = matrices(table)
    assert names[-1] == OUTCOME and "age" in names
    k = len(names) - 1
    moments: dict[str, np.ndarray] = {}
    for (la, treated, post), matrix in found.items():
        # Columns: those released, then treated, post and their product, which are constants of an LA and period.
        extra = np.array([treated, post, treated * post], dtype=float)
        spread = np.zeros((k + 4, k + 1))
        spread[:k, :k], spread[-1, k] = np.eye(k), 1.0
        spread[k : k + 3, 0] = extra
        moments[la] = moments.get(la, 0) + spread @ matrix @ spread.T
    total = sum(moments.values())
    xx, xy = total[:-1, :-1], total[:-1, -1]
    beta = np.linalg.solve(xx, xy)
    scores = {la: m[:-1, -1] - m[:-1, :-1] @ beta for la, m in moments.items()}
    bread = np.linalg.inv(xx)
    variance = bread @ sum(np.outer(s, s) for s in scores.values()) @ bread
    kept = names[:-1]
    columns = {
        "const": np.ones(frame.height),
        "age": frame["age"].to_numpy(),
        "disability": frame["disability"].to_numpy(),
    }
    columns |= {
        name: (frame["gender"] == name[7:-1]).to_numpy().astype(float) for name in kept if name.startswith("gender")
    }
    treated, post = (frame[name].to_numpy().astype(float) for name in ("treated", "post"))
    x = np.column_stack([*(columns[name] for name in kept), treated, post, treated * post])
    fitted = sm.WLS(frame["outcome"].to_numpy(), x, weights=frame["weight"].to_numpy()).fit(
        cov_type="cluster",
        cov_kwds={"groups": frame["la_code"].cast(pl.Categorical).to_physical().to_numpy(), "use_correction": False},
    )
    assert beta == pytest.approx(fitted.params, rel=1e-8)
    assert np.sqrt(np.diag(variance)) == pytest.approx(fitted.bse, rel=1e-6)


def smallest_counts(frame: pl.DataFrame, *columns: str) -> int:
    """Fewest distinct children of any combination in any LA and period."""
    counts = frame.group_by("la_code", "post", *columns).agg(pl.col("child_id").n_unique())
    n = counts["child_id"].min()
    possible = frame.select("la_code", "post").n_unique() * int(np.prod([frame[c].n_unique() for c in columns]))
    return 0 if counts.height < possible else n


@pytest.mark.parametrize("rows", [60, 120, 240, 400])
def test_no_level_and_no_pair_of_levels_that_leaves_is_about_fewer_than_ten_children(rows: int) -> None:
    frame = matched(rows)
    try:
        made = la_period_products([frame], settings(), rules())
    except StudyError:
        assert smallest_counts(frame) < 10
        return
    kept = set(made.table["column"])
    factors = [name for name in ("gender", "disability") if any(each.partition("[")[0] == name for each in kept)]
    for name in factors:
        assert smallest_counts(frame, name) >= 10
    if len(factors) == 2:
        assert smallest_counts(frame, *factors) >= 10
    for name, rule in made.omitted.items():
        assert rule in ("min_children", "zeros") and name not in kept
        assert smallest_counts(frame, *factors, name.partition("[")[0]) < 10


def test_an_outcome_that_few_have_keeps_all_inside() -> None:
    frame = matched(binary=True).with_columns(outcome=pl.when(pl.int_range(pl.len()) < 5).then(1.0).otherwise(0.0))
    with pytest.raises(StudyError, match=r"release\.cross_products\.outcomes, duration"):
        la_period_products([frame], settings(), rules())


def test_they_are_written_and_tell_the_audit_what_they_show(tmp_path: Path) -> None:
    frame = matched()
    write_parquet(frame, tmp_path / "1.parquet")
    told = {"rules": str(RULES), "models": {"duration": settings()}}
    make({"duration": [str(tmp_path / "1.parquet")]}, str(tmp_path / "p.csv"), str(tmp_path / "o.json"), told)
    table, facts = read(str(tmp_path / "p.csv")), facts_of_products(read(str(tmp_path / "p.csv")))
    assert "min_children" in read_json(tmp_path / "o.json")["rules_used"]
    n = frame.filter(pl.col("la_code") == "100", pl.col("post") == 0)["child_id"].n_unique()
    known = {fact.terms[0][0]: (fact.low, fact.high) for fact in facts}
    assert known[CHILDREN, "LA period", "duration", "100", "pre"] == (n, n)
    pilots = frame.filter(pl.col("treated") == 1, pl.col("post") == 0).height
    assert known[ROWS, "matched", "duration", "pre", "treated", "all", "all"] == pytest.approx((pilots, pilots))
    assert table["imputation"].unique().to_list() == [1]
