"""Moves of several objects at once: arrays of macros, connected objects, chains of macros that push each other."""

from __future__ import annotations

import numpy as np

from netlists.compiled import njit_lean
from placer.cost.incremental.state import TRIAL_ROOM
from placer.engines.search.ground import beside, centre_x, centre_y, corner_x, corner_y, keep_out, nearest_corner
from placer.engines.search.moves.draft import (
    add,
    add_soft,
    exchange_corners,
    fits_together,
    in_draft,
    median_place,
    neighbour,
    some_hard,
)
from placer.engines.search.moves.scene import Scene
from placer.engines.search.rng import below, jump, uniform

#: Two macros in line belong to one array when the space between them is at most this part of their size.
_ARRAY_SPACE = 0.25


@njit_lean()
def _side_by_side(v: Scene, i: int, j: int) -> bool:
    """True when two macros of one size lie in line with little space between them."""
    g = v.ground
    across, up = abs(g.left[i] - g.left[j]), abs(g.bottom[i] - g.bottom[j])
    if up == 0:
        return across <= g.wide[i] + int(_ARRAY_SPACE * g.wide[i])
    return across == 0 and up <= g.high[i] + int(_ARRAY_SPACE * g.high[i])


@njit_lean()
def _shift_all(v: Scene, dx: int, dy: int) -> bool:
    """Shift the drafted macros by lattice steps from where they lie; shorter shifts are tried where that is blocked."""
    g, d = v.ground, v.draft
    for _ in range(3):
        i = d.objects[0]
        across = nearest_corner(g, i, g.left[i] + dx, False) - g.left[i]
        up = nearest_corner(g, i, g.bottom[i] + dy, True) - g.bottom[i]
        if across == 0 and up == 0:
            return False
        for k in range(d.size[0]):
            i = d.objects[k]
            d.left[k], d.bottom[k] = g.left[i] + across, g.bottom[i] + up
        if fits_together(v):
            for k in range(d.size[0]):
                i = d.objects[k]
                d.x[k], d.y[k] = (
                    centre_x(g, i, d.left[k]),
                    centre_y(g, i, d.bottom[k]),
                )
            return True
        dx, dy = int(dx / 2), int(dy / 2)
    return False


@njit_lean()
def array_shift(v: Scene, reach: float) -> bool:
    """Macros of one size that lie side by side, or a part of such an array, shift as one."""
    g, d = v.ground, v.draft
    i = some_hard(v)
    begin, end = v.crowd.twin_ptr[v.crowd.rank[i]], v.crowd.twin_ptr[v.crowd.rank[i] + 1]
    if end - begin < 2:
        return False
    most = 2 + below(v.rng, TRIAL_ROOM - 1)
    add(v, i, g.left[i], g.bottom[i])
    k = 0
    while k < d.size[0] and d.size[0] < most:
        for t in range(begin, end):
            j = v.crowd.twin[t]
            if _side_by_side(v, d.objects[k], j) and not in_draft(v, j):
                add(v, j, g.left[j], g.bottom[j])
                if d.size[0] == most:
                    break
        k += 1
    if d.size[0] < 2:
        return False
    if uniform(v.rng) < 0.5:
        return _shift_all(v, int(np.rint(jump(v.rng, 0.1 * v.gcell_width, reach) / g.step)), 0)
    return _shift_all(v, 0, int(np.rint(jump(v.rng, 0.1 * v.gcell_height, reach) / g.step)))


@njit_lean()
def joint_shift(v: Scene, reach: float) -> bool:
    """A hard macro and one or two objects it shares nets with, hard or soft, go the same way."""
    g = v.ground
    i = some_hard(v)
    dx = int(np.rint(jump(v.rng, 0.1 * v.gcell_width, reach) / g.step))
    dy = int(np.rint(jump(v.rng, 0.1 * v.gcell_height, reach) / g.step))
    u = uniform(v.rng)
    if u < 0.3:
        dx = 0
    elif u < 0.6:
        dy = 0
    dx = nearest_corner(g, i, g.left[i] + dx, False) - g.left[i]
    dy = nearest_corner(g, i, g.bottom[i] + dy, True) - g.bottom[i]
    if dx == 0 and dy == 0:
        return False
    add(v, i, g.left[i] + dx, g.bottom[i] + dy)
    for _ in range(2 + below(v.rng, 2)):
        k = neighbour(v, i)
        if k < 0:
            break
        j = v.conn_node[k]
        if in_draft(v, j):
            continue
        if v.crowd.is_soft[j]:
            if not add_soft(v, j, v.x[j] + dx * g.step, v.y[j] + dy * g.step):
                return False
        elif v.crowd.rank[j] >= 0:
            add(v, j, g.left[j] + dx, g.bottom[j] + dy)
    return v.draft.size[0] > 1 and fits_together(v)


@njit_lean()
def hard_push(v: Scene, reach: float) -> bool:
    """To an occupied place; what lies there is pushed aside along one axis, and pushes others in turn."""
    g, d = v.ground, v.draft
    i = some_hard(v)
    x, y = v.x[i], v.y[i]
    vertical, forth = uniform(v.rng) < 0.5, uniform(v.rng) < 0.5
    u = uniform(v.rng)
    if u < 0.5:  # along the axis it pushes
        step = abs(jump(v.rng, 0.1 * v.gcell_width, reach))
        step = step if forth else -step
        x, y = (x, y + step) if vertical else (x + step, y)
    elif u < 0.75:
        x, y = median_place(v, i)
    else:
        x, y = x + jump(v.rng, 0.1 * v.gcell_width, reach), y + jump(v.rng, 0.1 * v.gcell_height, reach)
    left, bottom = corner_x(g, i, x), corner_y(g, i, y)
    if left == g.left[i] and bottom == g.bottom[i]:
        return False
    pushed = _push(v, i, left, bottom, vertical, forth)
    exchange_corners(v)  # back to where they lie; the draft has the new corners
    if not pushed or not fits_together(v):
        return False
    for k in range(d.size[0]):
        i = d.objects[k]
        d.x[k], d.y[k] = centre_x(g, i, d.left[k]), centre_y(g, i, d.bottom[k])
    return True


@njit_lean()
def _push(v: Scene, i: int, left: int, bottom: int, vertical: bool, forth: bool) -> bool:
    """Lay macro ``i`` at a corner and push all in its way; ``g`` has the new corners then, the draft the old ones.

    Everything is pushed the same way, as far as needed, so nothing is ever pushed back and the chain ends.
    """
    g, d = v.ground, v.draft
    add(v, i, g.left[i], g.bottom[i])
    g.left[i], g.bottom[i] = left, bottom
    k = 0
    while k < d.size[0]:
        a = d.objects[k]
        k += 1
        again = d.size[0]
        for h in range(len(g.hard)):
            j = g.hard[h]
            if j == a:
                continue
            low_x, low_y, high_x, high_y = keep_out(g, j, a)
            if not (low_x < g.left[j] < high_x and low_y < g.bottom[j] < high_y):
                continue
            if v.crowd.rank[j] < 0 or j == i:
                return False
            if not in_draft(v, j):
                if d.size[0] == TRIAL_ROOM:
                    return False
                add(v, j, g.left[j], g.bottom[j])
            else:  # pushed further: what it pushes must be looked at again
                for m in range(d.size[0]):
                    if d.objects[m] == j:
                        again = min(again, m)
            if vertical:
                g.bottom[j] = beside(g, j, a, 3 if forth else 1)
                if g.bottom[j] < g.low_y[j] or g.bottom[j] > g.high_y[j]:
                    return False
            else:
                g.left[j] = beside(g, j, a, 2 if forth else 0)
                if g.left[j] < g.low_x[j] or g.left[j] > g.high_x[j]:
                    return False
        k = min(k, again)
    return True
