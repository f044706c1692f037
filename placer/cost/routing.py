"""How one net turns into horizontal and vertical routing demand: the segment rules of the congestion model.

A net is first reduced to its set of distinct gcells. The rules below then emit *segments*: runs of gcells in one row
(horizontal demand) or one column (vertical demand). Both the reference cost and the incremental kernel add the same
segments to their maps, so the rules are written once.

A gcell is packed into one integer, ``row << 16 | column``; packed order is row-major. A segment is four integers
``(direction, line, low, high)``: direction 0 is horizontal along row ``line`` over columns ``[low, high)``, direction
1 is vertical along column ``line`` over rows ``[low, high)``. Empty runs are not emitted.

Source of the rules: Circuit Training's congestion model as documented in TILOS-AI-Institute/MacroPlacement,
Docs/ProxyCost.
"""

from __future__ import annotations

from numpy.typing import NDArray

from netlists.compiled import njit_lean

#: Columns and rows must stay below this for a gcell to fit its packing.
MAX_GRID = 1 << 15


@njit_lean(inline="always")
def _emit(segments: NDArray, count: int, direction: int, line: int, a: int, b: int) -> int:
    """Append the run between ``a`` and ``b`` (any order) and return the new count."""
    if a == b:
        return count
    segments[count, 0] = direction
    segments[count, 1] = line
    segments[count, 2] = min(a, b)
    segments[count, 3] = max(a, b)
    return count + 1


@njit_lean()
def two_cell_segments(source: int, sink: int, segments: NDArray, count: int) -> int:
    """Horizontal along the source's row, then vertical along the sink's column."""
    sr, sc = source >> 16, source & 0xFFFF
    tr, tc = sink >> 16, sink & 0xFFFF
    count = _emit(segments, count, 0, sr, sc, tc)
    return _emit(segments, count, 1, tc, sr, tr)


@njit_lean()
def three_cell_segments(a: int, b: int, c: int, segments: NDArray, count: int) -> int:
    """L, two special shapes, or T with the trunk on the median row; ``a, b, c`` distinct, in any order."""
    # By column, then row.
    ka, kb, kc = (a & 0xFFFF) << 16 | a >> 16, (b & 0xFFFF) << 16 | b >> 16, (c & 0xFFFF) << 16 | c >> 16
    low, high = min(ka, kb, kc), max(ka, kb, kc)
    mid = ka + kb + kc - low - high
    x1, y1 = low >> 16, low & 0xFFFF
    x2, y2 = mid >> 16, mid & 0xFFFF
    x3, y3 = high >> 16, high & 0xFFFF
    if x1 < x2 and x2 < x3 and min(y1, y3) < y2 and y2 < max(y1, y3):  # staircase
        count = _emit(segments, count, 0, y1, x1, x2)
        count = _emit(segments, count, 0, y2, x2, x3)
        count = _emit(segments, count, 1, x2, y1, y2)
        return _emit(segments, count, 1, x3, y2, y3)
    if x2 == x3 and x1 < x2 and y1 < min(y2, y3):  # the two right-hand cells share a column above the left one
        count = _emit(segments, count, 0, y1, x1, x2)
        return _emit(segments, count, 1, x2, y1, max(y2, y3))
    if y2 == y3:  # the two right-hand cells share a row
        count = _emit(segments, count, 0, y1, x1, x2)
        count = _emit(segments, count, 0, y2, x2, x3)
        return _emit(segments, count, 1, x2, y1, y2)
    # T: by row, then column; the trunk lies on the median row.
    low, high = min(a, b, c), max(a, b, c)
    mid = a + b + c - low - high
    row = mid >> 16
    count = _emit(segments, count, 0, row, x1, x3)
    count = _emit(segments, count, 1, low & 0xFFFF, low >> 16, row)
    return _emit(segments, count, 1, high & 0xFFFF, row, high >> 16)


@njit_lean()
def net_segments(cells: NDArray, size: int, segments: NDArray) -> int:
    """Segments of a net with the distinct packed gcells ``cells[:size]``, its source first.

    Args:
        cells: int64, at least ``size`` entries.
        size: number of distinct gcells.
        segments: int64 ``[>= 2 * size, 4]``, overwritten.

    Returns:
        Number of segments written.
    """
    if size < 2:
        return 0
    if size == 2:
        return two_cell_segments(cells[0], cells[1], segments, 0)
    if size == 3:
        return three_cell_segments(cells[0], cells[1], cells[2], segments, 0)
    count = 0
    for i in range(1, size):
        count = two_cell_segments(cells[0], cells[i], segments, count)
    return count
