"""Wishes: guides, nearness to the edge, soft blockages, and a tidy arrangement, as costs that moves change exactly.

A member of a guide pays for the distance it would have to go to lie inside the guide's bounding box, as a share of the
canvas' half perimeter; a macro with a wish for the boundary pays for the distance of its nearest side to the nearest
edge of the canvas, as a share of the longest such distance. A soft macro or cell pays for the part of it that lies on
soft blockages, and on partial ones as far as they ask. All are divided by the number of movable hard macros (soft
objects: of movable soft objects), since what one of them can gain in proxy cost shrinks with that number. What
:mod:`placer.engines.search.tidy` adds depends on the weights of the run. Wishes steer the search and choose its best
placement; the proxy cost that is reported does not contain them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from netlists.constraints import REGION_GUIDE
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import oriented_sizes
from netlists.placement import Placement
from placer.cost.full import CostWeights
from placer.cost.lattice import soft_blockages
from placer.engines.search.tidy import Tidy, build_tidy, moved_part, tidy_cost

if TYPE_CHECKING:
    from placer.engines.search.ground import Ground
    from placer.engines.search.moves.scene import Draft

#: Cost of one member as far from its guide as the canvas allows, and of one macro in the middle with a full wish
#: for the boundary; both times the number of movable hard macros.
GUIDE_WEIGHT, BOUNDARY_WEIGHT = 4.0, 1.0
#: Cost of one soft object wholly on a soft blockage, times the number of movable soft objects.
BLOCKAGE_WEIGHT = 4.0


class Wishes(NamedTuple):
    """Wishes of the ``N`` objects; the arrays are empty where there are none.

    Attributes:
        on: somebody has a wish.
        guide: ``[N, 4]`` float64 x0, y0, x1, y1 in um.
        guided: ``[N]`` float64 cost of a um from it; 0 for objects without a guide.
        edge: ``[N]`` float64 cost of a um from the edge.
        canvas: ``[4]`` float64 x0, y0, x1, y1 in um.
        wary: ``[N]`` float64 cost of lying wholly on a soft blockage; 0 for hard macros.
        damp: ``[B, 5]`` float64 soft and partial blockages: x0, y0, x1, y1 in um, and the part of the area they
            want free of cells.
        tidy: terms of the run's weights.
    """

    on: bool
    guide: NDArray[np.float64]
    guided: NDArray[np.float64]
    edge: NDArray[np.float64]
    canvas: NDArray[np.float64]
    wary: NDArray[np.float64]
    damp: NDArray[np.float64]
    tidy: Tidy


def build_wishes(design: Design, weights: CostWeights | None = None) -> Wishes:
    """What the movable objects of a design wish for, and what the weights of a run ask besides the proxy cost."""
    n, canvas, constraints = design.netlist.num_nodes, design.canvas, design.constraints
    kind = design.netlist.node_kind
    hard = design.movable & (kind == HARD_MACRO)
    soft = design.movable & (kind != HARD_MACRO) & (kind != PORT)
    share, soft_share = 1.0 / max(int(hard.sum()), 1), 1.0 / max(int(soft.sum()), 1)
    guide, guided, edge = np.zeros((n, 4)), np.zeros(n), np.zeros(n)
    if constraints is not None:
        for k, region in enumerate(constraints.regions):
            members = design.movable & (constraints.region == k) & (region.kind == REGION_GUIDE)
            guide[members] = region.polygon.bounds
            guided[members] = GUIDE_WEIGHT * np.where(soft, soft_share, share)[members] / (canvas.width + canvas.height)
        shorter = min(canvas.width, canvas.height)
        edge = np.where(hard, constraints.boundary, 0.0) * BOUNDARY_WEIGHT * share * 2.0 / shorter
    damp = soft_blockages(design.canvas)
    wary = np.where(soft, BLOCKAGE_WEIGHT * soft_share, 0.0) if len(damp) else np.zeros(n)
    tidy = build_tidy(design, weights)
    on = bool(guided.any() or edge.any() or wary.any() or tidy.on)
    box = np.array([canvas.x0, canvas.y0, canvas.x1, canvas.y1])
    return Wishes(on, guide, guided, edge, box, wary, damp, tidy)


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
    if w.wary[i] > 0.0:
        for b in range(len(w.damp)):
            across = min(x + half_x, w.damp[b, 2]) - max(x - half_x, w.damp[b, 0])
            up = min(y + half_y, w.damp[b, 3]) - max(y - half_y, w.damp[b, 1])
            if across > 0.0 and up > 0.0:
                cost += w.wary[i] * w.damp[b, 4] * across * up / (4.0 * half_x * half_y)
    return cost


@njit_lean()
def wish_change(g: Ground, d: Draft, all_x: NDArray, all_y: NDArray, all_orient: NDArray) -> float:
    """How much more the drafted objects cost where the draft has them than where they are.

    Args:
        g: where objects are, in steps.
        d: the draft.
        all_x: ``[N]`` centres, um.
        all_y: ``[N]``.
        all_orient: ``[N]`` orientation codes; unchanged when the function returns.
    """
    w, change = g.wishes, 0.0
    for k in range(d.size[0]):
        i = d.objects[k]
        if w.guided[i] > 0.0 or w.edge[i] > 0.0 or w.wary[i] > 0.0:
            change += wish(w, i, d.x[k], d.y[k], g.half_x[i], g.half_y[i])
            change -= wish(w, i, all_x[i], all_y[i], g.half_x[i], g.half_y[i])
    if w.tidy.on:
        change -= _tidy_part(g, d, all_orient)
        _exchange(g, d, all_orient)
        change += _tidy_part(g, d, all_orient)
        _exchange(g, d, all_orient)
    return change


@njit_lean()
def _tidy_part(g: Ground, d: Draft, orient: NDArray) -> float:
    return moved_part(
        g.wishes.tidy, g.left, g.bottom, g.wide, g.high, orient, g.hard, g.hard_walls, d.size[0], d.objects
    )


@njit_lean()
def _exchange(g: Ground, d: Draft, orient: NDArray) -> None:
    """Lay the drafted objects where the draft says, and keep where they lay in the draft; twice is never."""
    for k in range(d.size[0]):
        i = d.objects[k]
        g.left[i], d.left[k] = d.left[k], g.left[i]
        g.bottom[i], d.bottom[k] = d.bottom[k], g.bottom[i]
        turn = orient[i]
        orient[i] = d.orient[k]
        d.orient[k] = turn


def wish_cost(design: Design, placement: Placement, wishes: Wishes | None = None) -> float:
    """What all unfulfilled wishes of a placement cost.

    Args:
        design: the design.
        placement: where its objects are.
        wishes: those of the design and the run, if they are known already; else those of the design.
    """
    w = build_wishes(design) if wishes is None else wishes
    if not w.on:
        return 0.0
    width, height = oriented_sizes(design.netlist.node_width, design.netlist.node_height, placement.orient)
    alone = float(_wishes_of_all(w, placement.x, placement.y, width / 2, height / 2))
    return alone + tidy_cost(design, placement, w.tidy)


@njit(cache=True)
def _wishes_of_all(w: Wishes, x: NDArray, y: NDArray, half_x: NDArray, half_y: NDArray) -> float:
    cost = 0.0
    for i in range(len(x)):
        if w.guided[i] > 0.0 or w.edge[i] > 0.0 or w.wary[i] > 0.0:
            cost += wish(w, i, x[i], y[i], half_x[i], half_y[i])
    return cost


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
