"""Weighted-average wirelength and its slopes (Hsu, Chang, Balabanov, DAC 2011), and plain HPWL."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.design import Design
from netlists.placement import Placement
from placer.cost.length import net_lengths
from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.workers import Workers


class Wirelength:
    """Smooth wirelength of a circuit.

    Args:
        circuit: nets and pins.
        workers: threads to use.
    """

    def __init__(self, circuit: Circuit, workers: Workers) -> None:
        self._c, self._workers = circuit, workers
        pins = len(circuit.pin_node)
        self._gx, self._gy = np.empty(pins), np.empty(pins)
        self._net_cuts = workers.cuts(circuit.net_ptr)
        self._node_cuts = workers.cuts(circuit.node_ptr + np.arange(len(circuit.node_ptr)))

    def slopes(
        self, x: NDArray[np.float64], y: NDArray[np.float64], gamma: float, out_x: NDArray, out_y: NDArray
    ) -> None:
        """Slopes of the weighted-average wirelength.

        Args:
            x: ``[>= N]`` centres, um.
            y: likewise.
            gamma: smoothing length, um.
            out_x: ``[>= N]``, gets the slope of each node.
            out_y: likewise.
        """
        c = self._c
        self._workers.each(
            self._net_cuts, _net_slopes, c.net_ptr, c.pin_node, c.pin_dx, c.pin_dy, c.weight, x, y, 1.0 / gamma,
            self._gx, self._gy,
        )  # fmt: skip
        self._workers.each(self._node_cuts, _gather, c.node_ptr, c.node_pins, self._gx, self._gy, out_x, out_y)

    def hpwl(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        """Weighted half-perimeter wirelength, um."""
        c = self._c
        return hpwl(c.net_ptr, c.pin_node, c.pin_dx, c.pin_dy, c.weight, x, y)


def hpwl_of(design: Design, placement: Placement) -> float:
    """Weighted HPWL of a placement with everything turned as it lies, um."""
    return float(net_lengths(design, placement) @ design.netlist.net_weight)


@njit(cache=True, nogil=True)
def hpwl(
    net_ptr: NDArray, pin_node: NDArray, dx: NDArray, dy: NDArray, weight: NDArray, x: NDArray, y: NDArray
) -> float:
    """Sum over nets of weight times half the perimeter of the box around the pins."""
    total = 0.0
    for e in range(len(weight)):
        x0 = y0 = math.inf
        x1 = y1 = -math.inf
        for q in range(net_ptr[e], net_ptr[e + 1]):
            at_x, at_y = x[pin_node[q]] + dx[q], y[pin_node[q]] + dy[q]
            x0, x1, y0, y1 = min(x0, at_x), max(x1, at_x), min(y0, at_y), max(y1, at_y)
        total += weight[e] * (x1 - x0 + y1 - y0)
    return total


@njit(cache=True, nogil=True, fastmath=True)
def _net_slopes(
    first: int,
    last: int,
    net_ptr: NDArray,
    pin_node: NDArray,
    dx: NDArray,
    dy: NDArray,
    weight: NDArray,
    x: NDArray,
    y: NDArray,
    sharp: float,
    gx: NDArray,
    gy: NDArray,
) -> None:
    size = 1
    for e in range(first, last):
        size = max(size, net_ptr[e + 1] - net_ptr[e])
    at, up, down = np.empty(size), np.empty(size), np.empty(size)
    for e in range(first, last):
        a, b = net_ptr[e], net_ptr[e + 1]
        if b - a == 2:
            i, j = pin_node[a], pin_node[a + 1]
            gx[a] = _pair(x[i] + dx[a] - x[j] - dx[a + 1], sharp) * weight[e]
            gy[a] = _pair(y[i] + dy[a] - y[j] - dy[a + 1], sharp) * weight[e]
            gx[a + 1], gy[a + 1] = -gx[a], -gy[a]
        else:
            for q in range(a, b):
                at[q - a] = x[pin_node[q]] + dx[q]
            _average(b - a, at, up, down, sharp, weight[e], gx[a:b])
            for q in range(a, b):
                at[q - a] = y[pin_node[q]] + dy[q]
            _average(b - a, at, up, down, sharp, weight[e], gy[a:b])


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _pair(d: float, sharp: float) -> float:
    """Slope of ``d tanh(d / 2 gamma)``, the length of a net of two pins ``d`` apart."""
    t = d * sharp
    if t > 40.0:
        return 1.0
    if t < -40.0:
        return -1.0
    e = math.exp(-abs(t))
    th = (1.0 - e) / (1.0 + e)
    return math.copysign(th + 0.5 * abs(t) * (1.0 - th * th), t)


@njit(cache=True, nogil=True, fastmath=True)
def _average(size: int, at: NDArray, up: NDArray, down: NDArray, sharp: float, weight: float, slope: NDArray) -> None:
    high = low = at[0]
    for k in range(1, size):
        high, low = max(high, at[k]), min(low, at[k])
    su = sd = wu = wd = 0.0
    span = (high - low) * sharp
    both = math.exp(-span) if span < 30.0 else 0.0
    for k in range(size):
        t = (high - at[k]) * sharp
        # The two exponentials of a pin multiply to that of the span, so one call gives both; on a long net the one
        # that belongs to the far end is nothing.
        if span < 30.0:
            up[k] = math.exp(-t)
            down[k] = both / up[k]
        else:
            up[k] = math.exp(-t) if t < 30.0 else 0.0
            t = span - t
            down[k] = math.exp(-t) if t < 30.0 else 0.0
        su += up[k]
        sd += down[k]
        wu += up[k] * (at[k] - high)
        wd += down[k] * (at[k] - low)
    mean_up, mean_down = high + wu / su, low + wd / sd
    for k in range(size):
        slope[k] = weight * (
            up[k] / su * (1.0 + (at[k] - mean_up) * sharp) - down[k] / sd * (1.0 - (at[k] - mean_down) * sharp)
        )


@njit(cache=True, nogil=True)
def _gather(
    first: int, last: int, node_ptr: NDArray, node_pins: NDArray, gx: NDArray, gy: NDArray, out_x: NDArray,
    out_y: NDArray,
) -> None:  # fmt: skip
    for i in range(first, last):
        sx = sy = 0.0
        for k in range(node_ptr[i], node_ptr[i + 1]):
            q = node_pins[k]
            sx += gx[q]
            sy += gy[q]
        out_x[i], out_y[i] = sx, sy
