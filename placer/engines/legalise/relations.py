"""Legalising by relations: who is left of whom, who is below whom, and room for all of them.

Overlapping rectangles are first pushed apart a little at a time, which tells what the input *means*: every pair gets
the one relation (left of, or below) that this spread-out picture keeps with the most room. If the longest chains of
relations fit the ground, positions between the earliest and the latest possible ones are legal for every pair at
once; a chain that does not fit is broken by turning the relation of one of its pairs to the other axis, where there
is room. (Constraint-graph floorplan repair in the manner of Moffitt, Ng, Markov and Pollack, DAC 2006.)
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from placer.engines.legalise.problem import Ints, Problem

Floats = NDArray[np.float64]

_NONE, _X, _Y = 0, 1, 2
_LEFT, _RIGHT, _BELOW, _ABOVE = 1, 2, 3, 4


@njit(cache=True)
def push_apart(
    x: Floats, y: Floats, w: Floats, h: Floats, mobility: Floats, bounds: Floats, walls: Floats, rounds: int
) -> float:
    """Move overlapping rectangles apart along their cheaper axis until nothing overlaps or ``rounds`` are over.

    Args:
        x: ``[n]`` left edges, updated.
        y: ``[n]`` lower edges, updated.
        w: ``[n]`` widths.
        h: ``[n]`` heights.
        mobility: ``[n]`` positive; of two rectangles the more mobile one moves more.
        bounds: ``[4]`` ground.
        walls: ``[K, 4]`` fixed boxes.
        rounds: most sweeps over all pairs.

    Returns:
        The deepest overlap met in the last sweep.
    """
    n = len(x)
    deepest = 0.0
    for _ in range(rounds):
        deepest = 0.0
        order = np.argsort(x, kind="mergesort")
        for p in range(n):
            i = order[p]
            for q in range(p + 1, n):
                j = order[q]
                # Positions change during the sweep; the sort is only a filter, refreshed every round.
                if x[j] >= x[i] + w[i]:
                    break
                px = min(x[i] + w[i] - x[j], x[j] + w[j] - x[i])
                py = min(y[i] + h[i] - y[j], y[j] + h[j] - y[i])
                if px <= 0.0 or py <= 0.0:
                    continue
                deepest = max(deepest, min(px, py))
                share = mobility[i] / (mobility[i] + mobility[j])
                if px <= py:
                    sign = 1.0 if x[i] + 0.5 * w[i] <= x[j] + 0.5 * w[j] else -1.0
                    x[i] -= sign * share * px
                    x[j] += sign * (1.0 - share) * px
                else:
                    sign = 1.0 if y[i] + 0.5 * h[i] <= y[j] + 0.5 * h[j] else -1.0
                    y[i] -= sign * share * py
                    y[j] += sign * (1.0 - share) * py
        for i in range(n):
            for k in range(len(walls)):
                left, right = x[i] + w[i] - walls[k, 0], walls[k, 2] - x[i]
                down, up = y[i] + h[i] - walls[k, 1], walls[k, 3] - y[i]
                # A way out that leaves the ground is no way out.
                if left <= 0 or right <= 0 or down <= 0 or up <= 0:
                    continue
                if walls[k, 0] - w[i] < bounds[0]:
                    left = np.inf
                if walls[k, 2] + w[i] > bounds[2]:
                    right = np.inf
                if walls[k, 1] - h[i] < bounds[1]:
                    down = np.inf
                if walls[k, 3] + h[i] > bounds[3]:
                    up = np.inf
                way = min(min(left, right), min(down, up))
                deepest = max(deepest, min(way, w[i]))
                if way == np.inf:
                    continue
                if way == left:
                    x[i] -= left
                elif way == right:
                    x[i] += right
                elif way == down:
                    y[i] -= down
                else:
                    y[i] += up
            x[i] = min(max(x[i], bounds[0]), bounds[2] - w[i])
            y[i] = min(max(y[i], bounds[1]), bounds[3] - h[i])
        if deepest < 1.0:
            break
    return deepest


@njit(cache=True)
def _chains(relation: NDArray[np.int8], kind: int, size: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Earliest and latest positions along one axis; everything is given in an order that the relations respect."""
    n = len(size)
    early, late = low.copy(), high.copy()
    for p in range(n):
        end = early[p] + size[p]
        for q in range(p + 1, n):
            if relation[p, q] == kind and early[q] < end:
                early[q] = end
    for p in range(n - 1, -1, -1):
        limit = late[p] + size[p]
        for q in range(p + 1, n):
            if relation[p, q] == kind and late[q] < limit:
                limit = late[q]
        late[p] = limit - size[p]
    return early, late


@njit(cache=True)
def _limits(w: Ints, h: Ints, bounds: Ints, walls: Ints, side: NDArray[np.int8]) -> tuple[Ints, Ints, Ints, Ints]:
    """Bounds of every rectangle's corner from the ground and the side of each wall it keeps to."""
    n = len(w)
    low_x, low_y = np.full(n, bounds[0]), np.full(n, bounds[1])
    high_x, high_y = bounds[2] - w, bounds[3] - h
    for i in range(n):
        for k in range(len(walls)):
            s = side[i, k]
            if s == _LEFT:
                high_x[i] = min(high_x[i], walls[k, 0] - w[i])
            elif s == _RIGHT:
                low_x[i] = max(low_x[i], walls[k, 2])
            elif s == _BELOW:
                high_y[i] = min(high_y[i], walls[k, 1] - h[i])
            else:
                low_y[i] = max(low_y[i], walls[k, 3])
    return low_x, high_x, low_y, high_y


@njit(cache=True)
def _relate(x: Floats, y: Floats, w: Ints, h: Ints, walls: Ints) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    n = len(x)
    relation = np.zeros((n, n), np.int8)
    side = np.zeros((n, len(walls)), np.int8)
    for i in range(n):
        for j in range(i):
            gap_x = max(x[j] - x[i] - w[i], x[i] - x[j] - w[j])
            gap_y = max(y[j] - y[i] - h[i], y[i] - y[j] - h[j])
            kind = _X if gap_x >= gap_y else _Y
            relation[i, j] = kind
            relation[j, i] = kind
        for k in range(len(walls)):
            gaps = (walls[k, 0] - x[i] - w[i], x[i] - walls[k, 2], walls[k, 1] - y[i] - h[i], y[i] - walls[k, 3])
            best = 0
            for s in range(1, 4):
                if gaps[s] > gaps[best]:
                    best = s
            side[i, k] = best + 1
    return relation, side


@njit(cache=True)
def _repair(
    rank_x: Ints, rank_y: Ints, w: Ints, h: Ints, bounds: Ints, walls: Ints, relation: NDArray[np.int8],
    side: NDArray[np.int8], want_x: Ints, want_y: Ints, patience: int,
) -> tuple[bool, Ints, Ints]:  # fmt: skip
    """Turn relations until every chain fits, then settle.

    Returns:
        success, corners.
    """
    n = len(w)
    low_x, high_x, low_y, high_y = _limits(w, h, bounds, walls, side)
    # Each axis in its own order, so that the long loops run over contiguous memory.
    size_x, size_y = w[rank_x], h[rank_y]
    low_x, high_x, low_y, high_y = low_x[rank_x], high_x[rank_x], low_y[rank_y], high_y[rank_y]
    along_x, along_y = np.empty((n, n), np.int8), np.empty((n, n), np.int8)
    place_x, place_y = np.empty(n, np.int64), np.empty(n, np.int64)
    for p in range(n):
        place_x[rank_x[p]] = p
        place_y[rank_y[p]] = p
        for q in range(n):
            along_x[p, q] = relation[rank_x[p], rank_x[q]]
            along_y[p, q] = relation[rank_y[p], rank_y[q]]
    turned = np.zeros((n, n), np.int8)
    least, since = np.int64(1) << np.int64(62), 0
    while True:
        early_x, late_x = _chains(along_x, _X, size_x, low_x, high_x)
        early_y, late_y = _chains(along_y, _Y, size_y, low_y, high_y)
        over_x, over_y = max(0, np.max(early_x - late_x)), max(0, np.max(early_y - late_y))
        if over_x == 0 and over_y == 0:
            break
        since += 1
        if over_x + over_y < least:
            least, since = over_x + over_y, 0
        if since > patience:
            return False, rank_x, rank_y
        # Break the chain that is too long by most: turn the pair with the most room on the other axis.
        if over_x >= over_y:
            p, q = _turn(
                along_x, _X, size_x, early_x, late_x, over_x, turned,
                rank_x, place_y, size_y, early_y, late_y,
            )  # fmt: skip
            kind = _Y
        else:
            p, q = _turn(
                along_y, _Y, size_y, early_y, late_y, over_y, turned,
                rank_y, place_x, size_x, early_x, late_x,
            )  # fmt: skip
            kind = _X
        if p < 0:
            return False, rank_x, rank_y
        i, j = (rank_x[p], rank_x[q]) if kind == _Y else (rank_y[p], rank_y[q])
        turned[i, j] += 1
        turned[j, i] += 1
        along_x[place_x[i], place_x[j]] = kind
        along_x[place_x[j], place_x[i]] = kind
        along_y[place_y[i], place_y[j]] = kind
        along_y[place_y[j], place_y[i]] = kind
    x, y = np.empty(n, np.int64), np.empty(n, np.int64)
    x[rank_x] = _settle(along_x, _X, size_x, low_x, late_x, want_x[rank_x])
    y[rank_y] = _settle(along_y, _Y, size_y, low_y, late_y, want_y[rank_y])
    return True, x, y


@njit(cache=True)
def _turn(
    along: NDArray[np.int8], kind: int, size: Ints, early: Ints, late: Ints, over: int, turned: NDArray[np.int8],
    rank: Ints, other_place: Ints, other_size: Ints, other_early: Ints, other_late: Ints,
) -> tuple[int, int]:  # fmt: skip
    """The pair (in this axis' order) on a chain too long by ``over`` that has the most room on the other axis."""
    best_p, best_q, best_room = -1, -1, np.int64(-1) << np.int64(60)
    n = len(size)
    for p in range(n):
        if early[p] - late[p] < over:
            continue
        for q in range(p + 1, n):
            # On a longest chain both are late by the whole excess and the second waits for the first.
            if along[p, q] != kind or early[q] - late[q] < over or early[p] + size[p] != early[q]:
                continue
            i, j = rank[p], rank[q]
            # One turn each way at most, or two chains could hand a pair back and forth for ever.
            if turned[i, j] >= 2:
                continue
            a, b = other_place[i], other_place[j]
            if a > b:
                a, b = b, a
            room = other_late[b] - other_early[a] - other_size[a]
            if room > best_room:
                best_p, best_q, best_room = p, q, room
    return best_p, best_q


@njit(cache=True)
def _settle(relation: NDArray[np.int8], kind: int, size: Ints, low: Ints, late: Ints, wanted: Ints) -> Ints:
    """Positions as near to ``wanted`` as the chains allow, first come first served in the order of the axis."""
    at = low.copy()
    n = len(size)
    for p in range(n):
        at[p] = max(at[p], min(wanted[p], late[p]))
        end = at[p] + size[p]
        for q in range(p + 1, n):
            if relation[p, q] == kind and at[q] < end:
                at[q] = end
    return at


def spread(problem: Problem, rounds: int) -> tuple[Floats, Floats]:
    """Targets of the problem pushed apart: float corners that hardly overlap wherever there is room nearby."""
    x, y = problem.target_x.astype(np.float64), problem.target_y.astype(np.float64)
    w, h = problem.width.astype(np.float64), problem.height.astype(np.float64)
    mobility = 1.0 / np.maximum(problem.weight, 1e-9)
    push_apart(x, y, w, h, mobility, np.array(problem.bounds, float), problem.walls.astype(np.float64), rounds)
    return x, y


def by_relations(problem: Problem, x: Floats, y: Floats) -> tuple[Ints, Ints] | None:
    """Legal corners that keep the relations of a nearly legal picture.

    Args:
        problem: what to legalise.
        x: ``[n]`` left edges of the picture, see :func:`spread`.
        y: ``[n]`` lower edges.

    Returns:
        Corners in steps, or None when the chains could not be made to fit.
    """
    w, h, walls = problem.width, problem.height, problem.walls
    bounds = np.array(problem.bounds, dtype=np.int64)
    relation, side = _relate(x, y, w, h, walls)
    rank_x = np.argsort(x + w / 2, kind="stable")
    rank_y = np.argsort(y + h / 2, kind="stable")
    patience = 20 + problem.size // 10
    arguments = problem.target_x, problem.target_y, patience
    fits, at_x, at_y = _repair(rank_x, rank_y, w, h, bounds, walls, relation, side, *arguments)
    return (at_x, at_y) if fits else None
