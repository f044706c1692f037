"""A flat design with 100,000 cells as the placer takes it today: cells in soft macros, and results carried back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.grouping.clustered import MAX_FILL, Clustered, cluster, fitting_bloat
from netlists.netlist import HARD_MACRO, STDCELL
from netlists.physical.fenced import fence_groups
from netlists.physical.grouping import group_cells
from netlists.placement import Placement


def needs_clusters(design: Design) -> bool:
    """True for a design from LEF and DEF that still has its standard cells."""
    return design.physical is not None and bool((design.netlist.node_kind == STDCELL).any())


def clusters_of(design: Design) -> NDArray[np.int64]:
    """``[N]`` group of each node of a flat design, -1 for none; the same design always has the same groups.

    No group has cells of two fences or guides, or cells of one and others of none.
    """
    physical, apart = design.physical, None if design.constraints is None else design.constraints.region
    if physical is None:
        return group_cells(design.netlist, apart=apart)
    return group_cells(design.netlist, physical.scope, physical.hierarchy, apart=apart)


def clustered(design: Design, group: NDArray[np.int64] | None = None) -> Design:
    """The design with its standard cells in soft macros.

    Soft macros have twice the area of their cells where the core has room for that, else what room there is; with a
    target utilisation, such an area that they and the hard macros fill that part of the core. Cells that no
    net leads to (fillers, taps) are left out. Constraints of what stays are kept, and a soft macro whose cells are all
    members of one fence or guide is a member too; in a fence it is no larger than the room there allows. The result
    remembers its LEF and DEF files, so that its hard macros can be written back.

    Args:
        design: a flat design.
        group: what :func:`clusters_of` gives, if it is known already.
    """
    if group is None:
        group = clusters_of(design)
    wanted = float("nan") if design.constraints is None else design.constraints.utilization
    told: list[str] = []
    if np.isfinite(wanted):
        n = design.netlist
        used = ((n.node_kind == STDCELL) & (group >= 0)) | (n.node_kind == HARD_MACRO)
        filled = float((n.node_width * n.node_height)[used].sum()) / design.canvas.area
        if filled > wanted:
            told = [f"macros and cells fill {filled:.1%} of the core, more than the target utilization of {wanted:.1%}"]
    bloat = fitting_bloat(design, group, wanted if np.isfinite(wanted) else None)
    fenced = fence_groups(design, group, bloat, MAX_FILL)
    return cluster(
        design, group, bloat=fenced.bloat, width=fenced.width, region=fenced.region, notes=[*told, *fenced.notes]
    ).design


def carry_back(design: Design, soft: Design, placement: Placement, group: NDArray[np.int64]) -> Placement:
    """Positions in the clustered design as positions in the flat one.

    Args:
        design: the flat design.
        soft: what :func:`clustered` made of it.
        placement: of ``soft``.
        group: the groups ``soft`` was made with.

    Returns:
        Hard macros where ``placement`` has them; cells at the middle of their cluster, where no cell stays, hence not
        marked as placed; all else as in ``design``.
    """
    pair = Clustered(design, soft, np.asarray(group, np.int32))
    found = pair.flat_start(placement, spread=False)
    waits = (group >= 0) & ~design.placement.fixed
    return found.moved(orient=np.where(waits, design.placement.orient, found.orient), placed=found.placed & ~waits)
