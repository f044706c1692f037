"""Cells to where their nets want them: into gaps, against another cell, or between others that make room.

The optimal region of a cell is the median of its nets' boxes without it (Goto, 1981); moves and exchanges towards it
follow Pan, Viswanathan and Chu (ICCAD 2005).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.engines.analytic.board import (
    LIFTED,
    Board,
    change,
    find_slot,
    gap_left,
    gap_right,
    keep,
    lift,
    price,
    put_in,
    stirred,
    take_out,
    turn_in,
    x_of,
    y_of,
)

#: Neighbours looked at on either side of the wanted place, in each row.
_REACH = 8
#: Cells that may be pushed aside for one that moves.
_PUSHED = 8
#: Gains below this are noise of the sums, um times weight.
_LEAST = 1e-7


@njit(cache=True, nogil=True)
def global_swap(b: Board, cells: NDArray, rows_around: int, since: NDArray) -> float:
    """One pass over the cells; each goes to the best place near its optimal region.

    Args:
        b: the board.
        cells: in the order they are tried.
        rows_around: rows above and below the wanted one that are searched too.
        since: ``[N]`` clock of each cell's last visit, -1 before the first; a cell is passed over while none of its
            nets has changed since. Brought up to date.

    Returns:
        What the weighted HPWL fell by, um.
    """
    most = 1
    for i in range(len(b.segment)):  # all cells: those that change places with the given ones need room too
        if b.segment[i] >= 0:
            most = max(most, b.node_ptr[i + 1] - b.node_ptr[i])
    mine, theirs = np.empty((most, LIFTED)), np.empty((most, LIFTED))
    ends = np.empty((4, 2 * most))
    moved, xs, ys = np.empty(_PUSHED + 2, np.int64), np.empty(_PUSHED + 2), np.empty(_PUSHED + 2)
    turns, sites = np.empty(_PUSHED + 2, np.int64), np.empty(_PUSHED + 2, np.int64)
    best_sites = np.empty(_PUSHED + 2, np.int64)
    best_moved = np.empty(_PUSHED + 2, np.int64)
    gained = 0.0
    for i in cells:
        if not stirred(b, i, since[i]):
            continue
        since[i] = b.clock[0]
        size = lift(b, i, mine)
        if size == 0:
            continue
        _region(mine, size, b.turn[i], ends)
        x0, x1, y0, y1 = ends[0, 0], ends[1, 0], ends[2, 0], ends[3, 0]
        if x0 <= b.x[i] <= x1 and y0 <= b.y[i] <= y1:
            continue
        want_x, want_y = min(max(b.x[i], x0), x1), min(max(b.y[i], y0), y1)
        now = price(mine, size, b.x[i], b.y[i], b.turn[i])
        home = b.segment[i]
        best, kind, best_segment, best_slot, best_count = -_LEAST, 0, -1, 0, 0
        middle = _nearest_row(b, want_y - b.rise[i])
        for r in range(max(middle - rows_around, 0), min(middle + rows_around, len(b.floor) - 1) + 1):
            s = _nearest_segment(b, i, r, want_x)
            if s < 0:
                continue
            turn = turn_in(b, i, s)
            if turn < 0:
                continue
            y = y_of(b, i, s)
            wish = np.int64(math.floor((want_x - b.half[i] - b.x0[s]) / b.pitch[0] + 0.5))
            around = find_slot(b, s, wish)
            for slot in range(max(around - _REACH, 0), min(around + _REACH, b.filled[s]) + 1):
                count = _make_room(b, i, s, slot, wish, moved, sites)
                if count > 0:
                    x = x_of(b, i, s, sites[0])
                    if price(mine, size, x, y, turn) - now < best:
                        xs[0], ys[0], turns[0] = x, y, turn
                        for k in range(1, count):
                            j = moved[k]
                            xs[k], ys[k], turns[k] = x_of(b, j, s, sites[k]), b.y[j], b.turn[j]
                        found = change(b, moved, xs, ys, turns, count)
                        if found < best:
                            best, kind, best_segment, best_slot, best_count = found, 1, s, slot, count
                            best_moved[:count], best_sites[:count] = moved[:count], sites[:count]
                if slot >= b.filled[s]:
                    continue
                j = b.order[b.base[s] + slot]
                if j == i or (s == home and abs(b.slot[j] - b.slot[i]) == 1):
                    continue
                low, high = gap_left(b, s, slot), gap_right(b, s, slot + 1)
                if high - low < b.sites[i]:
                    continue
                my_low, my_high = gap_left(b, home, b.slot[i]), gap_right(b, home, b.slot[i] + 1)
                if my_high - my_low < b.sites[j]:
                    continue
                back_turn = turn_in(b, j, home)
                if back_turn < 0:
                    continue
                site = min(max(b.site[j] + (b.sites[j] - b.sites[i]) // 2, low), high - b.sites[i])
                x = x_of(b, i, s, site)
                gain = price(mine, size, x, y, turn) - now
                if gain >= best:
                    continue
                back = min(max(b.site[i] + (b.sites[i] - b.sites[j]) // 2, my_low), my_high - b.sites[j])
                other = lift(b, j, theirs)
                back_x, back_y = x_of(b, j, home, back), y_of(b, j, home)
                loss = price(theirs, other, back_x, back_y, back_turn) - price(theirs, other, b.x[j], b.y[j], b.turn[j])
                if _share(b, i):
                    moved[0], xs[0], ys[0], turns[0] = i, x, y, turn
                    moved[1], xs[1], ys[1], turns[1] = j, back_x, back_y, back_turn
                    gain = change(b, moved, xs, ys, turns, 2)
                else:
                    gain += loss
                if gain < best:
                    best, kind, best_segment, best_slot, best_count = gain, 2, s, slot, 2
                    best_moved[0], best_moved[1], best_sites[0], best_sites[1] = i, j, site, back
        if kind == 0:
            continue
        for k in range(best_count):
            j = best_moved[k]
            s = home if kind == 2 and k == 1 else best_segment
            xs[k], ys[k], turns[k] = x_of(b, j, s, best_sites[k]), y_of(b, j, s), turn_in(b, j, s)
        found = change(b, best_moved, xs, ys, turns, best_count)
        if found >= 0.0:  # nothing but rounding
            continue
        gained -= found
        keep(b, best_moved, xs, ys, turns, best_count)
        if kind == 1:
            if best_segment == home and best_slot > b.slot[i]:
                best_slot -= 1
            take_out(b, i)
            put_in(b, i, best_segment, best_slot, best_sites[0])
            for k in range(1, best_count):
                b.site[best_moved[k]] = best_sites[k]
        else:
            j = best_moved[1]
            b.order[b.base[best_segment] + b.slot[j]], b.order[b.base[home] + b.slot[i]] = i, j
            b.slot[i], b.slot[j] = b.slot[j], b.slot[i]
            b.segment[i], b.segment[j] = best_segment, home
            b.site[i], b.site[j] = best_sites[0], best_sites[1]
    return gained


@njit_lean()
def _share(b: Board, i: int) -> bool:
    """True when the cell lifted last has a net with another pin of cell ``i``."""
    token, found = b.token[0], False
    for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
        found = found or b.seen[b.pin_net[b.node_pins[a]]] == token
    return found


@njit_lean()
def _make_room(b: Board, i: int, s: int, slot: int, wish: int, moved: NDArray, sites: NDArray) -> int:
    """Sites of cell ``i`` put before a slot as near ``wish`` as may be, and of those it pushes aside.

    Args:
        b: the board.
        i: the cell; where it lies in the same segment, its own place is free.
        s: segment.
        slot: place in the segment's list.
        wish: wanted site.
        moved: gets ``i`` and the cells pushed.
        sites: gets their sites.

    Returns:
        Cells that move, 0 where there is no room or too many would.
    """
    at, count, own = b.base[s], b.filled[s], -1
    if b.segment[i] == s:
        own = b.slot[i]
    need = b.sites[i]
    # The free stretch at the slot, cell i itself not counted.
    k = slot - 1
    if k == own:
        k -= 1
    low = b.first[s]
    if k >= 0:
        j = b.order[at + k]
        low = b.site[j] + b.sites[j]
    k = slot
    if k == own:
        k += 1
    high = b.last[s]
    if k < count:
        high = b.site[b.order[at + k]]
    if high - low >= need:
        moved[0], sites[0] = i, min(max(wish, low), high - need)
        return 1
    # Too narrow: the cell keeps as near its wish as leaves both neighbours pushed least.
    spot = min(max(wish, high - need), low)
    spot = min(max(spot, b.first[s]), b.last[s] - need)
    moved[0], sites[0] = i, spot
    size = 1
    edge = spot + need
    for k in range(slot, count):
        if k == own:
            continue
        j = b.order[at + k]
        if b.site[j] >= edge:
            break
        if size > _PUSHED or edge + b.sites[j] > b.last[s]:
            return 0
        moved[size], sites[size] = j, edge
        size += 1
        edge += b.sites[j]
    edge = spot
    for k in range(slot - 1, -1, -1):
        if k == own:
            continue
        j = b.order[at + k]
        if b.site[j] + b.sites[j] <= edge:
            break
        edge -= b.sites[j]
        if size > _PUSHED or edge < b.first[s]:
            return 0
        moved[size], sites[size] = j, edge
        size += 1
    return size


@njit_lean(allocates=True)
def _region(lifted: NDArray, size: int, turn: int, ends: NDArray) -> None:
    """Optimal region of a lifted cell into ``ends[:, 0]``: medians of its nets' boxes less the offsets of its pins."""
    for k in range(size):
        v = lifted[k]
        dx, dy = (v[4] + v[5]) / 2, (v[6] + v[7]) / 2
        if turn & 1:
            dx = -dx
        if turn & 2:
            dy = -dy
        ends[0, 2 * k], ends[0, 2 * k + 1] = v[0] - dx, v[1] - dx
        ends[2, 2 * k], ends[2, 2 * k + 1] = v[2] - dy, v[3] - dy
    for axis in (0, 2):
        _sort(ends[axis], 2 * size)
        low, high = ends[axis, size - 1], ends[axis, size]
        ends[axis, 0], ends[axis + 1, 0] = low, high


@njit_lean(allocates=True)
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


@njit_lean()
def _nearest_row(b: Board, y: float) -> int:
    """Row whose lower edge is nearest."""
    low, high = 0, len(b.floor) - 1
    while low < high:
        middle = (low + high) // 2
        if b.floor[middle] < y:
            low = middle + 1
        else:
            high = middle
    if low > 0 and y - b.floor[low - 1] < b.floor[low] - y:
        return low - 1
    return low


@njit_lean()
def _nearest_segment(b: Board, i: int, r: int, x: float) -> int:
    """Segment of the cell's fence in a row that is nearest to ``x`` and wide enough; -1 for none."""
    best, away = -1, math.inf
    for s in range(b.row_ptr[r], b.row_ptr[r + 1]):
        if b.region[s] != b.fence[i] or b.last[s] - b.first[s] < b.sites[i]:
            continue
        site = (x - b.x0[s]) / b.pitch[0]
        d = max(b.first[s] - site, site - b.last[s], 0.0)
        if d < away:
            best, away = s, d
    return best
