"""Small compiled helpers; NumPy's own (argsort, slice assignment) take Numba many times longer to compile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit


@njit(cache=True)
def ascending(keys: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices that sort ``keys`` (``[n]`` float64), equal keys in their given order (bottom-up merge sort)."""
    n = len(keys)
    order, other = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        order[i] = i
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            a, b = low, middle
            for k in range(low, high):
                if a < middle and (b >= high or keys[order[a]] <= keys[order[b]]):
                    other[k] = order[a]
                    a += 1
                else:
                    other[k] = order[b]
                    b += 1
        order, other = other, order
        width *= 2
    return order


@njit(cache=True)
def copy_rows(target: NDArray[np.int64], at: int, source: NDArray[np.int64], first: int, count: int) -> None:
    """Copy ``count`` rows of ``source`` from ``first`` on to ``target`` from ``at`` on."""
    for k in range(count):
        for column in range(source.shape[1]):
            target[at + k, column] = source[first + k, column]


@njit(cache=True)
def put_box(boxes: NDArray[np.int64], k: int, x0: int, y0: int, x1: int, y1: int) -> None:
    """Set row ``k`` of ``boxes``."""
    boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3] = x0, y0, x1, y1
