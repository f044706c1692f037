"""Wishes: guides and nearness to the edge of the core, as additive costs of single objects.

A member of a guide pays for the distance it would have to go to lie inside the guide's bounding box, as a share of the
canvas' half perimeter; a macro with a wish for the boundary pays for the distance of its nearest side to the nearest
edge of the canvas, as a share of the longest such distance. Both are divided by the number of movable hard macros,
since what one of them can gain in proxy cost shrinks with that number. Wishes steer the search and choose its best
placement; the proxy cost that is reported does not contain them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from netlists.constraints import REGION_GUIDE
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.orientation import oriented_sizes
from netlists.placement import Placement

if TYPE_CHECKING:
    from placer.engines.search.ground import Ground

#: Cost of one member as far from its guide as the canvas allows, and of one macro in the middle with a full wish
#: for the boundary; both times the number of movable hard macros.
GUIDE_WEIGHT, BOUNDARY_WEIGHT = 4.0, 1.0


class Wishes(NamedTuple):
    """Wishes of the ``N`` objects; the arrays are empty where there are none.

    Attributes:
        on: somebody has a wish.
        guide: ``[N, 4]`` float64 x0, y0, x1, y1 in um.
        guided: ``[N]`` float64 cost of a um from it; 0 for objects without a guide.
        edge: ``[N]`` float64 cost of a um from the edge.
        canvas: ``[4]`` float64 x0, y0, x1, y1 in um.
    """

    on: bool
    guide: NDArray[np.float64]
    guided: NDArray[np.float64]
    edge: NDArray[np.float64]
    canvas: NDArray[np.float64]


def build_wishes(design: Design) -> Wishes:
    """What the movable objects of a design wish for."""
    n, canvas, constraints = design.netlist.num_nodes, design.canvas, design.constraints
    box = np.array([canvas.x0, canvas.y0, canvas.x1, canvas.y1])
    none = Wishes(False, np.zeros((0, 4)), np.zeros(0), np.zeros(0), box)
    if constraints is None:
        return none
    guides = [k for k, region in enumerate(constraints.regions) if region.kind == REGION_GUIDE]
    hard = design.movable & (design.netlist.node_kind == HARD_MACRO)
    share = 1.0 / max(int(hard.sum()), 1)
    guide, guided = np.zeros((n, 4)), np.zeros(n)
    for k in guides:
        members = design.movable & (constraints.region == k)
        guide[members] = constraints.regions[k].polygon.bounds
        guided[members] = GUIDE_WEIGHT * share / (canvas.width + canvas.height)
    edge = np.where(hard, constraints.boundary, 0.0) * BOUNDARY_WEIGHT * share * 2.0 / min(canvas.width, canvas.height)
    return Wishes(True, guide, guided, edge, box) if guided.any() or edge.any() else none


@njit_lean()
def wish(w: Wishes, i: int, x: float, y: float, half_x: float, half_y: float) -> float:
    """Cost of object ``i`` with its centre at ``x``, ``y`` and these half sizes (um)."""
    cost = 0.0
    if w.guided[i] > 0.0:
        x0, y0, x1, y1 = w.guide[i, 0], w.guide[i, 1], w.guide[i, 2], w.guide[i, 3]
        # An object larger than its guide wants to be centred in it.
        cost += max(abs(x - 0.5 * (x0 + x1)) - max(0.5 * (x1 - x0) - half_x, 0.0), 0.0) * w.guided[i]
        cost += max(abs(y - 0.5 * (y0 + y1)) - max(0.5 * (y1 - y0) - half_y, 0.0), 0.0) * w.guided[i]
    if w.edge[i] > 0.0:
        near_x = min(x - half_x - w.canvas[0], w.canvas[2] - x - half_x)
        near_y = min(y - half_y - w.canvas[1], w.canvas[3] - y - half_y)
        cost += max(min(near_x, near_y), 0.0) * w.edge[i]
    return cost


@njit_lean()
def wish_change(
    g: Ground, count: int, objects: NDArray, x: NDArray, y: NDArray, all_x: NDArray, all_y: NDArray
) -> float:
    """How much more the first ``count`` ``objects`` cost at ``x``, ``y`` than at ``all_x``, ``all_y`` (``[N]``)."""
    change = 0.0
    for k in range(count):
        i = objects[k]
        if g.wishes.guided[i] > 0.0 or g.wishes.edge[i] > 0.0:
            change += wish(g.wishes, i, x[k], y[k], g.half_x[i], g.half_y[i])
            change -= wish(g.wishes, i, all_x[i], all_y[i], g.half_x[i], g.half_y[i])
    return change


def wish_cost(design: Design, placement: Placement, wishes: Wishes | None = None) -> float:
    """What all unfulfilled wishes of a placement cost.

    Args:
        design: the design.
        placement: where its objects are.
        wishes: those of the design, if they are known already.
    """
    w = build_wishes(design) if wishes is None else wishes
    if not w.on:
        return 0.0
    width, height = oriented_sizes(design.netlist.node_width, design.netlist.node_height, placement.orient)
    who = np.flatnonzero((w.guided > 0) | (w.edge > 0)).tolist()
    return float(sum(wish(w, i, placement.x[i], placement.y[i], width[i] / 2, height[i] / 2) for i in who))


def drawn_to_guides(design: Design, placement: Placement) -> Placement:
    """Members of guides moved into them, as a wish for a legaliser; everything else stays."""
    w = build_wishes(design)
    if not w.on or not w.guided.any():
        return placement
    width, height = oriented_sizes(design.netlist.node_width, design.netlist.node_height, placement.orient)
    at = []
    for axis, (centre, size) in enumerate(((placement.x, width), (placement.y, height))):
        low, high = w.guide[:, axis] + size / 2, w.guide[:, axis + 2] - size / 2
        middle = (low + high) / 2
        inside = np.clip(centre, np.minimum(low, middle), np.maximum(high, middle))
        at.append(np.where(w.guided > 0, inside, centre))
    return placement.moved(x=at[0], y=at[1])
