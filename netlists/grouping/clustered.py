"""A flat design beside its clustered form, and the ways between placements of the two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlists.constraints import Constraints
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.grouping.cells import MAX_FANOUT
from netlists.grouping.collapse import collapse
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL
from netlists.placement import Placement

#: Area of a soft macro over that of its cells: cells are never packed tight.
BLOAT = 2.0
#: Part of the core that hard and soft macros may fill together, for :func:`fitting_bloat`.
MAX_FILL = 0.95


@dataclass(frozen=True, eq=False)
class Clustered:
    """A flat design of ``N`` nodes and its clustered form of ``K`` nodes.

    Attributes:
        flat: the flat design.
        design: ports, hard macros and soft macros ``Grp_<group>``, by the rules of
            :func:`netlists.grouping.collapse.collapse`; its placement is :meth:`lift` of the flat one.
        group_of: ``[N]`` int32 group of each flat node; -1 for all but cells in a group.
    """

    flat: Design
    design: Design
    group_of: NDArray[np.int32]

    @cached_property
    def node_of(self) -> NDArray[np.int64]:
        """``[N]`` node of the clustered design each flat node became or went into; -1 for cells in no group."""
        n = self.flat.netlist
        out = np.full(n.num_nodes, -1, np.int64)
        kept = _kept(self.flat)
        out[kept] = np.arange(len(kept))
        cells = self.cells
        out[cells] = len(kept) + np.unique(self.group_of[cells], return_inverse=True)[1]
        return out

    @cached_property
    def cells(self) -> NDArray[np.int64]:
        """Flat nodes that are in a group, ascending."""
        return np.flatnonzero(self.group_of >= 0)

    def flat_start(self, placement: Placement | None = None, *, spread: bool = True) -> Placement:
        """A placement of the clustered design as one of the flat design.

        Args:
            placement: of ``design``; its own when None.
            spread: spread the cells of a cluster over its box, in file order along a snake of rows, each cell on a
                part of the box as large as its share of the area; False puts all at the centre. Nothing is random.

        Returns:
            Ports and hard macros where ``placement`` has them, with their orientation; movable cells in their cluster,
            inside the canvas, in orientation N, and placed where their cluster is; fixed cells and those in no group as
            in ``flat``.

        Raises:
            PlacementError: the placement has another number of nodes than the clustered design.
        """
        soft = self.design.placement if placement is None else placement
        if soft.num_nodes != self.design.netlist.num_nodes:
            raise PlacementError(
                f"the placement has {soft.num_nodes} objects, the clustered netlist {self.design.netlist.num_nodes}",
                rule="shape",
            )
        old, n, c = self.flat.placement, self.flat.netlist, self.flat.canvas
        x, y, orient, placed = old.x.copy(), old.y.copy(), old.orient.copy(), old.placed.copy()
        kept = _kept(self.flat)
        x[kept], y[kept] = soft.x[: len(kept)], soft.y[: len(kept)]
        orient[kept], placed[kept] = soft.orient[: len(kept)], soft.placed[: len(kept)]
        move = ~old.fixed[self.cells]
        cells = self.cells[move]
        owner = self.node_of[cells]
        dx, dy = self._offsets if spread else np.zeros((2, len(self.cells)))
        half_w, half_h = np.minimum(n.node_width, c.width)[cells] / 2, np.minimum(n.node_height, c.height)[cells] / 2
        x[cells] = np.clip(soft.x[owner] + dx[move], c.x0 + half_w, c.x1 - half_w)
        y[cells] = np.clip(soft.y[owner] + dy[move], c.y0 + half_h, c.y1 - half_h)
        orient[cells], placed[cells] = 0, soft.placed[owner]
        return old.moved(x=x, y=y, orient=orient, placed=placed)

    def lift(self, placement: Placement | None = None) -> Placement:
        """A placement of the flat design as one of the clustered design.

        Args:
            placement: of ``flat``; its own when None.

        Returns:
            Ports and hard macros where they are; each soft macro at the centroid of its cells weighted by their area,
            moved inside the canvas, and placed where all of its cells are.

        Raises:
            PlacementError: the placement has another number of nodes than the flat design.
        """
        p = self.flat.placement if placement is None else placement
        if p.num_nodes != self.flat.netlist.num_nodes:
            raise PlacementError(
                f"the placement has {p.num_nodes} objects, the flat netlist {self.flat.netlist.num_nodes}", rule="shape"
            )
        return _lifted(self.flat, self.design, p, self.cells, self.node_of)

    @cached_property
    def _offsets(self) -> NDArray[np.float64]:
        """``[2, cells]`` um from the centre of the cluster: its box in rows, the cells along them."""
        n, soft = self.flat.netlist, self.design.netlist
        owner = self.node_of[self.cells]
        order = np.argsort(owner, kind="stable")
        area = (n.node_width * n.node_height)[self.cells][order]
        of = owner[order]
        total = np.bincount(of, area, soft.num_nodes)
        count = np.bincount(of, minlength=soft.num_nodes)
        before = np.cumsum(area) - area
        start = np.cumsum(total) - total
        middle = np.clip((before - start[of] + area / 2) / total[of], 0.0, np.nextafter(1.0, 0.0))
        width, height = soft.node_width, soft.node_height
        rows = np.clip(np.rint(np.sqrt(count * height / np.maximum(width, 1e-30))), 1, np.maximum(count, 1))[of]
        row = np.floor(middle * rows)
        along = middle * rows - row
        along = np.where(row % 2 == 0, along, 1.0 - along)
        out = np.empty((2, len(order)))
        out[0, order] = (along - 0.5) * width[of]
        out[1, order] = ((row + 0.5) / rows - 0.5) * height[of]
        return out


def cluster(
    design: Design,
    groups: ArrayLike,
    *,
    bloat: ArrayLike = BLOAT,
    width: NDArray[np.float64] | None = None,
    region: NDArray[np.int32] | None = None,
    max_fanout: int = MAX_FANOUT,
    notes: Iterable[str] = (),
) -> Clustered:
    """Replace the standard cells of a flat design by soft macros, by the rules of Circuit Training.

    Constraints of what stays are kept, and so is the record of LEF and DEF files. A soft macro whose cells are all
    members of one fence or guide is a member too. An array or mirror group with a cell in it is dropped.

    Args:
        design: a flat design of any format.
        groups: ``[N]`` group of each node; -1 for cells that are left out, which no net may lead to. What it says about
            other nodes does not matter.
        bloat: area of a soft macro over that of its cells; one number, or one for each group in order of their numbers.
        width: of the soft macros in that order, um; one grid column when None.
        region: the fence or guide each is a member of, -1 for none; that of its cells when None.
        max_fanout: nets with this many sinks or more are dropped.
        notes: further remarks for the clustered design.

    Returns:
        The two designs and the map between them.

    Raises:
        NetlistError: the groups are of another number of nodes, a cell on a net is in none, or the design has soft
            macros already.
    """
    n = design.netlist
    given = np.asarray(groups)
    if given.shape != (n.num_nodes,):
        raise NetlistError("the groups are not those of this design", found=given.shape, expected=(n.num_nodes,))
    if not (np.isfinite(bloat).all() and (np.asarray(bloat) > 0).all()):
        raise NetlistError("the bloat must be positive", found=bloat)
    is_cell = n.node_kind == STDCELL
    group_of = np.where(is_cell, given, -1).astype(np.int32)
    group_of.flags.writeable = False
    left_out = is_cell & (group_of < 0)
    soft = collapse(design, group_of, bloat=bloat, width=width, max_fanout=max_fanout, left_out=left_out)
    kept = _kept(design)
    extra = soft.netlist.num_nodes - len(kept)
    soft = replace(
        soft,
        format=design.format,
        path=design.path,
        placement_path=design.placement_path,
        notes=(
            *design.notes,
            *notes,
            f"{int((group_of >= 0).sum()):,} standard cells are in {extra:,} clusters for macro placement",
        ),
        constraints=None
        if design.constraints is None
        else _taken(design.constraints, kept, _regions(design, group_of) if region is None else region),
        physical=None if design.physical is None else design.physical.take(kept, extra),
    )
    out = Clustered(design, soft, group_of)
    return Clustered(design, soft.with_placement(out.lift(), design.placement_path), group_of)


def fitting_bloat(design: Design, groups: ArrayLike, utilization: float | None = None) -> float:
    """The bloat that leaves clusters and hard macros room in the core.

    Args:
        design: a flat design.
        groups: ``[N]`` as for :func:`cluster`.
        utilization: part of the core that they shall fill; None takes ``BLOAT``, less where the core would be fuller
            than ``MAX_FILL``.

    Returns:
        At least 1: cells are never squeezed.
    """
    n = design.netlist
    area = n.node_width * n.node_height
    cells = float(area[(n.node_kind == STDCELL) & (np.asarray(groups) >= 0)].sum())
    room = (MAX_FILL if utilization is None else utilization) * design.canvas.area
    if cells <= 0:
        return BLOAT
    wanted = max((room - float(area[n.node_kind == HARD_MACRO].sum())) / cells, 1.0)
    return min(BLOAT, wanted) if utilization is None else wanted


def _kept(design: Design) -> NDArray[np.int64]:
    """Flat nodes that stay, in the order of the clustered design."""
    return np.concatenate([design.netlist.ids(PORT), design.netlist.ids(HARD_MACRO)])


def _lifted(
    flat: Design, soft: Design, p: Placement, cells: NDArray[np.int64], node_of: NDArray[np.int64]
) -> Placement:
    n, k, c = flat.netlist, soft.netlist, soft.canvas
    kept, of = _kept(flat), node_of[cells]
    area = (n.node_width * n.node_height)[cells]
    ids = k.ids(SOFT_MACRO)
    weight = np.bincount(of, area, k.num_nodes)[ids]
    half_w, half_h = np.minimum(k.node_width, c.width)[ids] / 2, np.minimum(k.node_height, c.height)[ids] / 2
    x = np.clip(np.bincount(of, area * p.x[cells], k.num_nodes)[ids] / weight, c.x0 + half_w, c.x1 - half_w)
    y = np.clip(np.bincount(of, area * p.y[cells], k.num_nodes)[ids] / weight, c.y0 + half_h, c.y1 - half_h)
    none = np.zeros(len(ids), bool)
    placed = np.bincount(of, p.placed[cells], k.num_nodes)[ids] == np.bincount(of, minlength=k.num_nodes)[ids]
    return Placement(
        np.concatenate([p.x[kept], x]),
        np.concatenate([p.y[kept], y]),
        np.concatenate([p.orient[kept], none.astype(np.int8)]),
        np.concatenate([p.fixed[kept], none]),
        np.concatenate([p.placed[kept], placed]),
    )


def _regions(design: Design, group_of: NDArray[np.int32]) -> NDArray[np.int32]:
    """The fence or guide that all cells of a soft macro are members of, -1 for none; one a soft macro."""
    assert design.constraints is not None
    cells = np.flatnonzero(group_of >= 0)
    ids, of = np.unique(group_of[cells], return_inverse=True)
    region = design.constraints.region[cells]
    low, high = np.full(len(ids), np.iinfo(np.int32).max, np.int32), np.full(len(ids), -1, np.int32)
    np.minimum.at(low, of, region)
    np.maximum.at(high, of, region)
    return np.where(low == high, low, -1).astype(np.int32)


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
