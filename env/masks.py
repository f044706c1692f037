"""The kernels of one step: where the next macro may go, what each place costs, and putting it there.

A macro's corner depends on the column in x and on the row in y only, so both masks factor: an obstacle forbids a
rectangle of cells, and the HPWL increase of a cell is an x-part of its column plus a y-part of its row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit


@njit(cache=True)
def legality_mask(x0: NDArray, y0: NDArray, width: int, height: int, boxes: NDArray, count: int, legal: NDArray) -> int:
    """Mark the cells where a macro overlaps none of ``boxes``.

    Args:
        x0: ``[columns]`` int64, ascending lattice corners by column.
        y0: ``[rows]`` int64, ascending, by row.
        width: lattice steps.
        height: lattice steps.
        boxes: ``[>= count, 4]`` int64 obstacles: x0, y0, x1, y1.
        count: boxes that count.
        legal: ``[rows, columns]`` int8, overwritten with 1 (legal) and 0.

    Returns:
        Number of legal cells.
    """
    legal[:] = 1
    for b in range(count):
        # Open intervals overlap: corner < x1 and corner + width > x0.
        c0 = np.searchsorted(x0, boxes[b, 0] - width, side="right")
        c1 = np.searchsorted(x0, boxes[b, 2], side="left")
        r0 = np.searchsorted(y0, boxes[b, 1] - height, side="right")
        r1 = np.searchsorted(y0, boxes[b, 3], side="left")
        legal[r0:r1, c0:c1] = 0
    total = 0
    for r in range(legal.shape[0]):
        for c in range(legal.shape[1]):
            total += legal[r, c]
    return total


@njit(cache=True)
def _axis_increase(
    centres: NDArray, nets: NDArray, low: NDArray, high: NDArray, weight: NDArray, box: NDArray, axis: int, out: NDArray
) -> None:
    """Weighted growth of net spans along one axis for each candidate centre."""
    out[:] = 0.0
    for e in range(len(nets)):
        a, b = box[nets[e], 2 * axis], box[nets[e], 2 * axis + 1]
        if a > b:  # nothing of this net is placed: only the macro's own pins span it
            own = weight[e] * (high[e] - low[e])
            for i in range(len(centres)):
                out[i] += own
        else:
            for i in range(len(centres)):
                grown = max(b, centres[i] + high[e]) - min(a, centres[i] + low[e]) - (b - a)
                out[i] += weight[e] * grown


@njit(cache=True)
def wire_mask(
    x: NDArray,
    y: NDArray,
    nets: NDArray,
    pin_x0: NDArray,
    pin_x1: NDArray,
    pin_y0: NDArray,
    pin_y1: NDArray,
    weight: NDArray,
    net_box: NDArray,
    out: NDArray,
) -> None:
    """Exact increase of the weighted HPWL for every cell, um.

    Args:
        x: ``[columns]`` centres, um.
        y: ``[rows]`` centres, um.
        nets: ``[E]`` the macro's nets.
        pin_x0: ``[E]`` leftmost pin offset of the macro on each net; likewise the next three.
        pin_x1: rightmost.
        pin_y0: lowest.
        pin_y1: highest.
        weight: ``[E]``.
        net_box: ``[M, 4]`` x0, x1, y0, y1 of what is placed of each net.
        out: ``[rows, columns]`` float64, overwritten.
    """
    along_x, along_y = np.empty(len(x)), np.empty(len(y))
    _axis_increase(x, nets, pin_x0, pin_x1, weight, net_box, 0, along_x)
    _axis_increase(y, nets, pin_y0, pin_y1, weight, net_box, 1, along_y)
    for r in range(len(y)):
        for c in range(len(x)):
            out[r, c] = along_x[c] + along_y[r]


@njit(cache=True)
def extend_boxes(
    x: float,
    y: float,
    nets: NDArray,
    pin_x0: NDArray,
    pin_x1: NDArray,
    pin_y0: NDArray,
    pin_y1: NDArray,
    net_box: NDArray,
) -> None:
    """Take the pins of a macro whose centre is now at ``x, y`` into the boxes of its nets."""
    for e in range(len(nets)):
        box = net_box[nets[e]]
        box[0], box[1] = min(box[0], x + pin_x0[e]), max(box[1], x + pin_x1[e])
        box[2], box[3] = min(box[2], y + pin_y0[e]), max(box[3], y + pin_y1[e])


@njit(cache=True)
def total_hpwl(net_box: NDArray, weight: NDArray) -> float:
    """Weighted HPWL of the net boxes, um; nets without a placed pin add nothing."""
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
    """Share of ``nets`` with a placed pin, and the weighted mean of their box centres in shares of the canvas."""
    count, total, x, y = 0, 0.0, 0.0, 0.0
    for e in range(len(nets)):
        box = net_box[nets[e]]
        if box[0] <= box[1]:
            count += 1
            total += weight[e]
            x += weight[e] * (box[0] + box[1]) / 2
            y += weight[e] * (box[2] + box[3]) / 2
    if total <= 0.0:
        return count / max(len(nets), 1), 0.5, 0.5
    return count / len(nets), (x / total - x0) / width, (y / total - y0) / height
