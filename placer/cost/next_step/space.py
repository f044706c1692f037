"""The free area: slits, pieces, the largest rectangle, and how macro edges line up."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import label

from netlists.compiled import njit
from placer.cost.next_step.ground import FREE, Scene


def dead_area(ground: Scene) -> tuple[float, float]:
    """Free area, and the part of it that no square of side ``narrow`` in the free area covers; steps^2."""
    obstacles = np.concatenate([ground.walls, ground.boxes])
    free = shapely.box(*ground.core).difference(shapely.union_all(shapely.box(*obstacles.T.astype(np.float64))))
    # Erosion and dilation by a square; mitred corners of rectilinear shapes are exact.
    half = ground.narrow / 2
    opened = free.buffer(-half, join_style="mitre", mitre_limit=10).buffer(half, join_style="mitre", mitre_limit=10)
    return float(free.area), max(0.0, float(free.area - opened.intersection(free).area))


def free_components(ground: Scene) -> int:
    """Pieces of the free area; a shared corner does not join them."""
    return int(label(ground.owner == FREE)[1])


def largest_rectangle(ground: Scene) -> float:
    """Area of the largest rectangle of free ground, steps^2."""
    return float(_largest(ground.owner == FREE, ground.x.astype(np.float64), ground.y.astype(np.float64)))


@njit(cache=True)
def _largest(free: NDArray, x: NDArray, y: NDArray) -> float:
    """Largest rectangle under the skyline of free heights of every row, by a stack of rising heights."""
    rows, columns = free.shape
    base = np.zeros(columns, np.int64)  # first row of the free run below
    height, left = np.zeros(columns + 1), np.zeros(columns + 1)
    best = 0.0
    for r in range(rows):
        depth = 0
        for c in range(columns + 1):
            tall = 0.0
            if c < columns:
                if not free[r, c]:
                    base[c] = r + 1
                tall = y[r + 1] - y[base[c]]
            start = x[c]
            while depth > 0 and height[depth - 1] >= tall:
                depth -= 1
                start = left[depth]
                best = max(best, height[depth] * (x[c] - start))
            height[depth], left[depth] = tall, start
            depth += 1
    return best


def aligned_edges(ground: Scene) -> float:
    """Part of macro edges that line up with the same edge of another macro; NaN with fewer than two macros."""
    boxes = ground.boxes
    if len(boxes) < 2:
        return float("nan")
    aligned = 0
    for side in range(4):
        order = np.argsort(boxes[:, side], kind="stable")
        near = np.diff(boxes[order, side]) <= 1
        hit = np.zeros(len(boxes), bool)
        hit[1:] |= near
        hit[:-1] |= near
        aligned += int(hit.sum())
    return aligned / (4 * len(boxes))
