"""The specification curve: every estimate of the same effect that other defensible choices would have given.

What enters: results tables `estimates` and `variants`. What leaves: a row per outcome and choice, from the smallest to
the largest effect, with the interval of the study's method of inference, or of the only method an estimator has.
Source: Simonsohn, Simmons and Nelson (2020). Placebos, doses and effects by year are other effects and are left out.
"""

from typing import Any

import polars as pl

SAME_EFFECT = ("did", "two_way", "fixed_effects", "random_effects", "logit_ame", "staggered_simple")
SHOWN = ("estimate", "ci_low", "ci_high", "p_value", "n_children", "n_las", "n_treated_las")


def specification_curve(
    estimates: pl.DataFrame, variants: pl.DataFrame, specifications: dict[str, Any], headline: str, method: str
) -> pl.DataFrame:
    """Rows of results table `specification_curve`.

    Parameters
    ----------
    specifications : `models.specifications` of the config. headline : the study's own. method : of inference.
    """
    placebos = [name for name, entry in specifications.items() if "placebo_outcome" in entry]
    same = estimates.filter(
        pl.col("estimator").is_in(SAME_EFFECT), ~pl.col("specification").is_in(placebos), _preferred(method)
    )
    models = same.select(
        "outcome",
        pl.when(pl.col("specification") == headline).then(pl.lit("headline")).otherwise(pl.lit("model")).alias("kind"),
        pl.col("specification").alias("name"),
        pl.col("estimator").alias("label"),
        "method",
        *SHOWN,
    )
    changed = variants.filter(pl.col("method") == method).select(
        "outcome", pl.lit("choice").alias("kind"), pl.col("variant").alias("name"), "label", "method", *SHOWN
    )
    known = pl.concat([models, changed]).drop_nulls("estimate").sort("outcome", "estimate", "name")
    return known.with_columns(pl.int_range(1, pl.len() + 1).over("outcome").alias("position"))


def _preferred(method: str) -> pl.Expr:
    """The rows of a method, and those of estimators that do not have it."""
    has = (pl.col("method") == method).any().over("outcome", "specification", "estimator")
    return (pl.col("method") == method) | ~has
