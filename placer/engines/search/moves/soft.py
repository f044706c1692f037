"""Moves of objects that may overlap: soft macros and standard cells. Each function drafts one kind.

All of them take the same arguments: flattened design, chain state, integer geometry, the draft to fill, who moves,
dice, and the longest random jump (um). They return False when the dice gave no move.
"""

from __future__ import annotations

from netlists.compiled import njit_lean
from placer.engines.search.moves.draft import add_soft, median_place, neighbour, some_soft
from placer.engines.search.moves.scene import Scene
from placer.engines.search.rng import jump, uniform

#: Smallest random step, gcells.
_FINE = 0.02
#: How far from its aim a move may land, gcells.
_NEAR = 2.0


@njit_lean()
def soft_shift(v: Scene, reach: float) -> bool:
    """A random step, log-uniform in size along each axis."""
    i = some_soft(v)
    fine = _FINE * v.gcell_width
    return add_soft(v, i, v.x[i] + jump(v.rng, fine, reach), v.y[i] + jump(v.rng, fine, reach))


@njit_lean()
def gcell_shift(v: Scene, reach: float) -> bool:
    """Exactly one gcell along one axis: everything inside the gcells stays as it is, rows and columns change."""
    i = some_soft(v)
    x, y = v.x[i], v.y[i]
    if uniform(v.rng) < 0.5:
        x += v.gcell_width if uniform(v.rng) < 0.5 else -v.gcell_width
    else:
        y += v.gcell_height if uniform(v.rng) < 0.5 else -v.gcell_height
    return add_soft(v, i, x, y)


@njit_lean()
def soft_to_median(v: Scene, reach: float) -> bool:
    """Into the optimal region, or near it."""
    i = some_soft(v)
    x, y = median_place(v, i)
    fine, wide = _FINE * v.gcell_width, _NEAR * v.gcell_width
    return add_soft(v, i, x + jump(v.rng, fine, wide), y + jump(v.rng, fine, wide))


@njit_lean()
def soft_to_neighbour(v: Scene, reach: float) -> bool:
    """Near a pin it shares a net with."""
    i = some_soft(v)
    k = neighbour(v, i)
    if k < 0:
        return False
    fine, wide = _FINE * v.gcell_width, _NEAR * v.gcell_width
    return add_soft(v, i, v.px[k] + v.x0 + jump(v.rng, fine, wide), v.py[k] + v.y0 + jump(v.rng, fine, wide))


@njit_lean()
def soft_swap(v: Scene, reach: float) -> bool:
    """Two connected objects exchange their centres."""
    i = some_soft(v)
    k = neighbour(v, i)
    if k < 0 or not v.crowd.is_soft[v.conn_node[k]]:
        return False
    j = v.conn_node[k]
    return add_soft(v, i, v.x[j], v.y[j]) and add_soft(v, j, v.x[i], v.y[i])


@njit_lean()
def soft_group(v: Scene, reach: float) -> bool:
    """Two or three connected objects go the same way."""
    i = some_soft(v)
    k = neighbour(v, i)
    if k < 0 or not v.crowd.is_soft[v.conn_node[k]]:
        return False
    j = v.conn_node[k]
    fine = _FINE * v.gcell_width
    dx, dy = jump(v.rng, fine, reach), jump(v.rng, fine, reach)
    if not (add_soft(v, i, v.x[i] + dx, v.y[i] + dy) and add_soft(v, j, v.x[j] + dx, v.y[j] + dy)):
        return False
    k = neighbour(v, i)
    if k >= 0 and v.crowd.is_soft[v.conn_node[k]] and v.conn_node[k] != j and uniform(v.rng) < 0.5:
        j = v.conn_node[k]
        return add_soft(v, j, v.x[j] + dx, v.y[j] + dy)
    return True
