"""Sum of the k largest of many values, by an edge a little below the k-th.

For any edge t with n values above it, ``k t + sum of (v - t) over those`` counts n values instead of k. With n >= k
the surplus is the n - k smallest of them; with n = k there is none. So a committed map keeps an edge with slightly
more than k values above it, and a trial needs one pass for n and the sum (or less, where few entries change), and
then a look at those few values that stand above the edge.

``hot`` lists the entries that are large in the committed map: nearly always all that a trial has above the edge are
among them. The count n tells when they are not; then all values are looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from placer.cost.incremental.lanes import FILLER, excess

# Slots of the figures of a top sum: edge, sum of what exceeds it, first step when an edge proves too high.
EDGE, EXCESS, STEP = range(3)
# Slots of its counts: entries above the edge, length of the hot list, trials that the hot list failed.
ABOVE, HOT, MISSED = range(3)

#: Up to this many numbers, insertion is the quickest way to find the smallest.
_FEW = 24
#: Failed trials after which a commit lists the hot entries anew.
_MISSES = 32


@njit_lean()
def settle(values: NDArray, k: int, figures: NDArray, counts: NDArray, hot: NDArray) -> None:
    """Take note of a committed map.

    Args:
        values: padded map.
        k: how many are summed.
        figures: float64 ``[3]``, updated.
        counts: int64 ``[3]``, updated.
        hot: int32, room for every entry, updated now and then.
    """
    figures[EXCESS], counts[ABOVE] = excess(values, figures[EDGE])
    if counts[ABOVE] < k + _slack(k) // 2 or counts[ABOVE] > k + 2 * _slack(k) or counts[MISSED] > _MISSES:
        pick(values, k, figures, counts, hot)


@njit_lean(allocates=True)
def pick(values: NDArray, k: int, figures: NDArray, counts: NDArray, hot: NDArray) -> None:
    """Choose a new edge and list the hot entries; arguments as for ``settle``."""
    rising = np.sort(values)
    size = len(rising)
    real = size - np.searchsorted(rising, 0.1 * FILLER)
    rank = min(k + _slack(k), real)
    at = rising[size - rank]
    below = rising[size - rank - 1] if rank < real else at - 1.0
    figures[EDGE] = below + 0.5 * (at - below)
    step = 0.25 * (rising[size - max(1, k // 2)] - figures[EDGE])
    figures[STEP] = step if step > 0.0 else 1e-3 * max(1.0, abs(at))
    figures[EXCESS], counts[ABOVE] = excess(values, figures[EDGE])
    least = rising[size - min(2 * k + 4 * _slack(k), real)]
    count = 0
    for i in range(size):
        if values[i] >= least:
            hot[count] = i
            count += 1
    counts[HOT], counts[MISSED] = count, 0


@njit_lean()
def _slack(k: int) -> int:
    """How many more than k values the edge of a committed map should have above it."""
    return 4 + k // 16


@njit_lean()
def top_sum(
    values: NDArray, k: int, over: float, above: int, figures: NDArray, counts: NDArray, hot: NDArray, scratch: NDArray
) -> float:
    """Sum of the k largest of a trial map.

    Args:
        values: padded trial map.
        k: how many are summed.
        over: sum of what exceeds the committed edge in ``values``.
        above: how many do.
        figures: of the committed map.
        counts: of the committed map; failures are noted.
        hot: hot entries of the committed map.
        scratch: float64, twice as long as ``values``.
    """
    edge, step = figures[EDGE], figures[STEP]
    while above < k:
        edge -= step
        step *= 2.0
        over, above = excess(values, edge)
    if above == k:
        return k * edge + over
    found = 0
    for j in range(counts[HOT]):
        v = values[hot[j]] - edge
        scratch[found] = v
        found += 1 if v > 0.0 else 0
    if found != above:
        counts[MISSED] += 1
        found = 0
        for i in range(len(values)):
            v = values[i] - edge
            scratch[found] = v
            found += 1 if v > 0.0 else 0
    return k * edge + (over - smallest_sum(scratch, above, above - k))


@njit_lean()
def smallest_sum(values: NDArray, count: int, few: int) -> float:
    """Sum of the ``few`` smallest of ``values[:count]``, which are left in any order; room behind them is used."""
    if few <= _FEW:
        end = count  # the smallest so far stand in order behind the values
        for i in range(few):
            _insert(values, count, end, values[i])
            end += 1
        for i in range(few, count):
            if values[i] < values[end - 1]:
                _insert(values, count, end - 1, values[i])
        total = 0.0
        for i in range(count, end):
            total += values[i]
        return total
    low, high = 0, count - 1
    while low < high:  # Hoare's selection: the few smallest go to the front
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if few - 1 <= j:
            high = j
        elif few - 1 >= i:
            low = i
        else:
            break
    total = 0.0
    for i in range(few):
        total += values[i]
    return total


@njit_lean()
def _insert(values: NDArray, begin: int, end: int, v: float) -> None:
    """Insert ``v`` into the rising ``values[begin:end]``; the last one moves to ``end``."""
    while end > begin and values[end - 1] > v:
        values[end] = values[end - 1]
        end -= 1
    values[end] = v
