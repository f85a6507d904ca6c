"""The rules of the CIN census (children in need).

In: the modules of one or more returns as text (`scripts.validation.cin_return.stacked`). Out: the rules and the views
they judge, for `scripts.validation.rules.count_failures`. Rules on UPNs are left out, because UPNs are never read.
Source: the Department for Education's validation rules of the collections 2022/23 to 2025/26, as the sector's published
validator lists them.
"""

from collections.abc import Mapping

import polars as pl

from scripts.validation import cin_assessments, cin_children, cin_plans, cin_referrals
from scripts.validation.cin_views import views
from scripts.validation.rules import Rule

__all__ = ["RULES", "absent_fields", "views"]

RULES: tuple[Rule, ...] = (
    *cin_children.RULES,
    *cin_referrals.RULES,
    *cin_assessments.RULES,
    *cin_plans.RULES,
)


def absent_fields(frames: Mapping[str, pl.DataFrame]) -> frozenset[str]:
    """The "Module.Field" that rules read and the returns do not have."""
    there = {f"{module}.{column}" for module, frame in frames.items() for column in frame.columns}
    return frozenset(field for rule in RULES for field in rule.fields) - there
