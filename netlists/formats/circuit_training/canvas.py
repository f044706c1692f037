"""Where the canvas of a Circuit Training design comes from.

Width and height: the ``.plc`` header, else the netlist's ``FP bbox`` comment, else the bounding box of the given
coordinates from the origin on, else a square that the objects fill to 60 %. (The published evaluator takes the
header's three-decimal numbers; so do we.) Grid, routing supply and smoothing: the header, else the defaults below.
"""

from __future__ import annotations

import math
import re

import numpy as np

from netlists.canvas import Canvas
from netlists.formats.circuit_training.plc import Header
from netlists.netlist import Netlist
from netlists.orientation import oriented_sizes
from netlists.placement import Placement

#: Used where no header says otherwise: the values in the headers of Circuit Training's own small test cases.
DEFAULT_ROUTES = (70.33, 74.51)
DEFAULT_MACRO_ROUTES = (51.79, 51.79)
DEFAULT_SMOOTHING = 2
#: Default grid: about 32 x 32 gcells, as square as the canvas allows.
DEFAULT_CELLS_A_SIDE = 32
DEFAULT_UTILISATION = 0.6

_FP_BBOX = re.compile(r"#\s*FP bbox\s*:\s*([-+0-9.eE{}\s,]+)$")


def fp_bbox(comments: list[str]) -> tuple[float, float, float, float] | None:
    """The ``# FP bbox: {x0 y0} {x1 y1}`` comment, in any bracing, or None."""
    for comment in comments:
        match = _FP_BBOX.match(comment.strip())
        if match:
            try:
                values = [float(v) for v in re.sub(r"[{},]", " ", match.group(1)).split()]
            except ValueError:
                continue
            if len(values) == 4 and values[2] > values[0] and values[3] > values[1] and np.isfinite(values).all():
                return values[0], values[1], values[2], values[3]
    return None


def default_grid(width: float, height: float) -> tuple[int, int]:
    """Columns and rows of the default placement grid for a canvas of this size."""
    aspect = math.sqrt(width / height)
    columns = round(DEFAULT_CELLS_A_SIDE * aspect)
    rows = round(DEFAULT_CELLS_A_SIDE / aspect)
    return min(max(columns, 1), 256), min(max(rows, 1), 256)


def make_canvas(
    header: Header, comments: list[str], netlist: Netlist, placement: Placement
) -> tuple[Canvas, list[str]]:
    """The canvas, and a remark on every default that was assumed."""
    notes: list[str] = []
    bbox = fp_bbox(comments)
    if header.size is not None:
        width, height = header.size
        box = (0.0, 0.0, width, height)
        # a header rounded to three decimals of the same rectangle adds nothing but loses the origin
        if bbox and abs(bbox[2] - bbox[0] - width) <= 5e-4 and abs(bbox[3] - bbox[1] - height) <= 5e-4:
            box = bbox
    elif bbox is not None:
        box = bbox
        notes.append("canvas taken from the netlist's FP bbox comment, no placement header gives it")
    else:
        box, how = _guess_box(netlist, placement)
        notes.append(f"canvas assumed: {box[2] - box[0]:g} x {box[3] - box[1]:g} um, {how}")
    grid = header.grid
    if grid is None:
        grid = default_grid(box[2] - box[0], box[3] - box[1])
        notes.append(f"placement grid assumed: {grid[0]} columns x {grid[1]} rows")
    routes, macro_routes = header.routes, header.macro_routes
    if routes is None or macro_routes is None:
        routes, macro_routes = routes or DEFAULT_ROUTES, macro_routes or DEFAULT_MACRO_ROUTES
        notes.append(
            f"routing supply assumed: {routes[0]:g} horizontal and {routes[1]:g} vertical tracks per um, "
            f"hard macros take {macro_routes[0]:g} and {macro_routes[1]:g}"
        )
    smoothing = header.smoothing
    if smoothing is None:
        smoothing = DEFAULT_SMOOTHING
        notes.append(f"congestion smoothing range assumed: {smoothing} gcells")
    canvas = Canvas(
        *box, columns=grid[0], grid_rows=grid[1], h_routes_per_um=routes[0], v_routes_per_um=routes[1],
        h_macro_routes_per_um=macro_routes[0], v_macro_routes_per_um=macro_routes[1], smoothing=smoothing,
        overlap_threshold=header.overlap or 0.0,
    )  # fmt: skip
    return canvas, notes


def _guess_box(netlist: Netlist, placement: Placement) -> tuple[tuple[float, float, float, float], str]:
    placed = placement.placed
    if placed.any():
        width, height = oriented_sizes(netlist.node_width, netlist.node_height, placement.orient)
        x0 = min(0.0, float((placement.x - width / 2)[placed].min()))
        y0 = min(0.0, float((placement.y - height / 2)[placed].min()))
        x1 = float((placement.x + width / 2)[placed].max())
        y1 = float((placement.y + height / 2)[placed].max())
        if x1 > x0 and y1 > y0:
            return (x0, y0, x1, y1), "the bounding box of the given coordinates"
    area = float((netlist.node_width * netlist.node_height).sum())
    longest = float(max(netlist.node_width.max(initial=0.0), netlist.node_height.max(initial=0.0)))
    side = max(math.sqrt(area / DEFAULT_UTILISATION), longest) or 1.0
    return (0.0, 0.0, side, side), f"{DEFAULT_UTILISATION:.0%} full"
