"""Exact one-dimensional refinement: the least displacement along one axis while the other axis stands still.

With all y fixed, two rectangles that share a height must keep their left-right order; the others are free of each
other. The nearest positions under these difference constraints,

    minimise sum_i weight_i |x_i - target_i|   subject to   x_j - x_i >= width_i,   low_i <= x_i <= high_i,

are a linear program whose matrix is totally unimodular (it is the dual of a min-cost flow), so its vertices are
integers: no rounding can make the result illegal. Only pairs that see each other are stated; the rest is implied.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from netlists.compiled import njit
from placer.engines.legalise.arrays import ascending, copy_rows
from placer.engines.legalise.problem import Ints, Problem


@njit(cache=True)
def _visible_pairs(x: Ints, y: Ints, w: Ints, h: Ints, walls: Ints, low: Ints, high: Ints) -> Ints:
    """Pairs (left, right) of which the left one sees the right one; tightens ``low``, ``high`` by the walls."""
    n = len(x)
    order = ascending(x.astype(np.float64))
    out = np.empty((16 * n + 16, 2), np.int64)
    count = 0
    # Uncovered parts of the rectangle's right side, as a small set of intervals.
    part_a, part_b = np.empty(2 * n + 2, np.int64), np.empty(2 * n + 2, np.int64)
    for p in range(n):
        i = order[p]
        parts = 1
        part_a[0], part_b[0] = y[i], y[i] + h[i]
        for q in range(p + 1, n):
            if parts == 0:
                break
            j = order[q]
            a, b = y[j], y[j] + h[j]
            if a >= y[i] + h[i] or b <= y[i] or x[j] < x[i] + w[i]:
                continue
            seen = False
            m = 0
            while m < parts:
                s, e = part_a[m], part_b[m]
                if a >= e or b <= s:
                    m += 1
                    continue
                seen = True
                if a > s and b < e:
                    part_b[m] = a
                    part_a[parts], part_b[parts] = b, e
                    parts += 1
                    m += 1
                elif a > s:
                    part_b[m] = a
                    m += 1
                elif b < e:
                    part_a[m] = b
                    m += 1
                else:
                    parts -= 1
                    part_a[m], part_b[m] = part_a[parts], part_b[parts]
            if seen:
                if count == len(out):
                    grown = np.empty((2 * count, 2), np.int64)
                    copy_rows(grown, 0, out, 0, count)
                    out = grown
                out[count, 0], out[count, 1] = i, j
                count += 1
        for k in range(len(walls)):
            if walls[k, 1] < y[i] + h[i] and walls[k, 3] > y[i]:
                if walls[k, 2] <= x[i]:
                    low[i] = max(low[i], walls[k, 2])
                elif walls[k, 0] >= x[i] + w[i]:
                    high[i] = min(high[i], walls[k, 0] - w[i])
    kept = np.empty((count, 2), np.int64)
    copy_rows(kept, 0, out, 0, count)
    return kept


def compact_axis(
    x: Ints, y: Ints, w: Ints, h: Ints, target: Ints, weight: np.ndarray, span: tuple[int, int], walls: Ints
) -> Ints:
    """Least-displacement x of a legal arrangement whose y stay; swap the roles of x and y for the other axis.

    Args:
        x: ``[n]`` legal left edges.
        y: ``[n]`` lower edges.
        w: ``[n]`` widths.
        h: ``[n]`` heights.
        target: ``[n]`` wanted left edges.
        weight: ``[n]`` float64, positive.
        span: left and right end of the ground.
        walls: ``[K, 4]`` fixed boxes.

    Returns:
        ``[n]`` new left edges; the old ones if the solver gave none.
    """
    n = len(x)
    low, high = np.full(n, span[0]), span[1] - w
    pairs = _visible_pairs(x, y, w, h, walls, low, high)
    # x = target + plus - minus; at an optimum one of them is zero, so bounds on x are bounds on plus and minus.
    plus_low, plus_high = np.maximum(low - target, 0), np.maximum(high - target, 0)
    minus_low, minus_high = np.maximum(target - high, 0), np.maximum(target - low, 0)
    m = len(pairs)
    i, j = pairs[:, 0], pairs[:, 1]
    # Rows that no allowed move can break are left out.
    keep = high[i] + w[i] > low[j]
    i, j, m = i[keep], j[keep], int(keep.sum())
    rows = np.repeat(np.arange(m), 4)
    columns = np.stack([i, i + n, j, j + n], axis=1).ravel()
    values = np.tile([1.0, -1.0, -1.0, 1.0], m)
    matrix = csr_array((values, (rows, columns)), shape=(m, 2 * n)) if m else None
    limit = (target[j] - target[i] - w[i]).astype(np.float64) if m else None
    result = linprog(  # type: ignore[call-overload]  # the stubs do not know sparse arrays
        np.concatenate([weight, weight]),
        A_ub=matrix,
        b_ub=limit,
        bounds=np.stack([np.concatenate([plus_low, minus_low]), np.concatenate([plus_high, minus_high])], axis=1),
        method="highs-ds",
    )
    if result.status != 0:
        return x
    return target + np.rint(result.x[:n] - result.x[n:]).astype(np.int64)


def compact(problem: Problem, x: Ints, y: Ints) -> tuple[Ints, Ints]:
    """One exact refinement along x and one along y of legal corners; never worse, always legal."""
    x0, y0, x1, y1 = problem.bounds
    w, h, walls = problem.width, problem.height, problem.walls
    new_x = compact_axis(x, y, w, h, problem.target_x, problem.weight, (x0, x1), walls)
    if not problem.is_legal(new_x, y) or problem.cost(new_x, y) > problem.cost(x, y):
        new_x = x
    turned = np.ascontiguousarray(walls[:, [1, 0, 3, 2]])
    new_y = compact_axis(y, new_x, h, w, problem.target_y, problem.weight, (y0, y1), turned)
    if not problem.is_legal(new_x, new_y) or problem.cost(new_x, new_y) > problem.cost(new_x, y):
        new_y = y
    return new_x, new_y
