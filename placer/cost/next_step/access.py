"""Pin access: what a hard macro's pins face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.orientation import MATRIX
from netlists.placement import Placement
from placer.cost.next_step.ground import Scene


def blocked_pins(design: Design, placement: Placement, ground: Scene) -> float:
    """Part of the connected hard-macro pins that face something within ``ground.narrow``; NaN without pins.

    A pin looks out of the side of its macro that it is nearest to.
    """
    n = design.netlist
    connected = np.zeros(n.num_pins, bool)
    connected[n.net_pins] = True
    obstacles = np.concatenate([ground.boxes, ground.walls]).astype(np.float64)
    order = np.argsort(n.pin_node, kind="stable")
    first = np.searchsorted(n.pin_node[order], ground.nodes)
    last = np.searchsorted(n.pin_node[order], ground.nodes, side="right")
    total = blocked = 0
    for k, node in enumerate(ground.nodes.tolist()):
        pins = order[first[k] : last[k]]
        pins = pins[connected[pins]]
        if not len(pins):
            continue
        m = MATRIX[placement.orient[node]]
        x = (placement.x[node] + m[0] * n.pin_dx[pins] + m[1] * n.pin_dy[pins]) / ground.step
        y = (placement.y[node] + m[2] * n.pin_dx[pins] + m[3] * n.pin_dy[pins]) / ground.step
        total += len(pins)
        blocked += int((_distance(x, y, k, obstacles, ground) < ground.narrow).sum())
    return blocked / total if total else float("nan")


def _distance(
    x: NDArray[np.float64], y: NDArray[np.float64], own: int, obstacles: NDArray[np.float64], ground: Scene
) -> NDArray[np.float64]:
    """``[P]`` steps from the side a pin looks out of to what it faces; the core's edge at the latest."""
    box = ground.boxes[own].astype(np.float64)
    side = np.argmin(np.stack([x - box[0], y - box[1], box[2] - x, box[3] - y]), axis=0)
    out = np.empty(len(x))
    others = np.delete(obstacles, own, axis=0)
    for s in range(4):
        mine = side == s
        if not mine.any():
            continue
        axis, other = s % 2, 1 - s % 2
        at = (y if axis == 0 else x)[mine]
        if s < 2:  # looks down the axis
            gap = box[axis] - others[:, axis + 2]
            wall = box[axis] - ground.core[axis]
        else:
            gap = others[:, axis] - box[axis + 2]
            wall = ground.core[axis + 2] - box[axis + 2]
        ahead = gap >= 0
        sees = (others[ahead, other] <= at[:, None]) & (at[:, None] <= others[ahead, other + 2])
        out[mine] = np.min(np.where(sees, gap[ahead], np.inf), axis=1, initial=wall)
    return out
