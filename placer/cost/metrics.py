"""What is reported beside the proxy cost: wirelength, wire density, and the shape of the macro arrangement.

None of these figures is optimised directly; they show what a proxy may hide from the tools that come after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import MATRIX, oriented_sizes
from netlists.placement import Placement
from placer.cost.lattice import canvas_box, integer_boxes
from placer.cost.legality import overlapping_pairs
from placer.cost.next_step import figures

#: A gcell is blocked when hard macros cover more than this share of it.
BLOCKED_SHARE = 0.5


def rudy(design: Design, placement: Placement | None = None) -> NDArray[np.float64]:
    """Rectangular uniform wire density: expected wire per unit area of every gcell.

    A net with bounding box ``w x h`` is taken to need ``w + h`` of wire, spread evenly over its box, so that its
    density there is ``weight * (w + h) / (w * h)``; a gcell's entry is the mean of the summed densities over the
    gcell, in um of wire per um^2 (Spindler and Johannes, DATE 2007, eq. 2, with a wire width of 1 um). A net of
    weight k counts as k wires, as in congestion_cost. A flat box (``w`` or ``h`` zero) is the limit of thin boxes: its
    wire goes to the row or column of gcells it runs in. The sum over gcells times the gcell area is therefore the
    weighted HPWL, less what lies outside the canvas.

    Args:
        design: netlist and canvas.
        placement: the design's own by default.

    Returns:
        ``[grid_rows, columns]`` float64, row 0 at the bottom.
    """
    boxes = _net_boxes(design, design.placement if placement is None else placement)
    return _rudy(design, boxes)


def metrics(design: Design, placement: Placement | None = None) -> dict[str, float]:
    """Figures of one placement by name; units are in the names, NaN where a figure has no meaning.

    ``hpwl_um``
        Half-perimeter wirelength summed over nets, net weights ignored.
    ``weighted_hpwl_um``
        The same, each net times its weight.
    ``macro_hpwl_um``
        HPWL of the nets restricted to pins of hard macros, weights ignored (MaskPlace, Lai et al., NeurIPS 2022).
        Ports are not macros: a net with fewer than two hard-macro pins adds nothing.
    ``rudy_max``, ``rudy_top1pct``, ``rudy_top2pct``, ``rudy_top5pct``, ``rudy_top10pct``
        Highest entry of :func:`rudy`, and means of its highest 1, 2, 5 and 10 % (at least one entry).
    ``overlap_area_um2``
        Area shared by pairs of hard macros, on lattice boxes as in :mod:`placer.cost.legality`.
    ``utilisation``, ``macro_utilisation``
        Area of all objects but ports, and of hard macros, over the area inside the outline.
    ``periphery``
        Mean distance from a hard macro to the nearest side of the canvas' bounding box, weighted by macro area,
        over half the shorter side of the canvas: 0 with all macros on the edge.
    ``regularity``
        Of hard macros that have another one of their size, taken once for x and once for y: the share whose left
        (lower) edge lines up within one lattice step with that of another macro of their size.
    ``min_channel_um``
        Narrowest gap between hard macros that face each other (their sides overlap in the other direction).
        Gaps of up to one lattice step are abutment, not channels.
    ``notches``
        Free gcells closed in from three or four sides by hard macros or the canvas edge (a gcell more than half
        covered by hard macros counts as closed): pockets that cells can enter but wires can hardly leave.
    ``notch_area_um2``
        Area of those gcells that hard macros do not cover.

    The figures of :func:`placer.cost.next_step.figures` follow.

    Args:
        design: netlist and canvas.
        placement: the design's own by default.
    """
    placement = design.placement if placement is None else placement
    netlist, canvas = design.netlist, design.canvas
    boxes = _net_boxes(design, placement)
    lengths = (boxes[:, 2] - boxes[:, 0]) + (boxes[:, 3] - boxes[:, 1])
    macro_boxes = _net_boxes(design, placement, only=HARD_MACRO)
    out = {
        "hpwl_um": float(lengths.sum()),
        "weighted_hpwl_um": float((lengths * netlist.net_weight).sum()),
        "macro_hpwl_um": float((macro_boxes[:, 2:] - macro_boxes[:, :2]).sum()),
    }

    entries = np.sort(_rudy(design, boxes).ravel())[::-1]
    out["rudy_max"] = float(entries[0])
    for percent in (1, 2, 5, 10):
        out[f"rudy_top{percent}pct"] = float(entries[: max(1, entries.size * percent // 100)].mean())

    hard = netlist.ids(HARD_MACRO)
    corners = integer_boxes(design, placement)[hard]
    step = canvas.lattice
    pairs = overlapping_pairs(corners)
    shared = np.minimum(corners[pairs[:, 0], 2:], corners[pairs[:, 1], 2:])
    shared -= np.maximum(corners[pairs[:, 0], :2], corners[pairs[:, 1], :2])
    out["overlap_area_um2"] = float(shared.astype(np.float64).prod(axis=1).sum() * step * step)

    area = netlist.node_width * netlist.node_height
    out["utilisation"] = float(area[netlist.node_kind != PORT].sum() / canvas.area)
    out["macro_utilisation"] = float(area[hard].sum() / canvas.area)
    out["periphery"] = _periphery(design, corners, area[hard])
    out["regularity"] = _regularity(corners)
    gap = _narrowest_gap(corners)
    out["min_channel_um"] = gap * step if gap >= 0 else float("nan")
    out["notches"], out["notch_area_um2"] = _notches(design, placement)
    return out | figures(design, placement)


def _net_boxes(design: Design, placement: Placement, only: int | None = None) -> NDArray[np.float64]:
    """``[M, 4]`` bounding boxes x0, y0, x1, y1 of the nets' pins, of one kind of node or of all; zeros for no pin."""
    n = design.netlist
    counts = np.ones(n.num_nodes, bool) if only is None else n.node_kind == only
    return _bounding_boxes(
        n.net_ptr, n.conn_node, n.conn_dx, n.conn_dy, placement.x, placement.y, placement.orient, MATRIX, counts
    )


@njit(cache=True)
def _bounding_boxes(
    net_ptr: NDArray, node: NDArray, dx: NDArray, dy: NDArray, x: NDArray, y: NDArray, orient: NDArray,
    matrix: NDArray, counts: NDArray,
) -> NDArray:  # fmt: skip
    boxes = np.zeros((len(net_ptr) - 1, 4))
    for net in range(len(boxes)):
        x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
        for c in range(net_ptr[net], net_ptr[net + 1]):
            i = node[c]
            if counts[i]:
                m = matrix[orient[i]]
                px = x[i] + (m[0] * dx[c] + m[1] * dy[c])
                py = y[i] + (m[2] * dx[c] + m[3] * dy[c])
                x0, y0, x1, y1 = min(x0, px), min(y0, py), max(x1, px), max(y1, py)
        if x1 >= x0:
            boxes[net, 0], boxes[net, 1], boxes[net, 2], boxes[net, 3] = x0, y0, x1, y1
    return boxes


def _rudy(design: Design, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    canvas = design.canvas
    out = np.zeros((canvas.grid_rows, canvas.columns))
    local = boxes - np.array([canvas.x0, canvas.y0, canvas.x0, canvas.y0])
    _spread_nets(local, design.netlist.net_weight, canvas.gcell_width, canvas.gcell_height, out)
    return out / (canvas.gcell_width * canvas.gcell_height)


@njit(cache=True)
def _shares(low: float, high: float, pitch: float, count: int, out: NDArray) -> tuple[int, int]:
    """Shares of ``[low, high]`` in the gcells along one axis, into ``out``; returns the range of gcells touched."""
    if high < 0 or low > pitch * count:
        return 0, 0
    first = min(max(int(np.floor(low / pitch)), 0), count - 1)
    last = min(max(int(np.floor(high / pitch)), 0), count - 1)
    if high <= low:
        out[first] = 1.0
        return first, first + 1
    for k in range(first, last + 1):
        out[k] = max(0.0, min(high, (k + 1) * pitch) - max(low, k * pitch)) / (high - low)
    return first, last + 1


@njit(cache=True)
def _spread_nets(boxes: NDArray, weight: NDArray, pitch_x: float, pitch_y: float, out: NDArray) -> None:
    """Add every net's wire to the gcells its box covers, in proportion to the area covered."""
    rows, columns = out.shape
    share_x, share_y = np.empty(columns), np.empty(rows)
    for net in range(len(boxes)):
        length = weight[net] * (boxes[net, 2] - boxes[net, 0] + boxes[net, 3] - boxes[net, 1])
        if length <= 0.0:
            continue
        left, right = _shares(boxes[net, 0], boxes[net, 2], pitch_x, columns, share_x)
        bottom, top = _shares(boxes[net, 1], boxes[net, 3], pitch_y, rows, share_y)
        for r in range(bottom, top):
            in_row = length * share_y[r]
            for c in range(left, right):
                out[r, c] += in_row * share_x[c]


def _periphery(design: Design, corners: NDArray[np.int64], area: NDArray[np.float64]) -> float:
    if not len(corners):
        return float("nan")
    x0, y0, x1, y1 = canvas_box(design.canvas)
    away = np.minimum.reduce([corners[:, 0] - x0, corners[:, 1] - y0, x1 - corners[:, 2], y1 - corners[:, 3]])
    away = np.maximum(away, 0)
    return float((away * area).sum() / area.sum() / (min(x1 - x0, y1 - y0) / 2))


def _regularity(corners: NDArray[np.int64]) -> float:
    sizes = corners[:, 2:] - corners[:, :2]
    _, label = np.unique(sizes, axis=0, return_inverse=True)
    label = label.ravel()
    aligned, total = 0, 0
    for axis in (0, 1):
        order = np.lexsort((corners[:, axis], label))
        near = (np.diff(corners[order, axis]) <= 1) & (np.diff(label[order]) == 0)
        lines_up = np.zeros(len(order), bool)
        lines_up[1:] |= near
        lines_up[:-1] |= near
        aligned += int(lines_up.sum())
        total += int((np.bincount(label)[label] > 1).sum()) if len(label) else 0
    return aligned / total if total else float("nan")


@njit(cache=True)
def _narrowest_gap(boxes: NDArray) -> int:
    """Steps of the narrowest gap above one step between facing boxes; -1 when no boxes face each other."""
    best = -1
    for axis in range(2):
        other = 1 - axis
        order = np.argsort(boxes[:, axis])
        for p in range(len(order)):
            i = order[p]
            for q in range(p + 1, len(order)):
                j = order[q]
                gap = boxes[j, axis] - boxes[i, axis + 2]
                if best >= 0 and gap >= best:
                    break
                if gap > 1 and boxes[i, other] < boxes[j, other + 2] and boxes[j, other] < boxes[i, other + 2]:
                    best = gap
    return best


def _notches(design: Design, placement: Placement) -> tuple[float, float]:
    """How many gcells are notches, and their free area in um^2."""
    n, canvas = design.netlist, design.canvas
    hard = n.ids(HARD_MACRO)
    width, height = oriented_sizes(n.node_width[hard], n.node_height[hard], placement.orient[hard])
    x, y = placement.x[hard] - canvas.x0, placement.y[hard] - canvas.y0
    area = np.zeros((canvas.grid_rows, canvas.columns))
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    _cover(boxes, width * height, canvas.gcell_width, canvas.gcell_height, area)
    closed = np.pad(area > BLOCKED_SHARE * canvas.gcell_width * canvas.gcell_height, 1, constant_values=True)
    sides = closed[:-2, 1:-1].astype(np.int64) + closed[2:, 1:-1] + closed[1:-1, :-2] + closed[1:-1, 2:]
    notch = ~closed[1:-1, 1:-1] & (sides >= 3)
    free = np.maximum(canvas.gcell_width * canvas.gcell_height - area, 0.0)
    return float(notch.sum()), float(free[notch].sum())


@njit(cache=True)
def _cover(boxes: NDArray, area: NDArray, pitch_x: float, pitch_y: float, out: NDArray) -> None:
    """Add the area of every box to the gcells it covers."""
    rows, columns = out.shape
    share_x, share_y = np.empty(columns), np.empty(rows)
    for k in range(len(boxes)):
        left, right = _shares(boxes[k, 0], boxes[k, 2], pitch_x, columns, share_x)
        bottom, top = _shares(boxes[k, 1], boxes[k, 3], pitch_y, rows, share_y)
        for r in range(bottom, top):
            for c in range(left, right):
                out[r, c] += area[k] * share_x[c] * share_y[r]
