"""The kernels of one step: where the next macro may go, what each place costs, and putting it there.

A macro's corner depends on the column in x and on the row in y only, so both masks factor: an obstacle forbids a
rectangle of cells, and the HPWL increase of a cell is an x-part of its column plus a y-part of its row. Corners, net
boxes and pin offsets are in lattice steps (:attr:`env.problem.MacroProblem.pin_bits`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit


@njit(cache=True)
def _forbid(x0: NDArray, y0: NDArray, low_x: int, high_x: int, low_y: int, high_y: int, legal: NDArray) -> None:
    """Forbid the cells whose corners lie strictly between the bounds."""
    c0, c1 = np.searchsorted(x0, low_x, side="right"), np.searchsorted(x0, high_x, side="left")
    r0, r1 = np.searchsorted(y0, low_y, side="right"), np.searchsorted(y0, high_y, side="left")
    legal[r0:r1, c0:c1] = 0


@njit(cache=True)
def legality_masks(
    x0: NDArray,
    y0: NDArray,
    size: NDArray,
    halo: NDArray,
    allowed: NDArray,
    walls: NDArray,
    boxes: NDArray,
    halos: NDArray,
    count: int,
    channel: NDArray,
    legal: NDArray,
) -> int:
    """Mark the cells where a macro keeps clear of walls and other macros, for each orientation.

    Args:
        x0: ``[O, columns]`` int64, ascending lattice corners by column.
        y0: ``[O, rows]`` int64, ascending, by row.
        size: ``[O, 2]`` int64 width and height, lattice steps.
        halo: ``[O, 4]`` int64 left, bottom, right, top: no other macro's body may enter it.
        allowed: ``[O]`` bool.
        walls: ``[W, 4]`` int64 x0, y0, x1, y1 that the body may not overlap.
        boxes: ``[>= count, 4]`` int64 bodies of other macros.
        halos: ``[>= count, 4]`` int64 their halos.
        count: macros that count.
        channel: ``[2]`` int64 least gap along x between macros that share a y, and along y.
        legal: ``[O, rows, columns]`` int8, overwritten with 1 (legal) and 0.

    Returns:
        Number of legal cells over all orientations.
    """
    total = 0
    for o in range(len(legal)):
        cells = legal[o]
        if not allowed[o]:
            cells[:] = 0
            continue
        cells[:] = 1
        x, y, w, h = x0[o], y0[o], size[o, 0], size[o, 1]
        for b in range(len(walls)):
            _forbid(x, y, walls[b, 0] - w, walls[b, 2], walls[b, 1] - h, walls[b, 3], cells)
        left, bottom, right, top = halo[o, 0], halo[o, 1], halo[o, 2], halo[o, 3]
        for b in range(count):
            xa, ya, xb, yb = boxes[b, 0], boxes[b, 1], boxes[b, 2], boxes[b, 3]
            # The new body against the halo around the other one, which contains that one's body ...
            _forbid(x, y, xa - halos[b, 0] - w, xb + halos[b, 2], ya - halos[b, 1] - h, yb + halos[b, 3], cells)
            # ... and the new halo against the other body.
            if left or bottom or right or top:
                _forbid(x, y, xa - w - right, xb + left, ya - h - top, yb + bottom, cells)
            if channel[0]:
                _forbid(x, y, xa - w - channel[0], xb + channel[0], ya - h, yb, cells)
            if channel[1]:
                _forbid(x, y, xa - w, xb, ya - h - channel[1], yb + channel[1], cells)
        for r in range(cells.shape[0]):
            for c in range(cells.shape[1]):
                total += cells[r, c]
    return total


@njit(cache=True)
def _axis_increase(
    corners: NDArray, nets: NDArray, low: NDArray, high: NDArray, weight: NDArray, box: NDArray, axis: int, out: NDArray
) -> None:
    """Weighted growth of net spans along one axis for each candidate corner."""
    out[:] = 0.0
    for e in range(len(nets)):
        a, b = box[nets[e], 2 * axis], box[nets[e], 2 * axis + 1]
        if a > b:  # nothing of this net is placed: only the macro's own pins span it
            own = weight[e] * (high[e] - low[e])
            for i in range(len(corners)):
                out[i] += own
        else:
            for i in range(len(corners)):
                grown = max(b, corners[i] + high[e]) - min(a, corners[i] + low[e]) - (b - a)
                out[i] += weight[e] * grown


@njit(cache=True)
def wire_masks(
    x0: NDArray,
    y0: NDArray,
    first: int,
    last: int,
    net: NDArray,
    pin_x0: NDArray,
    pin_x1: NDArray,
    pin_y0: NDArray,
    pin_y1: NDArray,
    weight: NDArray,
    net_box: NDArray,
    lattice: float,
    along_x: NDArray,
    along_y: NDArray,
    out: NDArray,
) -> None:
    """Exact increase of the weighted HPWL for every cell and orientation.

    Args:
        x0: ``[O, columns]`` int64 corners, lattice steps.
        y0: ``[O, rows]`` int64.
        first: the macro's nets are entries ``first`` to ``last - 1`` of the following arrays.
        last: see ``first``.
        net: ``[E]`` net ids.
        pin_x0: ``[O, E]`` leftmost pin offset of the macro on each net; likewise the next three.
        pin_x1: rightmost.
        pin_y0: lowest.
        pin_y1: highest.
        weight: ``[E]``.
        net_box: ``[M, 4]`` x0, x1, y0, y1 of what is placed of each net, lattice steps.
        lattice: um of a step.
        along_x: ``[O, columns]`` float64, overwritten with the increase along x, steps.
        along_y: ``[O, rows]`` float64, overwritten.
        out: ``[O, rows, columns]`` float64, overwritten with the whole increase, um.
    """
    own = slice(first, last)
    for o in range(len(out)):
        _axis_increase(x0[o], net[own], pin_x0[o, own], pin_x1[o, own], weight[own], net_box, 0, along_x[o])
        _axis_increase(y0[o], net[own], pin_y0[o, own], pin_y1[o, own], weight[own], net_box, 1, along_y[o])
        for r in range(out.shape[1]):
            for c in range(out.shape[2]):
                out[o, r, c] = (along_x[o, c] + along_y[o, r]) * lattice


@njit(cache=True)
def extend_boxes(
    x: int,
    y: int,
    nets: NDArray,
    pin_x0: NDArray,
    pin_x1: NDArray,
    pin_y0: NDArray,
    pin_y1: NDArray,
    net_box: NDArray,
) -> None:
    """Take the pins of a macro whose corner is now at ``x, y`` (lattice steps) into the boxes of its nets."""
    for e in range(len(nets)):
        box = net_box[nets[e]]
        box[0], box[1] = min(box[0], x + pin_x0[e]), max(box[1], x + pin_x1[e])
        box[2], box[3] = min(box[2], y + pin_y0[e]), max(box[3], y + pin_y1[e])


@njit(cache=True)
def total_hpwl(net_box: NDArray, weight: NDArray) -> float:
    """Weighted HPWL of the net boxes, in their unit; nets without a placed pin add nothing."""
    total = 0.0
    for net in range(len(weight)):
        if net_box[net, 0] <= net_box[net, 1]:
            total += weight[net] * (net_box[net, 1] - net_box[net, 0] + net_box[net, 3] - net_box[net, 2])
    return total


@njit(cache=True)
def add_area(x0: float, y0: float, x1: float, y1: float, pitch_x: float, pitch_y: float, occupancy: NDArray) -> None:
    """Add a box (um from the canvas origin) to ``occupancy`` ``[rows, columns]``, in shares of a gcell."""
    rows, columns = occupancy.shape
    for r in range(max(int(y0 / pitch_y), 0), min(int(y1 / pitch_y), rows - 1) + 1):
        high = min(y1, (r + 1) * pitch_y) - max(y0, r * pitch_y)
        for c in range(max(int(x0 / pitch_x), 0), min(int(x1 / pitch_x), columns - 1) + 1):
            wide = min(x1, (c + 1) * pitch_x) - max(x0, c * pitch_x)
            occupancy[r, c] += max(wide, 0.0) * max(high, 0.0) / (pitch_x * pitch_y)


@njit(cache=True)
def net_features(
    nets: NDArray, weight: NDArray, net_box: NDArray, x0: float, y0: float, width: float, height: float
) -> tuple[float, float, float]:
    """Share of ``nets`` with a placed pin, and the weighted mean of their box centres in shares of the canvas.

    The canvas' corner and size are in the unit of ``net_box``.
    """
    count, total, x, y = 0, 0.0, 0.0, 0.0
    for e in range(len(nets)):
        box = net_box[nets[e]]
        if box[0] <= box[1]:
            count += 1
            total += weight[e]
            x += weight[e] * (box[0] + box[1])
            y += weight[e] * (box[2] + box[3])
    if total <= 0.0:
        return count / max(len(nets), 1), 0.5, 0.5
    return count / len(nets), (0.5 * x / total - x0) / width, (0.5 * y / total - y0) / height
