"""What obstacles leave of the rows: segments of whole sites that cells may fill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas, Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Segments:
    """``S`` segments, sorted by row and then left to right; um relative to the canvas corner, positions in sites.

    Attributes:
        row: ``[S]`` row of each segment.
        first: ``[S]`` first free site, counted from the left edge of its row.
        last: ``[S]`` one past the last free site.
        row_ptr: ``[R + 1]`` segments of each row.
        row_x: ``[R]`` left edge.
        row_y: ``[R]`` lower edge, ascending.
        row_height: ``[R]``.
        site: site pitch, um; the same in all rows.
    """

    row: Ints
    first: Ints
    last: Ints
    row_ptr: Ints
    row_x: Floats
    row_y: Floats
    row_height: Floats
    site: float

    @property
    def num_segments(self) -> int:
        """Number of segments."""
        return len(self.row)


def rows_of(canvas: Canvas, height: float) -> Rows:
    """The canvas's rows, or made-up ones of the given height and a site of a tenth of it where it has none."""
    if canvas.rows is not None and len(canvas.rows.y):
        return canvas.rows
    height = float(height)
    count = max(int((canvas.height + 1e-9 * height) // height), 1)
    site = height / 10.0
    sites = int((canvas.width + 1e-9 * site) // site)
    full: Floats = np.ones(count)
    return Rows(
        canvas.y0 + height * np.arange(count, dtype=np.float64), height * full, canvas.x0 * full,
        np.full(count, sites), site * full, site * full, np.zeros(count, np.int8),
    )  # fmt: skip


def segments(rows: Rows, corner: tuple[float, float], blocked: Floats) -> Segments:
    """Cut rows at obstacles.

    Args:
        rows: of the canvas; sorted here by y and x.
        corner: (x0, y0) of the canvas, um.
        blocked: ``[k, 4]`` boxes x0, y0, x1, y1 no cell may touch, um relative to the corner.

    Raises:
        ValueError: rows of different site pitch.
    """
    order = np.lexsort((rows.x0, rows.y))
    x0, y0 = rows.x0[order] - corner[0], rows.y[order] - corner[1]
    height, sites, pitch = rows.height[order], rows.num_sites[order], rows.site_spacing[order]
    site = float(pitch[0])
    if not np.allclose(pitch, site):
        raise ValueError("rows of different site pitch")
    found: list[tuple[int, int, int]] = []
    ptr = [0]
    slack = 1e-6 * site
    for r in range(len(y0)):
        hit = blocked[(blocked[:, 1] < y0[r] + height[r] - slack) & (blocked[:, 3] > y0[r] + slack)]
        low = np.floor((hit[:, 0] - x0[r] + slack) / site).astype(np.int64)
        high = np.ceil((hit[:, 2] - x0[r] - slack) / site).astype(np.int64)
        at = 0
        for k in np.argsort(low, kind="stable"):
            if high[k] <= at or low[k] >= sites[r]:
                continue
            if low[k] > at:
                found.append((r, at, int(low[k])))
            at = int(high[k])
        if at < sites[r]:
            found.append((r, at, int(sites[r])))
        ptr.append(len(found))
    array = np.array(found, np.int64).reshape(-1, 3)
    return Segments(array[:, 0], array[:, 1], array[:, 2], np.array(ptr), x0, y0, height, site)
