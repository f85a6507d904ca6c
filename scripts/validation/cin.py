"""The rules of the CIN census (children in need).

In: the modules of one or more returns as text (`scripts.validation.cin_return.stacked`). Out: the rules and the views
they judge, for `scripts.validation.rules.count_failures`. Rules on UPNs are left out, because UPNs are never read.
Source: the Department for Education's validation rules of the collections 2022/23 to 2025/26, as the sector's published
validator lists them.
"""

from scripts.validation import cin_assessments, cin_children, cin_plans, cin_referrals
from scripts.validation.cin_views import views
from scripts.validation.rules import Rule

__all__ = ["RULES", "views"]

RULES: tuple[Rule, ...] = (
    *cin_children.RULES,
    *cin_referrals.RULES,
    *cin_assessments.RULES,
    *cin_plans.RULES,
)
