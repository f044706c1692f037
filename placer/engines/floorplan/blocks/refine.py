"""The best positions, and shapes of soft blocks, that a sequence pair allows: a linear programme.

With the relations of all pairs fixed, HPWL and the rules are linear in positions. Soft blocks add widths and heights
with ``width * height >= area``, a convex set that tangents describe from outside; tangents at each answer make it
exact after a few rounds (Kelley's cutting planes). The result is then put on the lattice in whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from netlists.orientation import MATRIX
from placer.engines.floorplan.blocks.anneal import turn, wirelength
from placer.engines.floorplan.blocks.problem import Blocks
from placer.engines.floorplan.blocks.sequence_pair import pack, relations, settle

#: Tangents of the area curve to begin with, and rounds of new ones.
_TANGENTS, _ROUNDS = 9, 3
#: Shares of the way from the given to the computed shapes that are tried until one fits in whole steps.
_WAYS = (1.0, 0.97, 0.9, 0.75, 0.5, 0.25)


@dataclass(frozen=True, eq=False)
class Floorplan:
    """Blocks that are disjoint and inside the outline, in whole steps from its lower left.

    Attributes:
        corner: ``[2, B]`` int64 lower-left corners.
        shape: ``[2, B]`` float64 width and height in orientation N.
        orient: ``[B]`` int8.
        wire: weighted HPWL, steps.
    """

    corner: NDArray[np.int64]
    shape: NDArray[np.float64]
    orient: NDArray[np.int8]
    wire: float


def refine(
    blocks: Blocks, order: NDArray[np.int64], shape: NDArray[np.float64], orient: NDArray[np.int8]
) -> Floorplan | None:
    """Positions of least HPWL for a sequence pair whose packing fits, with soft blocks reshaped.

    Args:
        blocks: the problem.
        order: ``[2, B]`` positive and negative order.
        shape: ``[2, B]`` width and height in orientation N, whole steps.
        orient: ``[B]``.

    Returns:
        The floorplan, or None when the packing does not fit the outline.
    """
    plain = place_exactly(blocks, order, shape, orient, None)
    if plain is None:
        return None
    pairs = relations(order[0], order[1])
    best = plain
    soft = blocks.soft & (MATRIX[orient, 0] != 0)
    if soft.any():
        found = _solve(blocks, pairs, shape, orient, soft)
        if found is not None:
            for way in _WAYS:
                wide = shape[0] + way * (found[1][0] - shape[0])
                tried = shape.copy()
                tried[0, soft] = np.clip(np.rint(wide[soft]), blocks.shape[soft, 0], blocks.shape[soft, 1])
                tried[1, soft] = np.ceil(blocks.area[soft] / tried[0, soft])
                made = place_exactly(blocks, order, tried, orient, found[0])
                if made is not None:
                    best = min(best, made, key=lambda plan: plan.wire)
                    break
    found = _solve(blocks, pairs, best.shape, orient, np.zeros(blocks.count, bool))
    if found is not None:
        made = place_exactly(blocks, order, best.shape, orient, found[0])
        if made is not None and made.wire < best.wire:
            best = made
    return best


def place_exactly(
    blocks: Blocks,
    order: NDArray[np.int64],
    shape: NDArray[np.float64],
    orient: NDArray[np.int8],
    wish: NDArray[np.float64] | None,
) -> Floorplan | None:
    """Whole-step positions near ``wish`` (``[2, B]`` lower-left corners; None: the packing, spread over the outline).

    Returns:
        The floorplan, or None when the packing does not fit the outline.
    """
    n = blocks.count
    size, offset = np.empty((2, n)), np.zeros((len(blocks.pin_block), 2))
    turned = orient.copy()
    for b in range(n):
        turn(
            b, int(orient[b]), shape[0, b], shape[1, b], size, turned, offset, blocks.block_ptr, blocks.block_pins,
            blocks.pin_part,
        )  # fmt: skip
    place = np.argsort(order[0])
    packed = np.empty((2, n))
    extent = pack(order[1], place, size[0], size[1], packed[0], packed[1], np.zeros((2, n + 1)))
    if extent[0] > blocks.limit[0] or extent[1] > blocks.limit[1]:
        return None
    if wish is None:
        factor = np.array([[blocks.limit[0] / extent[0]], [blocks.limit[1] / extent[1]]])
        wish = (packed + size / 2) * factor - size / 2
    corner = np.empty((2, n), np.int64)
    for axis, pairs in enumerate(relations(order[0], order[1])):
        whole = np.floor(wish[axis] + 1e-6).astype(np.int64)
        corner[axis] = settle(order[1], pairs, size[axis].astype(np.int64), blocks.limit[axis], whole)
    centre = corner + size / 2
    wire = wirelength(
        blocks.net_ptr, blocks.pin_block, offset, blocks.fixed, blocks.weight, centre[0], centre[1]
    )  # fmt: skip
    return Floorplan(corner, shape.copy(), orient.copy(), float(wire))


class _Rows:
    """Rows of ``A x <= b`` under construction."""

    def __init__(self) -> None:
        self._row: list[NDArray[np.int64]] = []
        self._column: list[NDArray[np.int64]] = []
        self._value: list[NDArray[np.float64]] = []
        self._bound: list[NDArray[np.float64]] = []
        self.count = 0

    def add(self, terms: list[tuple[NDArray[np.int64], NDArray[np.float64]]], bound: NDArray[np.float64]) -> None:
        """One row an entry of ``bound``: the sum of ``value * x[column]`` over the terms is at most the bound."""
        rows = self.count + np.arange(len(bound))
        for column, value in terms:
            used = value != 0
            self._row.append(rows[used])
            self._column.append(column[used])
            self._value.append(value[used])
        self._bound.append(bound)
        self.count += len(bound)

    def matrix(self, columns: int) -> tuple[coo_array, NDArray[np.float64]]:
        entries = (np.concatenate(self._value), (np.concatenate(self._row), np.concatenate(self._column)))
        return coo_array(entries, shape=(self.count, columns)), np.concatenate(self._bound)


def _solve(
    blocks: Blocks,
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    shape: NDArray[np.float64],
    orient: NDArray[np.int8],
    soft: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Real-valued lower-left corners and sizes ``[2, B]`` in steps; None when the solver finds none.

    Variables, axis by axis: corners, sizes, lower and upper ends of nets, in units of the outline's width.
    """
    n, m = blocks.count, len(blocks.weight)
    unit = float(max(blocks.limit)) / 1000.0
    limit = np.array(blocks.limit, np.float64) / unit
    turned = MATRIX[orient, 0] == 0
    size = np.where(turned, shape[::-1], shape) / unit
    rows, width = _Rows(), 2 * n + 2 * m
    low, high = np.zeros(2 * width), np.full(2 * width, np.inf)
    objective = np.zeros(2 * width)
    net = np.repeat(np.arange(m), np.diff(blocks.net_ptr))
    b, part = blocks.pin_block, blocks.pin_part
    matrix = MATRIX[orient[b]]
    # A soft block is not turned, so that an offset along an axis is a part of its size along that axis.
    share = np.column_stack([
        np.where(turned[b], matrix[:, 1] * part[:, 1], matrix[:, 0] * part[:, 0]),
        np.where(turned[b], matrix[:, 2] * part[:, 0], matrix[:, 3] * part[:, 1]),
    ])  # fmt: skip
    slack = np.where(soft.any(), 2 * np.sqrt(n) / unit, 0.0)
    ones, c = np.ones, len(b)
    for axis in (0, 1):
        at, dim, lower, upper = (axis * width + np.cumsum([0, n, n, m])).tolist()
        low[dim : dim + n], high[dim : dim + n] = size[axis], size[axis]
        if soft.any():
            least, most = _widths(blocks, axis)
            low[dim : dim + n][soft], high[dim : dim + n][soft] = least[soft] / unit, most[soft] / unit
        low[lower : lower + m] = -np.inf
        high[lower : lower + m] = blocks.fixed[:, axis] / unit
        low[upper : upper + m] = blocks.fixed[:, axis + 2] / unit
        objective[lower : lower + m], objective[upper : upper + m] = -blocks.weight, blocks.weight
        first, second = pairs[axis][:, 0], pairs[axis][:, 1]
        e = len(first)
        rows.add([(at + first, ones(e)), (dim + first, ones(e)), (at + second, -ones(e))], np.zeros(e))
        every = np.arange(n)
        rows.add([(at + every, ones(n)), (dim + every, ones(n))], np.full(n, limit[axis] - slack))
        mid = 0.5 + share[:, axis]
        rows.add([(at + b, ones(c)), (dim + b, mid), (upper + net, -ones(c))], np.zeros(c))
        rows.add([(at + b, -ones(c)), (dim + b, -mid), (lower + net, ones(c))], np.zeros(c))
    ids = np.flatnonzero(soft)
    area = blocks.area[ids] * (1 + 1e-7) / unit**2
    for k in range(_TANGENTS if len(ids) else 0):
        t = k / (_TANGENTS - 1)
        _tangents(rows, ids, area, (blocks.shape[ids, 0] ** (1 - t) * blocks.shape[ids, 1] ** t) / unit, n, width)
    answer = None
    limits = np.column_stack([low, high])
    for _ in range(_ROUNDS if len(ids) else 1):
        a, bound = rows.matrix(2 * width)
        solved: Any = linprog(  # type: ignore[call-overload]
            objective, A_ub=a.tocsr(), b_ub=bound, bounds=limits, method="highs-ipm"
        )
        if solved.x is None:
            break
        answer = solved.x
        if len(ids):
            _tangents(rows, ids, area, answer[n + ids], n, width)
    if answer is None:
        return None
    corner = np.stack([answer[:n], answer[width : width + n]]) * unit
    found = np.stack([answer[n : 2 * n], answer[width + n : width + 2 * n]]) * unit
    return corner, np.where(turned, found[::-1], found)


def _widths(blocks: Blocks, axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest size of soft blocks along an axis, steps."""
    if axis == 0:
        return blocks.shape[:, 0], blocks.shape[:, 1]
    least, most = np.maximum(blocks.shape[:, 1], 1), np.maximum(blocks.shape[:, 0], 1)
    return np.floor(blocks.area / least), np.ceil(blocks.area / most)


def _tangents(
    rows: _Rows, ids: NDArray[np.int64], area: NDArray[np.float64], at: NDArray[np.float64], n: int, width: int
) -> None:
    """``h >= area / w`` from the tangent at ``w = at``: ``h + area / at^2 * w >= 2 area / at``."""
    slope = area / at**2
    # Divided by the larger coefficient, so that the solver's tolerance means the same for slim and flat blocks.
    scale = np.maximum(slope, 1.0)
    rows.add([(width + n + ids, -1.0 / scale), (n + ids, -slope / scale)], -2 * area / at / scale)
