"""Cells to legal places in rows, moved as little as possible (Spindler, Schlichtmann, Johannes, Abacus, ISPD 2008)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.engines.analytic.segments import Segments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Cells may lie every way: all four turns.
ANY_TURN = 0b1111


def sites_of(where: Segments, width: Floats) -> Ints:
    """``[n]`` whole sites that cells of these widths (um) take, at least one."""
    return np.maximum(np.ceil(width / where.site - 1e-6), 1).astype(np.int64)


def place_in_rows(
    where: Segments,
    x: Floats,
    y: Floats,
    width: Floats,
    height: Floats,
    fence: Ints | None = None,
    turns: Ints | None = None,
) -> tuple[Ints, Ints]:
    """Give every cell of one row's height a segment and a site.

    Cells come from left to right; each tries rows around its own, nearest first, until no row can be better, and in
    each the place it gets when the cells there already make room by moving as little as possible in squares. Where
    that leaves a cell without a place, segments are filled once more with the widest cells first, which wastes least
    at their ends, and each segment is then put in order.

    Args:
        where: free segments.
        x: ``[n]`` wanted lower-left corners, um relative to the canvas corner.
        y: ``[n]``.
        width: ``[n]`` um.
        height: ``[n]`` um, at most the row height.
        fence: ``[n]`` index of the fence each cell must lie in; -1 for none, as by default.
        turns: ``[n]`` bit mask of the turns each may lie in; all by default.

    Returns:
        ``[n]`` segment of each cell, -1 for cells that found none, and ``[n]`` its first site, counted as in ``where``.
    """
    n = len(x)
    sites = sites_of(where, width)
    fence = np.full(n, -1) if fence is None else np.asarray(fence, np.int64)
    turns = np.full(n, ANY_TURN) if turns is None else np.asarray(turns, np.int64)
    least = int(sites.min()) if n else 1
    base = np.concatenate([[0], np.cumsum((where.last - where.first) // least)])
    left_to_right = np.argsort(x + 0.5 * width, kind="stable")

    def run(order: Ints, home: Ints) -> tuple[Ints, Ints]:
        segment, site = np.full(n, -1, np.int64), np.zeros(n, np.int64)
        _place(
            order, home, x, y, sites, fence, turns, where.row, where.first, where.last, where.x0, where.face,
            where.mirror, where.region, where.row_ptr, where.row_y, where.site, base, segment, site,
        )  # fmt: skip
        return segment, site

    anywhere = np.full(n, -1)
    segment, site = run(left_to_right, anywhere)
    if (segment < 0).any():
        filled, _ = run(np.lexsort((x, -sites)), anywhere)
        if (filled < 0).sum() < (segment < 0).sum():
            segment, site = run(left_to_right[filled[left_to_right] >= 0], filled)
    return segment, site


@njit(cache=True, nogil=True)
def _place(
    order: NDArray,
    home: NDArray,
    x: NDArray,
    y: NDArray,
    sites: NDArray,
    fence: NDArray,
    turns: NDArray,
    row: NDArray,
    first: NDArray,
    last: NDArray,
    x0: NDArray,
    face: NDArray,
    mirror: NDArray,
    region: NDArray,
    row_ptr: NDArray,
    row_y: NDArray,
    pitch: float,
    base: NDArray,
    segment: NDArray,
    site: NDArray,
) -> None:
    rows, total = len(row_y), base[-1]
    count, clusters, used = np.zeros(len(row), np.int64), np.zeros(len(row), np.int64), np.zeros(len(row), np.int64)
    member = np.empty(total, np.int64)  # cells of a segment in order
    head = np.empty(total, np.int64)  # first member of a cluster
    weight, moment, length, at = np.empty(total), np.empty(total), np.empty(total), np.empty(total)
    for i in order:
        near = np.searchsorted(row_y, y[i])
        low, high = near - 1, near
        best, best_segment = math.inf, home[i]
        given = home[i] >= 0
        while not given and (low >= 0 or high < rows):
            down = y[i] - row_y[low] if low >= 0 else math.inf
            up = row_y[high] - y[i] if high < rows else math.inf
            if min(down, up) >= best:
                break
            if down <= up:
                r = low
                low -= 1
            else:
                r = high
                high += 1
            away = abs(row_y[r] - y[i])
            for s in range(row_ptr[r], row_ptr[r + 1]):
                if last[s] - first[s] - used[s] < sites[i] or region[s] != fence[i]:
                    continue
                if not (turns[i] >> face[s] & 1 or (mirror[s] and turns[i] >> (face[s] ^ 1) & 1)):
                    continue
                wish = (x[i] - x0[s]) / pitch
                beyond = max(first[s] - wish, wish + sites[i] - last[s], 0.0)
                if away + beyond * pitch >= best:
                    continue
                got = _try(wish, sites[i], first[s], last[s], base[s], clusters[s], weight, moment, length, at)
                cost = away + abs(got - wish) * pitch
                if cost < best:
                    best, best_segment = cost, s
        if best_segment < 0:
            continue
        s = best_segment
        b = base[s]
        member[b + count[s]] = i
        wish = (x[i] - x0[s]) / pitch
        clusters[s] = _add(
            wish, sites[i], first[s], last[s], b, clusters[s], b + count[s], head, weight, moment, length, at
        )
        count[s] += 1
        used[s] += sites[i]
        segment[i] = s
    for s in range(len(row)):
        b = base[s]
        for k in range(clusters[s]):
            end = head[b + k + 1] if k + 1 < clusters[s] else b + count[s]
            spot = np.int64(math.floor(at[b + k] + 0.5))
            for m in range(head[b + k], end):
                site[member[m]] = spot
                spot += sites[member[m]]


@njit(cache=True, nogil=True)
def _try(
    wish: float,
    sites: int,
    first: int,
    last: int,
    b: int,
    clusters: int,
    weight: NDArray,
    moment: NDArray,
    length: NDArray,
    at: NDArray,
) -> float:
    """Where a cell would come to lie at the end of a segment."""
    spot = min(max(wish, float(first)), float(last - sites))
    k = b + clusters - 1
    if clusters == 0 or at[k] + length[k] <= spot:
        return spot
    w, q, size = float(sites), float(sites) * wish, float(sites)
    while True:
        q = moment[k] + q - w * length[k]
        w += weight[k]
        size += length[k]
        spot = min(max(q / w, float(first)), last - size)
        k -= 1
        if k < b or at[k] + length[k] <= spot:
            return spot + size - sites


@njit(cache=True, nogil=True)
def _add(
    wish: float,
    sites: int,
    first: int,
    last: int,
    b: int,
    clusters: int,
    member: int,
    head: NDArray,
    weight: NDArray,
    moment: NDArray,
    length: NDArray,
    at: NDArray,
) -> int:
    """Put a cell at the end of a segment; returns its clusters."""
    k = b + clusters
    spot = min(max(wish, float(first)), float(last - sites))
    head[k], weight[k], moment[k], length[k], at[k] = member, float(sites), float(sites) * wish, float(sites), spot
    while k > b and at[k - 1] + length[k - 1] > at[k]:
        moment[k - 1] += moment[k] - weight[k] * length[k - 1]
        weight[k - 1] += weight[k]
        length[k - 1] += length[k]
        k -= 1
        at[k] = min(max(moment[k] / weight[k], float(first)), last - length[k])
    return k - b + 1
