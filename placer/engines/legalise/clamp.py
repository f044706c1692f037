"""Soft macros and cells moved into the canvas, its outline and their fence; they may overlap, so each moves alone."""

from __future__ import annotations

import numpy as np

from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.placement import Placement
from placer.cost.lattice import (
    canvas_box,
    ceil_steps,
    centres,
    floor_steps,
    integer_boxes,
    integer_sizes,
    outline_boxes,
    outside_boxes,
)
from placer.cost.rules import fence_of
from placer.engines.legalise.nearest import nearest_free
from placer.engines.legalise.problem import Ints


def clamp_soft(design: Design, placement: Placement, *, fenced_only: bool = False) -> Placement:
    """Put every movable soft macro and cell on the nearest lattice position where it may lie.

    Args:
        design: netlist, canvas and constraints.
        placement: where they are now.
        fenced_only: move only what has a fence.
    """
    fence = fence_of(design)
    soft = design.movable & ~np.isin(design.netlist.node_kind, (HARD_MACRO, PORT))
    if fenced_only:
        soft &= fence >= 0
    if not soft.any():
        return placement
    x, y = placement.x.copy(), placement.y.copy()
    for region in np.unique(fence[soft]).tolist():
        members = np.flatnonzero(soft & (fence == region))
        x[members], y[members] = _clamp(design, placement, members, region)
    return placement.moved(x=x, y=y)


def _clamp(design: Design, placement: Placement, nodes: Ints, fence: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres of ``nodes`` moved to the nearest lattice position inside the outline and their fence, if not -1."""
    boxes = integer_boxes(design, placement)[nodes]
    width, height = (s[nodes] for s in integer_sizes(design, placement))
    x0, y0, x1, y1 = canvas_box(design.canvas)
    notches = outline_boxes(design.canvas)
    if fence >= 0 and design.constraints is not None:
        polygon, step = design.constraints.regions[fence].polygon, design.canvas.lattice
        notches = np.concatenate([notches, outside_boxes(polygon, (x0, y0, x1, y1), step)])
        x0, y0 = np.maximum(ceil_steps(polygon.bounds[:2], step), (x0, y0)).tolist()
        x1, y1 = np.minimum(floor_steps(polygon.bounds[2:], step), (x1, y1)).tolist()
    low_x = np.clip(boxes[:, 0], x0, np.maximum(x1 - width, x0))
    low_y = np.clip(boxes[:, 1], y0, np.maximum(y1 - height, y0))
    if len(notches):
        inside = np.zeros(len(nodes), bool)
        for a, b, c, d in notches.tolist():
            inside |= (low_x < c) & (low_x + width > a) & (low_y < d) & (low_y + height > b)
        bounds, active = np.array((x0, y0, x1, y1), np.int64), np.ones(len(notches), bool)
        for k in np.flatnonzero(inside).tolist():
            low_x[k], low_y[k] = nearest_free(
                width[k], height[k], low_x[k], low_y[k], bounds, notches, active, 1 << 60
            )[:2]
    return centres(design, placement, nodes, low_x, low_y)
