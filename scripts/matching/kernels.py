"""Loops over rows that no array operation expresses, compiled: a stable sort within groups, the tables of
balance, and the two greedy searches of nearest neighbours.

What enters and leaves: plain arrays (balance.py and nearest.py say what they mean). Imported where a loop is needed
and not before, for the compiler takes a second to load; the compiled code is kept beside the source.
"""

import numba
import numpy as np

DIGIT_BITS = 8
# Pre and post by comparator and treated.
N_CELLS = 4

compiled = numba.njit(cache=True, nogil=True)


@compiled
def sorted_rows(group: np.ndarray, key: np.ndarray, rows: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """`rows` (m,) in order of group, key and place in `rows`, and where each group starts and ends (n_groups + 1,).

    `group` and `key` are of all rows. Rows are dealt to their groups first; a group then fits the cache while it is
    sorted by the digits of its keys, the last first.
    """
    m = len(rows)
    bounds = np.zeros(n_groups + 1, dtype=np.int64)
    for row in rows:
        bounds[group[row] + 1] += 1
    bounds = np.cumsum(bounds)
    place, order, keys = bounds[:-1].copy(), np.empty(m, dtype=np.int64), np.empty(m, dtype=np.uint64)
    for row in rows:
        to = place[group[row]]
        order[to], keys[to] = row, key[row]
        place[group[row]] = to + 1
    longest = 0
    for g in range(n_groups):
        longest = max(longest, bounds[g + 1] - bounds[g])
    spare, spare_keys = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.uint64)
    for g in range(n_groups):
        low, high = bounds[g], bounds[g + 1]
        if high - low > 1:
            _sort_by_digits(order[low:high], keys[low:high], spare, spare_keys)
    return order, bounds


@compiled
def _sort_by_digits(order: np.ndarray, keys: np.ndarray, spare: np.ndarray, spare_keys: np.ndarray) -> None:
    """Sort `order` and `keys` (n,) in place, stably by key; a digit that is the same everywhere costs no pass."""
    n, digit_of = len(order), np.uint64((1 << DIGIT_BITS) - 1)
    counts = np.empty(1 << DIGIT_BITS, dtype=np.int64)
    for shift in range(0, 64, DIGIT_BITS):
        counts[:] = 0
        for i in range(n):
            counts[(keys[i] >> np.uint64(shift)) & digit_of] += 1
        if counts[(keys[0] >> np.uint64(shift)) & digit_of] == n:
            continue
        total = 0
        for bucket in range(len(counts)):
            counts[bucket], total = total, total + counts[bucket]
        for i in range(n):
            digit = (keys[i] >> np.uint64(shift)) & digit_of
            to = counts[digit]
            spare[to], spare_keys[to] = order[i], keys[i]
            counts[digit] = to + 1
        order[:] = spare[:n]
        keys[:] = spare_keys[:n]


@compiled
def tally(
    codes: np.ndarray, cell: np.ndarray, child: np.ndarray, weights: np.ndarray, n_levels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sums of weights and of their squares, rows and distinct children with weight, by stage, cell and level.

    `codes`, `cell`, `child` (n,) and `weights` (stages, n) are in the order of children, so that a child's rows follow
    one another and a level is new to it unless it was the last child there. Shape (stages, cells x levels) each.
    """
    n_stages, size = len(weights), N_CELLS * n_levels
    # One record per level, so that what a row changes lies together: sums, squares, rows, children.
    sums, counts = np.zeros((n_stages, size, 2)), np.zeros((n_stages, size, 2), dtype=np.int64)
    for stage in range(n_stages):
        last = np.full(size, -1, dtype=np.int64)
        for i in range(len(codes)):
            where, weight = cell[i] * n_levels + codes[i], weights[stage, i]
            # Without branches: whether a child is new to a level is as good as random to a processor.
            inside = weight > 0
            sums[stage, where, 0] += weight
            sums[stage, where, 1] += weight * weight
            counts[stage, where, 0] += inside
            counts[stage, where, 1] += inside & (last[where] != child[i])
            last[where] = child[i] if inside else last[where]
    return sums[..., 0], sums[..., 1], counts[..., 0], counts[..., 1]


@compiled
def _first_not_below(scores: np.ndarray, low: int, high: int, value: float) -> int:
    """First position in low..high whose score is at least `value`; `high` if there is none."""
    while low < high:
        middle = (low + high) // 2
        if scores[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _free(link: np.ndarray, place: int) -> int:
    """Follow links from `place` to one that points at itself, and shorten the way for the next search."""
    end = place
    while link[end] != end:
        end = link[end]
    while link[place] != end:
        link[place], place = end, link[place]
    return end


@compiled
def _nearer(scores: np.ndarray, left: int, right: int, low: int, high: int, value: float) -> tuple[int, float]:
    """The nearer of the controls at `left` and `right` (-1 if both are outside low..high-1) and its distance."""
    below = value - scores[left] if left >= low else np.inf
    above = scores[right] - value if right < high else np.inf
    if left < low and right >= high:
        return -1, np.inf
    return (left, below) if below <= above else (right, above)


@compiled
def without_replacement(
    stratum: np.ndarray, score: np.ndarray, scores: np.ndarray, bounds: np.ndarray, ratio: int, caliper: float
) -> np.ndarray:
    """Places of the chosen controls, shape (treated, ratio), -1 for none. A control is taken once.

    `lower` and `upper` point from a place to the nearest free one at or below and at or above it; both are shifted by
    one so that the places before the first and after the last control exist and are always free.
    """
    n, m = len(scores), len(score)
    lower, upper = np.arange(n + 2), np.arange(n + 2)
    chosen = np.full((m, ratio), -1, dtype=np.int64)
    start = np.empty(m, dtype=np.int64)
    for t in range(m):
        start[t] = _first_not_below(scores, bounds[stratum[t]], bounds[stratum[t] + 1], score[t])
    for turn in range(ratio):
        for t in range(m):
            low, high = bounds[stratum[t]], bounds[stratum[t] + 1]
            left, right = _free(lower, start[t]) - 1, _free(upper, start[t] + 1) - 1
            place, distance = _nearer(scores, left, right, low, high, score[t])
            if place < 0 or distance > caliper:
                continue
            chosen[t, turn] = place
            lower[place + 1] = place
            upper[place + 1] = place + 2
    return chosen


@compiled
def with_replacement(
    stratum: np.ndarray, score: np.ndarray, scores: np.ndarray, bounds: np.ndarray, ratio: int, caliper: float
) -> np.ndarray:
    """Places of the `ratio` nearest controls, shape (treated, ratio), -1 for none. A control can serve again."""
    chosen = np.full((len(score), ratio), -1, dtype=np.int64)
    for t in range(len(score)):
        low, high = bounds[stratum[t]], bounds[stratum[t] + 1]
        right = _first_not_below(scores, low, high, score[t])
        left = right - 1
        for turn in range(ratio):
            place, distance = _nearer(scores, left, right, low, high, score[t])
            if place < 0 or distance > caliper:
                break
            chosen[t, turn] = place
            if place == left:
                left -= 1
            else:
                right += 1
    return chosen
