"""The integer side of geometry: boxes, canvas bounds and blocked regions in lattice steps.

Everything that must be exact (legality, legalisation, search over legal positions) counts in whole steps of
``Canvas.lattice`` from the origin of coordinates; everything that is measured (cost, drawing) stays in microns.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import MultiPolygon, Polygon

from netlists.canvas import BLOCK_HARD, Canvas
from netlists.design import Design
from netlists.orientation import oriented_sizes
from netlists.placement import Placement

#: Part of a step that is float noise: a size of 3.0000001 steps is 3 steps, one of 3.00001 steps needs 4.
FUZZ = 1e-6
#: Slanted edges of a polygon are replaced by at most this many stairs each.
_STAIRS = 64


def floor_steps(values: ArrayLike, step: float) -> NDArray[np.int64]:
    """Microns (any shape) -> whole steps, downwards, float noise forgiven."""
    return np.floor(np.asarray(values, dtype=np.float64) / step + FUZZ).astype(np.int64)


def ceil_steps(values: ArrayLike, step: float) -> NDArray[np.int64]:
    """Microns (any shape) -> whole steps, upwards, float noise forgiven."""
    return np.ceil(np.asarray(values, dtype=np.float64) / step - FUZZ).astype(np.int64)


def round_steps(values: ArrayLike, step: float) -> NDArray[np.int64]:
    """Microns (any shape) -> the nearest whole number of steps."""
    return np.floor(np.asarray(values, dtype=np.float64) / step + 0.5).astype(np.int64)


def microns(steps: ArrayLike, step: float) -> NDArray[np.float64]:
    """Steps (any shape) -> microns; the float64 nearest to the decimal number where ``1 / step`` is whole."""
    inverse = float(np.rint(1.0 / step))
    counts = np.asarray(steps, dtype=np.float64)
    return counts / inverse if inverse >= 1 and abs(inverse * step - 1.0) < 1e-12 else counts * step


def lower_left(design: Design, placement: Placement) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``[N]`` lower-left corners in um of the objects as they lie under ``placement``."""
    width, height = oriented_sizes(design.netlist.node_width, design.netlist.node_height, placement.orient)
    return placement.x - width / 2, placement.y - height / 2


def integer_sizes(design: Design, placement: Placement) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``[N]`` widths and heights in steps, rounded up, under the orientations of ``placement``."""
    step = design.canvas.lattice
    width, height = oriented_sizes(design.netlist.node_width, design.netlist.node_height, placement.orient)
    # Nothing that has an area vanishes, however small against the lattice.
    return np.maximum(ceil_steps(width, step), width > 0), np.maximum(ceil_steps(height, step), height > 0)


def integer_boxes(design: Design, placement: Placement) -> NDArray[np.int64]:
    """Boxes of all objects in lattice steps.

    An object's lower-left corner is the lattice point nearest to where it lies; its size is rounded up. An object
    whose size is a whole number of steps and which lies on the lattice is therefore represented exactly, and any
    other object is covered to within one step.

    Returns:
        ``[N, 4]`` int64: x0, y0, x1, y1.
    """
    step = design.canvas.lattice
    x, y = lower_left(design, placement)
    width, height = integer_sizes(design, placement)
    x0, y0 = round_steps(x, step), round_steps(y, step)
    return np.stack([x0, y0, x0 + width, y0 + height], axis=1)


def centres(
    design: Design, placement: Placement, nodes: NDArray[np.int64], x0: ArrayLike, y0: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres in um of ``nodes`` whose lower-left corners are at the lattice points ``x0``, ``y0`` (steps)."""
    step = design.canvas.lattice
    width, height = oriented_sizes(
        design.netlist.node_width[nodes], design.netlist.node_height[nodes], placement.orient[nodes]
    )
    return microns(x0, step) + width / 2, microns(y0, step) + height / 2


def canvas_box(canvas: Canvas) -> tuple[int, int, int, int]:
    """The canvas' bounding box in steps, rounded inwards: x0, y0, x1, y1."""
    step = canvas.lattice
    low = ceil_steps([canvas.x0, canvas.y0], step)
    high = floor_steps([canvas.x1, canvas.y1], step)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def outline_boxes(canvas: Canvas) -> NDArray[np.int64]:
    """``[K, 4]`` boxes in steps that cover the part of the bounding box outside the outline (rounded outwards)."""
    if canvas.outline is None:
        return np.zeros((0, 4), np.int64)
    return outside_boxes(canvas.outline, canvas_box(canvas), canvas.lattice)


def outside_boxes(polygon: Polygon | MultiPolygon, bounds: tuple[int, int, int, int], step: float) -> NDArray[np.int64]:
    """``[K, 4]`` boxes in steps that cover the part of ``bounds`` (steps) outside a polygon (um), rounded outwards."""
    x0, y0, x1, y1 = bounds
    boxes: list[tuple[int, int, int, int]] = []
    reached = y0
    for low, high, spans in _slabs(polygon, inner=True):
        # Rows that are only partly inside belong to the outside; a slab thinner than a step has no inside row.
        bottom, top = max(int(ceil_steps(low, step)), y0), min(int(floor_steps(high, step)), y1)
        if top <= bottom:
            continue
        if bottom > reached:
            boxes.append((x0, reached, x1, bottom))
        left = x0
        for a, b in spans:
            start, end = max(int(ceil_steps(a, step)), x0), min(int(floor_steps(b, step)), x1)
            if end <= start:
                continue
            if start > left:
                boxes.append((left, bottom, start, top))
            left = max(left, end)
        if left < x1:
            boxes.append((left, bottom, x1, top))
        reached = top
    if reached < y1:
        boxes.append((x0, reached, x1, y1))
    return np.array(boxes, dtype=np.int64).reshape(-1, 4)


def blockage_boxes(canvas: Canvas) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hard blockages as boxes in steps, rounded outwards.

    Returns:
        boxes: ``[K, 4]`` int64: x0, y0, x1, y1.
        owner: ``[K]`` index of each box' blockage in ``canvas.blockages``.
    """
    step = canvas.lattice
    boxes, owner = [], []
    for index, blockage in enumerate(canvas.blockages):
        if blockage.kind != BLOCK_HARD:
            continue
        covered = covering_boxes(blockage.polygon, step)
        boxes.append(covered)
        owner.append(np.full(len(covered), index))
    if not boxes:
        return np.zeros((0, 4), np.int64), np.zeros(0, np.int64)
    return np.concatenate(boxes), np.concatenate(owner)


def soft_blockages(canvas: Canvas) -> NDArray[np.float64]:
    """``[B, 5]`` boxes (um) that cover the soft and partial blockages, and the part of them that cells should leave."""
    rows = [np.zeros((0, 5))]
    for blockage in canvas.blockages:
        if blockage.kind != BLOCK_HARD:
            boxes = microns(covering_boxes(blockage.polygon, canvas.lattice), canvas.lattice)
            free = 1.0 - blockage.density
            rows.append(np.concatenate([boxes, np.full((len(boxes), 1), free)], axis=1))
    return np.concatenate(rows)


def covering_boxes(polygon: Polygon | MultiPolygon, step: float) -> NDArray[np.int64]:
    """``[K, 4]`` boxes in steps that cover a polygon (um), rounded outwards."""
    boxes = []
    for low, high, spans in _slabs(polygon, inner=False):
        for a, b in spans:
            lows, highs = floor_steps([a, low], step), ceil_steps([b, high], step)
            boxes.append((lows[0], lows[1], highs[0], highs[1]))
    return np.array(boxes, dtype=np.int64).reshape(-1, 4)


def _slabs(polygon: Polygon | MultiPolygon, *, inner: bool) -> list[tuple[float, float, list[tuple[float, float]]]]:
    """Cut a polygon into horizontal slabs between vertex levels, each with the x-intervals it fills.

    Exact for rectilinear polygons. Slanted edges become stairs inside the polygon (``inner``) or around it.
    """
    parts = polygon.geoms if isinstance(polygon, MultiPolygon) else [polygon]
    rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
    edges = np.concatenate([np.hstack([c[:-1], c[1:]]) for c in (np.asarray(r.coords)[:, :2] for r in rings)])
    levels = np.unique(edges[:, [1, 3]])
    slabs = []
    for low, high in itertools.pairwise(levels):
        crossing = edges[(np.minimum(edges[:, 1], edges[:, 3]) <= low) & (np.maximum(edges[:, 1], edges[:, 3]) >= high)]
        crossing = crossing[crossing[:, 1] != crossing[:, 3]]
        stairs = _STAIRS if (crossing[:, 0] != crossing[:, 2]).any() else 1
        cuts = np.linspace(low, high, stairs + 1)
        for a, b in itertools.pairwise(cuts):
            at_a, at_b = _x_at(crossing, a), _x_at(crossing, b)
            order = np.argsort(at_a + at_b, kind="stable")
            low_x, high_x = np.minimum(at_a, at_b)[order], np.maximum(at_a, at_b)[order]
            left, right = (high_x[0::2], low_x[1::2]) if inner else (low_x[0::2], high_x[1::2])
            spans = [(float(p), float(q)) for p, q in zip(left, right, strict=True) if q > p]
            slabs.append((float(a), float(b), spans))
    return slabs


def _x_at(edges: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    x0, y0, x1, y1 = edges.T
    # min/max keep the ends exact: a vertical edge gives its x whatever the rounding of the quotient.
    x = x0 + (x1 - x0) * ((level - y0) / (y1 - y0))
    return np.clip(x, np.minimum(x0, x1), np.maximum(x0, x1))
