"""Cells to where their nets want them: into gaps or against another cell (Pan, Viswanathan, Chu, ICCAD 2005)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.engines.analytic.board import (
    Board,
    change,
    find_slot,
    gap_left,
    gap_right,
    keep,
    put_in,
    take_out,
    x_of,
)

#: Neighbours looked at on either side of the wanted place, in each row.
_REACH = 4


@njit(cache=True, nogil=True)
def global_swap(b: Board, cells: NDArray, rows_around: int) -> float:
    """One pass over the cells; each goes to the best gap or changes with the best cell near its optimal region.

    Args:
        b: the board.
        cells: in the order they are tried.
        rows_around: rows above and below the wanted one that are searched too.

    Returns:
        What the weighted HPWL fell by, um.
    """
    size = 2
    for i in cells:
        size = max(size, b.node_ptr[i + 1] - b.node_ptr[i])
    ends = np.empty((4, 2 * size))
    pair, xs, ys = np.empty(2, np.int64), np.empty(2), np.empty(2)
    gained = 0.0
    for i in cells:
        if not _region(b, i, ends):
            continue
        x0, x1, y0, y1 = ends[0, 0], ends[1, 0], ends[2, 0], ends[3, 0]
        if x0 <= b.x[i] <= x1 and y0 <= b.y[i] <= y1:
            continue
        want_x, want_y = min(max(b.x[i], x0), x1), min(max(b.y[i], y0), y1)
        middle = _nearest_row(b, want_y)
        best = -1e-9
        kind, best_segment, best_slot, best_site, other, other_site = 0, 0, 0, 0, -1, 0
        for r in range(max(middle - rows_around, 0), min(middle + rows_around, len(b.middle) - 1) + 1):
            s = _nearest_segment(b, r, want_x)
            if s < 0:
                continue
            wish = math.floor((want_x - b.half[i] - b.row_x[r]) / b.pitch[0] + 0.5)
            around = find_slot(b, s, wish)
            for slot in range(max(around - _REACH, 0), min(around + _REACH, b.filled[s]) + 1):
                # A gap before this slot.
                low, high = gap_left(b, s, slot), gap_right(b, s, slot)
                if s == b.segment[i] and (slot == b.slot[i] or slot == b.slot[i] + 1):
                    low, high = gap_left(b, s, b.slot[i]), gap_right(b, s, b.slot[i] + 1)
                if high - low >= b.sites[i]:
                    site = min(max(np.int64(wish), low), high - b.sites[i])
                    pair[0], xs[0], ys[0] = i, x_of(b, i, s, site), b.middle[r]
                    found = change(b, pair, xs, ys, 1)
                    if found < best:
                        best, kind, best_segment, best_slot, best_site = found, 1, s, slot, site
                # The cell at this slot.
                if slot < b.filled[s]:
                    j = b.order[b.base[s] + slot]
                    if j == i or (b.segment[j] == b.segment[i] and abs(b.slot[j] - b.slot[i]) == 1):
                        continue
                    low, high = gap_left(b, s, slot), gap_right(b, s, slot + 1)
                    if high - low < b.sites[i]:
                        continue
                    mine = b.segment[i]
                    my_low, my_high = gap_left(b, mine, b.slot[i]), gap_right(b, mine, b.slot[i] + 1)
                    if my_high - my_low < b.sites[j]:
                        continue
                    site = min(max(b.site[j] + (b.sites[j] - b.sites[i]) // 2, low), high - b.sites[i])
                    back = min(max(b.site[i] + (b.sites[i] - b.sites[j]) // 2, my_low), my_high - b.sites[j])
                    pair[0], xs[0], ys[0] = i, x_of(b, i, s, site), b.middle[r]
                    pair[1], xs[1], ys[1] = j, x_of(b, j, mine, back), b.middle[b.row[mine]]
                    found = change(b, pair, xs, ys, 2)
                    if found < best:
                        best, kind, best_segment, best_slot, best_site = found, 2, s, slot, site
                        other, other_site = j, back
        if kind == 1:
            pair[0], xs[0], ys[0] = i, x_of(b, i, best_segment, best_site), b.middle[b.row[best_segment]]
            gained -= change(b, pair, xs, ys, 1)
            keep(b, pair, xs, ys, 1)
            if best_segment == b.segment[i] and best_slot > b.slot[i]:
                best_slot -= 1
            take_out(b, i)
            put_in(b, i, best_segment, best_slot, best_site)
        elif kind == 2:
            mine = b.segment[i]
            pair[0], xs[0], ys[0] = i, x_of(b, i, best_segment, best_site), b.middle[b.row[best_segment]]
            pair[1], xs[1], ys[1] = other, x_of(b, other, mine, other_site), b.middle[b.row[mine]]
            gained -= change(b, pair, xs, ys, 2)
            keep(b, pair, xs, ys, 2)
            b.order[b.base[best_segment] + b.slot[other]], b.order[b.base[mine] + b.slot[i]] = i, other
            b.slot[i], b.slot[other] = b.slot[other], b.slot[i]
            b.segment[i], b.segment[other] = best_segment, mine
            b.site[i], b.site[other] = best_site, other_site
    return gained


@njit(cache=True, nogil=True)
def _region(b: Board, i: int, ends: NDArray) -> bool:
    """Optimal region of a cell into ``ends[:, 0]``: medians of its nets' boxes without it; False without nets."""
    size = 0
    for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
        q = b.node_pins[a]
        e = b.pin_net[q]
        x0 = y0 = math.inf
        x1 = y1 = -math.inf
        o = b.box[e]
        at_x, at_y = b.x[i] + b.pin_dx[q], b.y[i] + b.pin_dy[q]
        if b.net_ptr[e + 1] - b.net_ptr[e] > 6 and o[0] < at_x < o[1] and o[2] < at_y < o[3]:
            x0, x1, y0, y1 = o[0], o[1], o[2], o[3]
        else:
            for p in range(b.net_ptr[e], b.net_ptr[e + 1]):
                j = b.pin_node[p]
                if j != i:
                    px, py = b.x[j] + b.pin_dx[p], b.y[j] + b.pin_dy[p]
                    x0, x1, y0, y1 = min(x0, px), max(x1, px), min(y0, py), max(y1, py)
        if x0 <= x1:
            ends[0, 2 * size], ends[0, 2 * size + 1] = x0 - b.pin_dx[q], x1 - b.pin_dx[q]
            ends[2, 2 * size], ends[2, 2 * size + 1] = y0 - b.pin_dy[q], y1 - b.pin_dy[q]
            size += 1
    if size == 0:
        return False
    for axis in (0, 2):
        _sort(ends[axis], 2 * size)
        low, high = ends[axis, size - 1], ends[axis, size]
        ends[axis, 0], ends[axis + 1, 0] = low, high
    return True


@njit(cache=True, nogil=True)
def _sort(values: NDArray, size: int) -> None:
    if size > 32:
        values[:size] = np.sort(values[:size])
        return
    for k in range(1, size):
        v = values[k]
        a = k - 1
        while a >= 0 and values[a] > v:
            values[a + 1] = values[a]
            a -= 1
        values[a + 1] = v


@njit(cache=True, nogil=True)
def _nearest_row(b: Board, y: float) -> int:
    low, high = 0, len(b.middle) - 1
    while low < high:
        middle = (low + high) // 2
        if b.middle[middle] < y:
            low = middle + 1
        else:
            high = middle
    if low > 0 and y - b.middle[low - 1] < b.middle[low] - y:
        return low - 1
    return low


@njit(cache=True, nogil=True)
def _nearest_segment(b: Board, r: int, x: float) -> int:
    site = (x - b.row_x[r]) / b.pitch[0]
    best, away = -1, math.inf
    for s in range(b.row_ptr[r], b.row_ptr[r + 1]):
        d = max(b.first[s] - site, site - b.last[s], 0.0)
        if d < away:
            best, away = s, d
    return best
