"""The move that looks everywhere: one object is tried in every gcell of the grid, and goes where the cost is least."""

from __future__ import annotations

import numpy as np

from netlists.compiled import njit_lean
from placer.cost.incremental import propose, revert
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import State
from placer.engines.search.ground import corner_x, corner_y, hard_fits
from placer.engines.search.moves.draft import add, add_soft
from placer.engines.search.moves.hot import hot_object
from placer.engines.search.moves.scene import Scene
from placer.engines.search.rng import below, uniform
from placer.engines.search.wishes import wish_change

#: Most gcells tried; of a finer grid a regular part, begun at random.
MOST_GCELLS = 1500


@njit_lean()
def scan(p: Problem, s: State, v: Scene) -> bool:
    """An object to the best of all gcells by exact cost, where it lies in them as it does now."""
    g, d, heat, rng = v.ground, v.draft, v.heat, v.rng
    i = hot_object(heat, rng) if uniform(rng) < 0.5 else heat.movers[below(rng, len(heat.movers))]
    stride = max(1, int(np.ceil(np.sqrt(p.rows * p.columns / MOST_GCELLS))))
    width, height = stride * p.gcell_width, stride * p.gcell_height
    across, up = s.x[i] - p.x0, s.y[i] - p.y0
    begin_x, begin_y = across - np.floor(across / width) * width, up - np.floor(up / height) * height
    here_left, here_bottom = g.left[i], g.bottom[i]
    best, best_left, best_bottom = np.inf, here_left, here_bottom
    y = begin_y + p.y0
    while y < p.y0 + p.rows * p.gcell_height:
        x = begin_x + p.x0
        while x < p.x0 + p.columns * p.gcell_width:
            left, bottom = corner_x(g, i, x), corner_y(g, i, y)
            x += width
            if left == here_left and bottom == here_bottom:
                continue
            d.size[0] = 0
            if v.crowd.is_soft[i]:
                if not add_soft(v, i, x - width, y):
                    continue
            elif hard_fits(g, i, left, bottom, -1):
                add(v, i, left, bottom)
            else:
                continue
            wish = wish_change(g, d, s.x, s.y, s.orient) if g.wishes.on else 0.0
            cost = propose(p, s, d.objects, d.x, d.y, d.orient, d.size[0], best - wish) + wish
            revert(s)
            d.priced[0] += 1
            if cost < best:
                best, best_left, best_bottom = cost, left, bottom
        y += height
    d.size[0] = 0
    if best == np.inf:
        return False
    add(v, i, best_left, best_bottom)
    return True
