"""Cells several rows high to legal places: each to the nearest free stretch over all of its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.engines.analytic.abacus import sites_of
from placer.engines.analytic.segments import Segments, of_segments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Part of a site by which sites in line may seem to differ.
_IN_LINE = 1e-4


def place_tall(
    where: Segments,
    x: Floats,
    y: Floats,
    width: Floats,
    rows: Ints,
    turns: Ints,
    *,
    parity: bool = False,
) -> tuple[Floats, Floats, Ints]:
    """Give cells that span whole rows a place each, the largest first.

    Args:
        where: free segments of one fence. A cell lies on rows whose sites are in line.
        x: ``[n]`` wanted lower-left corners, um relative to the canvas corner.
        y: ``[n]``.
        width: ``[n]`` um.
        rows: ``[n]`` rows each spans.
        turns: ``[n]`` bit mask of the turns each may lie in.
        parity: cells of an even number of rows begin only in rows whose sites are not upside down, where their rails
            are those of the rows. Cells of an odd number lie as the row they begin in either way.

    Returns:
        ``[n]`` lower-left corners x and y, um, and ``[n]`` turns, -1 for cells that found no place.
    """
    n = len(x)
    out_x, out_y, out_turn = np.zeros(n), np.zeros(n), np.full(n, -1, np.int64)
    if not n or not where.num_segments:
        return out_x, out_y, out_turn
    wants = _Wants(x, y, sites_of(where, width), rows.astype(np.int64), turns, parity)
    phase = _phases(where)
    lines = [of_segments(where, phase == k) for k in range(phase.max() + 1)]
    grounds = [_Ground(line, wants) for line in lines]
    everyone = np.arange(n)
    # Of rows whose sites are not in line a cell prefers those where it would move least, were it alone with its like.
    prefers = np.zeros(n, np.int64)
    if len(grounds) > 1:
        away = np.full((len(grounds), n), np.inf)
        for k, line in enumerate(lines):
            at_x, at_y, turn = _Ground(line, wants).place(everyone)
            away[k] = np.where(turn >= 0, np.abs(at_x - x) + np.abs(at_y - y), np.inf)
        prefers = np.argmin(away, axis=0)
    for chosen in (True, False):
        for k, ground in enumerate(grounds):
            ids = np.flatnonzero((out_turn < 0) & ((prefers == k) == chosen))
            if len(ids):
                out_x[ids], out_y[ids], out_turn[ids] = ground.place(ids)
    return out_x, out_y, out_turn


@dataclass(frozen=True, eq=False)
class _Wants:
    """What :func:`place_tall` is asked for, widths in sites."""

    x: Floats
    y: Floats
    sites: Ints
    rows: Ints
    turns: Ints
    parity: bool


class _Ground:
    """Free stretches of rows whose sites are in line, and what is left of them as cells are placed."""

    def __init__(self, where: Segments, wants: _Wants) -> None:
        self.where, self.wants = where, wants
        self.origin = float(where.x0.min())
        shift = np.round((where.x0 - self.origin) / where.site).astype(np.int64)
        count = np.diff(where.row_ptr)
        widest = int((where.last - where.first).max())
        most = int(count.max()) + min(len(wants.x), widest // int(wants.sites.min()) + 1) + 1
        levels = len(where.row_y)
        self.low, self.high = np.zeros((levels, most), np.int64), np.zeros((levels, most), np.int64)
        self.used = count.copy()
        within = np.arange(where.num_segments) - where.row_ptr[where.row]
        self.low[where.row, within], self.high[where.row, within] = where.first + shift, where.last + shift
        self.face = np.zeros(levels, np.int64)
        self.face[where.row] = where.face
        # Rows that stand on one another without a gap.
        self.joined = np.concatenate([np.abs(np.diff(where.row_y) - where.height) < 1e-6 * where.height, [False]])

    def place(self, ids: Ints) -> tuple[Floats, Floats, Ints]:
        """Lower-left corners and turns of some cells; turn -1 where there is no place."""
        w, where = self.wants, self.where
        x, y, sites, rows, turns = w.x[ids], w.y[ids], w.sites[ids], w.rows[ids], w.turns[ids]
        n = len(ids)
        out_x, out_y, out_turn = np.zeros(n), np.zeros(n), np.full(n, -1, np.int64)
        order = np.lexsort((x, -sites * rows))
        spot, level = np.zeros(n, np.int64), np.full(n, -1, np.int64)
        wish = np.round((x - self.origin) / where.site).astype(np.int64)
        _place(
            order, wish, y, sites, rows, turns, w.parity, where.row_y, where.site, self.face, self.joined, self.low,
            self.high, self.used, spot, level,
        )  # fmt: skip
        found = level >= 0
        out_x[found] = self.origin + spot[found] * where.site
        out_y[found] = where.row_y[level[found]]
        out_turn[found] = [
            _turn(int(self.face[a]), int(k), int(mask), w.parity)
            for a, k, mask in zip(level[found], rows[found], turns[found], strict=True)
        ]
        return out_x, out_y, out_turn


def _phases(where: Segments) -> Ints:
    """``[S]`` which segments have their sites in line: equal numbers from 0, those of most room first."""
    part = (where.x0 - where.x0.min()) / where.site
    part = part - np.floor(part + _IN_LINE)
    order = np.argsort(part, kind="stable")
    group = np.zeros(len(part), np.int64)
    group[order] = np.cumsum(np.diff(part[order], prepend=part[order[0]]) > _IN_LINE)
    room = np.bincount(group, where.last - where.first)
    return np.argsort(np.argsort(-room, kind="stable"))[group]


@njit_lean()
def _turn(face: int, rows: int, mask: int, parity: bool) -> int:
    """Turn of a cell that begins in a row of this face; -1 where it may not."""
    if rows % 2 == 0:
        if parity and face & 2:
            return -1
        face &= 1
    if mask >> face & 1:
        return face
    return -1


@njit(cache=True, nogil=True)
def _place(
    order: NDArray,
    wish: NDArray,
    y: NDArray,
    sites: NDArray,
    rows: NDArray,
    turns: NDArray,
    parity: bool,
    row_y: NDArray,
    pitch: float,
    face: NDArray,
    joined: NDArray,
    low: NDArray,
    high: NDArray,
    used: NDArray,
    spot: NDArray,
    level: NDArray,
) -> None:
    levels = len(row_y)
    for i in order:
        near = np.searchsorted(row_y, y[i])
        down, up = near - 1, near
        best, best_row, best_spot = math.inf, -1, 0
        while down >= 0 or up < levels:
            below = y[i] - row_y[down] if down >= 0 else math.inf
            above = row_y[up] - y[i] if up < levels else math.inf
            if min(below, above) >= best:
                break
            if below <= above:
                r = down
                down -= 1
            else:
                r = up
                up += 1
            if r + rows[i] > levels or _turn(face[r], rows[i], turns[i], parity) < 0:
                continue
            stands = True
            for k in range(r, r + rows[i] - 1):
                stands = stands and joined[k]
            if not stands:
                continue
            away = abs(row_y[r] - y[i])
            for sign in (1, -1):
                at = _next(low, high, used, r, rows[i], sites[i], wish[i], sign)
                if at < 0:
                    continue
                cost = away + abs(at - wish[i]) * pitch
                if cost < best:
                    best, best_row, best_spot = cost, r, at
        if best_row < 0:
            continue
        spot[i], level[i] = best_spot, best_row
        for r in range(best_row, best_row + rows[i]):
            used[r] = _take(low[r], high[r], used[r], best_spot, best_spot + sites[i])


@njit_lean()
def _next(low: NDArray, high: NDArray, used: NDArray, r: int, rows: int, sites: int, wish: int, sign: int) -> int:
    """First site at or beyond ``wish`` in a direction where all rows are free; -1 for none."""
    at = wish
    k, agreed = 0, 0
    while agreed < rows:  # row after row moves the place on until none does
        row = r + k
        moved = _fit(low[row], high[row], used[row], sites, at, sign)
        if moved == -1:
            return -1
        if moved != at:
            at, agreed = moved, 0
        agreed += 1
        k = (k + 1) % rows
    return at


@njit_lean()
def _fit(low: NDArray, high: NDArray, used: int, sites: int, at: int, sign: int) -> int:
    """First site at or beyond ``at`` in one row; -1 for none."""
    if sign > 0:
        for k in range(used):
            if high[k] - sites >= at and high[k] - low[k] >= sites:
                return max(at, low[k])
    else:
        for k in range(used - 1, -1, -1):
            if low[k] <= at and high[k] - low[k] >= sites:
                return min(at, high[k] - sites)
    return -1


@njit_lean()
def _take(low: NDArray, high: NDArray, used: int, a: int, b: int) -> int:
    """Remove [a, b) from a row's free intervals; returns their number."""
    for k in range(used):
        if low[k] <= a and b <= high[k]:
            if low[k] == a and high[k] == b:
                for m in range(k, used - 1):
                    low[m], high[m] = low[m + 1], high[m + 1]
                return used - 1
            if low[k] == a:
                low[k] = b
            elif high[k] == b:
                high[k] = a
            else:
                for m in range(used, k + 1, -1):
                    low[m], high[m] = low[m - 1], high[m - 1]
                low[k + 1], high[k + 1] = b, high[k]
                high[k] = a
                return used + 1
            return used
    return used
