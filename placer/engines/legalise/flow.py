"""Legalisation from start to end: what the task is, with constraints or without, and where everything ends."""

from __future__ import annotations

import numpy as np

from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement
from placer.budget import Budget
from placer.cost.lattice import (
    ceil_steps,
    centres,
)
from placer.cost.legality import check
from placer.engines.legalise.clamp import clamp_soft
from placer.engines.legalise.nearest import nearest_free
from placer.engines.legalise.pieces import turned_as_allowed
from placer.engines.legalise.problem import Ints, build
from placer.engines.legalise.ruled import arrange_ruled
from placer.engines.legalise.solve import solve


def legalise(
    design: Design,
    placement: Placement | None = None,
    *,
    spacing: float | None = None,
    weight: np.ndarray | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> Placement:
    """Move hard macros as little as possible to legal lattice positions.

    Movable hard macros end on the lattice, inside the canvas and its outline, clear of each other, of fixed hard
    macros and of hard blockages; wherever there is room they keep ``spacing`` from each other, so that a checker
    that computes in float32 agrees. Orientations stay. With ``design.constraints`` they also keep halos, channels,
    fences and snapping grids, objects turned as they may not be are turned, and groups are moved as one piece.
    Movable soft macros and cells are clamped into the canvas, its outline and their fence and put on the lattice; fixed
    objects and ports stay. A placement that already keeps all this is returned with the same positions.

    Several arrangements are tried (the input pushed apart and held by relations, greedy insertion in several
    orders) and refined by exact one-dimensional programs, re-insertion and exchange of equal macros; the least
    displaced one wins. When none fits, macros are packed from scratch, and then pulled towards where they were.

    Args:
        design: netlist, canvas and which objects are fixed.
        placement: where objects want to be; the design's own placement by default.
        spacing: gap in um to keep between hard macros if that is possible; one lattice step by default. When it
            is not, one step is tried, then none.
        weight: ``[N]`` cost per um of displacement of each node; all 1 by default.
        budget: ends the search for better arrangements early; the first legal one is then returned. The search
            for any legal arrangement at all also ends with the budget.
        seed: of the large-neighbourhood search and of the packing from scratch.

    Returns:
        A legal placement; every object is marked as placed.

    Raises:
        PlacementError: no legal placement exists, or none was found; the message says why and how full it is.
    """
    placement = design.placement if placement is None else placement
    budget = Budget() if budget is None else budget
    step = design.canvas.lattice
    if design.constraints is not None:
        placement = turned_as_allowed(design, placement)
    x, y = placement.x.copy(), placement.y.copy()
    # Flags and positions of fixed objects come from the design: a stray placement cannot move them.
    nodes = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & design.movable)
    if len(nodes):
        gaps = [1, 0] if spacing is None else sorted({max(int(ceil_steps(spacing, step)), 0), 1, 0}, reverse=True)
        if spacing == 0:
            gaps = [0]
        if design.constraints is None:
            _check_possible(design, placement)
            corners = _arrange(design, placement, gaps, weight, budget, seed)
        else:
            left, bottom = arrange_ruled(design, placement, gaps, weight, budget, seed)[nodes].T
            corners = left, bottom
        x[nodes], y[nodes] = centres(design, placement, nodes, *corners)
    placement = clamp_soft(design, placement.moved(x=x, y=y, placed=np.ones(len(x), bool)))
    if design.constraints is not None:
        check(design, placement).raise_if_illegal()  # a group whose own arrangement breaks a rule, for one
    return placement


def _arrange(
    design: Design, placement: Placement, gaps: list[int], weight: np.ndarray | None, budget: Budget, seed: int
) -> tuple[Ints, Ints]:
    """Legal corners of the movable hard macros for the widest gap that works."""
    attempts = [(gap, margin) for gap in gaps for margin in ((1, 0) if gap else (0,))]
    problems = [build(design, placement, gap=gap, margin=margin, weight=weight) for gap, margin in attempts]
    _, x, y = solve(problems, budget, seed)
    return x, y


def _check_possible(design: Design, placement: Placement) -> None:
    """Reject what no search can mend, naming the object.

    Raises:
        PlacementError: a macro has no free position even alone, or the macros have more area than there is.
    """
    problem = build(design, placement, gap=0, margin=0)
    step = design.canvas.lattice
    x0, y0, x1, y1 = problem.bounds
    bounds = np.array(problem.bounds, np.int64)
    active = np.ones(len(problem.walls), bool)
    for k, node in enumerate(problem.nodes.tolist()):
        w, h = int(problem.width[k]), int(problem.height[k])
        name = design.netlist.node_names[node]
        if w > x1 - x0 or h > y1 - y0:
            raise PlacementError(
                f"the hard macro is {w * step:g} x {h * step:g} um, larger than the canvas of "
                f"{(x1 - x0) * step:g} x {(y1 - y0) * step:g} um",
                node=name,
                rule="outside",
            )
        limit = 1 << 60
        if nearest_free(w, h, x0, y0, bounds, problem.walls, active, limit)[2] >= limit:
            raise PlacementError(
                f"the hard macro of {w * step:g} x {h * step:g} um fits nowhere between the fixed macros, "
                "blockages and the outline",
                node=name,
                rule="overlap",
            )
    if problem.area > problem.free_area:
        raise PlacementError(
            f"{problem.size} movable hard macros need {problem.area * step * step:.6g} um^2, the free canvas area is "
            f"{problem.free_area * step * step:.6g} um^2 ({100 * problem.fullness:.1f} % full)",
            rule="overlap",
        )
