"""Groups of cells that are members of a fence or guide: how large and how wide their soft macros may be to fit it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from netlists.constraints import REGION_FENCE
from netlists.design import Design
from netlists.netlist import HARD_MACRO, STDCELL


@dataclass(frozen=True, eq=False)
class FencedGroups:
    """What the ``G`` groups of a design, in order of their numbers, become.

    Attributes:
        bloat: ``[G]`` area of the soft macro over that of its cells.
        width: ``[G]`` um.
        region: ``[G]`` int32 fence or guide it is a member of, -1 for none.
        notes: remarks on groups that a fence has no room for.
    """

    bloat: NDArray[np.float64]
    width: NDArray[np.float64]
    region: NDArray[np.int32]
    notes: tuple[str, ...] = ()


def fence_groups(design: Design, group: NDArray[np.int64], bloat: float, fill: float) -> FencedGroups:
    """Choose sizes so that each soft macro fits the fence of its cells.

    Soft macros are one grid column wide, as everywhere; where the fence has no such place, a square, or as wide or high
    as the fence. They grow by ``bloat``, less where the fence has no room for that.

    Args:
        design: a flat design.
        group: ``[N]`` group of each node, -1 for none; cells of one group are in the same region.
        bloat: area of a soft macro over that of its cells.
        fill: part of a fence that its members may fill together.
    """
    n, canvas, constraints = design.netlist, design.canvas, design.constraints
    cells = np.flatnonzero((n.node_kind == STDCELL) & (group >= 0))
    ids, first, of = np.unique(group[cells], return_index=True, return_inverse=True)
    growth, width = np.full(len(ids), bloat), np.full(len(ids), canvas.gcell_width)
    region = np.full(len(ids), -1, np.int32)
    if constraints is None or not constraints.regions:
        return FencedGroups(growth, width, region)
    region = constraints.region[cells[first]].astype(np.int32)
    size = n.node_width * n.node_height
    area = np.bincount(of, size[cells], len(ids))
    notes = []
    for k in np.unique(region[region >= 0]).tolist():
        if constraints.regions[k].kind != REGION_FENCE:
            continue
        mine = np.flatnonzero(region == k)
        ground = constraints.regions[k].polygon.intersection(canvas.polygon)
        macros = float(size[(n.node_kind == HARD_MACRO) & (constraints.region == k)].sum())
        growth[mine] = np.clip((fill * ground.area - macros) / max(float(area[mine].sum()), 1e-12), 1.0, bloat)
        lost = 0
        for g in mine.tolist():
            chosen = _width_in(ground, growth[g] * area[g], canvas.gcell_width, canvas.lattice)
            if chosen is None:
                region[g], lost = -1, lost + 1
            else:
                width[g] = chosen
        if lost:
            notes.append(f"fence {constraints.regions[k].name!r} is too narrow for {lost:,} clusters of its cells")
    return FencedGroups(growth, width, region, tuple(notes))


def _width_in(ground: BaseGeometry, area: float, usual: float, step: float) -> float | None:
    """A width at which a box of an area has a place in the ground; None without one."""
    if ground.is_empty:
        return None
    x0, y0, x1, y1 = ground.bounds
    # Corners are whole steps and sizes are rounded up to them: two steps each way are enough.
    widest, highest = x1 - x0 - 2 * step, y1 - y0 - 2 * step
    for width in (usual, float(np.sqrt(area)), widest, area / highest if highest > 0 else 0.0):
        if 0 < width <= widest * (1 + 1e-9) and _has_place(ground, width + 2 * step, area / width + 2 * step):
            return width
    return None


def _has_place(ground: BaseGeometry, width: float, height: float) -> bool:
    """True when a box lies inside rectilinear ground somewhere."""
    # Squeezed so that the box is a square, the ground is worn off by half its side; mitred corners stay exact.
    flat = affinity.scale(ground, yfact=width / height, origin=(0, 0))
    worn = flat.buffer(-width / 2 * (1 - 1e-9), join_style="mitre", mitre_limit=10)
    return not shapely.is_empty(worn)
