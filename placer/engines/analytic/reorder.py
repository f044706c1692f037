"""Neighbours in a row in another order, whatever order of a window is shortest."""

from __future__ import annotations

import numpy as np

from netlists.compiled import njit
from placer.engines.analytic.board import Board, change, gap_left, gap_right, keep, x_of

#: All orders of three but the one they are in.
_ORDERS = np.array([[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])


@njit(cache=True, nogil=True)
def local_reorder(b: Board) -> float:
    """One pass over all windows of three (or two) neighbours of every segment.

    Returns:
        What the weighted HPWL fell by, um.
    """
    cells, xs, ys = np.empty(3, np.int64), np.empty(3), np.empty(3)
    lefts, best_lefts, kept = np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3, np.int64)
    gained = 0.0
    for s in range(len(b.row)):
        at = b.base[s]
        size = min(3, b.filled[s])
        if size < 2:
            continue
        for k in range(b.filled[s] - size + 1):
            low, high = gap_left(b, s, k), gap_right(b, s, k + size)
            total = 0
            for a in range(size):
                total += b.sites[b.order[at + k + a]]
            begin = b.site[b.order[at + k]]
            best, found = -1e-9, -1
            for o in range(5 if size == 3 else 1):
                for spread in range(2):  # packed from where the window began, or to where it ended
                    left = begin
                    if spread == 1:
                        last = b.order[at + k + size - 1]
                        left = b.site[last] + b.sites[last] - total
                    left = min(max(left, low), high - total)
                    for a in range(size):
                        pick = _ORDERS[o, a] if size == 3 else 1 - a
                        i = b.order[at + k + pick]
                        cells[a], lefts[a] = i, left
                        xs[a], ys[a] = x_of(b, i, s, left), b.y[i]
                        left += b.sites[i]
                    gain = change(b, cells, xs, ys, size)
                    if gain < best:
                        best, found = gain, o
                        best_lefts[:] = lefts
                        kept[:] = cells
            if found >= 0:
                for a in range(size):
                    i = kept[a]
                    xs[a], ys[a] = x_of(b, i, s, best_lefts[a]), b.y[i]
                gained -= change(b, kept, xs, ys, size)
                keep(b, kept, xs, ys, size)
                for a in range(size):
                    i = kept[a]
                    b.order[at + k + a] = i
                    b.slot[i], b.site[i] = k + a, best_lefts[a]
    return gained
