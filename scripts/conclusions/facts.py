"""What the tables of results say of each outcome's headline effect, as facts that the rules of evidence ask about.

What enters: results tables of all outcomes. What leaves: per outcome a dict of the facts that
scripts.models.evidence.FACTS names; what a table does not say is not known.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl
from scipy.special import stdtr

Facts = dict[str, float | None]


@dataclass(frozen=True)
class Headline:
    """Which row of `estimates` is the study's: specification, method of inference, and the method beside it."""

    specification: str
    method: str
    beside: str

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Headline":
        """From a job's settings."""
        block = settings["inference"]
        return cls(settings["headline"], block["headline"], block["beside"])


def headline_row(estimates: pl.DataFrame, outcome: str, headline: Headline, method: str) -> dict[str, Any]:
    """The row of an outcome's headline specification by a method; empty if there is none."""
    rows = estimates.filter(
        pl.col("outcome") == outcome, pl.col("specification") == headline.specification, pl.col("method") == method
    )
    return rows.row(0, named=True) if rows.height else {}


def facts_of(
    tables: dict[str, pl.DataFrame], outcome: str, headline: Headline, placebos: list[str], smallest: float
) -> Facts:
    """All facts of an outcome but the adjusted p-value, which needs the other outcomes.

    Parameters
    ----------
    tables : estimates, model_tests, leave_one_out, la_effects, sensitivity, balance, balance_overall.
    placebos : specifications that should find nothing. smallest : effect of interest, in the outcome's units.
    """
    own = {name: table.filter(pl.col("outcome") == outcome) for name, table in tables.items()}
    row = headline_row(own["estimates"], outcome, headline, headline.method)
    effective = headline_row(own["estimates"], outcome, headline, "CR2")
    placebo = own["estimates"].filter(pl.col("specification").is_in(placebos), pl.col("method") == headline.method)
    ends = [row.get(name) for name in ("ci_low", "ci_high")]
    # Without a value, the effect is not told from none even if trends do not diverge.
    measures = {"trend_breakdown": 0.0} if "trend_breakdown" in own["sensitivity"]["measure"] else {}
    measures |= dict(
        own["sensitivity"]
        .filter(pl.col("measure") != "trend_bound")
        .drop_nulls("value")
        .select("measure", "value")
        .rows()
    )
    return {
        "p_wild": row.get("p_value"),
        "p_randomisation": headline_row(own["estimates"], outcome, headline, headline.beside).get("p_value"),
        **_stability(own["leave_one_out"], row.get("estimate")),
        "share_of_las_with_same_sign": _same_sign(own["la_effects"]["estimate"], row.get("estimate")),
        "p_pretrend": own["model_tests"].filter(pl.col("test") == "pretrend_WCR")["p_value"].min(),
        "p_placebo": placebo["p_value"].min(),
        "breakdown_mbar": measures.get("trend_breakdown"),
        "rosenbaum_gamma": measures.get("rosenbaum_gamma"),
        "e_value_limit": measures.get("e_value_limit"),
        "treated_las": row.get("n_treated_las"),
        "effective_df": effective.get("df"),
        "largest_smd": own["balance"].filter(pl.col("stage") == "after")["smd"].abs().max(),
        "share_matched": _share_matched(own["balance_overall"]),
        "mdes_ratio": None if effective.get("mdes") is None else effective["mdes"] / smallest,
        "interval_ratio": None if None in ends else max(abs(end) for end in ends) / smallest,
    }


def _stability(left_out: pl.DataFrame, estimate: float | None) -> Facts:
    """Whether the sign stays without each LA, and the largest p-value (CRV1) then."""
    known = left_out.drop_nulls(["estimate", "std_error"])
    share = _same_sign(known["estimate"], estimate)
    if share is None or known.height < left_out.height:
        return {"same_sign_without_each_la": None, "largest_p_without_an_la": None}
    t = (known["estimate"] / known["std_error"]).abs().to_numpy()
    p_values = 2 * stdtr(known["n_las"].to_numpy() - 1, -t)
    return {"same_sign_without_each_la": float(share == 1), "largest_p_without_an_la": float(p_values.max())}


def _same_sign(values: pl.Series, estimate: float | None) -> float | None:
    """Share of values with the sign of the estimate."""
    known = values.drop_nulls()
    return None if estimate is None or known.is_empty() else float((known * estimate > 0).mean())


def _share_matched(overall: pl.DataFrame) -> float | None:
    """Share of treated rows that were matched, both periods."""
    rows = dict(overall.group_by("stage").agg(pl.col("n_rows_treated").sum()).rows())
    return rows.get("after", 0) / rows["before"] if rows.get("before") else None
