"""One broken rule, and the sweep that finds pairs of boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from placer.cost.lattice import microns

#: Pairs looked at in one go by the overlap sweep; bounds its memory.
_CHUNK = 1 << 20
#: Rules whose second object is a node, so that moving either mends them.
PAIR_RULES = frozenset({"overlap", "halo", "channel", "group"})


@dataclass(frozen=True)
class Violation:
    """One broken rule.

    Attributes:
        rule: one of ``placer.cost.legality.RULES``.
        node: id of the object.
        other: id of the second object (``overlap``, ``halo``, ``channel``, ``group``), index of the blockage or of
            the region (``blockage``, ``fence``), or -1.
        amount: how much, in ``unit``: shared area, depth outside, distance moved or off the lattice, or in the halo.
        unit: ``"um^2"`` or ``"um"``.
        steps: lattice steps the object must move at least, along one axis, to mend it.
        message: one sentence with names.
        box: where: x0, y0, x1, y1 in um of the shared area, or of the object where there is none.
    """

    rule: str
    node: int
    other: int
    amount: float
    unit: str
    steps: int
    message: str
    box: tuple[float, float, float, float]


def box_um(steps: ArrayLike, step: float) -> tuple[float, float, float, float]:
    """A box of lattice steps in um."""
    x0, y0, x1, y1 = (float(v) for v in microns(steps, step))
    return x0, y0, x1, y1


def shared(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """The box (``[4]``) that two boxes share; turned inside out where they do not meet."""
    return np.concatenate([np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])])


def depth(boxes: NDArray[np.int64], wall: NDArray[np.int64]) -> NDArray[np.int64]:
    """``[N]`` steps each box must move along one axis to leave ``wall``; 0 where it does not touch its inside."""
    ways = np.stack([boxes[:, 2] - wall[0], wall[2] - boxes[:, 0], boxes[:, 3] - wall[1], wall[3] - boxes[:, 1]])
    return np.maximum(ways.min(axis=0), 0)


def overlapping_pairs(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of boxes that share area (touching edges do not).

    A sweep over x: boxes sorted by left edge, each compared only with those that begin before it ends.

    Args:
        boxes: ``[N, 4]`` integers: x0, y0, x1, y1.

    Returns:
        ``[P, 2]`` indices, smaller first, sorted.
    """
    order = np.argsort(boxes[:, 0], kind="stable")
    x0, y0, x1, y1 = boxes[order].T
    last = np.searchsorted(x0, x1, side="left")
    count = np.maximum(last - np.arange(len(order)) - 1, 0)
    ends = np.cumsum(count)
    pairs = [np.zeros((0, 2), np.int64)]
    first = 0
    while first < len(order):
        base = ends[first - 1] if first else 0
        stop = max(first + 1, int(np.searchsorted(ends, base + _CHUNK, side="right")))
        sizes = count[first:stop]
        i = np.repeat(np.arange(first, stop), sizes)
        j = i + 1 + np.arange(len(i)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        # A box of the sorted run that begins where this one does may be of no width; x1 > x0 is checked for both.
        hit = (y0[i] < y1[j]) & (y0[j] < y1[i]) & (x0[i] < x1[j])
        pairs.append(np.stack([order[i[hit]], order[j[hit]]], axis=1))
        first = stop
    found = np.sort(np.concatenate(pairs), axis=1)
    return found[np.lexsort((found[:, 1], found[:, 0]))]
