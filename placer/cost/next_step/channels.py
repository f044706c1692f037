"""Channels: the gaps between hard macros that see each other, and between macros and walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.cost.next_step.ground import FREE, WALL, Scene


@dataclass(frozen=True, eq=False)
class Channels:
    """``K`` gaps of more than one lattice step; lengths in steps.

    A channel belongs to two objects that see each other along an axis; its length is the part of their sides between
    which nothing else lies.

    Attributes:
        first: ``[K]`` macro index on the left or below, -1 for a wall or the core's edge.
        second: ``[K]`` macro index on the right or above, or -1; never both.
        width: ``[K]`` float64 distance.
        length: ``[K]`` float64.
        vertical: ``[K]`` True where wires run up and down in it (the two lie side by side).
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    width: NDArray[np.float64]
    length: NDArray[np.float64]
    vertical: NDArray[np.bool_]

    @property
    def median(self) -> float:
        """Median width, weighted by length; NaN without channels."""
        if not len(self.width):
            return float("nan")
        order = np.argsort(self.width, kind="stable")
        total = np.cumsum(self.length[order])
        return float(self.width[order][np.searchsorted(total, total[-1] / 2)])

    def histogram(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Length of channels by width.

        Args:
            edges: ``[B + 1]`` ascending widths, steps.

        Returns:
            ``[B]`` steps.
        """
        return np.histogram(self.width, edges, weights=self.length)[0]


def channels(ground: Scene) -> Channels:
    """Every channel of an arrangement."""
    parts = []
    for vertical, owner, along, across in (
        (True, ground.owner, ground.x, ground.y),
        (False, np.ascontiguousarray(ground.owner.T), ground.y, ground.x),
    ):
        gaps = _gaps(owner, along, across)
        if not len(gaps):
            continue
        keys, which = np.unique(gaps[:, :3], axis=0, return_inverse=True)
        length = np.bincount(which.ravel(), gaps[:, 3])
        parts.append((keys, length, np.full(len(keys), vertical)))
    if not parts:
        none = np.zeros(0, np.int64)
        return Channels(none, none, np.zeros(0), np.zeros(0), np.zeros(0, bool))
    keys = np.concatenate([part[0] for part in parts])
    return Channels(
        keys[:, 0], keys[:, 1], keys[:, 2].astype(np.float64), np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )  # fmt: skip


@njit(cache=True)
def _gaps(owner: NDArray, along: NDArray, across: NDArray) -> NDArray:
    """``[G, 4]`` first, second, width and length of the free runs of every strip, both ends not walls at once."""
    rows, columns = owner.shape
    found = np.empty((rows * (columns + 1), 4), np.int64)
    count = 0
    for r in range(rows):
        last, start = WALL, along[0]
        for c in range(columns + 1):
            here = WALL if c == columns else owner[r, c]
            if here == FREE:
                continue
            width = along[c] - start
            if width > 1 and (last >= 0 or here >= 0):
                found[count, 0], found[count, 1] = last, here
                found[count, 2], found[count, 3] = width, across[r + 1] - across[r]
                count += 1
            last = here
            if c < columns:
                start = along[c + 1]
    return found[:count]
