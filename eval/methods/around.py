"""Methods for macros on flat designs: the macros by the method, then the cells around them.

The cells are gathered in the clusters with which the proxy cost of flat placements is counted, the method places macros
and clusters, and the analytic engine places the cells with the macros held. Every method gets the same clusters, the
same share of the time and the same cells around its macros, so that only where the macros are makes a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eval.methods.registry import Answer, Task
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from placer.budget import Budget, Event

#: Part of the time that the macros get.
MACRO_SHARE = 0.6


def is_flat(design: Design) -> bool:
    """True for a design whose cells have to end in rows, which a method for macros cannot do by itself."""
    from placer.flat import has_cells

    return design.physical is None and has_cells(design)


def around_macros(task: Task, place: Callable[[Task], Answer]) -> Answer:
    """Let a method place a design; of a flat one the macros.

    Args:
        task: what the method was asked.
        place: the method, for designs of macros and clusters.

    Returns:
        The method's own answer where the design is not flat; else the placement of macros and cells, with what the
        method told about itself under ``macros``.

    Raises:
        PlacementError: the macros or the cells around them do not fit.
    """
    if not is_flat(task.design):
        return place(task)
    from netlists.grouping import cluster, fitting_bloat
    from netlists.physical.clustered import clusters_of
    from placer.flat import place_cells

    design, macros = task.design, task.design.netlist.node_kind == HARD_MACRO

    def told(event: Event) -> None:  # proxy costs of clusters are no curve of what is judged
        task.progress(replace(event, cost=None))

    start = design.placement
    facts: dict[str, object] = {}
    if (design.movable & macros).any():
        groups = clusters_of(design)
        pair = cluster(design, groups, bloat=fitting_bloat(design, groups))
        bounded = task.time_limit is not None
        part = task.budget.part(MACRO_SHARE * task.budget.left) if bounded else Budget(None, task.budget.stop)
        found = place(replace(task, design=pair.design, flat=None, budget=part, progress=told))
        start = pair.flat_start(found.placement)
        facts = {"macros": dict(found.facts), "clusters": int(groups.max(initial=-1)) + 1}
    held = design.with_placement(start.moved(fixed=start.fixed | macros))
    result = place_cells(
        held, "analytic", budget=task.budget, seed=task.seed, jobs=task.cores, progress=told
    )  # fmt: skip
    figures = None if result.flat is None else result.flat.as_dict()
    placement = result.placement.moved(fixed=design.placement.fixed)
    return Answer(placement, facts={**facts, "flat": figures}, curve_of="hpwl_um")
