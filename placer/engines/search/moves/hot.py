"""Moves of the objects that make the hottest gcells hot.

The proxy cost averages only the fullest gcells and the most congested map entries, so what lies elsewhere costs
nothing there. ``Heat`` says, now and then, which objects carry those: an estimate that only guides the dice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import State
from placer.engines.search.ground import Ground, corner_x, corner_y, free_spot, hard_fits
from placer.engines.search.moves.draft import add, add_soft, median_place
from placer.engines.search.moves.scene import Heat, Scene
from placer.engines.search.rng import below, jump, uniform

#: Places looked at before an object leaves a hot spot.
_LOOKS = 6
#: Gcells to either side that tell which of two rows (columns) is cooler.
_SIGHT = 4
#: How often the cooler of two rows (columns) is taken.
_COOLER = 0.8


@njit_lean(allocates=True)
def _nth_largest(values: NDArray, n: int) -> float:
    return np.sort(values)[len(values) - max(n, 1)]


@njit_lean(allocates=True)
def feel(p: Problem, s: State, g: Ground, heat: Heat) -> None:
    """Take the heat of the committed placement.

    Nets count as stars of two-gcell routes, horizontal in the source's row, vertical in the sink's column.
    """
    rows, columns = p.rows, p.columns
    limit = max(_nth_largest(s.congestion, p.congestion_count), 1e-12)
    for r in range(rows):
        for c in range(columns):
            across, up = s.congestion[p.h_begin + c * p.h_width + r], s.congestion[r * p.v_width + c]
            heat.row_hot[r, c + 1] = heat.row_hot[r, c] + (across >= limit)
            heat.column_hot[c, r + 1] = heat.column_hot[c, r] + (up >= limit)
    limit = max(_nth_largest(s.area, p.density_count), 1e-12)
    for r in range(rows):
        for c in range(columns):
            heat.full[r, c] = s.area[r * columns + c] >= limit
    heat.lift[:] = 0.0
    heat.sway[:] = 0.0
    heat.bulk[:] = 0.0
    h_unit, v_unit = p.congestion_scale * p.h_inverse, p.congestion_scale * p.v_inverse
    for net in range(len(p.route_weight)):
        a = p.net_ptr[net]
        c0, r0 = index(s.px[a], p.gcell_width, columns), index(s.py[a], p.gcell_height, rows)
        source, weight = p.conn_node[a], p.route_weight[net]
        for k in range(a + 1, p.net_ptr[net + 1]):
            c1, r1 = index(s.px[k], p.gcell_width, columns), index(s.py[k], p.gcell_height, rows)
            across = heat.row_hot[r0, max(c0, c1)] - heat.row_hot[r0, min(c0, c1)]
            up = heat.column_hot[c1, max(r0, r1)] - heat.column_hot[c1, min(r0, r1)]
            heat.lift[source] += weight * across * h_unit
            heat.sway[p.conn_node[k]] += weight * up * v_unit
    total = 0.0
    for k in range(len(heat.movers)):
        i = heat.movers[k]
        if p.solid[i]:
            heat.bulk[i] = bulk_at(p, g, heat, i, s.x[i], s.y[i])
        total += heat.lift[i] + heat.sway[i] + heat.bulk[i]
        heat.running[k] = total


@njit_lean()
def index(at: float, pitch: float, count: int) -> int:
    """Row (column) of a place ``at`` um from the canvas origin."""
    return min(max(int(np.floor(at / pitch)), 0), count - 1)


@njit_lean()
def bulk_at(p: Problem, g: Ground, heat: Heat, i: int, x: float, y: float) -> float:
    """What object ``i`` puts into the fullest gcells and, a hard macro, into hot entries with its centre at a place."""
    left, right = x - p.x0 - g.half_x[i], x - p.x0 + g.half_x[i]
    bottom, top = y - p.y0 - g.half_y[i], y - p.y0 + g.half_y[i]
    rows, columns = p.rows, p.columns
    bulk = 0.0
    for r in range(index(bottom, p.gcell_height, rows), index(top, p.gcell_height, rows) + 1):
        tall = max(0.0, min(top, (r + 1) * p.gcell_height) - max(bottom, r * p.gcell_height))
        for c in range(index(left, p.gcell_width, columns), index(right, p.gcell_width, columns) + 1):
            broad = max(0.0, min(right, (c + 1) * p.gcell_width) - max(left, c * p.gcell_width))
            if heat.full[r, c]:
                bulk += tall * broad * p.density_scale
            if p.hard[i]:
                if heat.row_hot[r, c + 1] > heat.row_hot[r, c]:
                    bulk += tall * p.h_macro * p.h_inverse * p.congestion_scale
                if heat.column_hot[c, r + 1] > heat.column_hot[c, r]:
                    bulk += broad * p.v_macro * p.v_inverse * p.congestion_scale
    return bulk


@njit_lean()
def hot_object(heat: Heat, rng: NDArray) -> int:
    """A movable object, drawn by its heat."""
    last = len(heat.movers) - 1
    if heat.running[last] <= 0.0:
        return heat.movers[below(rng, last + 1)]
    aim = uniform(rng) * heat.running[last]
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        if heat.running[middle] > aim:
            high = middle
        else:
            low = middle + 1
    return heat.movers[low]


@njit_lean()
def _hot_ahead(prefix: NDArray, line: int, middle: int, width: int) -> int:
    """Hot entries near ``middle`` of a row (column); lines beyond the canvas are as hot as can be."""
    if line < 0 or line >= len(prefix):
        return 2 * _SIGHT + 2
    return prefix[line, min(middle + _SIGHT + 1, width)] - prefix[line, max(middle - _SIGHT, 0)]


@njit_lean()
def hot_shift(v: Scene, reach: float) -> bool:
    """A driver leaves a hot row, or a sink a hot column, by a gcell or two; mostly to the cooler side."""
    g = v.ground
    i = hot_object(v.heat, v.rng)
    for _ in range(_LOOKS):  # one that is hot for its nets, not for what it covers
        if uniform(v.rng) * (v.heat.lift[i] + v.heat.sway[i] + v.heat.bulk[i]) >= v.heat.bulk[i]:
            break
        i = hot_object(v.heat, v.rng)
    rows, columns = v.heat.lift[i], v.heat.sway[i]
    if rows + columns <= 0.0:
        return False
    step = 1 + (uniform(v.rng) < 0.25)
    row, column = index(v.y[i] - v.y0, v.gcell_height, v.rows), index(v.x[i] - v.x0, v.gcell_width, v.columns)
    x, y = v.x[i], v.y[i]
    if uniform(v.rng) * (rows + columns) < rows:
        above = _hot_ahead(v.heat.row_hot, row + step, column, v.columns)
        below_it = _hot_ahead(v.heat.row_hot, row - step, column, v.columns)
        up = uniform(v.rng) < (0.5 if above == below_it else _COOLER if above < below_it else 1.0 - _COOLER)
        y += step * v.gcell_height if up else -step * v.gcell_height
    else:
        right = _hot_ahead(v.heat.column_hot, column + step, row, v.rows)
        left = _hot_ahead(v.heat.column_hot, column - step, row, v.rows)
        on = uniform(v.rng) < (0.5 if right == left else _COOLER if right < left else 1.0 - _COOLER)
        x += step * v.gcell_width if on else -step * v.gcell_width
    if v.crowd.is_soft[i]:
        return add_soft(v, i, x, y)
    corner, bottom = corner_x(g, i, x), corner_y(g, i, y)
    if (corner == g.left[i] and bottom == g.bottom[i]) or not hard_fits(g, i, corner, bottom, -1):
        return False
    add(v, i, corner, bottom)
    return True


@njit_lean()
def hot_away(v: Scene, reach: float) -> bool:
    """An object leaves a hot spot: of some random places around it and its optimal region, to the coolest."""
    g = v.ground
    i = hot_object(v.heat, v.rng)
    fine = 0.1 * v.gcell_width
    mx, my = median_place(v, i)
    best, best_x, best_y = np.inf, v.x[i], v.y[i]
    area = v.gcell_width * v.gcell_height
    for look in range(_LOOKS):
        x, y = (mx, my) if look % 2 else (v.x[i], v.y[i])
        x, y = x + jump(v.rng, fine, reach), y + jump(v.rng, fine, reach)
        r, k = index(y - v.y0, v.gcell_height, v.rows), index(x - v.x0, v.gcell_width, v.columns)
        warmth = v.area[r * v.columns + k] / area + v.congestion[r * v.v_width + k]
        warmth += v.congestion[v.h_begin + k * v.h_width + r]
        if warmth < best:
            best, best_x, best_y = warmth, x, y
    if v.crowd.is_soft[i]:
        return add_soft(v, i, best_x, best_y)
    found, left, bottom = free_spot(g, i, corner_x(g, i, best_x), corner_y(g, i, best_y), v.draft.boxes)
    if not found or (left == g.left[i] and bottom == g.bottom[i]):
        return False
    add(v, i, left, bottom)
    return True
