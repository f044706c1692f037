"""Canvas, grid, rows, and a plausible but unoptimised first placement in which hard macros are legal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas, Rows
from netlists.orientation import FS, N
from netlists.synthesis.logic import ROW_HEIGHT, SITE_WIDTH
from netlists.synthesis.spec import SynthesisSpec

#: Routing supply of the NanGate45 designs (headers of the public Circuit Training .plc files), tracks per um.
H_ROUTES, V_ROUTES = 57.031, 56.818
H_MACRO_ROUTES, V_MACRO_ROUTES = 39.583, 30.303
#: Largest macro side as a share of the canvas side.
_MAX_SIDE = 0.45
#: Coordinates of hard macros are counted in this unit, um; sites, rows and gcells are multiples of it.
_UNIT = 0.01


def make_canvas(
    spec: SynthesisSpec, widths: NDArray[np.float64], heights: NDArray[np.float64], cell_area: float
) -> tuple[Canvas, NDArray[np.float64], NDArray[np.float64]]:
    """A square-ish canvas of the wanted utilisation, and centres of the hard macros on it.

    Where macros of awkward sizes do not pack, the canvas grows by 3 % until they do: every design has a legal
    placement by construction.

    Args:
        spec: what was asked for.
        widths: ``[macros]`` um, multiples of 0.01.
        heights: ``[macros]`` um.
        cell_area: total area of the standard cells, um^2.

    Returns:
        The canvas and the macros' centres, um.
    """
    macro_area = float(np.dot(widths, heights))
    side = float(np.sqrt((macro_area + cell_area) / spec.utilisation))
    side = max(side, float(max(widths.max(), heights.max())) / _MAX_SIDE)
    mean_side = float(np.sqrt(macro_area / len(widths)))
    while True:
        columns = spec.columns or int(np.clip(round(side / (0.5 * mean_side)), 10, 60))
        rows = spec.grid_rows or columns - columns // 10
        width = round(columns * round(side / columns, 2), 2)
        height = round(rows * round(side / rows, 2), 2)
        corners = _shelves(widths, heights, width, height)
        if corners is not None:
            break
        side *= 1.03
    canvas = Canvas(
        0.0, 0.0, width, height, columns, rows,
        h_routes_per_um=H_ROUTES, v_routes_per_um=V_ROUTES,
        h_macro_routes_per_um=H_MACRO_ROUTES, v_macro_routes_per_um=V_MACRO_ROUTES,
        smoothing=0,
        rows=None if spec.clustered else _rows(width, height),
    )  # fmt: skip
    x, y = corners
    return canvas, np.round(x * _UNIT + widths / 2, 4), np.round(y * _UNIT + heights / 2, 4)


def along_curve(canvas: Canvas, count: int, order: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (um) of ``count`` objects laid along a Hilbert curve of ``2**order`` cells a side.

    Objects close in the order, that is in the hierarchy, lie close on the canvas.
    """
    side = 1 << order
    step = (np.arange(count, dtype=np.int64) * side * side + side * side // 2) // max(count, 1)
    column, row = _hilbert(order, step)
    return canvas.x0 + (column + 0.5) / side * canvas.width, canvas.y0 + (row + 0.5) / side * canvas.height


def snap_to_rows(
    canvas: Canvas, x: NDArray[np.float64], y: NDArray[np.float64], widths: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """Centres and orientations of cells moved to the nearest row and site; cells may still overlap."""
    rows = canvas.rows
    assert rows is not None
    index = np.clip(((y - canvas.y0) / ROW_HEIGHT).astype(np.int64), 0, len(rows.y) - 1)
    sites = np.rint(widths / SITE_WIDTH).astype(np.int64)
    site = np.clip(((x - canvas.x0 - widths / 2) / SITE_WIDTH).astype(np.int64), 0, rows.num_sites[index] - sites)
    left = canvas.x0 + site * SITE_WIDTH
    return np.round(left + widths / 2, 4), np.round(rows.y[index] + ROW_HEIGHT / 2, 4), rows.orient[index]


def _rows(width: float, height: float) -> Rows:
    count = int(height / ROW_HEIGHT + 1e-9)
    return Rows(
        y=np.round(np.arange(count) * ROW_HEIGHT, 4),
        height=np.full(count, ROW_HEIGHT),
        x0=np.zeros(count),
        num_sites=np.full(count, int(width / SITE_WIDTH + 1e-9), np.int64),
        site_width=np.full(count, SITE_WIDTH),
        site_spacing=np.full(count, SITE_WIDTH),
        orient=np.where(np.arange(count) % 2 == 0, N, FS).astype(np.int8),
        symmetry=("Y",) * count,
    )


def _shelves(
    widths: NDArray[np.float64], heights: NDArray[np.float64], width: float, height: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Lower-left corners in units of 0.01 um, tallest shelves at the bottom, slack spread evenly; None if it fails.

    Works in integers, so that neighbours cannot overlap by rounding.
    """
    w = np.rint(widths / _UNIT).astype(np.int64)
    h = np.rint(heights / _UNIT).astype(np.int64)
    full_w, full_h = round(width / _UNIT), round(height / _UNIT)
    order = np.argsort(-h, kind="stable")  # stable: arrays of one master stay together
    shelves: list[list[int]] = []
    used = full_w + 1
    for i in order.tolist():
        if used + w[i] > full_w:
            shelves.append([])
            used = 0
        shelves[-1].append(i)
        used += int(w[i])
    tall = [int(h[shelf].max()) for shelf in shelves]
    if sum(tall) > full_h or int(w.max()) > full_w:
        return None
    x, y = np.empty(len(w), np.int64), np.empty(len(w), np.int64)
    y_gap = (full_h - sum(tall)) // (len(shelves) + 1)
    floor = y_gap
    for shelf, top in zip(shelves, tall, strict=True):
        gap = (full_w - int(w[shelf].sum())) // (len(shelf) + 1)
        x[shelf] = gap * np.arange(1, len(shelf) + 1) + np.cumsum(w[shelf]) - w[shelf]
        y[shelf] = floor
        floor += top + y_gap
    return x, y


def _hilbert(order: int, step: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Column and row of each step of the Hilbert curve over ``2**order`` x ``2**order`` cells."""
    x, y = np.zeros_like(step), np.zeros_like(step)
    for k in range(order):
        quadrant = step >> (2 * k) & 3
        right = quadrant >> 1
        up = (quadrant ^ right) & 1
        # Entry and exit corners: the two lower quadrants are transposed, one of them mirrored as well.
        mirror = (up == 0) & (right == 1)
        side = (1 << k) - 1
        x, y = np.where(mirror, side - x, x), np.where(mirror, side - y, y)
        x, y = np.where(up == 0, y, x), np.where(up == 0, x, y)
        x, y = x + (right << k), y + (up << k)
    return x, y
