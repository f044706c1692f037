"""Where global placement begins: a few rounds of quadratic wirelength (bound-to-bound model)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.budget import Budget
from placer.engines.analytic.circuit import Circuit

#: Rounds of linearisation; more do not help a start that density will tear apart.
_ROUNDS = 3
#: Springs of shorter nets are no stiffer than one of this share of the canvas.
_SHORT = 1e-3
#: Residual over the right side at which a system counts as solved, and steps at most.
_CLOSE, _STEPS = 1e-3, 60


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
    reached = at[ids]
    _solve(ptr, column, value, right + anchor * extent / 2, 1.0 / (diagonal + anchor), reached, _CLOSE, _STEPS, budget)
    if not np.isfinite(reached).all():
        return False
    at[ids] = np.clip(reached, 0.0, extent)
    return True


def _solve(
    ptr: NDArray, column: NDArray, value: NDArray, right: NDArray, inverse: NDArray, x: NDArray, close: float,
    steps: int, budget: Budget,
) -> None:  # fmt: skip
    """Conjugate gradients, preconditioned by the diagonal (Hestenes, Stiefel, 1952; Saad, algorithm 9.1).

    Sums are made in one order here: those of a linear algebra library depend on how many cores it finds.

    Args:
        ptr: ``[n + 1]`` rows of a symmetric positive definite matrix.
        column: columns of its entries.
        value: the entries.
        right: ``[n]`` right side.
        inverse: ``[n]`` one over the diagonal.
        x: ``[n]`` where to begin; gets the solution.
        close: residual over the length of the right side to end at.
        steps: at most.
        budget: looked at before each step.
    """
    r, p, q = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    sums = np.zeros(3)
    _begin(ptr, column, value, right, inverse, x, r, p, q, sums)
    for _ in range(steps):
        if (
            sums[0] <= close * close * sums[1]
            or budget.over
            or not _step(ptr, column, value, inverse, x, r, p, q, sums)
        ):
            break


@njit(cache=True)
def _begin(
    ptr: NDArray, column: NDArray, value: NDArray, right: NDArray, inverse: NDArray, x: NDArray, r: NDArray,
    p: NDArray, q: NDArray, sums: NDArray,
) -> None:  # fmt: skip
    """Residual and first direction; ``sums``: squared residual, squared right side, residual by its preconditioned."""
    _times(ptr, column, value, x, q)
    for i in range(len(x)):
        r[i] = right[i] - q[i]
        p[i] = inverse[i] * r[i]
        sums[0] += r[i] * r[i]
        sums[1] += right[i] * right[i]
        sums[2] += r[i] * p[i]


@njit(cache=True)
def _step(
    ptr: NDArray, column: NDArray, value: NDArray, inverse: NDArray, x: NDArray, r: NDArray, p: NDArray, q: NDArray,
    sums: NDArray,
) -> bool:  # fmt: skip
    """One step; False where there is none to make."""
    _times(ptr, column, value, p, q)
    curve = 0.0
    for i in range(len(x)):
        curve += p[i] * q[i]
    if not curve > 0.0:
        return False
    step = sums[2] / curve
    rest, ahead = 0.0, 0.0
    for i in range(len(x)):
        x[i] += step * p[i]
        r[i] -= step * q[i]
        rest += r[i] * r[i]
        ahead += r[i] * inverse[i] * r[i]
    turn = ahead / sums[2]
    sums[0], sums[2] = rest, ahead
    for i in range(len(x)):
        p[i] = inverse[i] * r[i] + turn * p[i]
    return True


@njit_lean()
def _times(ptr: NDArray, column: NDArray, value: NDArray, x: NDArray, out: NDArray) -> None:
    """Product of the matrix and a vector."""
    for i in range(len(out)):
        total = 0.0
        for k in range(ptr[i], ptr[i + 1]):
            total += value[k] * x[column[k]]
        out[i] = total


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
