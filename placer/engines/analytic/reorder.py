"""Neighbours in a row in another order, whatever order of a window is shortest."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.engines.analytic.board import Board, change, gap_left, gap_right, keep, stirred, x_of

#: Cells of a window.
WINDOW = 4
#: All orders of 2, 3 and 4; the first of each is the one they are in. Unused places hold 0.
_ORDERS = np.zeros((5, 24, 4), np.int64)
_COUNT = np.array([0, 1, 2, 6, 24])
for _n in (2, 3, 4):
    _ORDERS[_n, : _COUNT[_n], :_n] = list(itertools.permutations(range(_n)))


@njit(cache=True, nogil=True)
def local_reorder(b: Board, from_segment: int, to_segment: int, since: int) -> float:
    """One pass over all windows of neighbours of some segments.

    Each order is tried packed from where the window begins and packed to where it ends; the best is kept where it
    is shorter than what is there.

    Args:
        b: the board.
        from_segment: the first.
        to_segment: one past the last.
        since: windows are passed over while no net of theirs has changed after this clock; -1 for none.

    Returns:
        What the weighted HPWL fell by, um.
    """
    most = 1
    for s in range(from_segment, to_segment):
        for k in range(b.filled[s]):
            i = b.order[b.base[s] + k]
            most = max(most, b.node_ptr[i + 1] - b.node_ptr[i])
    most *= WINDOW
    pins_net, pins_cell, pins_dx = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most)
    outer = np.empty((most, 2))
    span = np.empty((most, 2))
    weight = np.empty(most)
    cells, xs, ys = np.empty(WINDOW, np.int64), np.empty(WINDOW), np.empty(WINDOW)
    turns, lefts = np.empty(WINDOW, np.int64), np.empty(WINDOW, np.int64)
    at_x = np.empty(WINDOW)
    gained = 0.0
    for s in range(from_segment, to_segment):
        at = b.base[s]
        size = min(WINDOW, b.filled[s])
        if size < 2:
            continue
        for k in range(b.filled[s] - size + 1):
            total, ahead = 0, False
            for a in range(size):
                i = b.order[at + k + a]
                cells[a] = i
                ahead = ahead or stirred(b, i, since)
                at_x[a] = b.x[i]
                total += b.sites[i]
            if not ahead:
                continue
            nets, pins = _window(b, cells, size, pins_net, pins_cell, pins_dx, outer, weight)
            now = _spans(nets, pins, pins_net, pins_cell, pins_dx, outer, span, weight, at_x, math.inf)
            low, high = gap_left(b, s, k), gap_right(b, s, k + size)
            begin = b.site[cells[0]]
            end = b.site[cells[size - 1]] + b.sites[cells[size - 1]]
            best, found, best_left = now - 1e-7, -1, 0
            for o in range(_COUNT[size]):
                for packed in range(2):
                    left = begin if packed == 0 else end - total
                    left = min(max(left, low), high - total)
                    first = left
                    for a in range(size):
                        pick = _ORDERS[size, o, a]
                        at_x[pick] = x_of(b, cells[pick], s, left)
                        left += b.sites[cells[pick]]
                    here = _spans(nets, pins, pins_net, pins_cell, pins_dx, outer, span, weight, at_x, best)
                    if here < best:
                        best, found, best_left = here, o, first
                    if end - begin == total:
                        break  # both are the same
            if found < 0:
                continue
            left = best_left
            for a in range(size):
                pick = _ORDERS[size, found, a]
                i = b.order[at + k + pick]
                cells[a], lefts[a] = i, left
                xs[a], ys[a], turns[a] = x_of(b, i, s, left), b.y[i], b.turn[i]
                left += b.sites[i]
            gain = change(b, cells, xs, ys, turns, size)
            if gain >= 0.0:
                continue
            gained -= gain
            keep(b, cells, xs, ys, turns, size)
            for a in range(size):
                i = cells[a]
                b.order[at + k + a] = i
                b.slot[i], b.site[i] = k + a, lefts[a]
    return gained


@njit_lean()
def _window(
    b: Board, cells: NDArray, size: int, net: NDArray, cell: NDArray, dx: NDArray, outer: NDArray, weight: NDArray
) -> tuple[int, int]:
    """Pins of the cells of a window by net, and where the other pins of those nets lie.

    Returns:
        Nets and pins.
    """
    b.token[0] += 1
    token, nets, pins = b.token[0], 0, 0
    for a in range(size):
        i = cells[a]
        for m in range(b.node_ptr[i], b.node_ptr[i + 1]):
            q = b.node_pins[m]
            e = b.pin_net[q]
            if b.seen[e] != token:
                b.seen[e] = token
                b.mark[e] = nets
                b.touched[nets] = e
                weight[nets] = b.weight[e]
                nets += 1
            net[pins], cell[pins] = b.mark[e], a
            dx[pins] = b.pin_x[q] - b.x[i]
            pins += 1
    for n in range(nets):
        e = b.touched[n]
        o = b.box[e]
        inner = b.net_ptr[e + 1] - b.net_ptr[e] > 8
        if inner:
            for p in range(pins):
                if net[p] == n:
                    at = b.x[cells[cell[p]]] + dx[p]
                    inner = inner and o[0] + 1e-9 < at < o[1] - 1e-9
        if inner:
            outer[n, 0], outer[n, 1] = o[0], o[1]
            continue
        x0, x1 = math.inf, -math.inf
        for q in range(b.net_ptr[e], b.net_ptr[e + 1]):
            j = b.pin_node[q]
            mine = False
            for a in range(size):
                mine = mine or cells[a] == j
            if not mine:
                x0, x1 = min(x0, b.pin_x[q]), max(x1, b.pin_x[q])
        outer[n, 0], outer[n, 1] = x0, x1
    return nets, pins


@njit_lean()
def _spans(
    nets: int, pins: int, net: NDArray, cell: NDArray, dx: NDArray, outer: NDArray, span: NDArray, weight: NDArray,
    at_x: NDArray, limit: float,
) -> float:  # fmt: skip
    """Weighted spans in x of the nets of a window with its cells at ``at_x``; stops early above ``limit``."""
    for n in range(nets):
        span[n, 0], span[n, 1] = outer[n, 0], outer[n, 1]
    for p in range(pins):
        n = net[p]
        x = at_x[cell[p]] + dx[p]
        span[n, 0], span[n, 1] = min(span[n, 0], x), max(span[n, 1], x)
    total = 0.0
    for n in range(nets):
        total += weight[n] * (span[n, 1] - span[n, 0])
        if total >= limit:
            break
    return total
