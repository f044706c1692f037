"""What the floorplan says around the objects: die, rows, halos, fences and guides, blockages, pins.

Every way of drawing takes the same list of :class:`Marking`, so that none of them knows LEF, DEF or constraints.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import box

from netlists.canvas import BLOCK_HARD, BLOCK_PARTIAL, BLOCK_SOFT
from netlists.constraints import REGION_FENCE, REGION_GUIDE
from netlists.formats.def_.data import UNPLACED
from netlists.formats.def_.units import turned
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import oriented_offsets, oriented_sides
from placer.view import theme
from placer.view.scene import SHAPE_LIMIT, Scene, polygon_rings

#: More rows than this are drawn only when asked for: they would cover everything else.
ROW_LIMIT = 60
#: Pins kept in a drawing; of more, every k-th.
PIN_LIMIT = 30_000

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Marking:
    """Outlines, or points, of one kind.

    Attributes:
        key: what it is, for programs.
        name: what the legend calls it.
        rings: point lists ``[K, 2]`` um; closed for areas, two points for a line, ``[1, 2]`` for a point.
        texts: one for each of ``rings`` or none at all; what hovering tells.
        line: colour of the outline or the point.
        fill: colour of areas as ``rgba()``, None for none.
        solid: fill of areas without transparency; None for none.
        dash: dashed outlines.
        width: of the outline, pixels.
        shown: drawn at once; else the legend switches it on.
        titles: name of each area, written into the drawing; may be empty.
        points: ``rings`` are points.
    """

    key: str
    name: str
    rings: list[Points]
    line: str
    texts: tuple[str, ...] = ()
    fill: str | None = None
    solid: str | None = None
    dash: bool = False
    width: float = 1.0
    shown: bool = True
    titles: tuple[str, ...] = ()
    points: bool = False


def markings(view: Scene) -> list[Marking]:
    """All markings a scene has, those to be drawn first in front; kinds without any are left out."""
    found = [
        *_die(view), *_rows(view), *_blockages(view), *_regions(view), *_halos(view), *_macro_pins(view),
        *_port_shapes(view),
    ]  # fmt: skip
    return [marking for marking in found if marking.rings]


def _die(view: Scene) -> Iterable[Marking]:
    if view.die is not None:
        yield Marking("die", "die", polygon_rings(view.die), theme.DIE_LINE, width=1.5)


def _rows(view: Scene) -> Iterable[Marking]:
    rows = view.canvas.rows
    if rows is None:
        return
    ends = np.stack([np.stack([rows.x0, rows.y], axis=1), np.stack([rows.x1, rows.y], axis=1)], axis=1)
    yield Marking("rows", "rows", list(ends), theme.ROW_LINE, width=0.5, shown=len(ends) <= ROW_LIMIT)


def _blockages(view: Scene) -> Iterable[Marking]:
    kinds = (
        (BLOCK_HARD, "hard blockages", theme.BLOCKAGE_CLEAR, theme.BLOCKAGE_FILL),
        (BLOCK_SOFT, "soft blockages", theme.SOFT_BLOCKAGE_CLEAR, theme.SOFT_BLOCKAGE_FILL),
        (BLOCK_PARTIAL, "partial blockages", theme.PARTIAL_BLOCKAGE_CLEAR, theme.PARTIAL_BLOCKAGE_FILL),
    )
    for kind, name, fill, solid in kinds:
        rings, texts = [], []
        for b in (b for b in view.canvas.blockages if b.kind == kind):
            limit = f", cells up to {b.density:.0%}" if kind == BLOCK_PARTIAL else ""
            for ring in polygon_rings(b.polygon):
                rings.append(ring)
                texts.append(f"{b.name or 'blockage'} ({name.split()[0]}{limit}), {_extent(ring)}")
        yield Marking("blockages", name, rings, theme.BLOCKAGE_LINE, tuple(texts), fill, solid, kind != BLOCK_HARD)


def _regions(view: Scene) -> Iterable[Marking]:
    constraints = view.design.constraints
    if constraints is None:
        return
    for kind, name, colour, fill in (
        (REGION_FENCE, "fences", theme.FENCE_LINE, theme.FENCE_CLEAR),
        (REGION_GUIDE, "guides", theme.GUIDE_LINE, None),
    ):
        rings, texts, titles = [], [], []
        for k, region in enumerate(constraints.regions):
            if region.kind != kind:
                continue
            count = int((constraints.region == k).sum())
            for number, ring in enumerate(polygon_rings(region.polygon)):
                rings.append(ring)
                texts.append(f"{name[:-1]} {region.name}, {count:,} members, {_extent(ring)}")
                titles.append(region.name if number == 0 else "")
        dash = kind == REGION_GUIDE
        yield Marking(name, name, rings, colour, tuple(texts), fill, dash=dash, width=1.5, titles=tuple(titles))


def _halos(view: Scene) -> Iterable[Marking]:
    constraints, ids = view.design.constraints, view.ids(HARD_MACRO)
    if constraints is None:
        return
    ids = ids[(constraints.halo[ids] > 0).any(axis=1)]
    margin = oriented_sides(constraints.halo[ids], view.placement.orient[ids])
    left, bottom, right, top = (edge[ids] for edge in view.box)
    corners = left - margin[:, 0], bottom - margin[:, 1], right + margin[:, 2], top + margin[:, 3]
    yield Marking("halos", "halos", [_ring(*edges) for edges in zip(*corners, strict=True)], theme.HALO_LINE, dash=True)


def _macro_pins(view: Scene) -> Iterable[Marking]:
    """Pins of hard macros; formats without LEF give macros no real ones."""
    n, p = view.design.netlist, view.placement
    if view.design.physical is None:
        return
    pins = np.flatnonzero((n.node_kind[n.pin_node] == HARD_MACRO) & p.placed[n.pin_node])
    shown, name = _thinned(pins, "macro pins")
    node = n.pin_node[shown]
    dx, dy = oriented_offsets(n.pin_dx[shown], n.pin_dy[shown], p.orient[node])
    at = np.stack([p.x[node] + dx, p.y[node] + dy], axis=1)
    yield Marking("macro pins", name, list(at[:, None]), theme.PIN_COLOUR, shown=len(pins) <= SHAPE_LIMIT, points=True)


def _port_shapes(view: Scene) -> Iterable[Marking]:
    """Metal of the ports as the DEF file has it."""
    physical = view.design.physical
    if physical is None or physical.def_file is None:
        return
    per_um = physical.def_file.dbu_per_micron
    bounds = (view.die or view.canvas.polygon).bounds
    rings, texts = [], []
    for node in view.crowd(PORT).tolist():
        if physical.pin[node] < 0:
            continue
        for port in physical.def_file.pins[physical.pin[node]].ports:
            if port.status == UNPLACED:
                continue
            for shape in port.shapes:
                points = np.array([turned(x, y, port.orient) for x, y in shape.points]) + np.array([port.x, port.y])
                ring = np.concatenate([points, points[:1]]) / per_um
                if len(points) == 2:
                    ring = _ring(*(points.min(axis=0) / per_um), *(points.max(axis=0) / per_um))
                rings.append(ring)
                side = _side(ring, bounds)
                texts.append(f"{view.design.netlist.node_names[node]}, layer {shape.layer}, {side} side")
    many = len(rings) > SHAPE_LIMIT
    colour, fill = theme.PORT_COLOUR, theme.PORT_CLEAR
    yield Marking("port shapes", "port shapes", rings, colour, tuple(texts), fill, shown=not many)


def _thinned(ids: NDArray[np.int64], name: str) -> tuple[NDArray[np.int64], str]:
    shown = ids[:: max(1, -(-len(ids) // PIN_LIMIT))]
    return shown, name if len(shown) == len(ids) else f"{name} ({len(shown):,} of {len(ids):,})"


def _side(ring: Points, bounds: tuple[float, float, float, float]) -> str:
    """The side of the die that the middle of a shape is nearest to."""
    x, y = (ring.min(axis=0) + ring.max(axis=0)) / 2
    away = (x - bounds[0], y - bounds[1], bounds[2] - x, bounds[3] - y)
    return ("left", "bottom", "right", "top")[int(np.argmin(np.abs(away)))]


def _ring(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.asarray(box(x0, y0, x1, y1).exterior.coords)


def _extent(ring: Points) -> str:
    (x0, y0), (x1, y1) = ring.min(axis=0), ring.max(axis=0)
    return f"({x0:,.6g}, {y0:,.6g}) to ({x1:,.6g}, {y1:,.6g}) µm"
