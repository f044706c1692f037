"""Area and congestion maps of one chain on the device: each thread works out its own gcells, nothing is scattered.

A chain has two copies of either map. A trial is written to the spare copy, whole; keeping the move makes the spare
copy the committed one. What a body covers follows from its box alone, so there is no list of changed entries.
"""

from __future__ import annotations

from numpy.typing import NDArray

from placer.cost.full import PARTIAL_TOLERANCE
from placer.engines.gpu_search.board import Board
from placer.engines.gpu_search.target import cuda, floor_of

#: Most boxes on the table: three objects before and after a move.
BOXES = 6
#: Numbers kept of a box: left, right, bottom, top (um); first and last column and row, ragged sides, hard.
SIDES, FACTS = 4, 6
_RAGGED_ROWS, _RAGGED_COLUMNS = 1, 2


@cuda.jit(device=True)
def _overlap(low: float, high: float, k: int, pitch: float) -> float:
    """How much of gcell ``k`` the interval covers, um."""
    return max(0.0, min(high, (k + 1) * pitch) - max(low, k * pitch))


@cuda.jit(device=True)
def lay_box(
    b: Board, sides: NDArray, facts: NDArray, j: int, left: float, right: float, bottom: float, top: float, hard: bool
) -> None:
    """Put a body on the table of boxes, um from the canvas origin."""
    c0 = max(floor_of(left / b.pitch_x), 0)
    c1 = min(floor_of(right / b.pitch_x), b.columns - 1)
    r0 = max(floor_of(bottom / b.pitch_y), 0)
    r1 = min(floor_of(top / b.pitch_y), b.rows - 1)
    sides[SIDES * j], sides[SIDES * j + 1] = left, right
    sides[SIDES * j + 2], sides[SIDES * j + 3] = bottom, top
    ragged = 0
    # The end rules are explained in placer.cost.full._blockages.
    if r0 != r1 and (
        abs(_overlap(bottom, top, r0, b.pitch_y) - b.pitch_y) > PARTIAL_TOLERANCE
        or abs(_overlap(bottom, top, r1, b.pitch_y) - b.pitch_y) > PARTIAL_TOLERANCE
    ):
        ragged |= _RAGGED_ROWS
    if c0 != c1 and (
        abs(_overlap(left, right, c0, b.pitch_x) - b.pitch_x) > PARTIAL_TOLERANCE
        or abs(_overlap(left, right, c1, b.pitch_x) - b.pitch_x) > PARTIAL_TOLERANCE
    ):
        ragged |= _RAGGED_COLUMNS
    facts[FACTS * j], facts[FACTS * j + 1], facts[FACTS * j + 2], facts[FACTS * j + 3] = c0, c1, r0, r1
    facts[FACTS * j + 4] = ragged
    facts[FACTS * j + 5] = 1 if hard else 0


@cuda.jit(device=True)
def lay_slot(b: Board, sides: NDArray, facts: NDArray, j: int, slot: int, x: float, y: float, orient: int) -> None:
    """Put a movable object at centre ``x, y`` (um) on the table."""
    half_x, half_y = b.width[slot] / 2, b.height[slot] / 2
    if orient & 2:
        half_x, half_y = half_y, half_x
    x, y = x - b.x0, y - b.y0
    lay_box(b, sides, facts, j, x - half_x, x + half_x, y - half_y, y + half_y, slot < b.hards)


@cuda.jit(device=True)
def covered(b: Board, sides: NDArray, facts: NDArray, j: int, row: int, column: int) -> tuple[float, float, float]:
    """Area (um^2), vertical and horizontal congestion that box ``j`` brings to a gcell."""
    if (
        column < facts[FACTS * j] or column > facts[FACTS * j + 1]
        or row < facts[FACTS * j + 2] or row > facts[FACTS * j + 3]
    ):  # fmt: skip
        return 0.0, 0.0, 0.0
    wide = _overlap(sides[SIDES * j], sides[SIDES * j + 1], column, b.pitch_x)
    high = _overlap(sides[SIDES * j + 2], sides[SIDES * j + 3], row, b.pitch_y)
    vertical = horizontal = 0.0
    if facts[FACTS * j + 5] != 0:
        ragged = facts[FACTS * j + 4]
        if not (ragged & _RAGGED_ROWS and row == facts[FACTS * j + 3]):
            vertical = wide * b.v_block
        if not (ragged & _RAGGED_COLUMNS and column == facts[FACTS * j + 1]):
            horizontal = high * b.h_block
    return wide * high, vertical, horizontal


@cuda.jit(device=True)
def smoothed(b: Board, delta: NDArray, row: int, column: int) -> tuple[float, float]:
    """Vertical and horizontal congestion that the demand ``delta`` brings to a gcell."""
    gcells = b.rows * b.columns
    if b.reach == 0:
        entry = row * b.columns + column
        return delta[entry] * b.v_unit, delta[gcells + entry] * b.h_unit
    vertical = horizontal = 0.0
    for c in range(max(column - b.reach, 0), min(column + b.reach, b.columns - 1) + 1):
        d = delta[row * b.columns + c]
        if d != 0:
            vertical += d * b.v_unit / (min(c + b.reach, b.columns - 1) - max(c - b.reach, 0) + 1)
    for r in range(max(row - b.reach, 0), min(row + b.reach, b.rows - 1) + 1):
        d = delta[gcells + r * b.columns + column]
        if d != 0:
            horizontal += d * b.h_unit / (min(r + b.reach, b.rows - 1) - max(r - b.reach, 0) + 1)
    return vertical, horizontal


@cuda.jit(device=True)
def write_trial(
    b: Board, congestion: NDArray, spare: int, area: NDArray, spare_area: int, delta: NDArray,
    sides: NDArray, facts: NDArray, count: int, routes: bool,
) -> None:  # fmt: skip
    """Write the maps of a trial to the spare copies.

    Args:
        b: the design.
        congestion: both copies of the congestion map.
        spare: which one is spare, 0 or 1.
        area: both copies of the area map.
        spare_area: which one is spare.
        delta: change in demand.
        sides: table of boxes: object ``k`` before the move at ``2k``, after it at ``2k + 1``.
        facts: the same table's integers.
        count: objects moved.
        routes: congestion changes at all; without it that map is left alone.
    """
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    gcells = b.rows * b.columns
    old, new = (1 - spare) * 2 * gcells, spare * 2 * gcells
    old_area, new_area = (1 - spare_area) * gcells, spare_area * gcells
    for entry in range(thread, gcells, threads):
        row, column = entry // b.columns, entry % b.columns
        space = vertical = horizontal = 0.0
        for k in range(count):
            a, v, h = covered(b, sides, facts, 2 * k + 1, row, column)
            space, vertical, horizontal = space + a, vertical + v, horizontal + h
            a, v, h = covered(b, sides, facts, 2 * k, row, column)
            space, vertical, horizontal = space - a, vertical - v, horizontal - h
        area[new_area + entry] = area[old_area + entry] + space
        if routes:
            v, h = smoothed(b, delta, row, column)
            congestion[new + entry] = congestion[old + entry] + (vertical + v)
            congestion[new + gcells + entry] = congestion[old + gcells + entry] + (horizontal + h)


@cuda.jit(device=True)
def write_all(
    b: Board, congestion: NDArray, area: NDArray, delta: NDArray, sides: NDArray, facts: NDArray,
    x: NDArray, y: NDArray, orient: NDArray,
) -> None:  # fmt: skip
    """Write both maps of the committed placement from nothing to copy 0; ``delta`` holds the whole demand."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    gcells, slots = b.rows * b.columns, len(b.width)
    for entry in range(thread, gcells, threads):
        v, h = smoothed(b, delta, entry // b.columns, entry % b.columns)
        congestion[entry], congestion[gcells + entry], area[entry] = v, h, 0.0
    bodies = slots + len(b.still)
    for first in range(0, bodies, BOXES):
        cuda.syncthreads()
        laid = min(BOXES, bodies - first)
        for j in range(thread, laid, threads):
            k = first + j
            if k < slots:
                lay_slot(b, sides, facts, j, k, x[k], y[k], orient[k])
            else:
                k -= slots
                lay_box(
                    b, sides, facts, j, b.still[k, 0], b.still[k, 1], b.still[k, 2], b.still[k, 3],
                    b.still_hard[k] != 0,
                )  # fmt: skip
        cuda.syncthreads()
        for entry in range(thread, gcells, threads):
            for j in range(laid):
                a, v, h = covered(b, sides, facts, j, entry // b.columns, entry % b.columns)
                area[entry] += a
                congestion[entry] += v
                congestion[gcells + entry] += h
    cuda.syncthreads()
