"""What objects cover: their area in each gcell, and the tracks hard macros block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from netlists.orientation import SWAPS_SIDES
from placer.cost.full import PARTIAL_TOLERANCE
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import OBJECTS, State

_SWAPS = SWAPS_SIDES.copy()


@njit_lean()
def _half_sizes(width: float, height: float, orient: int) -> tuple[float, float]:
    if _SWAPS[orient]:
        return height / 2, width / 2
    return width / 2, height / 2


@njit_lean()
def overlaps(low: float, high: float, pitch: float, count: int, out: NDArray) -> tuple[int, int]:
    """First and last gcell an interval touches, clipped to the canvas, and its overlap with each (``out``).

    The last may be smaller than the first: the interval lies outside the canvas.
    """
    first, last = max(int(np.floor(low / pitch)), 0), min(int(np.floor(high / pitch)), count - 1)
    for i in range(first, last + 1):
        out[i] = max(0.0, min(high, (i + 1) * pitch) - max(low, i * pitch))
    return first, last


@njit_lean(inline="always")
def cover(p: Problem, s: State, i: int, x: float, y: float, orient: int) -> tuple[int, int, int, int]:
    """Gcells an object touches (first and last column and row); ``s.wide`` and ``s.high`` get the overlaps, um."""
    half_x, half_y = _half_sizes(p.width[i], p.height[i], orient)
    x, y = x - p.x0, y - p.y0
    c0, c1 = overlaps(x - half_x, x + half_x, p.gcell_width, p.columns, s.wide)
    r0, r1 = overlaps(y - half_y, y + half_y, p.gcell_height, p.rows, s.high)
    return c0, c1, r0, r1


@njit_lean()
def add_area(
    area: NDArray, changed: NDArray, count: int, c0: int, c1: int, r0: int, r1: int, wide: NDArray, high: NDArray,
    sign: float, columns: int, edge: float, over: float, above: int,
) -> tuple[int, float, int]:  # fmt: skip
    """Add an object to an area map, and keep its excess over ``edge`` up to date.

    Returns:
        Length of the list of changed entries (an entry may stand in it twice), the excess, entries above the edge.
    """
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            entry = r * columns + c
            before = area[entry]
            after = before + sign * wide[c] * high[r]
            area[entry] = after
            changed[count] = entry
            count += 1
            if before - edge > 0.0:
                over -= before - edge
                above -= 1
            if after - edge > 0.0:
                over += after - edge
                above += 1
    return count, over, above


@njit_lean()
def add_blockage(
    congestion: NDArray, c0: int, c1: int, r0: int, r1: int, wide: NDArray, high: NDArray, v_scale: float,
    h_scale: float, pitch_x: float, pitch_y: float, v_width: int, h_begin: int, h_width: int,
) -> None:  # fmt: skip
    """Add the tracks a hard macro takes (``placer.cost.full._blockages`` explains the end rules)."""
    if c1 < c0 or r1 < r0:
        return
    ragged_rows = r0 != r1 and (
        abs(high[r0] - pitch_y) > PARTIAL_TOLERANCE or abs(high[r1] - pitch_y) > PARTIAL_TOLERANCE
    )
    ragged_columns = c0 != c1 and (
        abs(wide[c0] - pitch_x) > PARTIAL_TOLERANCE or abs(wide[c1] - pitch_x) > PARTIAL_TOLERANCE
    )
    for r in range(r0, r1 if ragged_rows else r1 + 1):
        for c in range(c0, c1 + 1):
            congestion[r * v_width + c] += wide[c] * v_scale
    for c in range(c0, c1 if ragged_columns else c1 + 1):
        for r in range(r0, r1 + 1):
            congestion[h_begin + c * h_width + r] += high[r] * h_scale


@njit_lean(allocates=True)
def occupied_mean(p: Problem, s: State) -> float:
    """Mean density of the occupied gcells, on grids under 10 gcells; the pending trial counts.

    Summed afresh: a rounding residue of the differences must not make an empty gcell look occupied.
    """
    area = np.zeros(p.rows * p.columns)
    for i in range(len(p.width)):
        if not p.solid[i]:
            continue
        x, y, orient = s.x[i], s.y[i], np.int64(s.orient[i])
        for k in range(s.counter[OBJECTS]):
            if s.trial_obj[k] == i:
                x, y, orient = s.trial_x[k], s.trial_y[k], s.trial_orient[k]
        x, y = x - p.x0, y - p.y0
        half_x, half_y = _half_sizes(p.width[i], p.height[i], orient)
        for r in range(p.rows):
            tall = min(y + half_y, (r + 1) * p.gcell_height) - max(y - half_y, r * p.gcell_height)
            for c in range(p.columns):
                wide = min(x + half_x, (c + 1) * p.gcell_width) - max(x - half_x, c * p.gcell_width)
                if tall > 0.0 and wide > 0.0:
                    area[r * p.columns + c] += wide * tall
    occupied = 0
    for a in area:
        if a > 0.0:
            occupied += 1
    return area.sum() / (p.gcell_width * p.gcell_height * occupied) if occupied else 0.0
