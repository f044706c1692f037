"""Cells of equal width dealt out anew among the places they hold: independent-set matching.

Cells no two of which share a net do not mind where the others go, so the best way to deal their places out among them
is a linear assignment (Chen, Jiang, Hsu, Chen, Chang, NTUplace3, TCAD 2008, section V).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.budget import Budget
from placer.engines.analytic.board import (
    LIFTED,
    Board,
    change,
    keep,
    lift,
    price,
    turn_in,
    x_of,
    y_of,
)

#: Cells of one assignment; its work grows with their cube.
SET = 32
#: Cells looked through for those of one set.
_POOL = 64
#: Cells between two looks at the budget: whole pools, so that slices change nothing.
_SLICE = 256 * _POOL
#: Price of a place that a cell may not take.
_NEVER = 1e30


def match(board: Board, cells: NDArray[np.int64], shift: int, budget: Budget | None = None) -> float:
    """One pass over all cells.

    Args:
        board: the board; changed in place.
        cells: those that may move.
        shift: which pass this is; the groups of cells near each other differ from pass to pass.
        budget: when to end the pass early.

    Returns:
        What the weighted HPWL fell by, um.
    """
    gained = 0.0
    kinds = np.stack([board.sites[cells], board.fence[cells], board.turns[cells]])
    order = np.lexsort(kinds)
    sorted_kinds = kinds[:, order]
    cuts = np.flatnonzero((np.diff(sorted_kinds, axis=1) != 0).any(axis=0)) + 1
    for group in np.split(cells[order], cuts):
        if len(group) < 2:
            continue
        line = _along_snake(board, group, shift)
        for begin in range(0, len(line), _SLICE):
            if budget is not None and budget.over:
                return gained
            gained += float(_match(board, line[begin : begin + _SLICE], shift))
    return gained


def _along_snake(board: Board, cells: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    """Cells tile by tile, tiles of about a pool's cells in lines that turn at their ends."""
    x, y = board.x[cells], board.y[cells]
    if shift % 2:
        x, y = y, x
    side = max(math.ceil(math.sqrt(len(cells) / _POOL)), 1)
    extent_x, extent_y = max(float(np.ptp(x)), 1e-9), max(float(np.ptp(y)), 1e-9)
    part = (shift % 3) / 3.0
    column = np.floor((x - x.min()) / extent_x * side + part).astype(np.int64)
    row = np.floor((y - y.min()) / extent_y * side + part).astype(np.int64)
    column = np.where(row % 2, side + 1 - column, column)
    return cells[np.lexsort((x, column, row))]


@njit(cache=True, nogil=True)
def _match(b: Board, cells: NDArray, shift: int) -> float:
    most = 1
    for i in cells:
        most = max(most, b.node_ptr[i + 1] - b.node_ptr[i])
    lifted = np.empty((most, LIFTED))
    cost = np.empty((SET, SET))
    chosen, taken = np.empty(SET, np.int64), np.zeros(len(cells), np.bool_)
    owner = np.full(len(b.weight), -1)  # net -> set it is in
    xs, ys, turns = np.empty(SET), np.empty(SET), np.empty(SET, np.int64)
    segment, slot, site = np.empty(SET, np.int64), np.empty(SET, np.int64), np.empty(SET, np.int64)
    to = np.empty(SET, np.int64)
    work_f, work_i = np.empty((3, SET + 1)), np.empty((3, SET + 1), np.int64)
    gained, sets = 0.0, 0
    begin = 0
    while begin < len(cells):
        end = min(begin + _POOL, len(cells))
        while True:
            size, sets = 0, sets + 1
            for k in range(begin, end):
                i = cells[k]
                if taken[k] or size == SET:
                    continue
                free = True
                for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
                    if owner[b.pin_net[b.node_pins[a]]] == sets:
                        free = False
                        break
                if not free:
                    continue
                for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
                    owner[b.pin_net[b.node_pins[a]]] = sets
                taken[k] = True
                chosen[size] = i
                size += 1
            if size < 2:
                break
            now = 0.0
            for m in range(size):
                i = chosen[m]
                nets = lift(b, i, lifted)
                own = price(lifted, nets, b.x[i], b.y[i], b.turn[i])
                for n in range(size):
                    j = chosen[n]
                    s = b.segment[j]
                    turn = turn_in(b, i, s)
                    if turn < 0:
                        cost[m, n] = _NEVER
                    else:
                        cost[m, n] = price(lifted, nets, x_of(b, i, s, b.site[j]), y_of(b, i, s), turn) - own
                cost[m, m] = 0.0
            total = _assign(cost, size, to, work_f, work_i)
            if total < now - 1e-7:
                for m in range(size):
                    j = chosen[to[m]]
                    i = chosen[m]
                    segment[m], slot[m], site[m] = b.segment[j], b.slot[j], b.site[j]
                    if to[m] == m:
                        xs[m], ys[m], turns[m] = b.x[i], b.y[i], b.turn[i]
                    else:
                        xs[m], ys[m] = x_of(b, i, segment[m], site[m]), y_of(b, i, segment[m])
                        turns[m] = turn_in(b, i, segment[m])
                found = change(b, chosen, xs, ys, turns, size)
                if found < 0.0:
                    gained -= found
                    keep(b, chosen, xs, ys, turns, size)
                    for m in range(size):
                        i = chosen[m]
                        b.order[b.base[segment[m]] + slot[m]] = i
                        b.segment[i], b.slot[i], b.site[i] = segment[m], slot[m], site[m]
        begin = end
    return gained


@njit_lean()
def _assign(cost: NDArray, size: int, to: NDArray, work_f: NDArray, work_i: NDArray) -> float:
    """Least assignment of rows to columns by shortest augmenting paths (Jonker, Volgenant, Computing 1987).

    Args:
        cost: ``[>= size, >= size]``.
        size: rows and columns.
        to: gets the column of each row.
        work_f: ``[3, > size]`` scratch.
        work_i: ``[3, > size]`` scratch.

    Returns:
        Its cost.
    """
    u, v, least = work_f[0], work_f[1], work_f[2]
    row, way, used = work_i[0], work_i[1], work_i[2]  # row of each column from 1, 0 for none
    for k in range(size + 1):
        u[k] = v[k] = 0.0
        row[k] = 0
    for m in range(1, size + 1):
        row[0] = m
        at = 0
        for k in range(size + 1):
            least[k], used[k] = math.inf, 0
        while True:
            used[at] = 1
            r, delta, ahead = row[at], math.inf, 0
            for k in range(1, size + 1):
                if used[k]:
                    continue
                reduced = cost[r - 1, k - 1] - u[r] - v[k]
                if reduced < least[k]:
                    least[k], way[k] = reduced, at
                if least[k] < delta:
                    delta, ahead = least[k], k
            for k in range(size + 1):
                if used[k]:
                    u[row[k]] += delta
                    v[k] -= delta
                else:
                    least[k] -= delta
            at = ahead
            if row[at] == 0:
                break
        while at:
            back = way[at]
            row[at] = row[back]
            at = back
    total = 0.0
    for k in range(1, size + 1):
        to[row[k] - 1] = k - 1
        total += cost[row[k] - 1, k - 1]
    return total
