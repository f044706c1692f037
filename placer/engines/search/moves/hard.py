"""Moves of one or a few hard macros to places that are free. Each function drafts one kind.

The arguments are those of ``soft``. Every new corner goes through ``ground.hard_fits`` or comes out of a query of
``ground`` that keeps the same rules.
"""

from __future__ import annotations

import numpy as np

from netlists.compiled import njit_lean
from placer.engines.search.ground import beside, corner_x, corner_y, free_spot, hard_fits, nearest_corner, slide_range
from placer.engines.search.moves.draft import add, add_turned, fits_together, median_place, neighbour, some_hard
from placer.engines.search.moves.scene import Scene
from placer.engines.search.rng import below, jump, uniform

#: Random places tried before a kind gives up.
_TRIES = 8


@njit_lean()
def hard_slide(v: Scene, reach: float) -> bool:
    """Along one axis, at most to the next obstacle."""
    g = v.ground
    i = some_hard(v)
    vertical = uniform(v.rng) < 0.5
    low, high = slide_range(g, i, vertical)
    at = g.bottom[i] if vertical else g.left[i]
    if high <= low:
        return False
    u = uniform(v.rng)
    if u < 0.15:
        to = low
    elif u < 0.3:
        to = high
    else:
        pitch = v.gcell_height if vertical else v.gcell_width
        to = nearest_corner(g, i, at + int(np.rint(jump(v.rng, 0.02 * pitch, reach) / g.step)), vertical)
        to = max(low, min(high, to))
    if to == at:
        return False
    add(v, i, g.left[i] if vertical else to, to if vertical else g.bottom[i])
    return True


@njit_lean()
def hard_jump(v: Scene, reach: float) -> bool:
    """To a free place at random around where it is, or around a pin it shares a net with."""
    g = v.ground
    i = some_hard(v)
    fine_x, fine_y = 0.1 * v.gcell_width, 0.1 * v.gcell_height
    for _ in range(_TRIES):
        x, y = v.x[i], v.y[i]
        if uniform(v.rng) < 0.5:
            k = neighbour(v, i)
            if k >= 0:
                x, y = v.px[k] + v.x0, v.py[k] + v.y0
        left, bottom = (
            corner_x(g, i, x + jump(v.rng, fine_x, reach)),
            corner_y(g, i, y + jump(v.rng, fine_y, reach)),
        )
        if (left != g.left[i] or bottom != g.bottom[i]) and hard_fits(g, i, left, bottom, -1):
            add(v, i, left, bottom)
            return True
    return False


@njit_lean()
def hard_abut(v: Scene, reach: float) -> bool:
    """Against a side of another macro, one edge in line."""
    g = v.ground
    i = some_hard(v)
    for _ in range(_TRIES):
        j = g.hard[below(v.rng, len(g.hard))]
        if j == i:
            continue
        side, near = below(v.rng, 4), uniform(v.rng) < 0.5
        if side < 2:
            left = beside(g, i, j, 2 if side == 0 else 0)
            bottom = nearest_corner(g, i, g.bottom[j] if near else g.bottom[j] + g.high[j] - g.high[i], True)
        else:
            bottom = beside(g, i, j, 3 if side == 2 else 1)
            left = nearest_corner(g, i, g.left[j] if near else g.left[j] + g.wide[j] - g.wide[i], False)
        if (left != g.left[i] or bottom != g.bottom[i]) and hard_fits(g, i, left, bottom, -1):
            add(v, i, left, bottom)
            return True
    return False


@njit_lean()
def hard_to_free(v: Scene, reach: float) -> bool:
    """To the free place nearest to its optimal region, or to a pin it shares a net with."""
    g = v.ground
    i = some_hard(v)
    k = neighbour(v, i) if uniform(v.rng) < 0.5 else -1
    x, y = (v.px[k] + v.x0, v.py[k] + v.y0) if k >= 0 else median_place(v, i)
    x += jump(v.rng, 0.1 * v.gcell_width, reach)
    y += jump(v.rng, 0.1 * v.gcell_height, reach)
    left, bottom = corner_x(g, i, x), corner_y(g, i, y)
    found, left, bottom = free_spot(g, i, left, bottom, v.draft.boxes)
    if not found or (left == g.left[i] and bottom == g.bottom[i]):
        return False
    add(v, i, left, bottom)
    return True


@njit_lean()
def hard_flip(v: Scene, reach: float) -> bool:
    """One of the three other orientations that keep width and height where they are."""
    i = some_hard(v)
    o = np.int64(v.orient[i])
    # N, S and FN, FS keep the sides; W, E and FW, FE are those four, turned: bit 1.
    turn = (below(v.rng, 3) + 1) ^ (o & 1 | (o & 4) >> 1)
    return add_turned(v, i, (turn & 1) | (turn & 2) << 1 | (o & 2))


@njit_lean()
def _twin(v: Scene, i: int) -> int:
    """A random movable hard macro of the size of ``i``, itself included."""
    begin, end = v.crowd.twin_ptr[v.crowd.rank[i]], v.crowd.twin_ptr[v.crowd.rank[i] + 1]
    return v.crowd.twin[begin + below(v.rng, end - begin)]


@njit_lean()
def hard_swap(v: Scene, reach: float) -> bool:
    """Two macros of one size exchange places."""
    g = v.ground
    i = some_hard(v)
    j = _twin(v, i)
    if j == i:
        return False
    add(v, i, g.left[j], g.bottom[j])
    add(v, j, g.left[i], g.bottom[i])
    return fits_together(v)


@njit_lean()
def hard_rotate(v: Scene, reach: float) -> bool:
    """Three macros of one size change places in a ring."""
    g = v.ground
    i = some_hard(v)
    j, k = _twin(v, i), _twin(v, i)
    if i == j or j == k or k == i:
        return False
    add(v, i, g.left[j], g.bottom[j])
    add(v, j, g.left[k], g.bottom[k])
    add(v, k, g.left[i], g.bottom[i])
    return fits_together(v)


@njit_lean()
def hard_exchange(v: Scene, reach: float) -> bool:
    """Two macros of any sizes exchange their centres, if both then fit."""
    g = v.ground
    i, j = some_hard(v), some_hard(v)
    if j == i:
        return False
    add(v, i, corner_x(g, i, v.x[j]), corner_y(g, i, v.y[j]))
    add(v, j, corner_x(g, j, v.x[i]), corner_y(g, j, v.y[i]))
    return fits_together(v)
