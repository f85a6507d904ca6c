"""How much of a sum its largest contributors hold: what the rules of dominance ask (docs/release.md).

In: each child's contribution to a sum. Out: shares of the largest and of the two largest.
"""

import numpy as np


def largest_two(contributions: np.ndarray) -> np.ndarray:
    """The two largest absolute contributions, largest first; zeros where there are fewer. Shape (2,)."""
    size = np.abs(contributions)
    top = np.sort(np.partition(size, -2)[-2:] if len(size) > 2 else size)[::-1]
    return np.pad(top, (0, 2 - len(top)))


def shares_of_largest(largest: np.ndarray, total: float) -> tuple[float | None, float | None]:
    """Shares of the largest and of the two largest in a total of absolute contributions; None of nothing.

    Parameters
    ----------
    largest : (>= 1,) the largest contributions in any order, at least the two largest of all if there are two.
    total : sum of all absolute contributions.
    """
    if total <= 0:
        return None, None
    first, second = largest_two(largest)
    return float(first / total), float((first + second) / total)
