"""LEF/DEF designs in the form the placer works on: cells in clusters, and clusters put where they fit the macros."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO, SOFT_MACRO
from placer.budget import Budget

if TYPE_CHECKING:
    from placer.cost.full import CostWeights

#: Proposals of the exact search that puts clusters around macros that stay; about 100 for each cluster of a large
#: design, where another tenth no longer changes which of two macro placements scores better.
FIT_PROPOSALS = 100_000
#: Weight of the wirelength between macros in runs on clusters.
MACRO_WEIGHT = 0.5


def placeable(design: Design) -> Design:
    """A LEF/DEF design with its standard cells in soft macros; any other design as it is.

    Where all hard macros have a place and the soft macros do not, those are put where
    :func:`placer.engines.soft.place_soft` sends them, so that the input can be a start of a run.

    Args:
        design: what was loaded.
    """
    soft = _clustered(design)
    if soft is design or not _waits(soft):
        return soft
    from placer.engines.soft import place_soft

    return soft.with_placement(place_soft(soft), soft.placement_path)


def fitted(design: Design, proposals: int = FIT_PROPOSALS) -> Design:
    """:func:`placeable`, and clusters without a place of their own fitted to the hard macros by exact search.

    Hard macros stay. The same design, placement of the macros and number of proposals always give the same clusters, so
    that placements of the macros can be compared by their proxy cost: each gets the same effort.

    Args:
        design: what was loaded.
        proposals: of the search.
    """
    soft = _clustered(design)
    if soft is design or not _waits(soft):
        return soft
    from placer.engines.legalise import legalise
    from placer.engines.soft import place_soft
    from placer.engines.spread import search_everywhere

    start = place_soft(soft)
    kind = soft.netlist.node_kind
    held = replace(soft, placement=start.moved(fixed=start.fixed | (kind == HARD_MACRO)))
    try:
        found = search_everywhere(
            held, [legalise(held, held.placement, seed=0, budget=Budget(None))], budget=Budget(None), seed=0, jobs=1,
            iterations=proposals,
        ).placement  # fmt: skip
    except PlacementError:  # the macros given are not legal themselves; they can be scored all the same
        found = start
    return soft.with_placement(found.moved(fixed=soft.placement.fixed), soft.placement_path)


def usual_weights(design: Design) -> CostWeights:
    """What a run minimises unless it is told otherwise: the proxy cost, and for clusters the wire between macros too.

    Clusters blur where the cells between two macros will lie, and with that the reason to keep such macros together;
    the wirelength between macros brings it back. It counts half a wirelength term, on every design alike.

    Args:
        design: what :func:`placeable` gave.
    """
    from placer.cost.full import CostWeights

    soft = design.physical is not None and bool((design.netlist.node_kind == SOFT_MACRO).any())
    return CostWeights(macro_wirelength=MACRO_WEIGHT) if soft else CostWeights()


def _clustered(design: Design) -> Design:
    if design.physical is None:  # most designs; they need none of what the import below loads
        return design
    from netlists.physical.clustered import clustered, needs_clusters

    return clustered(design) if needs_clusters(design) else design


def _waits(soft: Design) -> bool:
    """True where all hard macros have a place and some soft macro has none."""
    kind, placed = soft.netlist.node_kind, soft.placement.placed
    return bool(placed[kind == HARD_MACRO].all() and not np.all(placed[kind == SOFT_MACRO]))
