"""What a drawing of a placement shows, worked out once for every way of drawing it.

Interactive figures, reports and pictures all draw a :class:`Scene`; none of them looks at netlists itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon, box

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.netlist import HARD_MACRO, KIND_NAMES, PORT, SOFT_MACRO, STDCELL
from netlists.orientation import MATRIX, oriented_sizes
from netlists.placement import Placement
from placer.cost.attribution import Attribution, attribute
from placer.cost.full import Cost, full
from placer.view.groups import macro_groups

#: Objects of one kind up to this number are drawn one by one; more are drawn as the area they fill.
SHAPE_LIMIT = 3000
#: Longer side of the raster in which crowds of objects are drawn, in cells.
CROWD_RASTER = 160
#: Kind names as people read them.
KIND_WORDS: tuple[str, ...] = tuple(name.replace("stdcell", "standard cell").replace("_", " ") for name in KIND_NAMES)


@dataclass(frozen=True)
class Layer:
    """One map that can be laid under the objects.

    Attributes:
        key: ``"density"``, ``"h_congestion"``, ``"v_congestion"`` or ``"rudy"``.
        label: what people read.
        unit: what the numbers are.
    """

    key: str
    label: str
    unit: str


LAYERS: tuple[Layer, ...] = (
    Layer("density", "Density", "object area / gcell area"),
    Layer("h_congestion", "H congestion", "horizontal demand / supply"),
    Layer("v_congestion", "V congestion", "vertical demand / supply"),
    Layer("rudy", "RUDY", "expected wire, µm / µm²"),
)
LAYER_KEYS: tuple[str, ...] = tuple(layer.key for layer in LAYERS)


@dataclass(frozen=True, eq=False)
class Scene:
    """A placement ready to be drawn; positions in um.

    Attributes:
        design: netlist, canvas and notes.
        placement: what is drawn; :func:`scene` fills in the design's own.
        cost: its cost, or None where nothing is placed.
        shares: the cost split over the objects, or None where nothing is placed.
        maps: ``[rows, columns]`` arrays by layer key; only layers that exist for this design.
    """

    design: Design
    placement: Placement
    cost: Cost | None
    shares: Attribution | None
    maps: dict[str, NDArray[np.float64]]

    @property
    def canvas(self) -> Canvas:
        """The canvas drawn."""
        return self.design.canvas

    @cached_property
    def size(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``[N]`` widths and heights as the objects lie."""
        n = self.design.netlist
        return oriented_sizes(n.node_width, n.node_height, self.placement.orient)

    @cached_property
    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """``[N]`` left, bottom, right, top."""
        (w, h), p = self.size, self.placement
        return p.x - w / 2, p.y - h / 2, p.x + w / 2, p.y + h / 2

    @cached_property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of what a drawing should show: canvas, die and what hangs over its edge.

        Objects further out than half the canvas do not count: a stray one must not shrink everything else.
        """
        c, placed = self.canvas, self.placement.placed
        left, bottom, right, top = (edge[placed] for edge in self.box)
        slack_x, slack_y = c.width / 2, c.height / 2
        x0, y0, x1, y1 = (c.x0, c.y0, c.x1, c.y1) if self.die is None else self.die.bounds
        return (
            max(c.x0 - slack_x, float(left.min(initial=min(x0, c.x0)))),
            max(c.y0 - slack_y, float(bottom.min(initial=min(y0, c.y0)))),
            min(c.x1 + slack_x, float(right.max(initial=max(x1, c.x1)))),
            min(c.y1 + slack_y, float(top.max(initial=max(y1, c.y1)))),
        )

    @cached_property
    def die(self) -> Polygon | None:
        """The die around the core, um; None where no DEF file gives one."""
        physical = self.design.physical
        if physical is None or physical.def_file is None or len(physical.def_file.die_area) < 2:
            return None
        corners = physical.def_file.die_area / physical.def_file.dbu_per_micron
        return box(*corners.min(axis=0), *corners.max(axis=0)) if len(corners) == 2 else Polygon(corners)

    def ids(self, kind: int) -> NDArray[np.int64]:
        """Objects of a kind that are placed and few enough to be drawn one by one."""
        ids = self.crowd(kind)
        return self.stacked(ids) if len(ids) <= SHAPE_LIMIT else ids[:0]

    def stacked(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Objects in drawing order: the largest first, so that none hides a smaller one."""
        n = self.design.netlist
        return ids[np.argsort(-n.node_width[ids] * n.node_height[ids], kind="stable")]

    def crowd(self, kind: int) -> NDArray[np.int64]:
        """All placed objects of a kind."""
        return np.flatnonzero((self.design.netlist.node_kind == kind) & self.placement.placed)

    @cached_property
    def drawn(self) -> NDArray[np.int64]:
        """Objects that are drawn one by one, of any kind."""
        return np.sort(np.concatenate([self.ids(kind) for kind in range(len(KIND_NAMES))]))

    @cached_property
    def groups(self) -> list[tuple[str, NDArray[np.int64]]]:
        """Hard macros drawn one by one, by group, in drawing order: (label, ids)."""
        n = self.design.netlist
        found = [(label, self.stacked(ids)) for label, ids in macro_groups(n, self.ids(HARD_MACRO))]
        return sorted(found, key=lambda group: -n.node_width[group[1][0]] * n.node_height[group[1][0]])

    @cached_property
    def crowds(self) -> list[tuple[str, int]]:
        """Kinds that are drawn as the area they fill: (what people call them, number of objects)."""
        found = [(kind, len(self.crowd(kind))) for kind in (HARD_MACRO, SOFT_MACRO, STDCELL)]
        return [(KIND_WORDS[kind] + "s", count) for kind, count in found if count > SHAPE_LIMIT]

    @cached_property
    def crowd_fill(self) -> NDArray[np.float64] | None:
        """Share of each raster cell filled by objects too many to draw, row 0 at the bottom; None without such."""
        kinds = [k for k in (SOFT_MACRO, STDCELL, HARD_MACRO) if len(self.crowd(k)) > SHAPE_LIMIT]
        if not kinds:
            return None
        ids = np.concatenate([self.crowd(k) for k in kinds])
        c = self.canvas
        pitch = max(c.width, c.height) / CROWD_RASTER
        columns, rows = max(1, round(c.width / pitch)), max(1, round(c.height / pitch))
        return area_raster(tuple(edge[ids] for edge in self.box), c, rows, columns)

    @cached_property
    def rings(self) -> list[NDArray[np.float64]]:
        """Canvas outline as closed ``[K, 2]`` rings."""
        return polygon_rings(self.canvas.polygon)

    def marks(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Corners of the orientation marks of objects.

        The mark sits in the corner that is lower left in orientation N and is twice as long along the object's own
        x axis as along its y axis, so that all eight orientations look different.

        Returns:
            ``[len(ids), 3, 2]`` um.
        """
        n, p = self.design.netlist, self.placement
        w, h = n.node_width[ids], n.node_height[ids]
        side = np.minimum(0.28 * np.minimum(w, h), 0.015 * max(self.canvas.width, self.canvas.height))
        x = np.stack([-w / 2, -w / 2 + np.minimum(2 * side, w), -w / 2], axis=1)
        y = np.stack([-h / 2, -h / 2, -h / 2 + side], axis=1)
        m = MATRIX[p.orient[ids]][:, None, :]
        return np.stack(
            [m[..., 0] * x + m[..., 1] * y + p.x[ids, None], m[..., 2] * x + m[..., 3] * y + p.y[ids, None]], axis=2
        )


def scene(
    design: Design,
    placement: Placement | None = None,
    *,
    cost: Cost | None = None,
    layers: Iterable[str] = LAYER_KEYS,
) -> Scene:
    """Work out what there is to draw.

    Args:
        design: netlist and canvas.
        placement: the design's own when None.
        cost: ``full(design, placement)`` when it is known already.
        layers: keys of the maps wanted.

    Raises:
        ValueError: a layer key is unknown.
        PlacementError: the placement has another number of objects than the netlist.
    """
    wanted = list(layers)
    unknown = [key for key in wanted if key not in LAYER_KEYS]
    if unknown:
        raise ValueError(f"unknown layer {unknown[0]!r} (expected {', '.join(LAYER_KEYS)})")
    if placement is not None:
        design = design.with_placement(placement)
    placement = design.placement
    movable = design.netlist.node_kind != PORT
    if not placement.placed[movable].any():
        return Scene(design, placement, None, None, {})
    cost = cost or full(design, placement)
    maps = {key: m for key in LAYER_KEYS if key in wanted and (m := _map(key, design, placement, cost)) is not None}
    return Scene(design, placement, cost, attribute(design, placement, cost), maps)


def _map(key: str, design: Design, placement: Placement, cost: Cost) -> NDArray[np.float64] | None:
    """One map, or None where the design has nothing to show in it (no routing supply, no nets)."""
    if key == "rudy":
        # Imported here: drawing the other layers needs none of it.
        from placer.cost.metrics import rudy

        values = np.asarray(rudy(design, placement), dtype=np.float64)
    else:
        values = getattr(cost, key)
    return values if values.size and np.isfinite(values).all() and values.any() else None


def polygon_rings(shape: Polygon | MultiPolygon) -> list[NDArray[np.float64]]:
    """Closed rings ``[K, 2]`` of a polygon or multipolygon, outer ones and holes."""
    parts = shape.geoms if isinstance(shape, MultiPolygon) else [shape]
    return [np.asarray(ring.coords)[:, :2] for part in parts for ring in (part.exterior, *part.interiors)]


def area_raster(box: tuple[NDArray[np.float64], ...], canvas: Canvas, rows: int, columns: int) -> NDArray[np.float64]:
    """Share of every raster cell that boxes fill, exactly and without a loop over boxes.

    How much of raster cell k the half-line from ``a`` covers is a running sum over k of two numbers: the rest of the
    cell ``a`` lies in, then the other part in the next cell. A box is a product of differences of such half-lines:
    four additions for each of its four corners, then one running sum along each axis.

    Args:
        box: left, bottom, right, top, each ``[K]``, um.
        canvas: the raster covers its bounding box.
        rows: raster rows.
        columns: raster columns.

    Returns:
        ``[rows, columns]``, row 0 at the bottom; may exceed 1 where boxes overlap.
    """
    left, bottom, right, top = box
    u = [np.clip((v - canvas.x0) / canvas.width * columns, 0, columns) for v in (left, right)]
    v = [np.clip((w - canvas.y0) / canvas.height * rows, 0, rows) for w in (bottom, top)]
    grid = np.zeros((rows + 2) * (columns + 2))
    for i, a in enumerate(u):
        for j, b in enumerate(v):
            c, r = np.floor(a).astype(np.int64), np.floor(b).astype(np.int64)
            fa, fb = a - c, b - r
            for dc, wa in ((0, 1 - fa), (1, fa)):
                for dr, wb in ((0, 1 - fb), (1, fb)):
                    sign = 1.0 if i == j else -1.0
                    grid += np.bincount((r + dr) * (columns + 2) + c + dc, sign * wa * wb, len(grid))
    fill: NDArray[np.float64] = grid.reshape(rows + 2, columns + 2).cumsum(0).cumsum(1)[:rows, :columns]
    return np.maximum(fill, 0.0)
