"""Where objects may not or should rather not lie, as global placement sees it: boxes and the share they take."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import BLOCK_HARD, BLOCK_PARTIAL, BLOCK_SOFT
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import oriented_sides, oriented_sizes
from netlists.placement import Placement
from placer.cost.lattice import covering_boxes
from placer.cost.rules import fence_of, region_walls

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ground:
    """What is taken already; um relative to the canvas corner.

    Attributes:
        boxes: ``[k, 4]`` x0, y0, x1, y1 that everybody meets.
        share: ``[k]`` part of each box that is taken.
        fence: ``[N]`` fence each node must lie in, -1 for none.
        walls: per fence (and -1) ``[j, 4]`` boxes closed to its members; fences without an entry have no walls.
        bounds: per fence ``[4]`` the box around it; members of a fence without an entry may be anywhere.
    """

    boxes: Floats
    share: Floats
    fence: NDArray[np.int32]
    walls: dict[int, Floats]
    bounds: dict[int, Floats] = field(default_factory=dict)

    @staticmethod
    def of_boxes(boxes: Floats, num_nodes: int) -> Ground:
        """Boxes taken whole, and no fence."""
        return Ground(boxes, np.ones(len(boxes)), np.full(num_nodes, -1, np.int32), {})


def ground_of(design: Design, placement: Placement, still: NDArray[np.bool_], *, soft: bool = True) -> Ground:
    """The ground of a design.

    Objects that stand still, macros among them with their halos, hard blockages and the outside of the outline take
    all of their area. A partial blockage takes what it does not let cells fill. A fence is closed to
    all but its members, and all but the fence is closed to those.

    Args:
        design: canvas, blockages, fences.
        placement: where the objects are that stand still.
        still: ``[N]`` which those are. Ports and other points take nothing, wherever they are.
        soft: soft blockages take their area too; they keep cells away but not macros.
    """
    canvas, n = design.canvas, design.netlist
    width, height = oriented_sizes(n.node_width, n.node_height, placement.orient)
    # A terminal is a point for everything but its net: pads on or inside the core edge block nobody.
    ids = np.flatnonzero(still & (n.node_kind != PORT) & (width > 0) & (height > 0))
    corner = np.array([canvas.x0, canvas.y0])
    low = np.stack([placement.x[ids] - width[ids] / 2, placement.y[ids] - height[ids] / 2], axis=1) - corner
    box = np.concatenate([low, low + np.stack([width[ids], height[ids]], axis=1)], axis=1)
    if design.constraints is not None:
        halo = oriented_sides(design.constraints.halo[ids], placement.orient[ids]) * np.array([-1.0, -1.0, 1.0, 1.0])
        box += np.where(n.node_kind[ids, None] == HARD_MACRO, halo, 0.0)
    boxes = [box]
    share = [np.ones(len(ids))]
    for blockage in canvas.blockages:
        if blockage.kind == BLOCK_HARD:
            continue  # a wall
        if blockage.kind == BLOCK_SOFT and not soft:
            continue
        covered = covering_boxes(blockage.polygon, canvas.lattice) * canvas.lattice
        boxes.append(covered - np.tile(corner, 2))
        taken = 1.0 - blockage.density if blockage.kind == BLOCK_PARTIAL else 1.0
        share.append(np.full(len(covered), min(max(taken, 0.0), 1.0)))
    fence = fence_of(design)
    walls = {
        int(k): region_walls(design, int(k)) * canvas.lattice - np.tile(corner, 2) for k in np.union1d(fence, [-1])
    }
    bounds = {
        k: np.array(design.constraints.regions[k].polygon.bounds) - np.tile(corner, 2)
        for k in walls
        if k >= 0 and design.constraints is not None
    }
    return Ground(np.concatenate(boxes), np.concatenate(share), fence, walls, bounds)
