"""Constraints that no placement can keep, found before anything is placed; the message says which conflict.

Only what is certain is an error: a macro that fits in no orientation, areas that cannot hold their members, fixed
macros that break a rule among themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from shapely import STRtree, union_all
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from netlists.canvas import BLOCK_HARD
from netlists.constraints import REGION_FENCE
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.orientation import SWAPS_SIDES, oriented_sides, oriented_sizes
from netlists.rules.table import Table

#: Lengths and areas below this are rounding, um and um^2.
_DUST = 1e-6


def check_conflicts(design: Design, top: Table, located: Mapping[int, Table], member_of: Mapping[int, Table]) -> None:
    """Look for contradictions.

    Args:
        design: the design with its constraints.
        top: the top of the file, blamed where no table is.
        located: table that fixed or placed a macro, by node.
        member_of: table of the fence or guide an object is in, by node.

    Raises:
        NetlistError: there is one.
    """
    _fixed(design, top, located)
    _sizes(design, top, member_of)
    _room(design, top, member_of)


def _fixed(design: Design, top: Table, located: Mapping[int, Table]) -> None:
    """Macros the file fixes: inside the core, off blockages, clear of each other and of other fixed macros."""
    constraints, n = design.constraints, design.netlist
    assert constraints is not None
    nodes = np.flatnonzero((n.node_kind == HARD_MACRO) & design.placement.fixed & design.placement.placed)
    mine = [i for i in nodes.tolist() if i in located]
    if not mine:
        return
    bodies = {i: _box(design, i, 0.0) for i in nodes.tolist()}
    halos = {i: _box(design, i, 1.0) for i in nodes.tolist()}
    order = nodes.tolist()
    tree = STRtree([halos[i] for i in order])
    for i in mine:
        name, table = n.node_names[i], located[i]
        outside = bodies[i].difference(design.canvas.polygon).area
        if outside > _DUST:
            table.fail(f"fixed macro {name!r} is outside the core by {outside:.6g} um^2", "location")
        for blockage in design.canvas.blockages:
            if blockage.kind == BLOCK_HARD and bodies[i].intersection(blockage.polygon).area > _DUST:
                table.fail(f"fixed macro {name!r} lies on hard blockage {blockage.name!r}", "location")
        for k, region in enumerate(constraints.regions):
            if region.kind == REGION_FENCE:
                inside = bodies[i].intersection(region.polygon).area
                if constraints.region[i] == k and inside < bodies[i].area - _DUST:
                    table.fail(f"fixed macro {name!r} leaves its fence {region.name!r}", "location")
                if constraints.region[i] != k and inside > _DUST:
                    table.fail(f"fixed macro {name!r} lies in fence {region.name!r}, which is for others", "location")
        for j in (order[k] for k in tree.query(halos[i]).tolist()):
            if j == i:
                continue
            other = n.node_names[j]
            if bodies[i].intersection(bodies[j]).area > _DUST:
                table.fail(f"fixed macros {name!r} and {other!r} overlap", "location")
            if max(bodies[i].intersection(halos[j]).area, bodies[j].intersection(halos[i]).area) > _DUST:
                table.fail(f"fixed macros {name!r} and {other!r} are closer than their halos allow", "location")


def _sizes(design: Design, top: Table, member_of: Mapping[int, Table]) -> None:
    """Every movable macro fits the bounding box of its fence, or of the core, in an allowed orientation."""
    constraints, n = design.constraints, design.netlist
    assert constraints is not None
    for node in np.flatnonzero(design.movable & (n.node_kind == HARD_MACRO)).tolist():
        k = int(constraints.region[node])
        fenced = k >= 0 and constraints.regions[k].kind == REGION_FENCE
        place = design.canvas.polygon.intersection(constraints.regions[k].polygon) if fenced else design.canvas.polygon
        where = f"fence {constraints.regions[k].name!r}" if fenced else "the core"
        x0, y0, x1, y1 = place.bounds if not place.is_empty else (0.0, 0.0, 0.0, 0.0)
        codes = [code for code in range(8) if constraints.orientations[node] >> code & 1]
        sizes = {
            tuple(float(v) for v in oriented_sizes(n.node_width[node], n.node_height[node], code)) for code in codes
        }
        if not any(w <= x1 - x0 + _DUST and h <= y1 - y0 + _DUST for w, h in sizes):
            w, h = sorted(sizes)[0]
            turn = "" if SWAPS_SIDES[codes].any() else "; quarter turns are not allowed"
            (member_of.get(node, top) if fenced else top).fail(
                f"macro {n.node_names[node]!r} of {w:g} x {h:g} um does not fit {where} of {x1 - x0:g} x {y1 - y0:g} um"
                f"{turn}"
            )


def _room(design: Design, top: Table, member_of: Mapping[int, Table]) -> None:
    """Area: members of each fence, and all macros in the core, with the part of the halos that nobody shares."""
    constraints, n = design.constraints, design.netlist
    assert constraints is not None
    hard = n.node_kind == HARD_MACRO
    fences = [k for k, region in enumerate(constraints.regions) if region.kind == REGION_FENCE]
    blocked = [blockage.polygon for blockage in design.canvas.blockages if blockage.kind == BLOCK_HARD]
    for k in [*fences, -1]:
        region = constraints.region
        inside = region == k if k >= 0 else ~np.isin(region, fences)
        nodes = np.flatnonzero(hard & inside & (design.movable | design.placement.fixed))
        if not len(nodes):
            continue
        foreign = [constraints.regions[other].polygon for other in fences if other != k]
        ground: BaseGeometry = design.canvas.polygon
        if k >= 0:
            ground = ground.intersection(constraints.regions[k].polygon)
        ground = ground.difference(union_all([*blocked, *foreign]))
        table = next((member_of[i] for i in nodes.tolist() if i in member_of), top) if k >= 0 else top
        where = f"fence {constraints.regions[k].name!r}" if k >= 0 else "the core"
        bare = float((n.node_width[nodes] * n.node_height[nodes]).sum())
        if bare > ground.area * (1 + 1e-9):
            table.fail(
                f"the {len(nodes)} macros of {where} have {bare:.6g} um^2, its free area is {ground.area:.6g} um^2"
            )
        # Any two bodies are at least twice this apart along some axis, so bodies grown by it do not overlap.
        half = float(constraints.halo[nodes].min()) / 2
        grown = float(((n.node_width[nodes] + 2 * half) * (n.node_height[nodes] + 2 * half)).sum())
        room = ground.buffer(half, join_style="mitre").area
        if half > 0 and len(nodes) > 1 and grown > room * (1 + 1e-9):
            table.fail(
                f"the halos of the {len(nodes)} macros of {where} cannot fit: with half of the least halo on every "
                f"side they need {grown:.6g} um^2 of {room:.6g} um^2",
                "halo",
            )


def _box(design: Design, node: int, halo: float) -> Polygon:
    n, placement = design.netlist, design.placement
    assert design.constraints is not None
    turn = int(placement.orient[node])
    width, height = oriented_sizes(n.node_width[node], n.node_height[node], turn)
    left, bottom, right, top = oriented_sides(design.constraints.halo[node], turn) * halo
    x, y, w, h = placement.x[node], placement.y[node], float(width) / 2, float(height) / 2
    return box(x - w - left, y - h - bottom, x + w + right, y + h + top)
