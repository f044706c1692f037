"""The legaliser's own view of a design: integer rectangles to move, walls, and where the rectangles want to be."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement
from placer.cost.lattice import blockage_boxes, canvas_box, integer_boxes, integer_sizes, outline_boxes
from placer.cost.legality import overlapping_pairs

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Problem:
    """Rectangles ``0..n-1`` that must lie in ``bounds``, clear of ``walls`` and of each other.

    All lengths are lattice steps. Gaps are already inside the numbers: a rectangle is larger than its object by the
    gap on its right and top side, so touching rectangles mean objects one gap apart.

    Attributes:
        bounds: x0, y0, x1, y1 of the ground.
        width: ``[n]`` rectangle widths.
        height: ``[n]`` rectangle heights.
        target_x: ``[n]`` wanted lower-left corners, clamped into the bounds.
        target_y: ``[n]`` likewise.
        weight: ``[n]`` float64, cost of moving by one step.
        walls: ``[K, 4]`` boxes nothing may touch: fixed macros, hard blockages, what lies outside the outline.
        nodes: ``[n]`` node ids of the rectangles.
    """

    bounds: tuple[int, int, int, int]
    width: Ints
    height: Ints
    target_x: Ints
    target_y: Ints
    weight: NDArray[np.float64]
    walls: Ints
    nodes: Ints

    @property
    def size(self) -> int:
        """Number of rectangles, ``n``."""
        return len(self.width)

    @property
    def area(self) -> float:
        """Area of the rectangles, steps^2."""
        return float((self.width.astype(np.float64) * self.height).sum())

    @property
    def free_area(self) -> float:
        """Area of the ground without its walls, steps^2."""
        x0, y0, x1, y1 = self.bounds
        return float(x1 - x0) * float(y1 - y0) - covered_area(self.walls, self.bounds)

    @property
    def fullness(self) -> float:
        """Share of the free ground that the rectangles take."""
        free = self.free_area
        return self.area / free if free > 0 else float("inf")

    def cost(self, x: Ints, y: Ints) -> float:
        """Weighted Manhattan displacement from the targets, steps."""
        return float((self.weight * (np.abs(x - self.target_x) + np.abs(y - self.target_y))).sum())

    def is_legal(self, x: Ints, y: Ints) -> bool:
        """True when the rectangles with lower-left corners ``x``, ``y`` keep every rule of the problem."""
        boxes = np.stack([x, y, x + self.width, y + self.height], axis=1)
        x0, y0, x1, y1 = self.bounds
        if len(boxes) and (
            boxes[:, 0].min() < x0 or boxes[:, 1].min() < y0 or boxes[:, 2].max() > x1 or boxes[:, 3].max() > y1
        ):
            return False
        pairs = overlapping_pairs(np.concatenate([boxes, self.walls]))
        # Walls may overlap each other; a pair with its smaller index among the rectangles is a real overlap.
        return not (pairs[:, 0] < self.size).any() if len(pairs) else True


def build(
    design: Design,
    placement: Placement,
    *,
    gap: int,
    margin: int,
    weight: NDArray[np.float64] | None = None,
) -> Problem:
    """State the problem of moving the movable hard macros of ``placement`` to legal lattice positions.

    Args:
        design: netlist, canvas and which objects are fixed.
        placement: where the macros want to be.
        gap: steps to keep free between hard macros, and between them and walls.
        margin: steps to keep free between hard macros and the edge of the canvas' bounding box.
        weight: ``[N]`` cost per node and step of displacement; 1 by default.
    """
    nodes = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & design.movable)
    boxes = integer_boxes(design, placement)
    width, height = (s[nodes] for s in integer_sizes(design, placement))
    x0, y0, x1, y1 = canvas_box(design.canvas)
    bounds = (x0 + margin, y0 + margin, x1 - margin + gap, y1 - margin + gap)
    fixed = boxes[(design.netlist.node_kind == HARD_MACRO) & ~design.movable]
    ground = np.concatenate([outline_boxes(design.canvas), blockage_boxes(design.canvas)[0]])
    walls = np.concatenate([fixed, ground]) + np.array([0, 0, gap, gap])
    keep = (walls[:, 2] > bounds[0]) & (walls[:, 0] < bounds[2]) & (walls[:, 3] > bounds[1]) & (walls[:, 1] < bounds[3])
    low = boxes[nodes, :2]
    return Problem(
        bounds=bounds,
        width=width + gap,
        height=height + gap,
        target_x=np.clip(low[:, 0], bounds[0], np.maximum(bounds[2] - width - gap, bounds[0])),
        target_y=np.clip(low[:, 1], bounds[1], np.maximum(bounds[3] - height - gap, bounds[1])),
        weight=np.ones(len(nodes)) if weight is None else np.asarray(weight, dtype=np.float64)[nodes],
        walls=walls[keep],
        nodes=nodes,
    )


def covered_area(boxes: Ints, bounds: tuple[int, int, int, int]) -> float:
    """Area of the union of ``[K, 4]`` boxes inside ``bounds``, steps^2 (slab sweep, O(K^2))."""
    x0, y0, x1, y1 = bounds
    if not len(boxes):
        return 0.0
    cut = np.clip(boxes, [x0, y0, x0, y0], [x1, y1, x1, y1])
    levels = np.unique(cut[:, [1, 3]])
    total = 0.0
    for low, high in itertools.pairwise(levels.tolist()):
        spans = cut[(cut[:, 1] <= low) & (cut[:, 3] >= high)][:, [0, 2]]
        spans = spans[np.argsort(spans[:, 0], kind="stable")]
        if len(spans):
            reached = np.concatenate([[x0], np.maximum.accumulate(spans[:, 1])[:-1]])
            covered = np.maximum(spans[:, 1] - np.maximum(spans[:, 0], reached), 0).sum()
            total += float(covered) * float(high - low)
    return total
