"""Routing demand of a trial, noted by the two ends of each segment.

The congestion map has a vertical part (one line a gcell row) and a horizontal part (one line a gcell column). A
segment runs across lines: vertical ones over rows, horizontal ones over columns. ``ends`` has the shape of the map; a
segment of weight w over the lines ``[low, high)`` adds w on line ``low`` and takes it on line ``high``, so it costs
the same however long it is, and what one net gives up and another takes cancels. ``lanes.sweep`` sums the lines up.

Smoothing spreads an entry along its line, so a segment simply notes its ends at each place of its window.
"""

from __future__ import annotations

from numpy.typing import NDArray

from netlists.compiled import njit_lean


@njit_lean()
def add_vertical(
    ends: NDArray, column: int, a: int, b: int, weight: float, width: int, columns: int, reach: int
) -> None:
    """A vertical segment in ``column`` between the rows ``a`` and ``b``, in either order."""
    signed = weight if a < b else -weight
    if reach == 0:
        ends[a * width + column] += signed
        ends[b * width + column] -= signed
    elif a != b:
        _add_spread(ends, column, a * width, b * width, signed, columns, reach)


@njit_lean()
def add_horizontal(
    ends: NDArray, row: int, a: int, b: int, weight: float, begin: int, width: int, rows: int, reach: int
) -> None:
    """A horizontal segment in ``row`` between the columns ``a`` and ``b``, in either order."""
    signed = weight if a < b else -weight
    if reach == 0:
        ends[begin + a * width + row] += signed
        ends[begin + b * width + row] -= signed
    elif a != b:
        _add_spread(ends, row, begin + a * width, begin + b * width, signed, rows, reach)


@njit_lean()
def _add_spread(ends: NDArray, at: int, first: int, last: int, signed: float, count: int, reach: int) -> None:
    """Both ends of a segment, evenly over the window of ``reach`` entries either side of ``at``, clipped."""
    low, high = max(at - reach, 0), min(at + reach, count - 1)
    share = signed / (high - low + 1)
    for j in range(low, high + 1):
        ends[first + j] += share
        ends[last + j] -= share


@njit_lean()
def add_two(
    ends: NDArray, source: int, sink: int, weight: float, rows: int, columns: int, v_width: int, h_begin: int,
    h_width: int, reach: int,
) -> None:  # fmt: skip
    """The route between two packed gcells: ``routing.two_cell_segments`` without a list of segments."""
    row, column, sink_row, sink_column = source >> 16, source & 0xFFFF, sink >> 16, sink & 0xFFFF
    add_horizontal(ends, row, column, sink_column, weight, h_begin, h_width, rows, reach)
    add_vertical(ends, sink_column, row, sink_row, weight, v_width, columns, reach)


@njit_lean()
def add_segments(
    ends: NDArray, segments: NDArray, count: int, weight: float, rows: int, columns: int, v_width: int, h_begin: int,
    h_width: int, reach: int,
) -> None:  # fmt: skip
    """All of ``segments[:count]`` as ``routing.net_segments`` writes them."""
    for k in range(count):
        line, low, high = segments[k, 1], segments[k, 2], segments[k, 3]
        if segments[k, 0] == 0:
            add_horizontal(ends, line, low, high, weight, h_begin, h_width, rows, reach)
        else:
            add_vertical(ends, line, low, high, weight, v_width, columns, reach)
