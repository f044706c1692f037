"""The exact nearest free position of one rectangle among others, and greedy insertion built on it.

The lower-left corner of a ``w x h`` rectangle may not lie inside ``(ox0 - w, ox1) x (oy0 - h, oy1)`` of any other
box: the free positions are the ground minus a union of open rectangles. Branch and bound over cells of positions
finds the free one nearest to a target: the best position of a cell is its point nearest to the target; where that
point is forbidden, the forbidden rectangle it lies in is cut out of the cell, which leaves at most four smaller cells.
Only boxes within a window count, and the window doubles until the best position found cannot be beaten from outside.
"""

from __future__ import annotations

import numpy as np

from netlists.compiled import njit
from placer.engines.legalise.arrays import copy_rows
from placer.engines.legalise.problem import Ints

_FAR = 1 << 60


@njit(cache=True)
def nearest_free(
    w: int, h: int, tx: int, ty: int, bounds: Ints, boxes: Ints, active: np.ndarray, limit: int
) -> tuple[int, int, int, int]:
    """Free lower-left corner nearest to ``(tx, ty)`` in the Manhattan metric.

    Args:
        w: width of the rectangle, steps.
        h: height.
        tx: wanted left edge.
        ty: wanted lower edge.
        bounds: ``[4]`` ground.
        boxes: ``[K, 4]`` other boxes.
        active: ``[K]`` bool, which of them count.
        limit: only positions closer than this are of interest.

    Returns:
        x, y, distance, work; the distance is ``limit`` when there is no closer free position. The work is the number
        of boxes looked at: a measure of time that is the same on every machine.
    """
    low_x, low_y = bounds[0], bounds[1]
    high_x, high_y = bounds[2] - w, bounds[3] - h
    if high_x < low_x or high_y < low_y:
        return tx, ty, limit, 1
    cx, cy = min(max(tx, low_x), high_x), min(max(ty, low_y), high_y)
    off = abs(cx - tx) + abs(cy - ty)
    count = len(boxes)
    # Forbidden corners as closed integer ranges x0..x1, y0..y1; lists of them lie on one growing stack.
    ban = np.empty((count, 4), np.int64)
    lists = np.empty(4 * count + 64, np.int64)
    cells = np.empty((256, 6), np.int64)
    radius = max(w, h)
    whole = max(max(cx - low_x, high_x - cx), max(cy - low_y, high_y - cy))
    work = 0
    while True:
        near = 0
        work += count
        for k in range(count):
            if not active[k]:
                continue
            a, b, c, d = boxes[k, 0] - w + 1, boxes[k, 1] - h + 1, boxes[k, 2] - 1, boxes[k, 3] - 1
            if a < cx + radius and c > cx - radius and b < cy + radius and d > cy - radius:
                ban[near, 0], ban[near, 1], ban[near, 2], ban[near, 3] = a, b, c, d
                near += 1
        # Positions with both offsets below the radius are judged exactly by the boxes of the window.
        best_x, best_y, best = cx, cy, min(limit - off, radius)
        found = False
        if len(lists) < 2 * near:
            lists = np.empty(4 * near, np.int64)
        for k in range(near):
            lists[k] = k
        cells[0, 0], cells[0, 1] = max(low_x, cx - radius), max(low_y, cy - radius)
        cells[0, 2], cells[0, 3] = min(high_x, cx + radius), min(high_y, cy + radius)
        cells[0, 4], cells[0, 5] = 0, near
        depth = 1
        while depth > 0:
            depth -= 1
            x0, y0, x1, y1 = cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3]
            first, size = cells[depth, 4], cells[depth, 5]
            px, py = min(max(cx, x0), x1), min(max(cy, y0), y1)
            distance = abs(px - cx) + abs(py - cy)
            if distance >= best:
                continue
            # Boxes of the parent's list that touch this cell; of those on the nearest point, the widest cut.
            top = first + size
            work += size
            if top + size > len(lists):
                grown = np.empty(2 * len(lists) + size, np.int64)
                for m in range(top):
                    grown[m] = lists[m]
                lists = grown
            kept = 0
            cut, cut_area = -1, -1.0
            covered = False
            for m in range(first, top):
                k = lists[m]
                a, b, c, d = ban[k, 0], ban[k, 1], ban[k, 2], ban[k, 3]
                if a > x1 or c < x0 or b > y1 or d < y0:
                    continue
                lists[top + kept] = k
                kept += 1
                if a <= px <= c and b <= py <= d:
                    if a <= x0 and c >= x1 and b <= y0 and d >= y1:
                        covered = True
                        break
                    area = float(min(c, x1) - max(a, x0) + 1) * float(min(d, y1) - max(b, y0) + 1)
                    if area > cut_area:
                        cut, cut_area = k, area
            if covered:
                continue
            if cut < 0:
                best_x, best_y, best, found = px, py, distance, True
                continue
            if depth + 4 > len(cells):
                more = np.empty((2 * len(cells), 6), np.int64)
                copy_rows(more, 0, cells, 0, len(cells))
                cells = more
            a, b, c, d = ban[cut, 0], ban[cut, 1], ban[cut, 2], ban[cut, 3]
            base = depth
            if a > x0:
                cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3] = x0, y0, a - 1, y1
                depth += 1
            if c < x1:
                cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3] = c + 1, y0, x1, y1
                depth += 1
            left, right = max(x0, a), min(x1, c)
            if b > y0:
                cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3] = left, y0, right, b - 1
                depth += 1
            if d < y1:
                cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3] = left, d + 1, right, y1
                depth += 1
            for m in range(base, depth):
                cells[m, 4], cells[m, 5] = top, kept
            # Nearest cell last, so that it is looked into first.
            for m in range(base + 1, depth):
                q = m
                while q > base and _distance(cells[q - 1], cx, cy) < _distance(cells[q], cx, cy):
                    for z in range(4):
                        cells[q - 1, z], cells[q, z] = cells[q, z], cells[q - 1, z]
                    q -= 1
        if found:
            return best_x, best_y, best + off, work
        if radius >= limit - off or radius > 2 * whole:
            return tx, ty, limit, work
        radius *= 2


@njit(cache=True)
def _distance(cell: Ints, x: int, y: int) -> int:
    """Manhattan distance from a point to a cell."""
    return max(cell[0] - x, 0, x - cell[2]) + max(cell[1] - y, 0, y - cell[3])


@njit(cache=True)
def insert_greedily(
    order: Ints,
    width: Ints,
    height: Ints,
    want_x: Ints,
    want_y: Ints,
    bounds: Ints,
    boxes: Ints,
    active: np.ndarray,
) -> int:
    """Put rectangles one after the other at the free position nearest to where they want to be.

    Args:
        order: rectangle ids, first come first served.
        width: ``[n]``.
        height: ``[n]``.
        want_x: ``[n]`` wanted left edges.
        want_y: ``[n]`` wanted lower edges.
        bounds: ``[4]`` ground.
        boxes: ``[n + K, 4]`` boxes of the rectangles and then of the walls; updated.
        active: ``[n + K]`` which boxes are there; updated.

    Returns:
        How many found no place (they stay inactive).
    """
    left = 0
    # A variable, not the constant: Numba would compile the search once more for a literal.
    far = _FAR + left
    for i in order:
        x, y, distance, _ = nearest_free(width[i], height[i], want_x[i], want_y[i], bounds, boxes, active, far)
        if distance >= far:
            left += 1
            continue
        boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3] = x, y, x + width[i], y + height[i]
        active[i] = True
    return left
