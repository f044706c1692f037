"""A complete search for a few rectangles: finds an arrangement, or proves that there is none.

Any packing can be pushed left and down until every rectangle rests, on its left and below, on the ground, a wall or
another rectangle. Its rectangles can then be taken away one by one towards the upper right (translations of convex
sets in one direction have an acyclic order), so it is built in an order in which every rectangle finds its supports
in place and none lies in the shadow (the lower-left quadrant of the upper-right corner) of an earlier one. Branching
over the next rectangle and its supported corners is therefore complete (Martello, Pisinger and Vigo, Operations
Research 48(2), 2000, give the same for boxes without walls). A branch ends when the area outside the shadows and
walls is less than what is still to come.
"""

from __future__ import annotations

import numpy as np

from netlists.compiled import njit
from placer.engines.legalise.arrays import ascending, copy_rows
from placer.engines.legalise.problem import Ints, Problem

#: Up to this many rectangles the search is short enough to be tried.
MAX_RECTANGLES = 12
#: Walls add corner candidates to every branch; beyond this the search is left to the packers.
MAX_WALLS = 12


@njit(cache=True)
def _union_area(boxes: Ints, count: int, bounds: Ints) -> float:
    """Area of the union of ``boxes[:count]`` inside ``bounds``."""
    ys, lefts = np.empty(2 * count), np.empty(count)
    for k in range(count):
        ys[2 * k] = min(max(boxes[k, 1], bounds[1]), bounds[3])
        ys[2 * k + 1] = min(max(boxes[k, 3], bounds[1]), bounds[3])
        lefts[k] = boxes[k, 0]
    levels = ascending(ys)
    order = ascending(lefts)
    total = 0.0
    for s in range(2 * count - 1):
        low, high = ys[levels[s]], ys[levels[s + 1]]
        if low == high:
            continue
        reached = bounds[0]
        covered = 0
        for k in order:
            if boxes[k, 1] <= low and boxes[k, 3] >= high:
                a, b = max(boxes[k, 0], reached), min(boxes[k, 2], bounds[2])
                if b > a:
                    covered += b - a
                    reached = b
        total += float(covered) * (high - low)
    return total


@njit(cache=True)
def _search(w: Ints, h: Ints, kind: Ints, bounds: Ints, walls: Ints, max_branches: int, x: Ints, y: Ints) -> int:
    """Depth-first search; fills ``x``, ``y``. Returns 1 found, 0 proved impossible, -1 gave up."""
    n, fixed = len(w), len(walls)
    chosen = np.empty(n, np.int64)
    pointer = np.zeros(n + 1, np.int64)
    used = np.zeros(n, np.bool_)
    shadow = np.empty((fixed + n, 4), np.int64)
    copy_rows(shadow, 0, walls, 0, fixed)
    ground = float(bounds[2] - bounds[0]) * float(bounds[3] - bounds[1])
    to_come = np.zeros(n + 1)
    for i in range(n):
        to_come[0] += float(w[i]) * float(h[i])
    depth, branches = 0, 0
    while True:
        if depth == n:
            return 1
        side = depth + 1 + fixed
        advanced = False
        while pointer[depth] < n * side * side:
            code = pointer[depth]
            pointer[depth] += 1
            o, at = code // (side * side), code % (side * side)
            if used[o] or (o > 0 and kind[o - 1] == kind[o] and not used[o - 1]):
                continue
            p, q = at // side, at % side
            px = bounds[0] if p == 0 else (walls[p - 1, 2] if p <= fixed else 0)
            if p > fixed:
                s = chosen[p - 1 - fixed]
                px = x[s] + w[s]
            py = bounds[1] if q == 0 else (walls[q - 1, 3] if q <= fixed else 0)
            if q > fixed:
                s = chosen[q - 1 - fixed]
                py = y[s] + h[s]
            if px < bounds[0] or py < bounds[1] or px + w[o] > bounds[2] or py + h[o] > bounds[3]:
                continue
            # The named support must really touch.
            if p > 0:
                if p <= fixed:
                    a, b = walls[p - 1, 1], walls[p - 1, 3]
                else:
                    a, b = y[chosen[p - 1 - fixed]], y[chosen[p - 1 - fixed]] + h[chosen[p - 1 - fixed]]
                if a >= py + h[o] or b <= py:
                    continue
            if q > 0:
                if q <= fixed:
                    a, b = walls[q - 1, 0], walls[q - 1, 2]
                else:
                    a, b = x[chosen[q - 1 - fixed]], x[chosen[q - 1 - fixed]] + w[chosen[q - 1 - fixed]]
                if a >= px + w[o] or b <= px:
                    continue
            good = True
            for k in range(fixed):
                if walls[k, 0] < px + w[o] and walls[k, 2] > px and walls[k, 1] < py + h[o] and walls[k, 3] > py:
                    good = False
                    break
            for d in range(depth):
                s = chosen[d]
                if px < x[s] + w[s] and py < y[s] + h[s]:
                    good = False
                    break
            if not good:
                continue
            if depth > 0:
                # Of two neighbours in the order that could be exchanged, the one of the smaller kind goes first.
                s = chosen[depth - 1]
                if kind[o] < kind[s] and not (x[s] < px + w[o] and y[s] < py + h[o]):
                    continue
            branches += 1
            if branches > max_branches:
                return -1
            shadow[fixed + depth, 0], shadow[fixed + depth, 1] = bounds[0], bounds[1]
            shadow[fixed + depth, 2], shadow[fixed + depth, 3] = px + w[o], py + h[o]
            rest = to_come[depth] - float(w[o]) * float(h[o])
            if rest > 0 and ground - _union_area(shadow, fixed + depth + 1, bounds) < rest:
                continue
            x[o], y[o] = px, py
            chosen[depth] = o
            used[o] = True
            to_come[depth + 1] = rest
            advanced = True
            break
        if advanced:
            depth += 1
            if depth < n:
                pointer[depth] = 0
        else:
            if depth == 0:
                return 0
            depth -= 1
            used[chosen[depth]] = False


def search_all(problem: Problem, branches: int = 3_000_000) -> tuple[tuple[Ints, Ints] | None, bool]:
    """Search the whole space of a small problem.

    Args:
        problem: at most :data:`MAX_RECTANGLES` rectangles and :data:`MAX_WALLS` walls.
        branches: after which the search gives up without a proof; the default takes a few seconds.

    Returns:
        corners: legal corners, or None.
        proved: True when None means that none exist, False when the problem was too large to know.
    """
    if problem.size > MAX_RECTANGLES or len(problem.walls) > MAX_WALLS:
        return None, False
    area = problem.width * problem.height
    order = np.lexsort((problem.height, problem.width, -area))
    w, h = problem.width[order], problem.height[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(w) != 0) | (np.diff(h) != 0)
    kind = np.cumsum(new).astype(np.int64)
    x, y = np.zeros(len(w), np.int64), np.zeros(len(w), np.int64)
    bounds = np.array(problem.bounds, np.int64)
    answer = _search(w, h, kind, bounds, problem.walls, branches, x, y)
    if answer != 1:
        return None, answer == 0
    out_x, out_y = np.empty_like(x), np.empty_like(y)
    out_x[order], out_y[order] = x, y
    return (out_x, out_y), False
