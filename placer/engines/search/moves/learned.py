"""The move that somebody else thought of: an object goes near a target that a proposer named."""

from __future__ import annotations

from netlists.compiled import njit_lean
from placer.engines.search.ground import corner_x, corner_y, hard_fits
from placer.engines.search.moves.advice import draw_pair
from placer.engines.search.moves.draft import add, add_soft
from placer.engines.search.moves.scene import Scene
from placer.engines.search.rng import jump

#: How far from its target an object lands, gcells: log-uniform between these.
_FINE, _NEAR = 0.02, 1.0


@njit_lean()
def learned(v: Scene, reach: float) -> bool:
    """A pair drawn by its weight; nothing where nobody advises, or where a hard macro does not fit."""
    g = v.ground
    k = draw_pair(v.advice, v.rng)
    if k < 0:
        return False
    i = v.advice.objects[k]
    x = v.advice.x[k] + jump(v.rng, _FINE * v.gcell_width, _NEAR * v.gcell_width)
    y = v.advice.y[k] + jump(v.rng, _FINE * v.gcell_height, _NEAR * v.gcell_height)
    if v.crowd.is_soft[i]:
        return add_soft(v, i, x, y)
    left, bottom = corner_x(g, i, x), corner_y(g, i, y)
    if not hard_fits(g, i, left, bottom, -1):  # the target itself may still be free
        left, bottom = corner_x(g, i, v.advice.x[k]), corner_y(g, i, v.advice.y[k])
        if not hard_fits(g, i, left, bottom, -1):
            return False
    if left == g.left[i] and bottom == g.bottom[i]:
        return False
    add(v, i, left, bottom)
    return True
