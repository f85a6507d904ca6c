"""The fewest rows of released tables to withhold besides, so that no protected cell can be worked out.

What enters: facts, protected cells, and what each row costs to withhold. What leaves: the cheapest set of rows, by
cutting planes: as long as none of the rows that a narrow interval rests on is withheld, the interval stays as it is, so
at least one of them has to go; the cheapest set that meets all such demands (a mixed-integer programme, HiGHS) is
tried, and whatever is still exposed adds demands. That ends with the smallest set. In a large component choices are
kept after some time, which ends sooner with a small one. Source: Fischetti and Salazar (2001), with rows of tables in
place of cells.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from scripts.release.system import Component, Exposed, Fact, Protected, Source, components

# After so many linear programmes in a component what was chosen is kept: the set is then small, not proven smallest
EXACT_PROGRAMMES = 400


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
    """The cheapest set of rows whose withholding protects every cell; a cheap one where a component is large.

    Parameters
    ----------
    costs : row -> cost; rows that are not named stay (those of earlier releases cannot be taken back).
        A cell that was safe because it was shown to be large may be so no more once rows are withheld: call it again
        until it withholds nothing.
    seconds : time after which components that are not done count as unproven.
    """
    ends, result = time.monotonic() + seconds, Suppression()
    for component in components(facts, protected):
        _repair(component, width, costs, ends, result)
    return result


def _repair(component: Component, width: int, costs: Mapping[Source, float], ends: float, result: Suppression) -> None:
    """Add to the result what protects one component."""
    wanted, demands, known = component.wanted, [], set()
    withheld: set[Source] = set()
    parts, programmes = [component], 0
    while True:
        exposed = []
        for part in parts:
            verdict = part.judge(width, ends, narrowest=False)
            exposed += verdict.exposed
            programmes += verdict.n_programmes
            if verdict.unproven:
                result.unproven += verdict.unproven
                return
        if not exposed:
            result.rows |= withheld
            return
        result.reasons += exposed
        sets = [frozenset(costs.keys() & set(each.sources)) for each in exposed]
        result.hopeless += [each for each, rows in zip(exposed, sets, strict=True) if not rows]
        helped = {each.cell for each, rows in zip(exposed, sets, strict=True) if rows}
        # What is withheld only widens intervals, so that what was safe stays so.
        known |= helped
        if programmes <= EXACT_PROGRAMMES:
            demands += [rows for rows in sets if rows]
            withheld = cheapest_cover(demands, costs) if demands else set()
            wanted = [each for each in wanted if each.cell in known]
        else:
            # What was chosen stays, and what it made safe need not be looked at again.
            withheld = withheld | (cheapest_cover([rows for rows in sets if rows], costs) if helped else set())
            wanted = [each for each in wanted if each.cell in helped]
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
