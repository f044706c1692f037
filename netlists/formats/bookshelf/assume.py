"""What Bookshelf and GSRC files do not say and the cost model needs: outline, grid and routing supply.

The rules are free of scale (a design drawn in nanometres and one drawn in sites get the same picture) and of any one
benchmark. Readers repeat in ``Design.notes`` what they assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

#: Gcells a hard macro, and the range of their total. Circuit Training's grids have 500 to 2,500 gcells.
CELLS_PER_MACRO, MIN_CELLS, MAX_CELLS = 8, 500, 2500
#: Range of columns and of rows of an assumed grid.
MIN_SIDE, MAX_SIDE = 10, 64
#: Tracks in one row height and one direction: two layers of a 10-track library.
TRACKS_PER_ROW = 20.0
#: Part of the tracks above a hard macro that it takes away.
MACRO_SHARE = 0.5
#: Part of the tracks that the nets of a block-level netlist are assumed to fill when placed at random.
DEMAND_SHARE = 0.5
#: Congestion smoothing range in gcells, Circuit Training's default.
SMOOTHING = 2
#: The terminals give the outline when the objects fill at most this part of it.
MAX_UTILISATION = 0.92
#: Area of an assumed outline over the area of the objects.
WHITESPACE = 1.15


class Supply(TypedDict):
    """The routing supply of a canvas, routes per um."""

    h_routes_per_um: float
    v_routes_per_um: float
    h_macro_routes_per_um: float
    v_macro_routes_per_um: float


def grid(width: float, height: float, macros: int) -> tuple[int, int]:
    """Columns and rows of nearly square gcells: 8 a macro, 500 to 2,500 in all, 10 to 64 a side."""
    cells = min(max(CELLS_PER_MACRO * macros, MIN_CELLS), MAX_CELLS)
    columns = min(max(round(math.sqrt(cells * width / height)), MIN_SIDE), MAX_SIDE)
    rows = min(max(round(cells / columns), MIN_SIDE), MAX_SIDE)
    return columns, rows


def supply_of_rows(row_height: float) -> Supply:
    """Routes per um from the row height: 20 tracks a row height each way, half of them free above macros."""
    routes = TRACKS_PER_ROW / row_height
    return _supply(routes, routes)


def supply_of_nets(net_degree: NDArray[np.int64], width: float, height: float) -> Supply:
    """Routes per um that nets placed at random would fill by half, for designs without rows.

    Two points at random in a box of width W lie W / 3 apart on average, so nets of degree d ask for about
    sum(d - 1) * W / 3 of horizontal wire, and ``h_routes_per_um * H`` tracks of length W supply it.

    Args:
        net_degree: ``[M]`` connections of each net.
        width: of the canvas, um.
        height: of the canvas, um.
    """
    links = max(float((net_degree - 1).sum()), 1.0)
    return _supply(links / 3 / height / DEMAND_SHARE, links / 3 / width / DEMAND_SHARE)


def _supply(horizontal: float, vertical: float) -> Supply:
    return {
        "h_routes_per_um": horizontal,
        "v_routes_per_um": vertical,
        "h_macro_routes_per_um": MACRO_SHARE * horizontal,
        "v_macro_routes_per_um": MACRO_SHARE * vertical,
    }


def outline(
    pad_x: NDArray[np.float64],
    pad_y: NDArray[np.float64],
    area: float,
    sides: Sequence[tuple[float, float]] | NDArray[np.float64],
) -> tuple[tuple[float, float, float, float], str]:
    """Outline of a design that states none.

    The bounding box of the terminals, when the objects fit it and fill at most 92 % of it; else the same with the
    origin included (two terminals on one edge still tell the size); else a square at the origin of 1.15 times the
    area of the objects, large enough for each of them.

    Args:
        pad_x: ``[P]`` terminals, um.
        pad_y: ``[P]`` um.
        area: of the objects to be placed, um^2.
        sides: ``[N, 2]`` width and height of those objects, um.

    Returns:
        (x0, y0, x1, y1) in um and a remark for ``Design.notes``.
    """
    size = np.asarray(sides, dtype=np.float64).reshape(-1, 2)
    short = float(size.min(axis=1).max()) if len(size) else 0.0
    long = float(size.max(axis=1).max()) if len(size) else 0.0
    if len(pad_x):
        box = (float(pad_x.min()), float(pad_y.min()), float(pad_x.max()), float(pad_y.max()))
        with_origin = (min(box[0], 0.0), min(box[1], 0.0), max(box[2], 0.0), max(box[3], 0.0))
        for candidate, what in ((box, "the terminals"), (with_origin, "the terminals and the origin")):
            width, height = candidate[2] - candidate[0], candidate[3] - candidate[1]
            fits = short <= min(width, height) and long <= max(width, height)
            if width > 0 and height > 0 and fits and area <= MAX_UTILISATION * width * height:
                return candidate, f"outline assumed: bounding box of {what}"
    side = max(math.sqrt(area * WHITESPACE), long) or 1.0
    return (
        0.0,
        0.0,
        side,
        side,
    ), f"outline assumed: square of {side:g} um, {WHITESPACE:g} times the area of the objects"
