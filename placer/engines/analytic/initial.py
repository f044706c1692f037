"""Where global placement begins: a few rounds of quadratic wirelength (bound-to-bound model)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import cg

from placer.engines.analytic.circuit import Circuit

#: Rounds of linearisation; more do not help a start that density will tear apart.
_ROUNDS = 3


def quadratic(
    circuit: Circuit, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of least quadratic wirelength, not minding overlap (Spindler, Schlichtmann, Johannes, TCAD 2008).

    Args:
        circuit: nets and pins.
        x: ``[N]`` centres; movable ones only begin the iteration.
        y: ``[N]``.

    Returns:
        New centres; what does not move keeps its place. Objects no net ties to anything fixed stay near the middle.
    """
    return _axis(circuit, x, circuit.pin_dx, circuit.extent[0]), _axis(circuit, y, circuit.pin_dy, circuit.extent[1])


def _axis(c: Circuit, start: NDArray, offset: NDArray, extent: float) -> NDArray[np.float64]:
    at = np.array(start)
    ids = np.flatnonzero(c.movable)
    if not len(ids):
        return at
    slot = np.full(c.num_nodes, -1)
    slot[ids] = np.arange(len(ids))
    degree = np.diff(c.net_ptr)
    net = np.repeat(np.arange(len(degree)), degree)
    for _ in range(_ROUNDS):
        pin = at[c.pin_node] + offset
        order = np.lexsort((pin, net))
        low, high = order[c.net_ptr[:-1]], order[c.net_ptr[1:] - 1]
        inner = np.ones(len(pin), bool)
        inner[low] = inner[high] = False
        q = np.flatnonzero(inner)
        a = np.concatenate([low, q, q])
        b = np.concatenate([high, low[net[q]], high[net[q]]])
        scale = c.weight[net[a]] / (degree[net[a]] - 1.0)
        w = scale / np.maximum(np.abs(pin[a] - pin[b]), 1e-3 * extent)
        i, j = slot[c.pin_node[a]], slot[c.pin_node[b]]
        shift = offset[a] - offset[b]
        diagonal, right = np.zeros(len(ids)), np.zeros(len(ids))
        for one, other, other_pin, sign in ((i, j, b, 1.0), (j, i, a, -1.0)):
            free = one >= 0
            diagonal += _sums(one[free], w[free], ids)
            known = free & (other < 0)
            right += _sums(one[known], w[known] * at[c.pin_node[other_pin[known]]], ids)
            right -= _sums(one[free], sign * w[free] * shift[free], ids)
        both = (i >= 0) & (j >= 0) & (i != j)
        same = (i >= 0) & (i == j)
        diagonal -= _sums(i[same], 2.0 * w[same], ids)
        anchor = 1e-6 * max(float(diagonal.mean()), 1e-12)  # keeps what is tied to nothing near the middle
        matrix = coo_matrix(
            (
                -np.concatenate([w[both], w[both]]),
                (np.concatenate([i[both], j[both]]), np.concatenate([j[both], i[both]])),
            ),
            shape=(len(ids), len(ids)),
        ).tocsr() + diags(diagonal + anchor)
        solved, _ = cg(
            matrix, right + anchor * extent / 2, x0=at[ids], rtol=1e-3, maxiter=60,
            M=diags(1.0 / (diagonal + anchor)),
        )  # fmt: skip
        at[ids] = np.clip(solved, 0.0, extent)
    return at


def _sums(slot: NDArray, values: NDArray, ids: NDArray) -> NDArray[np.float64]:
    return np.asarray(np.bincount(slot, values, len(ids)), np.float64)
