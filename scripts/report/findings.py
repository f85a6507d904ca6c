"""What was found, in plain words: one sentence per outcome from its headline effect, or the reason there is none.

In: results tables `conclusions`, `estimation_status`, `flow`. Out: one Finding per outcome. Estimates of shares are
turned from probabilities into percentage points here and nowhere else.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

PERCENTAGE_POINTS = "percentage points"


@dataclass(frozen=True)
class Finding:
    """An outcome's headline result in its own unit; the numbers are None where it could not be estimated."""

    outcome: str
    label: str
    unit: str
    primary: bool
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_beside: float | None
    p_adjusted: float | None
    rating: str
    reason: str
    warning: str | None
    df: float | None
    mdes: float | None
    n_children: int
    n_las: int
    n_treated_las: int
    sentence: str


def scale(unit: str) -> float:
    """Factor from the unit of results tables to the unit shown."""
    return 100.0 if unit == PERCENTAGE_POINTS else 1.0


def findings(
    config: dict[str, Any], conclusions: pl.DataFrame, status: pl.DataFrame, flow: pl.DataFrame
) -> list[Finding]:
    """One Finding per configured outcome, in the order of the configuration."""
    return [_finding(key, entry, config, conclusions, status, flow) for key, entry in config["outcomes"].items()]


def _finding(
    key: str,
    entry: dict[str, Any],
    config: dict[str, Any],
    conclusions: pl.DataFrame,
    status: pl.DataFrame,
    flow: pl.DataFrame,
) -> Finding:
    headline = config["models"]["headline"]
    of_headline = (pl.col("outcome") == key) & (pl.col("specification") == headline)
    row = conclusions.filter(pl.col("outcome") == key).row(0, named=True)
    factor = scale(entry["unit"])
    estimate, low, high = (
        None if row[name] is None else row[name] * factor for name in ("estimate", "ci_low", "ci_high")
    )
    reason = status.filter(of_headline)["reason"].to_list()
    if estimate is None:
        because = empty_because(flow.filter(pl.col("outcome") == key)) or reason[0]
        sentence = f"Could not be estimated: {because}."
    elif low is None or high is None:
        sentence = f"{estimate:+.1f} {entry['unit']} against matched LAs, without an interval: {reason[0]}."
    else:
        sentence = _sentence(entry, config["models"]["confidence"], estimate, low, high)
    counts = {name: row[name] or 0 for name in ("n_children", "n_las", "n_treated_las")}
    return Finding(
        key,
        entry["label"],
        entry["unit"],
        entry["primary"],
        estimate,
        low,
        high,
        *(row[name] for name in ("p_value", "p_beside", "p_adjusted", "rating", "reason", "warning", "df")),
        None if row["mdes"] is None else row["mdes"] * factor,
        **counts,
        sentence=sentence,
    )


def _sentence(entry: dict[str, Any], confidence: float, estimate: float, low: float, high: float) -> str:
    """The estimate as a comparison of changes, with what the interval allows."""
    unit, interval = entry["unit"], f"{confidence:.0%} interval {low:+.1f} to {high:+.1f}"
    if low <= 0 <= high:
        return f"No clear change: {estimate:+.1f} {unit} against matched LAs ({interval})."
    direction = "Higher" if estimate > 0 else "Lower"
    return f"{direction} by {abs(estimate):.1f} {unit} than the change in matched LAs would suggest ({interval})."


def empty_because(flow: pl.DataFrame) -> str | None:
    """The first step of a flow that left no rows, or the arm and period that has none; None if nothing lacks."""
    for (_, step), counts in flow.sort("position").group_by("position", "step", maintain_order=True):
        if counts["n_rows"].sum() == 0:
            return f"no rows are left at the step “{step}”"
    last = flow.filter(pl.col("position") == flow["position"].max())
    for arm in ("pilot", "comparator"):
        for period in ("pre", "post"):
            if last.filter(arm=arm, period=period)["n_rows"].sum() == 0:
                side = "before" if period == "pre" else "after"
                return f"no rows of {arm} LAs are left {side} embedding"
    return None
