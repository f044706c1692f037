"""Cells of a segment to their best sites, in the order they are in: exact, segment by segment.

With the order given, the leftmost and the rightmost cell of each net in the segment are known, so the wirelength is a
sum of one convex, piecewise linear function a cell (Kahng, Tucker, Zelikovsky, ASP-DAC 1999). With the widths of the
cells before it taken off each position, the constraints say that positions do not fall, and the least sum is found
with one heap of breakpoints: the minimum over all cells so far as a function of how far right the last may lie never
rises, and adding a cell's function and cutting what rises keeps it so. All breakpoints are put on sites: between two
sites a function is replaced by its chord, which changes nothing where cells can lie.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.engines.analytic.board import Board, change, keep, stirred, x_of


@njit(cache=True, nogil=True)
def shift_in_segments(b: Board, from_segment: int, to_segment: int, since: int) -> float:
    """One pass over some segments.

    Args:
        b: the board.
        from_segment: the first.
        to_segment: one past the last.
        since: segments are passed over while no net of theirs has changed after this clock; -1 for none.

    Returns:
        What the weighted HPWL fell by, um.
    """
    cells_most, pins_most = 0, 1
    for s in range(from_segment, to_segment):
        pins = 0
        for k in range(b.filled[s]):
            i = b.order[b.base[s] + k]
            pins += b.node_ptr[i + 1] - b.node_ptr[i]
        cells_most, pins_most = max(cells_most, b.filled[s]), max(pins_most, pins)
    # Two breakpoints for each of the two sides of a net.
    spot, mass = np.empty(4 * pins_most + 1), np.empty(4 * pins_most + 1)
    owner, at, amount = np.empty(4 * pins_most, np.int64), np.empty(4 * pins_most), np.empty(4 * pins_most)
    rise, wish, before = np.empty(cells_most), np.empty(cells_most), np.empty(cells_most)
    start, chain = np.empty(cells_most + 1, np.int64), np.empty(4 * pins_most, np.int64)
    xs, ys, turns = np.empty(cells_most), np.empty(cells_most), np.empty(cells_most, np.int64)
    sites = np.empty(cells_most, np.int64)
    gained = 0.0
    for s in range(from_segment, to_segment):
        size = b.filled[s]
        if size == 0:
            continue
        cells = b.order[b.base[s] : b.base[s] + size]
        ahead = False
        for k in range(size):
            ahead = ahead or stirred(b, cells[k], since)
        if not ahead:
            continue
        total = 0.0
        for k in range(size):
            before[k] = total
            total += b.sites[cells[k]]
            rise[k] = 0.0
        low, high = float(b.first[s]), b.last[s] - total
        points = _functions(b, s, cells, size, before, low, high, owner, at, amount, rise)
        _by_owner(owner, points, size, start, chain)
        heap = 0
        for k in range(size):
            for m in range(start[k], start[k + 1]):
                heap = _push(spot, mass, heap, at[chain[m]], amount[chain[m]])
            over = rise[k]
            while over > 0.0 and heap > 0:
                if mass[0] <= over:
                    over -= mass[0]
                    heap = _pop(spot, mass, heap)
                else:
                    mass[0] -= over
                    over = 0.0
            wish[k] = spot[0] if heap > 0 else low
        limit = high
        moves = False
        for k in range(size - 1, -1, -1):
            limit = min(max(wish[k], low), limit)
            sites[k] = np.int64(limit + before[k] + 0.5)
            moves = moves or sites[k] != b.site[cells[k]]
        if not moves:
            continue
        for k in range(size):
            i = cells[k]
            xs[k], ys[k], turns[k] = x_of(b, i, s, sites[k]), b.y[i], b.turn[i]
        gain = change(b, cells, xs, ys, turns, size)
        if gain < 0.0:
            gained -= gain
            keep(b, cells, xs, ys, turns, size)
            for k in range(size):
                b.site[cells[k]] = sites[k]
    return gained


@njit_lean()
def _functions(
    b: Board, s: int, cells: NDArray, size: int, before: NDArray, low: float, high: float, owner: NDArray,
    at: NDArray, amount: NDArray, rise: NDArray,
) -> int:  # fmt: skip
    """Breakpoints of the cells' functions, in sites with ``before`` taken off, and their slopes at the far right.

    Returns:
        Breakpoints.
    """
    b.token[0] += 1
    token, points = b.token[0], 0
    for k in range(size):
        i = cells[k]
        for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
            e = b.pin_net[b.node_pins[a]]
            if b.seen[e] == token:
                continue
            b.seen[e] = token
            x0, x1 = math.inf, -math.inf  # pins elsewhere
            left, right = size, -1  # first and last cell of the net here, and their outermost pins
            left_dx, right_dx = 0.0, 0.0
            for q in range(b.net_ptr[e], b.net_ptr[e + 1]):
                j = b.pin_node[q]
                if b.segment[j] != s:
                    x0, x1 = min(x0, b.pin_x[q]), max(x1, b.pin_x[q])
                    continue
                dx = b.pin_x[q] - b.x[j] + b.half[j]
                slot = b.slot[j]
                if slot < left or (slot == left and dx < left_dx):
                    left, left_dx = slot, dx
                if slot > right or (slot == right and dx > right_dx):
                    right, right_dx = slot, dx
            w = b.weight[e]
            if w <= 0.0:
                continue
            if x0 > x1:
                if left == right:
                    continue
                # Nothing elsewhere: the first cell pulls right and the last pulls left, wherever they are.
                owner[points], at[points], amount[points] = left, high, w
                points += 1
                rise[right] += w
                continue
            p = (x0 - left_dx - b.x0[s]) / b.pitch[0] - before[left]
            points = _hinge(left, p, w, low, high, owner, at, amount, points)
            p = (x1 - right_dx - b.x0[s]) / b.pitch[0] - before[right]
            rise[right] += w
            points = _hinge(right, p, w, low, high, owner, at, amount, points)
    return points


@njit_lean()
def _hinge(
    k: int, p: float, w: float, low: float, high: float, owner: NDArray, at: NDArray, amount: NDArray, points: int
) -> int:
    """A change of slope by ``w`` at ``p``, shared by the sites on either side."""
    p = min(max(p, low), high)
    floor = math.floor(p)
    part = p - floor
    if part < 1.0:
        owner[points], at[points], amount[points] = k, floor, w * (1.0 - part)
        points += 1
    if part > 0.0:
        owner[points], at[points], amount[points] = k, floor + 1.0, w * part
        points += 1
    return points


@njit_lean()
def _by_owner(owner: NDArray, points: int, size: int, start: NDArray, chain: NDArray) -> None:
    """Breakpoints cell by cell: those of cell ``k`` are ``chain[start[k] : start[k + 1]]``."""
    for k in range(size + 1):
        start[k] = 0
    for m in range(points):
        start[owner[m] + 1] += 1
    for k in range(size):
        start[k + 1] += start[k]
    for m in range(points):
        chain[start[owner[m]]] = m
        start[owner[m]] += 1
    for k in range(size, 0, -1):
        start[k] = start[k - 1]
    start[0] = 0


@njit_lean()
def _push(spot: NDArray, mass: NDArray, size: int, p: float, w: float) -> int:
    k = size
    while k > 0 and spot[(k - 1) // 2] < p:
        up = (k - 1) // 2
        spot[k], mass[k] = spot[up], mass[up]
        k = up
    spot[k], mass[k] = p, w
    return size + 1


@njit_lean()
def _pop(spot: NDArray, mass: NDArray, size: int) -> int:
    size -= 1
    p, w = spot[size], mass[size]
    k = 0
    while 2 * k + 1 < size:
        down = 2 * k + 1
        if down + 1 < size and spot[down + 1] > spot[down]:
            down += 1
        if spot[down] <= p:
            break
        spot[k], mass[k] = spot[down], mass[down]
        k = down
    spot[k], mass[k] = p, w
    return size
