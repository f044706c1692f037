"""Figures too dear to follow move by move: by their weights they choose among the placements a search has found."""

from __future__ import annotations

import math

from netlists.design import Design
from netlists.placement import Placement
from placer.cost.full import CostWeights
from placer.cost.metrics import rudy
from placer.cost.next_step.ground import scene
from placer.cost.next_step.space import dead_area, largest_rectangle

#: Part of the gcells whose mean wire density counts.
_TOP = 0.05


def choosing_cost(design: Design, placement: Placement, weights: CostWeights) -> float:
    """What ``rudy`` and ``whitespace`` of a placement cost, times their weights; nothing is computed for a weight of 0.

    Args:
        design: netlist and canvas.
        placement: where its objects are.
        weights: of the run.
    """
    cost = 0.0
    if weights.rudy > 0.0:
        cost += weights.rudy * rudy_cost(design, placement)
    if weights.whitespace > 0.0:
        cost += weights.whitespace * whitespace_cost(design, placement)
    return cost


def rudy_cost(design: Design, placement: Placement) -> float:
    """Mean RUDY of the densest 5 % of gcells over the routing supply of both directions (over 1 track a um without)."""
    entries = rudy(design, placement).ravel()
    entries.sort()
    supply = design.canvas.h_routes_per_um + design.canvas.v_routes_per_um
    return float(entries[-max(1, int(entries.size * _TOP)) :].mean()) / (supply or 1.0)


def whitespace_cost(design: Design, placement: Placement) -> float:
    """Half of the dead share of the free area, and half of what lies outside its largest rectangle; 0 to 1."""
    ground = scene(design, placement)
    free, dead = dead_area(ground)
    if not free:
        return 0.0
    cost = 0.5 * (dead / free + 1.0 - largest_rectangle(ground) / free)
    return cost if math.isfinite(cost) else 0.0
