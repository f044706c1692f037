"""Constraints that no placement can keep, found before anything is placed; the message says which conflict.

Only what is certain is an error: a macro that fits in no orientation, areas that cannot hold their members, fixed
macros that break a rule among themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from shapely import STRtree, union_all
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from netlists.canvas import BLOCK_HARD
from netlists.constraints import REGION_FENCE
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from netlists.orientation import SWAPS_SIDES, oriented_sides, oriented_sizes
from netlists.rules.table import Table

#: Lengths and areas below this are rounding, um and um^2.
_DUST = 1e-6


@dataclass(frozen=True)
class Conflict:
    """A contradiction.

    Attributes:
        kind: ``"fixed"`` among or of fixed macros, which is a fault but leaves the design usable; ``"size"`` and
            ``"room"``, which no placement can keep.
        message: one sentence.
        node: the macro to blame, -1 for none.
        key: the key of a constraints file to point at, may be empty.
    """

    kind: str
    message: str
    node: int = -1
    key: str = ""


#: Conflicts of one kind that a note spells out.
_SHOWN = 3


def check_conflicts(design: Design, top: Table, located: Mapping[int, Table], member_of: Mapping[int, Table]) -> None:
    """Look for contradictions in a constraints file.

    Args:
        design: the design with its constraints.
        top: the top of the file, blamed where no table is.
        located: table that fixed or placed a macro, by node.
        member_of: table of the fence or guide an object is in, by node.

    Raises:
        NetlistError: there is one.
    """
    for conflict in _fixed(design, located):
        located[conflict.node].fail(conflict.message, conflict.key)
    for conflict in (*_sizes(design), *_room(design, member_of)):
        member_of.get(conflict.node, top).fail(conflict.message, conflict.key)


def conflict_notes(design: Design) -> list[str]:
    """Contradictions in what a design's own files say, as remarks: it can be read, drawn and scored all the same."""
    if design.constraints is None:
        return []
    hard = design.netlist.ids(HARD_MACRO).tolist()
    notes: list[str] = []
    for found in (list(_fixed(design, hard)), list(_sizes(design)), list(_room(design, ()))):
        notes += [conflict.message for conflict in found[:_SHOWN]]
        if len(found) > _SHOWN:
            notes.append(f"and {len(found) - _SHOWN:,} more conflicts of this kind; 'placer check' lists broken rules")
    return notes


def require_possible(design: Design) -> None:
    """Check that what a LEF/DEF design's own files ask can be kept at all; others are checked as they are read.

    Raises:
        NetlistError: a macro fits nowhere, or members and halos have no room.
    """
    if design.physical is None or design.constraints is None:
        return
    for conflict in (*_sizes(design), *_room(design, ())):
        raise NetlistError(f"no placement is possible: {conflict.message}", file=design.path)


def _fixed(design: Design, blamed: Collection[int]) -> Iterator[Conflict]:
    """Fixed macros: inside the core, off blockages, clear of each other; each pair once.

    Args:
        design: the design with its constraints.
        blamed: only conflicts of these macros among themselves and with other fixed macros count.
    """
    constraints, n = design.constraints, design.netlist
    assert constraints is not None
    nodes = np.flatnonzero((n.node_kind == HARD_MACRO) & design.placement.fixed & design.placement.placed)
    asked = set(blamed)
    mine = [i for i in nodes.tolist() if i in asked]
    if not mine:
        return
    bodies = {i: _box(design, i, 0.0) for i in nodes.tolist()}
    halos = {i: _box(design, i, 1.0) for i in nodes.tolist()}
    order = nodes.tolist()
    tree = STRtree([halos[i] for i in order])

    def blame(node: int, message: str) -> Conflict:
        return Conflict("fixed", message, node, "location")

    for i in mine:
        name = n.node_names[i]
        outside = bodies[i].difference(design.canvas.polygon).area
        if outside > _DUST:
            yield blame(i, f"fixed macro {name!r} is outside the core by {outside:.6g} um^2")
        for blockage in design.canvas.blockages:
            if blockage.kind == BLOCK_HARD and bodies[i].intersection(blockage.polygon).area > _DUST:
                yield blame(i, f"fixed macro {name!r} lies on hard blockage {blockage.name!r}")
        for k, region in enumerate(constraints.regions):
            if region.kind == REGION_FENCE:
                inside = bodies[i].intersection(region.polygon).area
                if constraints.region[i] == k and inside < bodies[i].area - _DUST:
                    yield blame(i, f"fixed macro {name!r} leaves its fence {region.name!r}")
                if constraints.region[i] != k and inside > _DUST:
                    yield blame(i, f"fixed macro {name!r} lies in fence {region.name!r}, which is for others")
        for j in sorted(order[k] for k in tree.query(halos[i]).tolist()):
            if j == i or (j in asked and j < i):
                continue
            other = n.node_names[j]
            if bodies[i].intersection(bodies[j]).area > _DUST:
                yield blame(i, f"fixed macros {name!r} and {other!r} overlap")
            elif max(bodies[i].intersection(halos[j]).area, bodies[j].intersection(halos[i]).area) > _DUST:
                yield blame(i, f"fixed macros {name!r} and {other!r} are closer than their halos allow")


def _sizes(design: Design) -> Iterator[Conflict]:
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
            yield Conflict(
                "size",
                f"macro {n.node_names[node]!r} of {w:g} x {h:g} um does not fit {where} of {x1 - x0:g} x {y1 - y0:g} um"
                f"{turn}",
                node if fenced else -1,
            )


def _room(design: Design, member_of: Collection[int]) -> Iterator[Conflict]:
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
        first = next((i for i in nodes.tolist() if i in member_of), -1) if k >= 0 else -1
        where = f"fence {constraints.regions[k].name!r}" if k >= 0 else "the core"
        bare = float((n.node_width[nodes] * n.node_height[nodes]).sum())
        if bare > ground.area * (1 + 1e-9):
            yield Conflict(
                "room",
                f"the {len(nodes)} macros of {where} have {bare:.6g} um^2, its free area is {ground.area:.6g} um^2",
                first,
            )
            continue
        # Any two bodies are at least twice this apart along some axis, so bodies grown by it do not overlap.
        half = float(constraints.halo[nodes].min()) / 2
        grown = float(((n.node_width[nodes] + 2 * half) * (n.node_height[nodes] + 2 * half)).sum())
        room = ground.buffer(half, join_style="mitre").area
        if half > 0 and len(nodes) > 1 and grown > room * (1 + 1e-9):
            yield Conflict(
                "room",
                f"the halos of the {len(nodes)} macros of {where} cannot fit: with half of the least halo on every "
                f"side they need {grown:.6g} um^2 of {room:.6g} um^2",
                first,
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
