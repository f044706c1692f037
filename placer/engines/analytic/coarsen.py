"""Cells joined into clusters: a large design begins as a small one (first choice, Karypis and Kumar, DAC 1999)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.ground import Ground

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A cluster is at most so many times as large as the mean cell.
_MOST = 6.0
#: Nets of more connections join nobody: that they touch two cells says little about these.
_SMALL_NET = 10


@dataclass(frozen=True, eq=False)
class Coarse:
    """A circuit of clusters.

    Attributes:
        circuit: macros and what stands still as they were, cells as clusters, nets inside a cluster left out.
        parent: ``[N]`` node of ``circuit`` that each node of the fine circuit went into.
        movable: ``[n]`` which of its nodes move.
        ground: that of the fine circuit, fences by cluster.
    """

    circuit: Circuit
    movable: NDArray[np.bool_]
    parent: Ints
    ground: Ground


def coarsen(circuit: Circuit, movable: NDArray[np.bool_], ground: Ground) -> Coarse:
    """Join cells that short nets tie together; linear in the connections of short nets.

    Args:
        circuit: to be made smaller.
        movable: ``[N]``; only movable cells of the same fence are joined.
        ground: for the fences.
    """
    c = circuit
    cells = movable & ~c.macro & (c.width > 0) & (c.height > 0)
    area = c.width * c.height
    pin_net = np.repeat(np.arange(len(c.weight)), np.diff(c.net_ptr))
    mean = float(area[cells].mean()) if cells.any() else 0.0
    parent = _join(
        c.net_ptr, c.pin_node, pin_net, c.weight, c.node_ptr, c.node_pins, cells, ground.fence, area, _MOST * mean
    )
    names, first, parent = np.unique(parent, return_index=True, return_inverse=True)
    count = len(names)
    clustered = cells[first] & (np.bincount(parent, minlength=count) > 1)
    total = np.bincount(parent, np.where(cells, area, 0.0), count)
    side = np.sqrt(total)
    width, height = (np.where(clustered, side, size[first]) for size in (c.width, c.height))
    pins, ptr, weight = _nets(c.net_ptr, c.pin_node, c.weight, parent, clustered)
    node = parent[c.pin_node[pins]]
    inside = clustered[node]
    degree = np.bincount(node, minlength=count)
    small = Circuit(
        width=width, height=height, movable=c.movable[first], macro=c.macro[first], net_ptr=ptr, pin_node=node,
        pin_dx=np.where(inside, 0.0, c.pin_dx[pins]), pin_dy=np.where(inside, 0.0, c.pin_dy[pins]), weight=weight,
        node_ptr=np.concatenate([[0], np.cumsum(degree)]), node_pins=np.argsort(node, kind="stable"),
        extent=c.extent,
    )  # fmt: skip
    return Coarse(small, movable[first], parent, replace(ground, fence=ground.fence[first]))


def gathered(coarse: Coarse, values: Floats) -> Floats:
    """``[n]`` means over the nodes of each cluster.

    Args:
        coarse: clusters.
        values: ``[N]``.
    """
    count = np.bincount(coarse.parent, minlength=coarse.circuit.num_nodes)
    return np.asarray(np.bincount(coarse.parent, values, len(count)) / count)


def scattered(coarse: Coarse, x: Floats, y: Floats, at: tuple[Floats, Floats], seed: int) -> tuple[Floats, Floats]:
    """Centres of the fine nodes: each cell somewhere in its cluster's box, everything else where it is.

    Args:
        coarse: clusters.
        x: ``[N]`` fine centres, for what does not move, um.
        y: ``[N]``.
        at: centres of the coarse nodes, um.
        seed: of the places inside the boxes.
    """
    parent, small = coarse.parent, coarse.circuit
    rng = np.random.default_rng([seed, 12])
    moved = coarse.movable[parent]
    alone = np.bincount(parent, minlength=small.num_nodes)[parent] == 1
    out = []
    for old, new, size in ((x, at[0], small.width), (y, at[1], small.height)):
        jitter = np.where(alone, 0.0, (rng.random(len(parent)) - 0.5) * size[parent])
        out.append(np.where(moved, new[parent] + jitter, old))
    return out[0], out[1]


def split_fillers(fillers: Floats, times: int, size: tuple[float, float], seed: int) -> Floats:
    """``[2, f * times]`` places of small fillers made of large ones.

    Args:
        fillers: ``[2, f]`` centres, um.
        times: pieces of each.
        size: (width, height) of the large ones.
        seed: of the places inside them.
    """
    rng = np.random.default_rng([seed, 13])
    pieces = np.repeat(fillers, times, axis=1)
    pieces += (rng.random(pieces.shape) - 0.5) * np.array(size)[:, None]
    # Fewer may be wanted than there are: those left out are then spread over all.
    return pieces[:, rng.permutation(pieces.shape[1])]


@njit(cache=True)
def _join(
    net_ptr: NDArray, pin_node: NDArray, pin_net: NDArray, weight: NDArray, node_ptr: NDArray, node_pins: NDArray,
    cells: NDArray, fence: NDArray, area: NDArray, most: float,
) -> NDArray:  # fmt: skip
    """``[N]`` a node that stands for each node's cluster."""
    n = len(cells)
    parent = np.arange(n)
    size = area.copy()
    joined = np.zeros(n, np.bool_)
    score = np.zeros(n)
    met = np.empty(n, np.int64)
    for i in range(n):
        if not cells[i] or joined[i]:
            continue
        count = 0
        for a in range(node_ptr[i], node_ptr[i + 1]):
            e = pin_net[node_pins[a]]
            degree = net_ptr[e + 1] - net_ptr[e]
            if degree > _SMALL_NET:
                continue
            share = weight[e] / (degree - 1.0)
            for q in range(net_ptr[e], net_ptr[e + 1]):
                j = pin_node[q]
                if j == i or not cells[j] or fence[j] != fence[i]:
                    continue
                c = parent[j]
                if c == i or size[c] + area[i] > most:
                    continue
                if score[c] == 0.0:
                    met[count] = c
                    count += 1
                score[c] += share
        best, found = -1.0, -1
        for k in range(count):
            c = met[k]
            value = score[c] / (size[c] + area[i])  # small clusters first, or a few would take everything
            score[c] = 0.0
            if value > best:
                best, found = value, c
        if found >= 0:
            parent[i] = found
            size[found] += area[i]
            joined[i] = joined[found] = True
    return parent


@njit(cache=True)
def _nets(
    net_ptr: NDArray, pin_node: NDArray, weight: NDArray, parent: NDArray, clustered: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Connections that are kept, net by net, their bounds, and the weights of the nets that are."""
    seen = np.full(len(clustered), -1)
    pins = np.empty(len(pin_node), np.int64)
    ptr = np.zeros(len(weight) + 1, np.int64)
    kept = np.empty(len(weight))
    nets = count = 0
    for e in range(len(weight)):
        begin = count
        nodes = 0
        for q in range(net_ptr[e], net_ptr[e + 1]):
            c = parent[pin_node[q]]
            new = seen[c] != e
            if new:
                seen[c] = e
                nodes += 1
            if new or not clustered[c]:
                pins[count] = q
                count += 1
        if nodes < 2:
            count = begin  # nothing of it can be stretched
            continue
        kept[nets] = weight[e]
        nets += 1
        ptr[nets] = count
    return pins[:count].copy(), ptr[: nets + 1].copy(), kept[:nets].copy()
