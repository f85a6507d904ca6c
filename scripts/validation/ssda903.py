"""The rules of the SSDA903 return (children looked after) that touch fields this study reads.

In: the modules Header, Episodes and UASC as text (see `scripts.validation.ssda903_views`). Out: the rules and the views
they judge, for `scripts.validation.rules.count_failures`. Rules on postcodes, URNs, UPNs, mothers, health, offending,
adopters and care leavers are left out, because those fields are never read. Source: the Department for Education's
validation rules of the collections 2022/23 to 2025/26, as the sector's published validator carries them.
"""

from scripts.validation import ssda903_children, ssda903_episodes, ssda903_legal, ssda903_placements
from scripts.validation.rules import Rule
from scripts.validation.ssda903_views import views

__all__ = ["RULES", "views"]

RULES: tuple[Rule, ...] = (
    *ssda903_children.RULES,
    *ssda903_episodes.RULES,
    *ssda903_legal.RULES,
    *ssda903_placements.RULES,
)
