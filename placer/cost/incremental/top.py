"""Sum of the k largest of many values, a few of which change: a list kept sorted, repaired on commit.

``order`` holds the entries by falling value and ``value`` their values. A *trial* says which entries would change
(``flag[entry] == mark``) and to what; its sum needs only a walk along the front of the list. A *commit* merges the
changed entries back in one pass.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit

#: Up to this many numbers, insertion is the quickest sort.
_FEW = 24


@njit(cache=True)
def sort_falling(values: NDArray, entries: NDArray, count: int) -> None:
    """Shell sort of ``values[:count]``, largest first, ``entries`` along with them."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            v, e = values[i], entries[i]
            j = i
            while j >= gap and values[j - gap] < v:
                values[j], entries[j] = values[j - gap], entries[j - gap]
                j -= gap
            values[j], entries[j] = v, e
        gap //= 3


@njit(cache=True)
def _sort_falling_values(values: NDArray, count: int) -> None:
    """Sort ``values[:count]``, largest first: by insertion while they are few, as in most trials."""
    if count > _FEW:
        rising = np.sort(values[:count])
        for i in range(count):
            values[i] = rising[count - 1 - i]
        return
    for i in range(1, count):
        v = values[i]
        j = i
        while j > 0 and values[j - 1] < v:
            values[j] = values[j - 1]
            j -= 1
        values[j] = v


@njit(cache=True)
def fill(order: NDArray, value: NDArray, values: NDArray) -> None:
    """Sort all of ``values`` into ``order`` and ``value``."""
    by_value = np.argsort(-values)
    for i in range(len(values)):
        order[i] = by_value[i]
        value[i] = values[by_value[i]]


@njit(cache=True)
def trial_sum(
    order: NDArray,
    value: NDArray,
    k: int,
    flag: NDArray,
    mark: int,
    changed_values: NDArray,
    changed: int,
    scratch: NDArray,
) -> float:
    """Sum of the k largest if the ``changed`` flagged entries had ``changed_values`` (not modified, any order).

    ``scratch`` needs room for ``changed`` numbers.
    """
    # At least k unchanged entries reach this value, so a changed one below it cannot count.
    bound = value[min(k - 1 + changed, len(value) - 1)]
    count = 0
    for i in range(changed):
        v = changed_values[i]
        if v > bound:
            scratch[count] = v
            count += 1
    _sort_falling_values(scratch, count)
    total = 0.0
    taken = 0
    nxt = 0
    i = 0
    while taken < k and i < len(order):
        if flag[order[i]] == mark:
            i += 1
            continue
        v = value[i]
        while nxt < count and scratch[nxt] > v and taken < k:
            total += scratch[nxt]
            nxt += 1
            taken += 1
        if taken < k:
            total += v
            taken += 1
            i += 1
    while taken < k and nxt < count:
        total += scratch[nxt]
        nxt += 1
        taken += 1
    if taken < k:  # the list ran out: entries at or below the bound fill up
        rest = k - taken
        low = np.sort(changed_values[:changed])
        for j in range(rest):
            total += low[changed - 1 - count - j]
    return total


@njit(cache=True)
def merge(
    order: NDArray,
    value: NDArray,
    flag: NDArray,
    mark: int,
    changed_entries: NDArray,
    changed_values: NDArray,
    changed: int,
    order_buffer: NDArray,
    value_buffer: NDArray,
) -> None:
    """Put the flagged entries where their new values belong; ``changed_*`` are left sorted."""
    sort_falling(changed_values, changed_entries, changed)
    size = len(order)
    order_buffer[:size] = order
    value_buffer[:size] = value
    out = 0
    nxt = 0
    for i in range(size):
        entry = order_buffer[i]
        if flag[entry] == mark:
            continue
        v = value_buffer[i]
        while nxt < changed and changed_values[nxt] > v:
            order[out], value[out] = changed_entries[nxt], changed_values[nxt]
            out += 1
            nxt += 1
        order[out], value[out] = entry, v
        out += 1
    while nxt < changed:
        order[out], value[out] = changed_entries[nxt], changed_values[nxt]
        out += 1
        nxt += 1
