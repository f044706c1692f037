"""Sequence pairs: two orders of the blocks that say, for every pair, which lies left of or below the other.

Block a is left of b when a comes first in both orders, and below b when it comes later in the positive and first in
the negative order (Murata, Fujiyoshi, Nakatake and Kajitani, "VLSI module placement based on rectangle-packing by the
sequence-pair", TCAD 1996). Every legal placement has one, and every one has a legal packing. Lengths are lattice
steps held in float64, which is exact far beyond any chip.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit


def from_points(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The orders that keep the directions in which points lie from one another.

    Args:
        x: ``[B]`` centres.
        y: ``[B]``.

    Returns:
        Positive and negative order, ``[B]`` block ids each: pairs further apart in x become left-right pairs, the
        others below-above pairs.
    """
    return np.argsort(x - y, kind="stable"), np.argsort(x + y, kind="stable")


@njit(cache=True, nogil=True)
def pack(
    negative: NDArray, place: NDArray, width: NDArray, height: NDArray, x: NDArray, y: NDArray, tree: NDArray
) -> tuple[float, float]:
    """Pack to the lower left: every block as far down and left as its relations allow.

    Longest paths by prefix maxima in a Fenwick tree, ``O(B log B)`` (Tang and Wong, "FAST-SP", ASP-DAC 2001, with
    another search structure).

    Args:
        negative: ``[B]`` negative order.
        place: ``[B]`` position of each block in the positive order.
        width: ``[B]`` steps.
        height: ``[B]`` steps.
        x: ``[B]`` receives left edges.
        y: ``[B]`` receives lower edges.
        tree: ``[2, B + 1]`` scratch.

    Returns:
        Width and height of the packing.
    """
    n = len(negative)
    tree[:, :] = 0.0
    right, top = 0.0, 0.0
    for k in range(n):
        b = negative[k]
        p = place[b]
        low = 0.0
        i = p
        while i > 0:
            low = max(low, tree[0, i])
            i &= i - 1
        x[b] = low
        end = low + width[b]
        right = max(right, end)
        i = p + 1
        while i <= n and tree[0, i] < end:
            tree[0, i] = end
            i += i & -i
        low = 0.0
        i = n - 1 - p
        while i > 0:
            low = max(low, tree[1, i])
            i &= i - 1
        y[b] = low
        end = low + height[b]
        top = max(top, end)
        i = n - p
        while i <= n and tree[1, i] < end:
            tree[1, i] = end
            i += i & -i
    return right, top


@njit(cache=True)
def relations(positive: NDArray, negative: NDArray) -> tuple[NDArray, NDArray]:
    """The relations that imply all others.

    Args:
        positive: ``[B]`` positive order.
        negative: ``[B]`` negative order.

    Returns:
        ``[E, 2]`` pairs (left, right) and ``[F, 2]`` pairs (lower, upper), without those that follow from two others.
    """
    n = len(positive)
    place = np.empty(n, np.int64)
    for k in range(n):
        place[negative[k]] = k
    horizontal, vertical = [(0, 0)], [(0, 0)]
    for k in range(n):
        a = positive[k]
        nearest = n
        for m in range(k + 1, n):
            b = positive[m]
            if place[a] < place[b] < nearest:
                horizontal.append((a, b))
                nearest = place[b]
        nearest = n
        for m in range(k - 1, -1, -1):
            b = positive[m]
            if place[a] < place[b] < nearest:
                vertical.append((a, b))
                nearest = place[b]
    h = np.empty((len(horizontal) - 1, 2), np.int64)
    for e in range(len(h)):
        h[e, 0], h[e, 1] = horizontal[e + 1]
    v = np.empty((len(vertical) - 1, 2), np.int64)
    for e in range(len(v)):
        v[e, 0], v[e, 1] = vertical[e + 1]
    return h, v


@njit(cache=True)
def settle(order: NDArray, pairs: NDArray, size: NDArray, limit: int, wish: NDArray) -> NDArray:
    """Whole-step coordinates near the wished ones that keep every relation exactly.

    Forwards every block moves up to where its predecessors end, backwards down to where its successors begin; the
    result lies between the two extreme packings, so it exists whenever the lower-left packing fits.

    Args:
        order: ``[B]`` blocks so that predecessors come first.
        pairs: ``[E, 2]`` (before, after).
        size: ``[B]`` int64 steps along this axis.
        limit: length of the outline in steps.
        wish: ``[B]`` int64 coordinates.

    Returns:
        ``[B]`` int64 lower coordinates; one above ``limit - size`` or below 0 means that no packing fits.
    """
    n = len(order)
    rank = np.empty(n, np.int64)
    for k in range(n):
        rank[order[k]] = k
    by_after = pairs[np.argsort(rank[pairs[:, 1]])]
    at = np.maximum(wish, 0)
    e = 0
    for k in range(n):
        b = order[k]
        while e < len(by_after) and by_after[e, 1] == b:
            a = by_after[e, 0]
            at[b] = max(at[b], at[a] + size[a])
            e += 1
    by_before = pairs[np.argsort(-rank[pairs[:, 0]])]
    e = 0
    for k in range(n - 1, -1, -1):
        a = order[k]
        at[a] = min(at[a], limit - size[a])
        while e < len(by_before) and by_before[e, 0] == a:
            at[a] = min(at[a], at[by_before[e, 1]] - size[a])
            e += 1
    return at
