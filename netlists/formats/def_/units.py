"""Database units and microns, corners and centres: the only place that converts between them.

DEF gives the lower-left corner of a component's box as it lies, after turning and mirroring, in whole database units.
The placer gives centres in microns. A centre is a whole number of half database units, which float64 holds exactly
before the one division by ``2 * dbu_per_micron``; rounding that quotient back gives the same whole number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlists.orientation import MATRIX, SWAPS_SIDES


def to_dbu(length: ArrayLike, dbu_per_micron: int) -> NDArray[np.int64]:
    """Lengths in um as the nearest whole database units (any shape)."""
    return np.rint(np.asarray(length, np.float64) * dbu_per_micron).astype(np.int64)


def to_um(length: ArrayLike, dbu_per_micron: int) -> NDArray[np.float64]:
    """Whole database units as um (any shape)."""
    return np.asarray(length, np.float64) / dbu_per_micron


def _placed_sizes(
    width: ArrayLike, height: ArrayLike, orient: ArrayLike, dbu_per_micron: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    w, h = to_dbu(width, dbu_per_micron), to_dbu(height, dbu_per_micron)
    swap = SWAPS_SIDES[np.asarray(orient, np.intp)]
    return np.where(swap, h, w), np.where(swap, w, h)


def centres(
    x: ArrayLike, y: ArrayLike, width: ArrayLike, height: ArrayLike, orient: ArrayLike, dbu_per_micron: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres in um of boxes whose placed lower-left corners are given.

    Args:
        x: ``[N]`` left edges, database units.
        y: ``[N]`` lower edges, database units.
        width: ``[N]`` widths of the masters in orientation N, um.
        height: ``[N]`` heights, um.
        orient: ``[N]`` orientation codes.
        dbu_per_micron: database units per um.
    """
    w, h = _placed_sizes(width, height, orient, dbu_per_micron)
    half = 2.0 * dbu_per_micron
    return (2 * np.asarray(x, np.int64) + w) / half, (2 * np.asarray(y, np.int64) + h) / half


def corners(
    x: ArrayLike, y: ArrayLike, width: ArrayLike, height: ArrayLike, orient: ArrayLike, dbu_per_micron: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Placed lower-left corners in database units of boxes whose centres are given: the inverse of :func:`centres`.

    Centres between database units are rounded to the nearest corner.

    Args:
        x: ``[N]`` centres, um.
        y: ``[N]`` centres, um.
        width: ``[N]`` widths of the masters in orientation N, um.
        height: ``[N]`` heights, um.
        orient: ``[N]`` orientation codes.
        dbu_per_micron: database units per um.
    """
    w, h = _placed_sizes(width, height, orient, dbu_per_micron)
    left = (np.asarray(x, np.float64) * (2.0 * dbu_per_micron) - w) / 2
    low = (np.asarray(y, np.float64) * (2.0 * dbu_per_micron) - h) / 2
    return np.rint(left).astype(np.int64), np.rint(low).astype(np.int64)


def turned(x: int, y: int, orient: int) -> tuple[int, int]:
    """A point of a pin's own frame, turned and mirrored about its origin as DEF does with pin shapes."""
    a, b, c, d = (int(value) for value in MATRIX[orient])
    return a * x + b * y, c * x + d * y
