"""Legalising by relations: who is left of whom, who is below whom, and room for all of them.

Overlapping rectangles are first pushed apart a little at a time, which tells what the input *means*: every pair gets
the one relation (left of, or below) that this spread-out picture keeps with the most room. If the longest chains of
relations fit the ground, positions between the earliest and the latest possible ones are legal for every pair at
once; a chain that does not fit is broken by turning the relation of one of its pairs to the other axis, where there
is room. (Constraint-graph floorplan repair in the manner of Moffitt, Ng, Markov and Pollack, DAC 2006.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.engines.legalise.arrays import ascending
from placer.engines.legalise.problem import Ints, Problem

Floats = NDArray[np.float64]

_X, _Y = 1, 2
#: Pairs looked at while chains are made to fit; about a second.
_WORK = 200_000_000
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
        order = ascending(x)
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


def _limits(problem: Problem, side: NDArray[np.int8]) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """Bounds (low, high) of every rectangle's corner along x and y, from the ground and the walls it keeps to."""
    x0, y0, x1, y1 = problem.bounds
    w, h, walls = problem.width, problem.height, problem.walls
    low_x, low_y, high_x, high_y = np.full(len(w), x0), np.full(len(w), y0), x1 - w, y1 - h
    for k in range(len(walls)):
        s = side[:, k]
        high_x = np.where(s == _LEFT, np.minimum(high_x, walls[k, 0] - w), high_x)
        low_x = np.where(s == _RIGHT, np.maximum(low_x, walls[k, 2]), low_x)
        high_y = np.where(s == _BELOW, np.minimum(high_y, walls[k, 1] - h), high_y)
        low_y = np.where(s == _ABOVE, np.maximum(low_y, walls[k, 3]), low_y)
    return (low_x, high_x), (low_y, high_y)


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


@dataclass
class _Axis:
    """One axis of the picture, in the order of the rectangles' centres along it.

    Everything is permuted into that order, so that the long loops run over contiguous memory.
    """

    kind: int
    rank: Ints
    size: Ints
    low: Ints
    high: Ints
    wanted: Ints
    relation: NDArray[np.int8]
    place: Ints

    def chains(self) -> tuple[Ints, Ints, int]:
        """Earliest and latest positions, and by how much the longest chain is too long."""
        early, late = _chains(self.relation, self.kind, self.size, self.low, self.high)
        return early, late, max(0, int((early - late).max(initial=0)))


def _axis(
    kind: int, middle: Floats, size: Ints, limits: tuple[Ints, Ints], wanted: Ints, relation: NDArray[np.int8]
) -> _Axis:
    rank = np.argsort(middle, kind="stable")
    place = np.empty_like(rank)
    place[rank] = np.arange(len(rank))
    ordered = np.ascontiguousarray(relation[np.ix_(rank, rank)])
    return _Axis(kind, rank, size[rank], limits[0][rank], limits[1][rank], wanted[rank], ordered, place)


def _repair(axes: tuple[_Axis, _Axis], patience: int) -> bool:
    """Turn relations until every chain fits.

    Returns:
        False when no pair can be turned, ``patience`` turns gained nothing, or the work is used up.
    """
    n = len(axes[0].rank)
    turned = np.zeros((n, n), np.int8)
    least, since = np.inf, 0
    for _ in range(20 + _WORK // (n * n)):
        found = [axis.chains() for axis in axes]
        over = found[0][2] + found[1][2]
        if over == 0:
            return True
        since += 1
        if over < least:
            least, since = over, 0
        if since > patience:
            return False
        # Break the chain that is too long by most: turn the pair with the most room on the other axis.
        worse = 0 if found[0][2] >= found[1][2] else 1
        this, other = axes[worse], axes[1 - worse]
        early, late, excess = found[worse]
        other_early, other_late, _ = found[1 - worse]
        p, q = _turn(
            this.relation, this.kind, this.size, early, late, excess, turned,
            this.rank, other.place, other.size, other_early, other_late,
        )  # fmt: skip
        if p < 0:
            return False
        i, j = this.rank[p], this.rank[q]
        turned[[i, j], [j, i]] += 1
        for axis in axes:
            a, b = axis.place[i], axis.place[j]
            axis.relation[[a, b], [b, a]] = other.kind
    return False


@njit(cache=True)
def _turn(
    along: NDArray[np.int8], kind: int, size: Ints, early: Ints, late: Ints, over: int, turned: NDArray[np.int8],
    rank: Ints, other_place: Ints, other_size: Ints, other_early: Ints, other_late: Ints,
) -> tuple[int, int]:  # fmt: skip
    """The pair (in this axis' order) on a chain too long by ``over`` that has the most room on the other axis."""
    best_p, best_q, best_room = -1, -1, -(1 << 60)
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
    w, h = problem.width, problem.height
    relation, side = _relate(x, y, w, h, problem.walls)
    limits_x, limits_y = _limits(problem, side)
    axes = (
        _axis(_X, x + w / 2, w, limits_x, problem.target_x, relation),
        _axis(_Y, y + h / 2, h, limits_y, problem.target_y, relation),
    )
    if not _repair(axes, patience=20 + problem.size // 10):
        return None
    corners = []
    for axis in axes:
        late = axis.chains()[1]
        at = np.empty_like(axis.rank)
        at[axis.rank] = _settle(axis.relation, axis.kind, axis.size, axis.low, late, axis.wanted)
        corners.append(at)
    return corners[0], corners[1]
