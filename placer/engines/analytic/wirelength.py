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

#: What the compiler may do to sums and products; numbers that are none must stay visible.
_FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}


class Wirelength:
    """Smooth wirelength of a circuit.

    Args:
        circuit: nets and pins.
        workers: threads to use.
        nodes: ``[k]`` nodes whose slopes are wanted, in their order; -1 gets a slope of 0. All nodes when None.

    Attributes:
        xy: ``[N, 2]`` centres the next :meth:`run` looks at, um. Both coordinates of a pin's node lie side by side,
            since fetching them is most of the work on a large design.
    """

    def __init__(self, circuit: Circuit, workers: Workers, nodes: NDArray[np.int64] | None = None) -> None:
        self._c, self._workers = circuit, workers
        nodes = np.arange(circuit.num_nodes) if nodes is None else nodes
        self.xy = np.zeros((circuit.num_nodes, 2))
        self._pin_node, self._node_pins = circuit.pin_node.astype(np.int32), circuit.node_pins.astype(np.int32)
        self._offset = np.stack([circuit.pin_dx, circuit.pin_dy], axis=1)
        self._slope = np.zeros((len(circuit.pin_node), 2), np.float32)
        self._net_cuts = workers.cuts(circuit.net_ptr)
        self._first = np.where(nodes >= 0, circuit.node_ptr[nodes], 0)
        self._last = np.where(nodes >= 0, circuit.node_ptr[nodes + 1], 0)
        self._node_cuts = workers.cuts(np.concatenate([[0], np.cumsum(self._last - self._first + 1)]))

    def run(self, gamma: float, out_x: NDArray[np.float64], out_y: NDArray[np.float64]) -> float:
        """Slopes of the weighted-average wirelength at ``xy``.

        Args:
            gamma: smoothing length, um.
            out_x: ``[k]``, gets the slope of each wanted node.
            out_y: likewise.

        Returns:
            Weighted HPWL, um; the boxes of the nets are at hand anyway.
        """
        c = self._c
        lengths = self._workers.each(
            self._net_cuts, _net_slopes, c.net_ptr, self._pin_node, self._offset, c.weight, self.xy, 1.0 / gamma,
            self._slope,
        )  # fmt: skip
        self._workers.each(
            self._node_cuts, _gather, self._first, self._last, self._node_pins, self._slope, out_x, out_y
        )
        return float(sum(lengths))

    def slopes(
        self, x: NDArray[np.float64], y: NDArray[np.float64], gamma: float, out_x: NDArray, out_y: NDArray
    ) -> float:
        """:meth:`run` at other centres.

        Args:
            x: ``[N]`` centres, um.
            y: ``[N]``.
            gamma: smoothing length, um.
            out_x: ``[k]``, gets the slope of each wanted node.
            out_y: likewise.
        """
        self.xy[:, 0], self.xy[:, 1] = x, y
        return self.run(gamma, out_x, out_y)

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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _net_slopes(
    first: int,
    last: int,
    net_ptr: NDArray,
    pin_node: NDArray,
    offset: NDArray,
    weight: NDArray,
    xy: NDArray,
    sharp: float,
    slope: NDArray,
) -> float:
    """Slopes by pin for nets ``first`` to ``last``; returns their weighted HPWL."""
    size = 1
    for e in range(first, last):
        size = max(size, net_ptr[e + 1] - net_ptr[e])
    at, up, down = np.empty((2, size)), np.empty(size), np.empty(size)
    total = 0.0
    for e in range(first, last):
        a, b = net_ptr[e], net_ptr[e + 1]
        w = weight[e]
        if b - a == 2:
            i, j = pin_node[a], pin_node[a + 1]
            for axis in range(2):
                d = xy[i, axis] + offset[a, axis] - xy[j, axis] - offset[a + 1, axis]
                total += w * abs(d)
                g = w * _pair(d * sharp)
                slope[a, axis], slope[a + 1, axis] = g, -g
        else:
            for q in range(a, b):
                i = pin_node[q]
                at[0, q - a] = xy[i, 0] + offset[q, 0]
                at[1, q - a] = xy[i, 1] + offset[q, 1]
            for axis in range(2):
                total += w * _average(b - a, at[axis], up, down, sharp, w, slope[a:b, axis])
    return total


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _pair(t: float) -> float:
    """Slope of ``d tanh(d / 2 gamma)``, the length of a net of two pins ``d`` apart, at ``t = d / gamma``."""
    if t > 40.0:
        return 1.0
    if t < -40.0:
        return -1.0
    e = math.exp(-abs(t))
    th = (1.0 - e) / (1.0 + e)
    return math.copysign(th + 0.5 * abs(t) * (1.0 - th * th), t)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _average(size: int, at: NDArray, up: NDArray, down: NDArray, sharp: float, weight: float, slope: NDArray) -> float:
    """Slopes along one axis into ``slope``; returns the span."""
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
    su, sd = weight / su, weight / sd
    for k in range(size):
        slope[k] = up[k] * su * (1.0 + (at[k] - mean_up) * sharp) - down[k] * sd * (1.0 - (at[k] - mean_down) * sharp)
    return high - low


@njit(cache=True, nogil=True)
def _gather(
    begin: int, end: int, first: NDArray, last: NDArray, node_pins: NDArray, slope: NDArray, out_x: NDArray,
    out_y: NDArray,
) -> None:  # fmt: skip
    for i in range(begin, end):
        sx = sy = 0.0
        for k in range(first[i], last[i]):
            q = node_pins[k]
            sx += slope[q, 0]
            sy += slope[q, 1]
        out_x[i], out_y[i] = sx, sy
