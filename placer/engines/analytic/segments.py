"""What obstacles leave of the rows: segments of whole sites that cells may fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas, Rows
from netlists.orientation import FN, FS, N, S

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A way to lie in a row as two bits: 1 left and right exchanged, 2 top and bottom. Index of an orientation code.
TURN_OF = np.zeros(8, np.int64)
TURN_OF[[N, FN, FS, S]] = 0, 1, 2, 3
#: Orientation code of each turn.
CODE_OF = np.array([N, FN, FS, S], np.int8)

_NOTHING: Mapping[int, Floats] = {-1: np.zeros((0, 4))}


@dataclass(frozen=True, eq=False)
class Segments:
    """``S`` segments in ``R`` rows of one height and site pitch, row by row and left to right.

    Rows are levels: pieces of a row at the same y belong to one. Lengths in um relative to the canvas corner,
    positions in sites from ``x0``.

    Attributes:
        row: ``[S]`` row of each segment.
        first: ``[S]`` first free site.
        last: ``[S]`` one past the last free site.
        x0: ``[S]`` where site 0 begins, um.
        face: ``[S]`` turn of the sites (see ``TURN_OF``).
        mirror: ``[S]`` bool, cells may also lie with left and right exchanged.
        region: ``[S]`` index of the fence it lies in, -1 outside all fences.
        row_ptr: ``[R + 1]`` segments of each row.
        row_y: ``[R]`` lower edge, ascending, um.
        height: of the rows, um.
        site: site pitch, um.
    """

    row: Ints
    first: Ints
    last: Ints
    x0: Floats
    face: Ints
    mirror: NDArray[np.bool_]
    region: Ints
    row_ptr: Ints
    row_y: Floats
    height: float
    site: float

    @property
    def num_segments(self) -> int:
        """Number of segments."""
        return len(self.row)

    @property
    def room(self) -> int:
        """Free sites."""
        return int((self.last - self.first).sum())


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


def row_kinds(rows: Rows) -> list[Rows]:
    """Rows sorted into kinds of one height and one site pitch, the lowest first."""
    key = np.round(np.stack([rows.height, rows.site_spacing], axis=1), 9)
    kinds, which = np.unique(key, axis=0, return_inverse=True)
    return [_some(rows, np.flatnonzero(which.ravel() == k)) for k in range(len(kinds))]


def _some(rows: Rows, ids: Ints) -> Rows:
    arrays = {
        key: getattr(rows, key)[ids]
        for key in ("y", "height", "x0", "num_sites", "site_width", "site_spacing", "orient")
    }
    symmetry = tuple(rows.symmetry[i] for i in ids.tolist()) if rows.symmetry else ()
    return replace(rows, **arrays, symmetry=symmetry)


def segments(
    rows: Rows, corner: tuple[float, float], blocked: Floats, walls: Mapping[int, Floats] = _NOTHING
) -> Segments:
    """Cut rows at obstacles.

    Args:
        rows: of one height and one site pitch; sorted here by y and x.
        corner: (x0, y0) of the canvas, um.
        blocked: ``[k, 4]`` boxes x0, y0, x1, y1 no cell may touch, um relative to the corner.
        walls: fence index (-1: no fence) -> ``[k, 4]`` boxes that cells of that fence may not touch, um likewise. Free
            ground of two fences must not overlap.

    Raises:
        ValueError: rows of different height or site pitch.
    """
    order = np.lexsort((rows.x0, rows.y))
    rows = _some(rows, order)
    height, site = float(rows.height[0]), float(rows.site_spacing[0])
    if not (np.allclose(rows.site_spacing, site) and np.allclose(rows.height, height)):
        raise ValueError("rows of different height or site pitch")
    x0, y0 = rows.x0 - corner[0], rows.y - corner[1]
    slack = 1e-6 * site
    step = np.concatenate([[True], np.diff(y0) > 1e-6 * height])
    level = np.cumsum(step) - 1
    row_y = y0[step]
    parts = []
    for region, own in sorted(walls.items()):
        piece, first, last = _cut(x0, y0, height, site, rows.num_sites, np.concatenate([blocked, own]), slack)
        parts.append(np.stack([piece, first, last, np.full(len(piece), region)], axis=1))
    piece, first, last, region_of = np.concatenate(parts).T
    order = np.lexsort((x0[piece] + first * site, level[piece]))
    piece, first, last, region_of = piece[order], first[order], last[order], region_of[order]
    mirror = np.array(["Y" in text.upper().split() for text in rows.symmetry] or [False] * len(x0), bool)
    return Segments(
        row=level[piece], first=first, last=last, x0=x0[piece], face=TURN_OF[rows.orient[piece]],
        mirror=mirror[piece], region=region_of,
        row_ptr=np.searchsorted(level[piece], np.arange(len(row_y) + 1)).astype(np.int64),
        row_y=row_y, height=height, site=site,
    )  # fmt: skip


def of_segments(where: Segments, keep: NDArray[np.bool_]) -> Segments:
    """Some of the segments, in the same rows.

    Args:
        where: segments.
        keep: ``[S]`` bool.
    """
    row = where.row[keep]
    return replace(
        where, row=row, first=where.first[keep], last=where.last[keep], x0=where.x0[keep], face=where.face[keep],
        mirror=where.mirror[keep], region=where.region[keep],
        row_ptr=np.searchsorted(row, np.arange(len(where.row_y) + 1)).astype(np.int64),
    )  # fmt: skip


def segments_at(where: Segments, row: Ints, x: Floats) -> Ints:
    """``[n]`` segment of each row that holds a place, or ends last before it.

    Args:
        where: segments.
        row: ``[n]`` rows that have a segment at or left of the place.
        x: ``[n]`` um.
    """
    begin = where.x0 + where.first * where.site
    # Rows side by side on one line, so that one search does.
    apart = float(np.ptp(np.concatenate([begin, x]))) + where.site
    line = where.row * apart + begin
    return np.searchsorted(line, row * apart + x + 0.5 * where.site, side="right") - 1


def _cut(
    x0: Floats, y0: Floats, height: float, site: float, sites: Ints, blocked: Floats, slack: float
) -> tuple[Ints, Ints, Ints]:
    """Row piece, first and last site of what is left free of each piece."""
    pieces = len(x0)
    # Rows a box touches are a range of the sorted pieces: those whose top is above its bottom and bottom below its top.
    low = np.searchsorted(y0, blocked[:, 1] - height + slack, side="right")
    high = np.maximum(np.searchsorted(y0, blocked[:, 3] - slack, side="left"), low)
    count = high - low
    box = np.repeat(np.arange(len(blocked)), count)
    piece = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    a = np.floor((blocked[box, 0] - x0[piece] + slack) / site)
    b = np.ceil((blocked[box, 2] - x0[piece] - slack) / site)
    a, b = np.clip(a, 0, sites[piece]), np.clip(b, 0, sites[piece])
    keep = b > a
    ends = np.arange(pieces)
    piece = np.concatenate([ends, piece[keep], ends])
    a = np.concatenate([np.zeros(pieces), a[keep], sites]).astype(np.int64)
    b = np.concatenate([np.zeros(pieces), b[keep], sites]).astype(np.int64)
    order = np.lexsort((b, a, piece))
    piece, a, b = piece[order], a[order], b[order]
    # Where everything so far ends, piece by piece: one running maximum, pieces kept apart by an offset.
    apart = int(sites.max(initial=0)) + 1
    reached = np.maximum.accumulate(b + piece * apart) - piece * apart
    free = (piece[1:] == piece[:-1]) & (a[1:] > reached[:-1])
    return piece[1:][free], reached[:-1][free], a[1:][free]
