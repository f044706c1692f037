"""The moves of the search. Each draws one proposal into a ``Draft``; every drafted move is legal."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.orientation import FN, FS, N, S
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import MAX_OBJECTS, State
from placer.engines.search.ground import (
    Ground,
    beside,
    both_fit,
    centre_x,
    centre_y,
    corner_x,
    corner_y,
    hard_fits,
    hard_fits_turned,
    nearest_corner,
    slide_range,
    soft_fits,
)
from placer.engines.search.rng import below, jump, uniform
from placer.engines.search.ruled import ruled_snap

#: Kinds of moves; ``NAMES[kind]`` is what reports print.
NAMES: tuple[str, ...] = (
    "soft-shift", "soft-to-neighbour", "soft-to-median", "soft-swap", "soft-group", "gcell-shift",
    "hard-slide", "hard-jump", "hard-abut", "hard-swap", "hard-flip", "hard-exchange",
)  # fmt: skip
(
    SOFT_SHIFT, SOFT_TO_NEIGHBOUR, SOFT_TO_MEDIAN, SOFT_SWAP, SOFT_GROUP, GCELL_SHIFT,
    HARD_SLIDE, HARD_JUMP, HARD_ABUT, HARD_SWAP, HARD_FLIP, HARD_EXCHANGE,
) = range(12)  # fmt: skip

#: Nets looked at for the optimal region of an object.
_MEDIAN_NETS = 15


class Draft(NamedTuple):
    """One drafted move: ``size[0]`` objects, their new corners (steps), centres (um) and orientations."""

    size: NDArray[np.int64]
    objects: NDArray[np.int64]
    left: NDArray[np.int64]
    bottom: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    orient: NDArray[np.int64]
    ends: NDArray[np.float64]


def build_draft() -> Draft:
    """An empty draft."""
    i, f = np.int64, np.float64
    n = MAX_OBJECTS
    return Draft(
        np.zeros(1, i), np.zeros(n, i), np.zeros(n, i), np.zeros(n, i), np.zeros(n, f), np.zeros(n, f),
        np.zeros(n, i), np.zeros((2, 2 * _MEDIAN_NETS), f),
    )  # fmt: skip


@njit(cache=True)
def _add(s: State, g: Ground, d: Draft, i: int, left: int, bottom: int) -> None:
    """Append object ``i`` at a corner, orientation unchanged."""
    k = d.size[0]
    d.objects[k], d.left[k], d.bottom[k], d.orient[k] = i, left, bottom, s.orient[i]
    d.x[k], d.y[k] = centre_x(g, i, left), centre_y(g, i, bottom)
    d.size[0] = k + 1


@njit(cache=True)
def _add_turned(s: State, g: Ground, d: Draft, i: int, turn: int) -> bool:
    """Append hard macro ``i`` where it is with an orientation of the same width and height; False if it may not."""
    left, bottom = g.left[i], g.bottom[i]
    if g.rules.on:
        # The snapping grid may depend on the orientation: the next corner upwards, or else downwards.
        r = g.rules
        for way in (1, -1):
            x, y = ruled_snap(r, i, turn, 0, left, way), ruled_snap(r, i, turn, 1, bottom, way)
            if hard_fits_turned(g, i, x, y, -1, turn):
                _add(s, g, d, i, x, y)
                d.orient[d.size[0] - 1] = turn
                return True
        return False
    _add(s, g, d, i, left, bottom)
    d.orient[d.size[0] - 1] = turn
    return True


@njit(cache=True)
def _add_soft(s: State, g: Ground, d: Draft, i: int, x: float, y: float) -> bool:
    """Append a soft object near a centre; False when that place is walled off."""
    left, bottom = corner_x(g, i, x), corner_y(g, i, y)
    if not soft_fits(g, i, left, bottom):
        return False
    _add(s, g, d, i, left, bottom)
    return True


@njit(cache=True)
def _neighbour(p: Problem, rng: NDArray, i: int) -> int:
    """A random connection that shares a net with object ``i`` but is not on it, or -1."""
    begin, end = p.obj_ptr[i], p.obj_ptr[i + 1]
    if end == begin:
        return -1
    net = p.conn_net[p.obj_conn[begin + below(rng, end - begin)]]
    a, b = p.net_ptr[net], p.net_ptr[net + 1]
    for _ in range(3):
        c = a + below(rng, b - a)
        if p.conn_node[c] != i:
            return c
    return -1


@njit(cache=True)
def _median_place(p: Problem, s: State, d: Draft, rng: NDArray, i: int) -> tuple[float, float]:
    """Middle of the optimal region of object ``i``: medians of the ends of its nets without it.

    Optimal region: Goto, "An efficient algorithm for the two-dimensional placement problem in electrical circuit
    layout", IEEE TCAS 1981. A sample of the nets stands for all where there are many.
    """
    begin, end = p.obj_ptr[i], p.obj_ptr[i + 1]
    count = 0
    for k in range(min(end - begin, _MEDIAN_NETS)):
        at = begin + k if end - begin <= _MEDIAN_NETS else begin + below(rng, end - begin)
        net = p.conn_net[p.obj_conn[at]]
        x0 = y0 = np.inf
        x1 = y1 = -np.inf
        for c in range(p.net_ptr[net], p.net_ptr[net + 1]):
            if p.conn_node[c] != i:
                x0, x1 = min(x0, s.px[c]), max(x1, s.px[c])
                y0, y1 = min(y0, s.py[c]), max(y1, s.py[c])
        if x1 >= x0:
            d.ends[0, count], d.ends[0, count + 1] = x0 + p.x0, x1 + p.x0
            d.ends[1, count], d.ends[1, count + 1] = y0 + p.y0, y1 + p.y0
            count += 2
    if count == 0:
        return s.x[i], s.y[i]
    xs, ys = np.sort(d.ends[0, :count]), np.sort(d.ends[1, :count])
    u, v = uniform(rng), uniform(rng)
    k = count // 2
    return xs[k - 1] + u * (xs[k] - xs[k - 1]), ys[k - 1] + v * (ys[k] - ys[k - 1])


@njit(cache=True)
def draft_soft(
    p: Problem, s: State, g: Ground, d: Draft, rng: NDArray, kind: int, soft: NDArray, is_soft: NDArray, reach: float
) -> bool:
    """Draft a move of soft objects; False when the dice gave none.

    Args:
        p: flattened design.
        s: chain state.
        g: integer geometry.
        d: the draft to fill.
        rng: generator state.
        kind: one of the ``SOFT_*`` kinds or ``GCELL_SHIFT``.
        soft: ids of movable objects that may overlap.
        is_soft: ``[N]`` the same as flags.
        reach: longest random jump, um.
    """
    d.size[0] = 0
    i = soft[below(rng, len(soft))]
    x, y = s.x[i], s.y[i]
    fine = 0.02 * p.gcell_width
    if kind == SOFT_SHIFT:
        return _add_soft(s, g, d, i, x + jump(rng, fine, reach), y + jump(rng, fine, reach))
    if kind == GCELL_SHIFT:
        if uniform(rng) < 0.5:
            x += p.gcell_width if uniform(rng) < 0.5 else -p.gcell_width
        else:
            y += p.gcell_height if uniform(rng) < 0.5 else -p.gcell_height
        return _add_soft(s, g, d, i, x, y)
    if kind == SOFT_TO_MEDIAN:
        x, y = _median_place(p, s, d, rng, i)
        wide = 2.0 * p.gcell_width
        return _add_soft(s, g, d, i, x + jump(rng, fine, wide), y + jump(rng, fine, wide))
    c = _neighbour(p, rng, i)
    if c < 0:
        return False
    if kind == SOFT_TO_NEIGHBOUR:
        wide = 2.0 * p.gcell_width
        return _add_soft(s, g, d, i, s.px[c] + p.x0 + jump(rng, fine, wide), s.py[c] + p.y0 + jump(rng, fine, wide))
    j = p.conn_node[c]
    if not is_soft[j]:
        return False
    if kind == SOFT_SWAP:
        return _add_soft(s, g, d, i, s.x[j], s.y[j]) and _add_soft(s, g, d, j, x, y)
    # SOFT_GROUP: the object and one or two neighbours go the same way.
    dx, dy = jump(rng, fine, reach), jump(rng, fine, reach)
    if not (_add_soft(s, g, d, i, x + dx, y + dy) and _add_soft(s, g, d, j, s.x[j] + dx, s.y[j] + dy)):
        return False
    c = _neighbour(p, rng, i)
    if c >= 0 and is_soft[p.conn_node[c]] and p.conn_node[c] != j and uniform(rng) < 0.5:
        j = p.conn_node[c]
        return _add_soft(s, g, d, j, s.x[j] + dx, s.y[j] + dy)
    return True


@njit(cache=True)
def draft_hard(
    p: Problem, s: State, g: Ground, d: Draft, rng: NDArray, kind: int, hard: NDArray, twin_ptr: NDArray,
    twin: NDArray, reach: float,
) -> bool:  # fmt: skip
    """Draft a legal move of one or two hard macros; False when the dice gave none.

    Args:
        p: flattened design.
        s: chain state.
        g: integer geometry.
        d: the draft to fill.
        rng: generator state.
        kind: one of the ``HARD_*`` kinds.
        hard: ids of the movable hard macros.
        twin_ptr: ``[len(hard) + 1]`` offsets into ``twin``.
        twin: for each movable hard macro, the movable ones of its size (itself too).
        reach: longest random jump, um.
    """
    d.size[0] = 0
    h = below(rng, len(hard))
    i = hard[h]
    if kind == HARD_SLIDE:
        vertical = uniform(rng) < 0.5
        low, high = slide_range(g, i, vertical)
        at = g.bottom[i] if vertical else g.left[i]
        if high <= low:
            return False
        u = uniform(rng)
        if u < 0.15:
            to = low
        elif u < 0.3:
            to = high
        else:
            pitch = p.gcell_height if vertical else p.gcell_width
            to = nearest_corner(g, i, at + int(np.rint(jump(rng, 0.02 * pitch, reach) / g.step)), vertical)
            to = max(low, min(high, to))
        if to == at:
            return False
        _add(s, g, d, i, g.left[i] if vertical else to, to if vertical else g.bottom[i])
        return True
    if kind == HARD_FLIP:
        # The four orientations that keep width and height where they are.
        o = s.orient[i]
        turned = below(rng, 3)
        base = np.int64(2) if o in (2, 3, 6, 7) else np.int64(0)
        options = np.array([N, S, FN, FS]) + base
        k = 0
        for a in range(4):
            if options[a] != o:
                if k == turned:
                    return _add_turned(s, g, d, i, options[a])
                k += 1
        return False
    if kind == HARD_SWAP:
        begin, end = twin_ptr[h], twin_ptr[h + 1]
        if end - begin < 2:
            return False
        j = twin[begin + below(rng, end - begin)]
        if j == i:
            return False
        # Equals fit where the other one was, unless rules of their own tell them apart.
        if g.rules.on and not both_fit(g, i, g.left[j], g.bottom[j], j, g.left[i], g.bottom[i]):
            return False
        _add(s, g, d, i, g.left[j], g.bottom[j])
        _add(s, g, d, j, g.left[i], g.bottom[i])
        return True
    if kind == HARD_EXCHANGE:  # of any two sizes, centre for centre, if both then fit
        j = hard[below(rng, len(hard))]
        if j == i:
            return False
        li, bi = corner_x(g, i, s.x[j]), corner_y(g, i, s.y[j])
        lj, bj = corner_x(g, j, s.x[i]), corner_y(g, j, s.y[i])
        if not both_fit(g, i, li, bi, j, lj, bj):
            return False
        _add(s, g, d, i, li, bi)
        _add(s, g, d, j, lj, bj)
        return True
    for _ in range(8):
        if kind == HARD_JUMP:
            x, y = s.x[i] + jump(rng, 0.1 * p.gcell_width, reach), s.y[i] + jump(rng, 0.1 * p.gcell_height, reach)
            if uniform(rng) < 0.5:
                c = _neighbour(p, rng, i)
                if c >= 0:
                    x, y = (
                        s.px[c] + p.x0 + jump(rng, 0.1 * p.gcell_width, reach),
                        s.py[c] + p.y0 + jump(rng, 0.1 * p.gcell_height, reach),
                    )
            left, bottom = corner_x(g, i, x), corner_y(g, i, y)
        else:  # HARD_ABUT: against a side of another macro, one edge in line
            j = g.hard[below(rng, len(g.hard))]
            if j == i:
                continue
            side, near = below(rng, 4), uniform(rng) < 0.5
            if side < 2:
                left = beside(g, i, j, 2 if side == 0 else 0)
                bottom = nearest_corner(g, i, g.bottom[j] if near else g.bottom[j] + g.high[j] - g.high[i], True)
            else:
                bottom = beside(g, i, j, 3 if side == 2 else 1)
                left = nearest_corner(g, i, g.left[j] if near else g.left[j] + g.wide[j] - g.wide[i], False)
        if (left != g.left[i] or bottom != g.bottom[i]) and hard_fits(g, i, left, bottom, -1):
            _add(s, g, d, i, left, bottom)
            return True
    return False
