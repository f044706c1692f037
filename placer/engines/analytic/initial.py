"""Where global placement begins: a few rounds of quadratic wirelength (bound-to-bound model)."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import cg

from netlists.compiled import njit
from placer.budget import Budget
from placer.engines.analytic.circuit import Circuit

#: Rounds of linearisation; more do not help a start that density will tear apart.
_ROUNDS = 3
#: Springs of shorter nets are no stiffer than one of this share of the canvas.
_SHORT = 1e-3


def quadratic(
    circuit: Circuit, x: NDArray[np.float64], y: NDArray[np.float64], budget: Budget | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of least quadratic wirelength, not minding overlap (Spindler, Schlichtmann, Johannes, TCAD 2008).

    Args:
        circuit: nets and pins.
        x: ``[N]`` centres; movable ones only begin the iteration.
        y: ``[N]``.
        budget: when to stop; a start after fewer rounds, or solved less exactly, is as valid.

    Returns:
        New centres; what does not move keeps its place. Objects no net ties to anything fixed stay near the middle.
    """
    budget = budget or Budget()
    ids = np.flatnonzero(circuit.movable)
    at = np.array(x), np.array(y)
    if not len(ids):
        return at
    slot = np.full(circuit.num_nodes, -1)
    slot[ids] = np.arange(len(ids))
    going = [True, True]
    for _ in range(_ROUNDS):  # both axes by turns, so that neither is left behind when the time is up
        for axis in (0, 1):
            part = budget.part(budget.left / 2) if axis == 0 else budget
            going[axis] = going[axis] and not part.over and _round(circuit, axis, at[axis], ids, slot, part)
    return at


def _round(c: Circuit, axis: int, at: NDArray, ids: NDArray, slot: NDArray, budget: Budget) -> bool:
    """Solve one axis once, in place; False when that is of no use."""
    offset, extent = (c.pin_dx, c.pin_dy)[axis], c.extent[axis]
    ptr, column, value, diagonal, right = _springs(
        c.net_ptr, c.pin_node, offset, c.weight, at, slot, len(ids), _SHORT * extent
    )
    anchor = 1e-6 * max(float(diagonal.mean()), 1e-12)  # keeps what is tied to nothing near the middle
    last = ptr[1:] - 1
    value[last], column[last] = diagonal + anchor, np.arange(len(ids))
    matrix = csr_matrix((value, column, ptr), shape=(len(ids), len(ids)))
    reached = at[ids]

    def look(solution: NDArray) -> None:
        if budget.over:
            reached[:] = solution
            raise _TimeUpError

    with suppress(_TimeUpError):
        reached, _ = cg(
            matrix, right + anchor * extent / 2, x0=at[ids], rtol=1e-3, maxiter=60,
            M=diags(1.0 / (diagonal + anchor)), callback=look,
        )  # fmt: skip
    if not np.isfinite(reached).all():
        return False
    at[ids] = np.clip(reached, 0.0, extent)
    return True


class _TimeUpError(Exception):
    """Solving is broken off."""


@njit(cache=True)
def _springs(
    net_ptr: NDArray, pin_node: NDArray, offset: NDArray, weight: NDArray, at: NDArray, slot: NDArray, size: int,
    short: float,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:  # fmt: skip
    """Rows, columns and values of the matrix, its diagonal, and the right side, linear in the connections.

    The last entry of each row is left open for the diagonal.
    """
    ptr = np.ones(size + 1, np.int64)
    ptr[0] = 0
    diagonal, right = np.zeros(size), np.zeros(size)
    nets = len(weight)
    low, high = np.empty(nets, np.int64), np.empty(nets, np.int64)
    for e in range(nets):
        a, b = net_ptr[e], net_ptr[e + 1]
        p = q = a
        least, most = math.inf, -math.inf
        for k in range(a, b):
            here = at[pin_node[k]] + offset[k]
            if here < least:
                least, p = here, k
            if here >= most:
                most, q = here, k
        low[e], high[e] = p, q
        for k in range(a, b):
            for end in (p, q):
                if k != end and not (k == p and end == q):
                    i, j = slot[pin_node[k]], slot[pin_node[end]]
                    if i >= 0 and j >= 0 and i != j:
                        ptr[i + 1] += 1
                        ptr[j + 1] += 1
    for i in range(size):
        ptr[i + 1] += ptr[i]
    fill = ptr[:-1].copy()
    column, value = np.empty(ptr[-1], np.int32), np.empty(ptr[-1])
    for e in range(nets):
        a, b = net_ptr[e], net_ptr[e + 1]
        p, q = low[e], high[e]
        stiff = weight[e] / (b - a - 1.0)
        for k in range(a, b):
            for end in (p, q):
                if k == end or (k == p and end == q):  # the two ends are joined once
                    continue
                m, n = pin_node[k], pin_node[end]
                i, j = slot[m], slot[n]
                if i == j:  # two pins of one object, or nothing that moves
                    continue
                w = stiff / max(abs(at[m] + offset[k] - at[n] - offset[end]), short)
                shift = offset[k] - offset[end]
                if i >= 0:
                    diagonal[i] += w
                    right[i] -= w * shift
                    if j < 0:
                        right[i] += w * at[n]
                if j >= 0:
                    diagonal[j] += w
                    right[j] += w * shift
                    if i < 0:
                        right[j] += w * at[m]
                if i >= 0 and j >= 0:
                    column[fill[i]], value[fill[i]] = j, -w
                    column[fill[j]], value[fill[j]] = i, -w
                    fill[i] += 1
                    fill[j] += 1
    return ptr, column, value, diagonal, right
