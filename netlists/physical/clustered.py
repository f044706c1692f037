"""A flat design with 100,000 cells as the placer takes it today: cells in soft macros, and results carried back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from netlists.constraints import Constraints
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL
from netlists.physical.fenced import fence_groups
from netlists.physical.grouping import group_cells
from netlists.placement import Placement
from netlists.synthesis.clustering import cluster

#: Area of a soft macro over that of its cells, where the core has room for it: cells are never packed tight.
BLOAT = 2.0
#: Part of the core that hard and soft macros may fill together.
MAX_FILL = 0.95


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
    netlist, kind = design.netlist, design.netlist.node_kind
    if group is None:
        group = clusters_of(design)
    left_out = (kind == STDCELL) & (group < 0)
    area = netlist.node_width * netlist.node_height
    cells = float(area[(kind == STDCELL) & ~left_out].sum())
    macros = float(area[kind == HARD_MACRO].sum())
    wanted = float("nan") if design.constraints is None else design.constraints.utilization
    bloat: float = BLOAT
    told: list[str] = []
    if cells and np.isfinite(wanted):
        bloat = max((wanted * design.canvas.area - macros) / cells, 1.0)
        filled = (macros + cells) / design.canvas.area
        if filled > wanted:
            told = [f"macros and cells fill {filled:.1%} of the core, more than the target utilization of {wanted:.1%}"]
    elif cells:
        bloat = min(BLOAT, max((MAX_FILL * design.canvas.area - macros) / cells, 1.0))
    fenced = fence_groups(design, group, bloat, MAX_FILL)
    soft = cluster(design, group, bloat=fenced.bloat, width=fenced.width, left_out=left_out)
    kept = np.concatenate([netlist.ids(PORT), netlist.ids(HARD_MACRO)])
    extra = soft.netlist.num_nodes - len(kept)
    notes = [
        *design.notes,
        *told,
        *fenced.notes,
        f"{int((group >= 0).sum()):,} standard cells are in {extra:,} clusters for macro placement",
    ]
    return replace(
        soft,
        format=design.format,
        path=design.path,
        placement_path=design.placement_path,
        notes=tuple(notes),
        constraints=None if design.constraints is None else _taken(design.constraints, kept, fenced.region),
        physical=None if design.physical is None else design.physical.take(kept, extra),
    )


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
    old, kind = design.placement, design.netlist.node_kind
    x, y, orient, placed = old.x.copy(), old.y.copy(), old.orient.copy(), old.placed.copy()
    hard, from_hard = design.netlist.ids(HARD_MACRO), soft.netlist.ids(HARD_MACRO)
    x[hard], y[hard] = placement.x[from_hard], placement.y[from_hard]
    orient[hard], placed[hard] = placement.orient[from_hard], placement.placed[from_hard]
    cells = np.flatnonzero((kind == STDCELL) & (group >= 0) & ~old.fixed)
    at = soft.netlist.ids(SOFT_MACRO)[np.unique(group[group >= 0], return_inverse=True)[1]]
    where = np.zeros(design.netlist.num_nodes, np.int64)
    where[group >= 0] = at
    x[cells], y[cells], placed[cells] = placement.x[where[cells]], placement.y[where[cells]], False
    return old.moved(x=x, y=y, orient=orient, placed=placed)


def _taken(constraints: Constraints, kept: NDArray[np.int64], region: NDArray[np.int32]) -> Constraints:
    """Constraints of the nodes that stay, and no others than their ``region`` for those behind them."""
    number = np.full(constraints.num_nodes, -1, np.int64)
    number[kept] = np.arange(len(kept))
    none = replace(Constraints.none(len(region)), regions=constraints.regions, region=region)

    def both(key: str) -> NDArray[np.float64]:
        mine = getattr(constraints, key)
        return np.concatenate([mine[kept], getattr(none, key)]) if len(mine) == constraints.num_nodes else mine

    groups = []
    for group in constraints.groups:
        members = number[np.array(group.members, np.int64)]
        if (members >= 0).all():  # groups are of macros; one with cells in it has lost them
            groups.append(replace(group, members=tuple(members.tolist())))
    return constraints.changed(
        **{key: both(key) for key in ("halo", "orientations", "region", "pitch", "offset", "boundary")},
        groups=tuple(groups),
    )
