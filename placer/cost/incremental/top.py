"""Sum of the k largest of many values, by an edge a little below the k-th.

For any edge t with n values above it, ``k t + sum of (v - t) over those`` counts n values instead of k. With n >= k
the surplus is the n - k smallest of them; with n = k there is none. So a committed map keeps an edge with slightly
more than k values above it. A trial needs one pass for n and the sum (or less, where few entries change), and then a
look at the few values that stand above the edge. Before that look the two numbers already give a bound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from placer.cost.incremental.lanes import FILLER, collect, excess

# Slots of the figures of a committed map: edge, sum of what exceeds it, the number of those values, and the first
# step down when the edge proves too high for a trial.
EDGE, EXCESS, ABOVE, STEP = range(4)

#: Up to this many numbers, insertion is the quickest way to find the smallest.
_FEW = 24


@njit_lean()
def settle(values: NDArray, k: int, figures: NDArray) -> None:
    """Take note of a committed map.

    Args:
        values: padded map.
        k: how many are summed.
        figures: float64 ``[4]``, updated.
    """
    over, above = excess(values, figures[EDGE])
    figures[EXCESS], figures[ABOVE] = over, above
    if above < k + _slack(k) // 2 or above > k + 2 * _slack(k):
        pick(values, k, figures)


@njit_lean(allocates=True)
def pick(values: NDArray, k: int, figures: NDArray) -> None:
    """Choose a new edge; arguments as for ``settle``."""
    rising = np.sort(values)
    size = len(rising)
    real = size - np.searchsorted(rising, 0.1 * FILLER)
    rank = min(k + _slack(k), real)
    at = rising[size - rank]
    below = rising[size - rank - 1] if rank < real else at - 1.0
    figures[EDGE] = below + 0.5 * (at - below)
    step = 0.25 * (rising[size - max(1, k // 2)] - figures[EDGE])
    figures[STEP] = step if step > 0.0 else 1e-3 * max(1.0, abs(at))
    over, above = excess(values, figures[EDGE])
    figures[EXCESS], figures[ABOVE] = over, above


@njit_lean()
def _slack(k: int) -> int:
    """How many more than k values the edge of a committed map should have above it."""
    return 4 + k // 16


@njit_lean()
def least_sum(k: int, over: float, above: int, edge: float) -> float:
    """What the sum of the k largest is at least; arguments as for ``top_sum``.

    The k largest of n numbers have at least their share, k / n, of the sum of all n.
    """
    return k * edge + over * (k / above) if above >= k else -np.inf


@njit_lean()
def top_sum(values: NDArray, k: int, over: float, above: int, figures: NDArray, scratch: NDArray) -> float:
    """Sum of the k largest of a trial map.

    Args:
        values: padded trial map.
        k: how many are summed.
        over: sum of what exceeds the committed edge in ``values``.
        above: how many do.
        figures: of the committed map.
        scratch: float64, twice as long as ``values`` or more.
    """
    edge, step = figures[EDGE], figures[STEP]
    while above < k:
        edge -= step
        step *= 2.0
        over, above = excess(values, edge)
    if above == k:
        return k * edge + over
    collect(values, edge, scratch)
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
