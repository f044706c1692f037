"""The pieces every kind of move is made of: adding objects to the draft, testing it, looking for a place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from placer.engines.search.ground import centre_x, centre_y, corner_x, corner_y, hard_fits, hard_fits_turned, soft_fits
from placer.engines.search.moves.advice import draw_hard, draw_soft
from placer.engines.search.moves.scene import MEDIAN_NETS, Scene
from placer.engines.search.rng import below, uniform
from placer.engines.search.ruled import ruled_snap


@njit_lean()
def some_soft(v: Scene) -> int:
    """A soft object to move: any as likely as any other, unless somebody advises."""
    return v.crowd.soft[draw_soft(v.advice, len(v.crowd.soft), v.rng)]


@njit_lean()
def some_hard(v: Scene) -> int:
    """A hard macro to move: any as likely as any other, unless somebody advises."""
    return v.crowd.hard[draw_hard(v.advice, len(v.crowd.hard), v.rng)]


@njit_lean()
def add(v: Scene, i: int, left: int, bottom: int) -> None:
    """Append object ``i`` at a corner, orientation unchanged."""
    g, d = v.ground, v.draft
    k = d.size[0]
    d.objects[k], d.left[k], d.bottom[k], d.orient[k] = i, left, bottom, v.orient[i]
    d.x[k], d.y[k] = centre_x(g, i, left), centre_y(g, i, bottom)
    d.size[0] = k + 1


@njit_lean()
def add_soft(v: Scene, i: int, x: float, y: float) -> bool:
    """Append a soft object near a centre; False when that place is walled off."""
    g = v.ground
    left, bottom = corner_x(g, i, x), corner_y(g, i, y)
    if not soft_fits(g, i, left, bottom):
        return False
    add(v, i, left, bottom)
    return True


@njit_lean()
def add_turned(v: Scene, i: int, turn: int) -> bool:
    """Append hard macro ``i`` where it is with an orientation of the same width and height; False if it may not."""
    g, d = v.ground, v.draft
    left, bottom = g.left[i], g.bottom[i]
    if g.rules.on:
        # The snapping grid may depend on the orientation: the next corner upwards, or else downwards.
        r = g.rules
        for way in (1, -1):
            x, y = ruled_snap(r, i, turn, 0, left, way), ruled_snap(r, i, turn, 1, bottom, way)
            if hard_fits_turned(g, i, x, y, -1, turn):
                add(v, i, x, y)
                d.orient[d.size[0] - 1] = turn
                return True
        return False
    add(v, i, left, bottom)
    d.orient[d.size[0] - 1] = turn
    return True


@njit_lean()
def in_draft(v: Scene, i: int) -> bool:
    """True when object ``i`` moves in this draft already."""
    d = v.draft
    found = False
    for k in range(d.size[0]):
        found |= d.objects[k] == i
    return found


@njit_lean()
def exchange_corners(v: Scene) -> None:
    """Lay the drafted objects where the draft says, and keep where they lay in the draft; twice is never."""
    g, d = v.ground, v.draft
    for k in range(d.size[0]):
        i = d.objects[k]
        g.left[i], d.left[k] = d.left[k], g.left[i]
        g.bottom[i], d.bottom[k] = d.bottom[k], g.bottom[i]


@njit_lean()
def fits_together(v: Scene) -> bool:
    """True when every hard macro of the draft may lie at its new corner, all of them having moved."""
    g, d = v.ground, v.draft
    exchange_corners(v)
    fits = True
    for k in range(d.size[0]):
        i = d.objects[k]
        if v.hard[i] and not hard_fits(g, i, g.left[i], g.bottom[i], -1):
            fits = False
            break
    exchange_corners(v)
    return fits


@njit_lean()
def neighbour(v: Scene, i: int) -> int:
    """A random connection that shares a net with object ``i`` but is not on it, or -1."""
    begin, end = v.obj_ptr[i], v.obj_ptr[i + 1]
    if end == begin:
        return -1
    net = v.conn_net[v.obj_conn[begin + below(v.rng, end - begin)]]
    a, b = v.net_ptr[net], v.net_ptr[net + 1]
    for _ in range(3):
        c = a + below(v.rng, b - a)
        if v.conn_node[c] != i:
            return c
    return -1


@njit_lean()
def median_place(v: Scene, i: int) -> tuple[float, float]:
    """A point of the optimal region of object ``i``: between the medians of the ends of its nets without it.

    Optimal region: Goto, "An efficient algorithm for the two-dimensional placement problem in electrical circuit
    layout", IEEE TCAS 1981. A sample of the nets stands for all where there are many.
    """
    d = v.draft
    begin, end = v.obj_ptr[i], v.obj_ptr[i + 1]
    count = 0
    for k in range(min(end - begin, MEDIAN_NETS)):
        at = begin + k if end - begin <= MEDIAN_NETS else begin + below(v.rng, end - begin)
        net = v.conn_net[v.obj_conn[at]]
        x0 = y0 = np.inf
        x1 = y1 = -np.inf
        for c in range(v.net_ptr[net], v.net_ptr[net + 1]):
            if v.conn_node[c] != i:
                x0, x1 = min(x0, v.px[c]), max(x1, v.px[c])
                y0, y1 = min(y0, v.py[c]), max(y1, v.py[c])
        if x1 >= x0:
            d.ends[0, count], d.ends[0, count + 1] = x0 + v.x0, x1 + v.x0
            d.ends[1, count], d.ends[1, count + 1] = y0 + v.y0, y1 + v.y0
            count += 2
    if count == 0:
        return v.x[i], v.y[i]
    _sort(d.ends[0], count)
    _sort(d.ends[1], count)
    k = count // 2
    across, up = uniform(v.rng), uniform(v.rng)
    x0, x1, y0, y1 = d.ends[0, k - 1], d.ends[0, k], d.ends[1, k - 1], d.ends[1, k]
    return x0 + across * (x1 - x0), y0 + up * (y1 - y0)


@njit_lean()
def _sort(values: NDArray, count: int) -> None:
    """Sort the first few numbers in place, by insertion."""
    for i in range(1, count):
        value = values[i]
        k = i
        while k > 0 and values[k - 1] > value:
            values[k] = values[k - 1]
            k -= 1
        values[k] = value
