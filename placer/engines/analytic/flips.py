"""Orientations of macros for least wirelength, by exact HPWL."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.design import Design
from netlists.orientation import MATRIX, SWAPS_SIDES
from placer.cost.rules import allowed_orientations
from placer.engines.analytic.circuit import Circuit

#: Passes over all macros, at most; most designs settle in two.
_PASSES = 4


def best_orientations(
    design: Design,
    circuit: Circuit,
    orient: NDArray[np.int8],
    nodes: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.int8]:
    """Turn macros, one after the other, to what is shortest while all else stays.

    Only orientations that keep the footprint come into question, so that what is legal stays legal, and only those the
    design's rules allow. Ties keep what there is. The wirelength never grows, unless a macro is turned as the rules
    forbid and has to be turned another way.

    Args:
        design: rules on orientations.
        circuit: nets, with pin offsets as ``orient`` has them.
        orient: ``[N]`` codes now.
        nodes: macros to turn, in the order they are looked at.
        x: ``[N]`` centres, um.
        y: ``[N]``.

    Returns:
        ``[N]`` codes.
    """
    orient = np.array(orient)
    allowed = allowed_orientations(design)[nodes].copy()
    turned = SWAPS_SIDES[orient[nodes]][:, None] != SWAPS_SIDES
    square = design.netlist.node_width[nodes] == design.netlist.node_height[nodes]
    allowed &= ~turned | square[:, None]
    dx, dy = circuit.pin_dx.copy(), circuit.pin_dy.copy()
    turn = MATRIX[orient[circuit.pin_node]]
    # Turning back is turning by the transposed matrix.
    raw_x, raw_y = turn[:, 0] * dx + turn[:, 2] * dy, turn[:, 1] * dx + turn[:, 3] * dy
    pin_net = np.repeat(np.arange(len(circuit.weight)), np.diff(circuit.net_ptr))
    for _ in range(_PASSES):
        changed = _pass(
            circuit.net_ptr, circuit.pin_node, pin_net, circuit.weight, circuit.node_ptr, circuit.node_pins, x, y,
            dx, dy, raw_x, raw_y, MATRIX, nodes, allowed, orient,
        )  # fmt: skip
        if not changed:
            break
    return orient


@njit(cache=True)
def _pass(
    net_ptr: NDArray, pin_node: NDArray, pin_net: NDArray, weight: NDArray, node_ptr: NDArray, node_pins: NDArray,
    x: NDArray, y: NDArray, dx: NDArray, dy: NDArray, raw_x: NDArray, raw_y: NDArray, matrix: NDArray,
    nodes: NDArray, allowed: NDArray, orient: NDArray,
) -> int:  # fmt: skip
    changed = 0
    for k in range(len(nodes)):
        i = nodes[k]
        cost = np.zeros(8)
        first = node_ptr[i]
        while first < node_ptr[i + 1]:  # the node's pins on one net follow each other
            e = pin_net[node_pins[first]]
            last = first
            while last < node_ptr[i + 1] and pin_net[node_pins[last]] == e:
                last += 1
            x0 = y0 = math.inf
            x1 = y1 = -math.inf
            for q in range(net_ptr[e], net_ptr[e + 1]):
                j = pin_node[q]
                if j != i:
                    px, py = x[j] + dx[q], y[j] + dy[q]
                    x0, x1, y0, y1 = min(x0, px), max(x1, px), min(y0, py), max(y1, py)
            for o in range(8):
                if allowed[k, o]:
                    m = matrix[o]
                    a0, a1, b0, b1 = x0, x1, y0, y1
                    for a in range(first, last):
                        q = node_pins[a]
                        px = x[i] + m[0] * raw_x[q] + m[1] * raw_y[q]
                        py = y[i] + m[2] * raw_x[q] + m[3] * raw_y[q]
                        a0, a1, b0, b1 = min(a0, px), max(a1, px), min(b0, py), max(b1, py)
                    cost[o] += weight[e] * (a1 - a0 + b1 - b0)
            first = last
        best = orient[i]
        if not allowed[k, best]:  # as given, against the rules: whatever they allow is better
            cost[best] = math.inf
        for o in range(8):
            # A little less is rounding, not a reason to turn.
            if allowed[k, o] and cost[o] < cost[best] * (1.0 - 1e-9):
                best = o
        if best != orient[i]:
            changed += 1
            orient[i] = best
            m = matrix[best]
            for a in range(node_ptr[i], node_ptr[i + 1]):
                q = node_pins[a]
                dx[q] = m[0] * raw_x[q] + m[1] * raw_y[q]
                dy[q] = m[2] * raw_x[q] + m[3] * raw_y[q]
    return changed
