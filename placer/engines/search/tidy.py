"""What the search knows of the tools after it: narrow channels, aligned macros and free pins, as costs of pairs.

Each of the three is a sum over single hard macros and pairs of them, so a move changes only the parts of the macros it
moves and is priced exactly. With ``g`` the gap between two macros that face each other over a length ``l``, or between
a macro and the core's edge or a hard blockage, and ``n`` the width below which a channel is narrow:

channels
    Sum of ``l * (1 - g / n)`` over gaps of more than one step and less than ``n``, over the sum of half perimeters of
    the hard macros. 0 where all gaps are wide or closed.
regularity
    1 less a quarter of what the neighbours of a macro earn, a mean over the macros that have a twin of their size. A
    twin above or below at a gap less than its height earns ``(1 - gap / height) * (a + b) / 2``, where ``a`` is 1 less
    the offset of the two over their width and ``b`` is 1 where they line up within one step; likewise beside it. A
    macro inside an array without gaps has four such neighbours.
pin access
    Mean over connected pins of hard macros of ``1 - g / n`` where something lies within ``n`` ahead of them. The pins
    on one side of a macro are taken as spread evenly between the first and the last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.orientation import MATRIX, SWAPS_SIDES
from netlists.placement import Placement
from placer.cost.full import CostWeights
from placer.cost.lattice import blockage_boxes, canvas_box, integer_boxes, outline_boxes
from placer.cost.next_step.ground import narrow_steps

#: Places of the numbers in ``Tidy.number``.
NARROW, CHANNEL, REGULAR, ACCESS, CORE, WHOLE = 0, 1, 2, 3, 4, 8


class Tidy(NamedTuple):
    """Weights and pins, ready for the kernels; the arrays are empty where no term has a weight.

    Attributes:
        on: a term has a weight.
        number: ``[9]`` float64: narrow width in steps; cost of a step of the narrowest channel, what a pair of twins in
            line earns, cost of all pins; the core's x0, y0, x1, y1 in steps; what earnings are taken from.
        pins: ``[H, 8, 4, 3]`` float64 by hard macro, orientation code and side (left, bottom, right, top): share of
            all connected pins, and the first and last of them in steps from the lower left corner.
        slot: ``[N]`` int64 index of each hard macro in ``pins``, -1 for other objects.
    """

    on: bool
    number: NDArray[np.float64]
    pins: NDArray[np.float64]
    slot: NDArray[np.int64]


def build_tidy(design: Design, weights: CostWeights | None) -> Tidy:
    """What a run with these weights asks of the hard macros."""
    w = weights or CostWeights()
    wanted = w.channels, w.regularity, w.pin_access
    n = design.netlist
    hard = n.ids(HARD_MACRO)
    if not any(wanted) or not len(hard):
        return Tidy(False, np.zeros(9), np.zeros((0, 8, 4, 3)), np.zeros(0, np.int64))
    boxes = integer_boxes(design, design.placement)[hard]
    size = boxes[:, 2:] - boxes[:, :2]
    _, label, count = np.unique(np.sort(size, axis=1), axis=0, return_inverse=True, return_counts=True)
    twins = int((count[label.ravel()] > 1).sum())
    slot = np.full(n.num_nodes, -1, np.int64)
    slot[hard] = np.arange(len(hard))
    channel, regular, access = wanted
    number = [narrow_steps(design.canvas), channel / max(float(size.sum()), 1.0), regular / max(2 * twins, 1), access]
    whole = regular if twins else 0.0
    return Tidy(True, np.array([*number, *canvas_box(design.canvas), whole]), _pins(design, hard), slot)


def _pins(design: Design, hard: NDArray[np.int64]) -> NDArray[np.float64]:
    n, step = design.netlist, design.canvas.lattice
    connected = np.zeros(n.num_pins, bool)
    connected[n.net_pins] = True
    out = np.zeros((len(hard), 8, 4, 3))
    order = np.argsort(n.pin_node, kind="stable")
    order = order[connected[order]]
    first = np.searchsorted(n.pin_node[order], hard)
    last = np.searchsorted(n.pin_node[order], hard, side="right")
    total = float((last - first).sum())
    for k, node in enumerate(hard.tolist()):
        pins = order[first[k] : last[k]]
        for code in range(8) if len(pins) else ():
            w, h = n.node_width[node], n.node_height[node]
            if SWAPS_SIDES[code]:
                w, h = h, w
            m = MATRIX[code]
            x = w / 2 + m[0] * n.pin_dx[pins] + m[1] * n.pin_dy[pins]
            y = h / 2 + m[2] * n.pin_dx[pins] + m[3] * n.pin_dy[pins]
            side = np.argmin(np.stack([x, y, w - x, h - y]), axis=0)
            for s in np.unique(side).tolist():
                along = (y if s % 2 == 0 else x)[side == s] / step
                out[k, code, s] = len(along) / total, along.min(), along.max()
    return out


@njit_lean()
def _covered(t: Tidy, k: int, turn: int, side: int, corner: int, low: int, high: int) -> float:
    """Share of all pins that look out of a side of macro ``k`` between ``low`` and ``high`` (steps along the side)."""
    share, first, last = t.pins[k, turn, side, 0], corner + t.pins[k, turn, side, 1], corner + t.pins[k, turn, side, 2]
    if share == 0.0:
        return 0.0
    if last - first < 1.0:
        return share if low <= first <= high else 0.0
    return share * max(min(high, last) - max(low, first), 0.0) / (last - first)


@njit_lean()
def _facing(t: Tidy, gap: int, length: int) -> float:
    """Cost of a gap that two objects face each other over."""
    narrow = t.number[NARROW]
    return t.number[CHANNEL] * length * (1.0 - gap / narrow) if 1 < gap < narrow and length > 0 else 0.0


@njit_lean()
def _in_line(t: Tidy, gap: int, reach: int, aside: int, wide: int) -> float:
    """What twins earn at a gap, with an offset along the other axis."""
    if gap < 0 or gap >= reach or aside >= wide:
        return 0.0
    line = 1.0 - aside / wide
    if aside <= 1:
        line += 1.0
    return 0.5 * t.number[REGULAR] * (1.0 - gap / reach) * line


@njit_lean()
def pair(
    t: Tidy, left: NDArray, bottom: NDArray, wide: NDArray, high: NDArray, orient: NDArray, i: int, j: int
) -> float:
    """Cost of hard macros ``i`` and ``j`` beside each other; corners and sizes in steps, ``[N]`` each."""
    gap_x = max(left[j] - left[i] - wide[i], left[i] - left[j] - wide[j])
    gap_y = max(bottom[j] - bottom[i] - high[i], bottom[i] - bottom[j] - high[j])
    narrow, cost = t.number[NARROW], 0.0
    twins = t.number[REGULAR] > 0.0 and wide[i] == wide[j] and high[i] == high[j]
    if gap_y < 0 <= gap_x:  # side by side
        low, top = max(bottom[i], bottom[j]), min(bottom[i] + high[i], bottom[j] + high[j])
        cost += _facing(t, gap_x, top - low)
        if t.number[ACCESS] > 0.0 and gap_x < narrow:
            mine = 2 if left[j] > left[i] else 0
            hidden = _covered(t, t.slot[i], orient[i], mine, bottom[i], low, top)
            hidden += _covered(t, t.slot[j], orient[j], 2 - mine, bottom[j], low, top)
            cost += t.number[ACCESS] * hidden * (1.0 - gap_x / narrow)
        if twins:
            cost -= _in_line(t, gap_x, wide[i], abs(bottom[i] - bottom[j]), high[i])
    elif gap_x < 0 <= gap_y:  # one above the other
        low, top = max(left[i], left[j]), min(left[i] + wide[i], left[j] + wide[j])
        cost += _facing(t, gap_y, top - low)
        if t.number[ACCESS] > 0.0 and gap_y < narrow:
            mine = 3 if bottom[j] > bottom[i] else 1
            hidden = _covered(t, t.slot[i], orient[i], mine, left[i], low, top)
            hidden += _covered(t, t.slot[j], orient[j], 4 - mine, left[j], low, top)
            cost += t.number[ACCESS] * hidden * (1.0 - gap_y / narrow)
        if twins:
            cost -= _in_line(t, gap_y, high[i], abs(left[i] - left[j]), wide[i])
    return cost


@njit_lean()
def _beside_wall(t: Tidy, k: int, turn: int, side: int, gap: int, corner: int, low: int, high: int) -> float:
    """Cost of macro ``k`` with a wall at a gap off one side, between ``low`` and ``high`` along it."""
    narrow = t.number[NARROW]
    if gap < 0 or gap >= narrow or high <= low:
        return 0.0
    cost = _facing(t, gap, high - low)
    if t.number[ACCESS] > 0.0:
        cost += t.number[ACCESS] * _covered(t, k, turn, side, corner, low, high) * (1.0 - gap / narrow)
    return cost


@njit_lean()
def alone(
    t: Tidy, left: NDArray, bottom: NDArray, wide: NDArray, high: NDArray, orient: NDArray, walls: NDArray, i: int
) -> float:
    """Cost of hard macro ``i`` against the core's edge and the walls (``[K, 4]`` boxes in steps)."""
    x0, y0, x1, y1 = left[i], bottom[i], left[i] + wide[i], bottom[i] + high[i]
    k, turn, cost = t.slot[i], orient[i], 0.0
    cost += _beside_wall(t, k, turn, 0, x0 - int(t.number[CORE]), y0, y0, y1)
    cost += _beside_wall(t, k, turn, 1, y0 - int(t.number[CORE + 1]), x0, x0, x1)
    cost += _beside_wall(t, k, turn, 2, int(t.number[CORE + 2]) - x1, y0, y0, y1)
    cost += _beside_wall(t, k, turn, 3, int(t.number[CORE + 3]) - y1, x0, x0, x1)
    for w in range(len(walls)):
        low, top = max(y0, walls[w, 1]), min(y1, walls[w, 3])
        cost += _beside_wall(t, k, turn, 0, x0 - walls[w, 2], y0, low, top)
        cost += _beside_wall(t, k, turn, 2, walls[w, 0] - x1, y0, low, top)
        low, top = max(x0, walls[w, 0]), min(x1, walls[w, 2])
        cost += _beside_wall(t, k, turn, 1, y0 - walls[w, 3], x0, low, top)
        cost += _beside_wall(t, k, turn, 3, walls[w, 1] - y1, x0, low, top)
    return cost


@njit_lean()
def moved_part(
    t: Tidy, left: NDArray, bottom: NDArray, wide: NDArray, high: NDArray, orient: NDArray, hard: NDArray,
    walls: NDArray, count: int, objects: NDArray,
) -> float:  # fmt: skip
    """All costs that the first ``count`` ``objects`` have a part in, each once."""
    cost = 0.0
    for k in range(count):
        i = objects[k]
        if t.slot[i] < 0:
            continue
        cost += alone(t, left, bottom, wide, high, orient, walls, i)
        for h in range(len(hard)):
            j = hard[h]
            counted = j == i
            for earlier in range(k):
                counted |= objects[earlier] == j
            if not counted:
                cost += pair(t, left, bottom, wide, high, orient, i, j)
    return cost


@njit(cache=True)
def _total(
    t: Tidy, left: NDArray, bottom: NDArray, wide: NDArray, high: NDArray, orient: NDArray, hard: NDArray,
    walls: NDArray,
) -> float:  # fmt: skip
    cost = t.number[WHOLE]
    for k in range(len(hard)):
        cost += alone(t, left, bottom, wide, high, orient, walls, hard[k])
        for h in range(k):
            cost += pair(t, left, bottom, wide, high, orient, hard[k], hard[h])
    return cost


def tidy_cost(design: Design, placement: Placement, tidy: Tidy) -> float:
    """What the three terms of a placement cost together, times their weights.

    Args:
        design: the design.
        placement: where its hard macros are.
        tidy: what :func:`build_tidy` gave.
    """
    if not tidy.on:
        return 0.0
    boxes = np.ascontiguousarray(integer_boxes(design, placement).T)
    walls = np.concatenate([outline_boxes(design.canvas), blockage_boxes(design.canvas)[0]])
    hard = design.netlist.ids(HARD_MACRO)
    wide, high = boxes[2] - boxes[0], boxes[3] - boxes[1]
    orient = placement.orient.astype(np.int64)
    return float(_total(tidy, boxes[0], boxes[1], wide, high, orient, hard.astype(np.int64), walls))
