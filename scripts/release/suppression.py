"""The fewest rows of released tables to withhold besides, so that no protected cell can be worked out.

What enters: facts, protected cells, and what each row costs to withhold. What leaves: the cheapest set of rows. Exact,
by cutting planes: as long as none of the rows that a narrow interval rests on is withheld, the interval stays as it is,
so at least one of them has to go; the cheapest set that meets all such demands (a mixed-integer programme, HiGHS) is
tried, and whatever is still exposed adds demands. Source: Fischetti and Salazar (2001), with rows of tables in place of
cells.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from scripts.release.system import Component, Exposed, Fact, Protected, Source, components


@dataclass
class Suppression:
    """Rows to withhold, the cells that made it necessary with what each rested on, and those that nothing helps."""

    rows: set[Source] = field(default_factory=set)
    reasons: list[Exposed] = field(default_factory=list)
    hopeless: list[Exposed] = field(default_factory=list)
    unproven: int = 0


def smallest_suppression(
    facts: Iterable[Fact], protected: Iterable[Protected], width: int, costs: Mapping[Source, float], seconds: float
) -> Suppression:
    """The cheapest set of rows whose withholding protects every cell.

    Parameters
    ----------
    costs : row -> cost; rows that are not named stay (those of earlier releases cannot be taken back).
    seconds : time after which components that are not done count as unproven.
    """
    ends, result = time.monotonic() + seconds, Suppression()
    for component in components(facts, protected):
        _repair(component, width, costs, ends, result)
    return result


def _repair(component: Component, width: int, costs: Mapping[Source, float], ends: float, result: Suppression) -> None:
    """Add to the result what protects one component."""
    wanted, demands, withheld, known = component.wanted, [], set(), set()
    parts = [component]
    while True:
        exposed = []
        for part in parts:
            verdict = part.judge(width, ends, narrowest=False)
            exposed += verdict.exposed
            if verdict.unproven:
                result.unproven += verdict.unproven
                return
        if not exposed:
            result.rows |= withheld
            return
        result.reasons += exposed
        sets = [frozenset(costs.keys() & set(each.sources)) for each in exposed]
        hopeless = [each for each, rows in zip(exposed, sets, strict=True) if not rows]
        if hopeless:
            result.hopeless += hopeless
            hidden = {each.cell for each in hopeless}
            wanted = [each for each in wanted if each.cell not in hidden]
        # What is withheld only widens intervals; a cell that was safe for its size may no longer be shown to be large.
        known |= {each.cell for each in exposed}
        wanted = [each for each in wanted if not each.strict or each.cell in known]
        demands += [rows for rows in sets if rows]
        withheld = cheapest_cover(demands, costs) if demands else set()
        parts = components([fact for fact in component.facts if fact.source not in withheld], wanted)


def cheapest_cover(demands: list[frozenset[Source]], costs: Mapping[Source, float]) -> set[Source]:
    """The cheapest set with a member in every demand; ties go to the first in order."""
    rows = sorted(set().union(*demands))
    place = {row: i for i, row in enumerate(rows)}
    unique = sorted(set(demands), key=sorted)
    entries = [(i, place[row]) for i, demand in enumerate(unique) for row in sorted(demand)]
    lines, columns = np.array(entries).T
    matrix = csr_array((np.ones(len(entries)), (lines, columns)), shape=(len(unique), len(rows)))
    found = milp(
        np.array([costs[row] for row in rows]) * (1 + 1e-6 * np.arange(len(rows))),
        constraints=LinearConstraint(matrix, lb=1),
        bounds=Bounds(0, 1),
        integrality=np.ones(len(rows)),
    )
    return {row for row, chosen in zip(rows, found.x, strict=True) if chosen > 0.5}
