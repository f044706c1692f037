"""Macros and walls as boxes in lattice steps, and the grid of their coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement
from placer.cost.lattice import blockage_boxes, canvas_box, integer_boxes, outline_boxes

#: Owners of cells that no macro covers: free ground, and walls (blockages, ground outside the outline).
FREE, WALL = -2, -1
#: Rows that make a gap wide, and the part of the shorter side where there are no rows.
_ROWS, _SHARE = 10, 0.01


@dataclass(frozen=True, eq=False)
class Scene:
    """Hard macros on their ground; lengths in lattice steps.

    Attributes:
        step: um a step.
        narrow: below this a gap counts as narrow.
        core: bounding box x0, y0, x1, y1.
        boxes: ``[K, 4]`` hard macros, cut to the core's bounding box where they stick out.
        nodes: ``[K]`` node ids.
        walls: ``[W, 4]`` hard blockages and what lies outside the outline.
        x: ``[C + 1]`` coordinates between which nothing changes.
        y: ``[R + 1]``.
        owner: ``[R, C]`` int32 macro index, ``WALL`` or ``FREE`` of each cell.
    """

    step: float
    narrow: float
    core: tuple[int, int, int, int]
    boxes: NDArray[np.int64]
    nodes: NDArray[np.int64]
    walls: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    owner: NDArray[np.int32]


def scene(design: Design, placement: Placement) -> Scene:
    """Lay out the hard macros of a placement; of two that overlap, the later one owns what they share."""
    canvas = design.canvas
    core = canvas_box(canvas)
    nodes = design.netlist.ids(HARD_MACRO)
    low, high = np.array([core[0], core[1]] * 2), np.array([core[2], core[3]] * 2)
    boxes = np.clip(integer_boxes(design, placement)[nodes], low, high)
    walls = np.concatenate([outline_boxes(canvas), blockage_boxes(canvas)[0]]).reshape(-1, 4)
    walls = np.clip(walls, low, high)
    every = np.concatenate([walls, boxes])
    x = np.unique(np.concatenate([every[:, 0], every[:, 2], [core[0], core[2]]]))
    y = np.unique(np.concatenate([every[:, 1], every[:, 3], [core[1], core[3]]]))
    owner = np.full((len(y) - 1, len(x) - 1), FREE, np.int32)
    at = np.stack([np.searchsorted(values, every[:, k]) for k, values in enumerate((x, y, x, y))], axis=1)
    for k, (x0, y0, x1, y1) in enumerate(at.tolist()):
        owner[y0:y1, x0:x1] = k - len(walls) if k >= len(walls) else WALL
    return Scene(canvas.lattice, narrow_steps(canvas), core, boxes, nodes, walls, x, y, owner)


def narrow_steps(canvas: Canvas) -> float:
    """Below how many lattice steps a gap counts as narrow: ten rows, else 1 % of the shorter side."""
    if canvas.rows is not None and len(canvas.rows.height):
        return _ROWS * float(np.median(canvas.rows.height)) / canvas.lattice
    x0, y0, x1, y1 = canvas_box(canvas)
    return _SHARE * min(x1 - x0, y1 - y0)
