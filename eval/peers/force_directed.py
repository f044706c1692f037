"""Force-directed placement of soft macros as the published simulated annealing uses it.

Source: Circuit Training's standard-cell placement as reimplemented in TILOS MacroPlacement (C.-K. Cheng et al.,
"Assessment of Reinforcement Learning for Macro Placement", ISPD 2023, and the repository's documentation). All soft
macros begin at the centre of the canvas. Three stages of 100 steps follow with attraction factors 100, 1e-3, 1e-5 and
repulsion factors 0, 1e6, 1e7. A kind of force that is under 1e-4 of the other is left out, so the first stage only
attracts and the other two only repel.

- Attraction: every net is a star of springs from its source pin to its other pins, as strong as the net's weight.
- Repulsion: two objects that overlap by more than 1e-4 um on both axes push each other apart along the line between
  their centres, with unit force however deep the overlap; of two coincident ones the first goes to the lower left.
- A step scales the forces of all soft macros so that the largest is 1 on each axis and moves by 1 % of the longer
  canvas side times that. A step that would leave the canvas is not taken at all.

Difference: several connections of a net to the same pin pull once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.cost.incremental import Problem, State

#: Steps of attraction, then of repulsion, and the share of the longer canvas side one step may go.
ATTRACT_STEPS, REPEL_STEPS, STRIDE = 100, 200, 0.01
#: Overlaps up to this many um do not count.
_TOUCH = 1e-4


@njit(cache=True, nogil=True)
def force_directed(
    p: Problem,
    s: State,
    soft: NDArray,
    is_soft: NDArray,
    solid: NDArray,
    half_x: NDArray,
    half_y: NDArray,
    attract: int,
    repel: int,
) -> None:
    """Place the soft macros of a chain; ``s.x`` and ``s.y`` change, everything derived from them is out of date then.

    Args:
        p: flattened design.
        s: state of the chain, nothing pending.
        soft: ids of the movable soft macros.
        is_soft: ``[N]`` the same as flags.
        solid: ids of everything that is not a port.
        half_x: ``[N]`` half widths as the objects lie, um.
        half_y: ``[N]``.
        attract: steps of attraction.
        repel: steps of repulsion.
    """
    if attract + repel == 0 or len(soft) == 0:
        return
    x1, y1 = p.x0 + p.columns * p.gcell_width, p.y0 + p.rows * p.gcell_height
    stride = STRIDE * max(x1 - p.x0, y1 - p.y0)
    conns = len(p.conn_node)
    pin_x, pin_y = np.empty(conns), np.empty(conns)  # of soft macros: offset from the centre; of others: position
    for c in range(conns):
        i = p.conn_node[c]
        pin_x[c], pin_y[c] = s.px[c] + p.x0, s.py[c] + p.y0
        if is_soft[i]:
            pin_x[c] -= s.x[i]
            pin_y[c] -= s.y[i]
    for i in soft:
        s.x[i], s.y[i] = (p.x0 + x1) / 2, (p.y0 + y1) / 2
    force_x, force_y = np.zeros(len(s.x)), np.zeros(len(s.x))
    for step in range(attract + repel):
        force_x[:] = 0.0
        force_y[:] = 0.0
        if step < attract:
            _attract(p, s.x, s.y, is_soft, pin_x, pin_y, force_x, force_y)
        else:
            _repel(s.x, s.y, solid, half_x, half_y, force_x, force_y)
        top_x = top_y = 0.0
        for i in soft:
            top_x, top_y = max(top_x, abs(force_x[i])), max(top_y, abs(force_y[i]))
        if top_x == 0.0 and top_y == 0.0:
            continue
        for i in soft:
            x = s.x[i] + (force_x[i] / top_x * stride if top_x > 0.0 else 0.0)
            y = s.y[i] + (force_y[i] / top_y * stride if top_y > 0.0 else 0.0)
            if x - half_x[i] >= p.x0 and y - half_y[i] >= p.y0 and x + half_x[i] <= x1 and y + half_y[i] <= y1:
                s.x[i], s.y[i] = x, y


@njit(cache=True)
def _attract(
    p: Problem,
    x: NDArray,
    y: NDArray,
    is_soft: NDArray,
    pin_x: NDArray,
    pin_y: NDArray,
    force_x: NDArray,
    force_y: NDArray,
) -> None:
    """Add the pull of every net's star."""
    net_ptr, net_weight, conn_node = p.net_ptr, p.net_weight, p.conn_node
    for net in range(len(net_weight)):
        source, weight = net_ptr[net], net_weight[net]
        a = conn_node[source]
        from_x, from_y = pin_x[source], pin_y[source]
        if is_soft[a]:
            from_x += x[a]
            from_y += y[a]
        sum_x = sum_y = 0.0
        for c in range(source + 1, net_ptr[net + 1]):
            b = conn_node[c]
            dx, dy = pin_x[c] - from_x, pin_y[c] - from_y
            if is_soft[b]:
                dx += x[b]
                dy += y[b]
                force_x[b] -= weight * dx
                force_y[b] -= weight * dy
            sum_x += dx
            sum_y += dy
        force_x[a] += weight * sum_x
        force_y[a] += weight * sum_y


@njit(cache=True)
def _repel(
    x: NDArray, y: NDArray, solid: NDArray, half_x: NDArray, half_y: NDArray, force_x: NDArray, force_y: NDArray
) -> None:
    """Add the push of every overlapping pair, found by a sweep over the left edges."""
    order = solid[np.argsort(x[solid] - half_x[solid])]
    for k in range(len(order)):
        a = order[k]
        right = x[a] + half_x[a]
        for m in range(k + 1, len(order)):
            b = order[m]
            if x[b] - half_x[b] >= right:
                break
            if abs(y[a] - y[b]) > half_y[a] + half_y[b] - _TOUCH or abs(x[a] - x[b]) > half_x[a] + half_x[b] - _TOUCH:
                continue
            first, second = min(a, b), max(a, b)
            dx, dy = x[first] - x[second], y[first] - y[second]
            if dx == 0.0 and dy == 0.0:
                dx = dy = -1.0
            else:
                length = np.sqrt(dx * dx + dy * dy)
                dx /= length
                dy /= length
            force_x[first] += dx
            force_y[first] += dy
            force_x[second] -= dx
            force_y[second] -= dy
